// SPDX-License-Identifier: Apache-2.0
#include "bench/payload/delivery_ledger.h"
#include "bench/payload/stamp.h"

#include <gtest/gtest.h>

namespace sanjay::bench {
namespace {

TEST(Stamp, SurvivesTheWayThroughAPush) {
  auto message = StampedMessage::of_size(128);
  const std::string data(message.with({7, 0x123456789abc, 42'000'000'001}));
  EXPECT_EQ(data.size(), 128U);
  const auto stamp = find_stamp(R"({"push":{"channel":"c","pub":{"data":)" + data + "}}}");
  ASSERT_TRUE(stamp);
  EXPECT_EQ(stamp->publisher, 7);
  EXPECT_EQ(stamp->sequence, 0x123456789abcU);
  EXPECT_EQ(stamp->sent_ns, 42'000'000'001);
}

TEST(Stamp, IsNotFoundWhereThereIsNoneOrItIsCut) {
  auto message = StampedMessage::of_size(StampedMessage::kBytesMin);
  const std::string data(message.with({}));
  EXPECT_TRUE(find_stamp(data));
  EXPECT_FALSE(find_stamp(R"({"push":{"channel":"c","join":{}}})"));
  EXPECT_FALSE(find_stamp(data.substr(0, 30)));
  EXPECT_FALSE(find_stamp(R"({"stamp":"not hexadecimal, but long enough to be one"})"));
}

TEST(StampedMessage, KeepsWhatSurroundsACapturedStamp) {
  const std::string data(StampedMessage::of_size(60).with({1, 2, 3}));
  auto message = StampedMessage::from_captured("before " + data + " after");
  ASSERT_TRUE(message);
  const std::string_view text = message->with({4, 5, 6});
  EXPECT_TRUE(text.starts_with("before ") && text.ends_with(" after"));
  EXPECT_EQ(find_stamp(text)->sequence, 5U);
  EXPECT_FALSE(StampedMessage::from_captured("no stamp"));
}

DeliveryFaults faults_of(const DeliveryLedger& ledger, const std::vector<std::uint64_t>& sent) {
  std::uint64_t order = 0;
  return ledger.faults(sent, order);
}

TEST(DeliveryLedger, FindsNothingWrongWithACompleteStream) {
  DeliveryLedger ledger(2, 1);
  for (std::uint64_t i = 0; i < 10; ++i) {
    ledger.record(0, {0, i, 0});
    ledger.record(1, {0, i, 0});
  }
  EXPECT_TRUE(faults_of(ledger, {10}).none());
}

TEST(DeliveryLedger, CountsGapsAndTheMissingEndAsLost) {
  DeliveryLedger ledger(1, 1);
  for (const std::uint64_t i : {0, 1, 4, 5}) ledger.record(0, {0, i, 0});
  EXPECT_EQ(faults_of(ledger, {8}).lost, 4U);  // 2, 3, 6, 7
}

TEST(DeliveryLedger, TellsRepeatedFromLate) {
  DeliveryLedger ledger(1, 1);
  for (const std::uint64_t i : {0, 2, 1, 1, 3}) ledger.record(0, {0, i, 0});
  const DeliveryFaults faults = faults_of(ledger, {4});
  EXPECT_EQ(faults.lost, 0U);
  EXPECT_EQ(faults.misordered, 1U);
  EXPECT_EQ(faults.duplicate, 1U);
}

TEST(DeliveryLedger, NoticesThatReceiversSawPublishersInDifferentOrder) {
  DeliveryLedger ledger(3, 2);
  for (const std::size_t receiver : {0, 2}) {
    ledger.record(receiver, {0, 0, 0});
    ledger.record(receiver, {1, 0, 0});
  }
  ledger.record(1, {1, 0, 0});
  ledger.record(1, {0, 0, 0});
  const DeliveryFaults faults = faults_of(ledger, {1, 1});
  EXPECT_EQ(faults.lost + faults.duplicate + faults.misordered, 0U);
  EXPECT_EQ(faults.differing_streams, 1U);
}

TEST(DeliveryLedger, ComparesOrderAcrossLedgers) {
  DeliveryLedger a(1, 2);
  DeliveryLedger b(1, 2);
  a.record(0, {0, 0, 0});
  a.record(0, {1, 0, 0});
  b.record(0, {1, 0, 0});
  b.record(0, {0, 0, 0});
  std::uint64_t order = 0;
  EXPECT_TRUE(a.faults({1, 1}, order).none());
  EXPECT_EQ(b.faults({1, 1}, order).differing_streams, 1U);
}

TEST(DeliveryLedger, TellsWhatOneReceiverLacksAtTheEnd) {
  DeliveryLedger ledger(2, 2);
  for (const std::uint64_t i : {0, 1, 3}) ledger.record(0, {0, i, 0});
  ledger.record(0, {1, 0, 0});
  ledger.record(1, {0, 0, 0});
  const std::vector<std::uint64_t> sent{6, 2};
  EXPECT_EQ(ledger.missing_end(0, sent), 3U);  // 4 and 5 of one, 1 of the other
  EXPECT_EQ(ledger.missing_end(1, sent), 7U);
  EXPECT_EQ(ledger.faults_so_far().lost, 1U);  // 2 was passed over
  EXPECT_EQ(ledger.received(0), 4U);
  EXPECT_EQ(ledger.received(1), 1U);
}

TEST(DeliveryLedger, CountsARepeatedMessageOnceAsReceived) {
  DeliveryLedger ledger(1, 1);
  for (const std::uint64_t i : {0, 0, 2, 1}) ledger.record(0, {0, i, 0});
  EXPECT_EQ(ledger.received(0), 3U);
}

TEST(DeliveryLedger, ForgivesWhatTheServerHasRefused) {
  DeliveryLedger ledger(1, 1);
  for (const std::uint64_t i : {0, 2}) ledger.record(0, {0, i, 0});
  EXPECT_TRUE(ledger.forgive(0, {0, 1, 0}));
  EXPECT_FALSE(ledger.forgive(0, {0, 3, 0}));  // is behind what has come
  EXPECT_EQ(ledger.faults_so_far().lost, 0U);
  EXPECT_EQ(ledger.missing_end(0, std::vector<std::uint64_t>{4}), 1U);
}

TEST(DeliveryLedger, CountsUnknownPublishersAsForeign) {
  DeliveryLedger ledger(1, 1);
  ledger.record(0, {3, 0, 0});
  EXPECT_FALSE(faults_of(ledger, {0}).none());
}

}  // namespace
}  // namespace sanjay::bench
