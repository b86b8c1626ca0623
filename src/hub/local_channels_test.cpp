// SPDX-License-Identifier: Apache-2.0
#include "hub/local_channels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sanjay::hub {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr std::size_t kPlenty = 1'000'000;

class LocalChannelsTest : public testing::Test, public DeliverySink {
 protected:
  void deliver(std::uint32_t slot, const core::SegmentRef& bytes, Reach) override {
    delivered_.emplace_back(slot, bytes.bytes());
  }
  void hold(std::uint32_t slot, const core::SegmentRef& bytes) override {
    delivered_.emplace_back(slot, "held " + std::string(bytes.bytes()));
  }
  void on_trouble(std::uint32_t slot, SubscriptionNumber subscription, Trouble trouble) override {
    delivered_.emplace_back(slot, trouble == Trouble::StateLost ? "lost" : "unencodable");
    if (end_in_trouble_) channels_.remove(subscription);
  }

  static EncodedBatch batch(const std::string& json, const std::string& protobuf = "p") {
    EncodedBatch batch{.publications = 1};
    batch.frames[form_of(Encoding::JsonWebSocket, false)] = core::SharedBytes(json);
    batch.frames[form_of(Encoding::ProtobufWebSocket, false)] = core::SharedBytes(protobuf);
    return batch;
  }
  static EncodedBatch loss() { return {.state_lost = true}; }
  SubscriptionNumber join(std::uint32_t channel, std::uint32_t slot,
                          Encoding encoding = Encoding::JsonWebSocket) {
    return channels_.add(channel, {slot, 1, 0}, form_of(encoding, false), {.live = true});
  }
  SubscriptionNumber join(std::uint32_t channel, std::uint32_t slot, Form form) {
    return channels_.add(channel, {slot, 1, 0}, form, {.live = true});
  }
  SubscriptionNumber wait(std::uint32_t channel, std::uint32_t slot, Encoding encoding) {
    return channels_.add(channel, {slot, 1, 0}, form_of(encoding, false), {});
  }
  bool run(std::size_t deliveries_max = kPlenty) {
    return channels_.run(deliveries_max, finished_);
  }
  std::vector<std::pair<std::uint32_t, std::string>> take_delivered() {
    return std::exchange(delivered_, {});
  }
  std::vector<std::uint32_t> slots_reached() {
    std::vector<std::uint32_t> slots;
    for (const auto& [slot, bytes] : take_delivered()) slots.push_back(slot);
    return slots;
  }

  std::vector<std::pair<std::uint32_t, std::string>> delivered_;
  bool end_in_trouble_ = false;
  std::vector<LocalChannels::Finished> finished_;
  LocalChannels channels_{core::SipKey{1, 2}, 4, *this};
  const std::uint32_t chat_ = *channels_.find_or_create("chat");
};

TEST_F(LocalChannelsTest, DeliversInTheEncodingOfEachSubscriber) {
  join(chat_, 1, Encoding::JsonWebSocket);
  join(chat_, 2, Encoding::ProtobufWebSocket);
  channels_.enqueue(chat_, 0, batch("{}", "\x01"));
  EXPECT_FALSE(run());
  EXPECT_THAT(take_delivered(), ElementsAre(Pair(1, "{}"), Pair(2, "\x01")));
}

TEST_F(LocalChannelsTest, BatchesThatWaitForTheSameSubscribersLeaveAsOne) {
  join(chat_, 1);
  join(chat_, 2, Encoding::ProtobufWebSocket);
  channels_.enqueue(chat_, 0, batch("a", "x"));
  channels_.enqueue(chat_, 0, batch("b", "y"));
  join(chat_, 3);
  channels_.enqueue(chat_, 0, batch("c", "z"));
  EXPECT_FALSE(run());
  EXPECT_THAT(take_delivered(),
              ElementsAre(Pair(1, "ab"), Pair(2, "xy"), Pair(1, "c"), Pair(2, "z"), Pair(3, "c")));
  std::size_t bytes = 0;
  for (const auto& batch : finished_) bytes += batch.bytes;
  EXPECT_EQ(bytes, 6U);
}

TEST_F(LocalChannelsTest, ABatchThatHasBegunIsNotJoined) {
  join(chat_, 1);
  join(chat_, 2);
  channels_.enqueue(chat_, 0, batch("a"));
  EXPECT_TRUE(run(1));
  channels_.enqueue(chat_, 0, batch("b"));
  EXPECT_FALSE(run());
  EXPECT_THAT(take_delivered(),
              ElementsAre(Pair(1, "a"), Pair(2, "a"), Pair(1, "b"), Pair(2, "b")));
}

TEST_F(LocalChannelsTest, RemovalKeepsThePositionsOfTheOthers) {
  std::map<std::uint32_t, SubscriptionNumber> subscriptions;
  for (std::uint32_t slot = 0; slot < 6; ++slot) subscriptions[slot] = join(chat_, slot);
  channels_.remove(subscriptions[1]);  // 5 moves to its place
  channels_.remove(subscriptions[5]);
  channels_.remove(subscriptions[4]);
  channels_.remove(subscriptions[0]);
  EXPECT_EQ(channels_.subscriber_count(chat_), 2U);
  channels_.enqueue(chat_, 0, batch("a"));
  run();
  EXPECT_THAT(slots_reached(), UnorderedElementsAre(2, 3));
}

TEST_F(LocalChannelsTest, WaitingSubscribersReceiveNothingUntilTheirFormIsConfirmed) {
  const auto json = wait(chat_, 1, Encoding::JsonWebSocket);
  const auto protobuf = wait(chat_, 2, Encoding::ProtobufWebSocket);
  channels_.enqueue(chat_, 0, batch("a"));
  run();
  EXPECT_THAT(slots_reached(), IsEmpty());

  channels_.at(chat_).confirmed = bit_of(form_of(Encoding::JsonWebSocket, false));
  const auto admitted = channels_.admit_waiting(chat_);
  ASSERT_EQ(admitted.size(), 1U);
  EXPECT_EQ(admitted[0].subscription, json);
  EXPECT_EQ(admitted[0].connection, (core::ConnectionId{1, 1, 0}));
  channels_.enqueue(chat_, 0, batch("b"));
  run();
  EXPECT_THAT(take_delivered(), ElementsAre(Pair(1, "b")));
  EXPECT_EQ(channels_.subscriber_count(chat_), 2U);
  channels_.remove(protobuf);
  EXPECT_EQ(channels_.subscriber_count(chat_), 1U);
}

TEST_F(LocalChannelsTest, WaitingSubscribersLeaveInAnyOrder) {
  std::vector<SubscriptionNumber> waiting;
  for (std::uint32_t slot = 0; slot < 5; ++slot) {
    const auto encoding = slot == 3 ? Encoding::ProtobufWebSocket : Encoding::JsonWebSocket;
    waiting.push_back(wait(chat_, slot, encoding));
  }
  channels_.remove(waiting[0]);
  channels_.remove(waiting[4]);
  channels_.at(chat_).confirmed = bit_of(form_of(Encoding::JsonWebSocket, false));
  channels_.admit_waiting(chat_);
  channels_.remove(waiting[3]);  // moved within the list by those who went before
  channels_.enqueue(chat_, 0, batch("a"));
  run();
  EXPECT_THAT(slots_reached(), UnorderedElementsAre(1, 2));
}

TEST_F(LocalChannelsTest, RemovalDuringAJobLeavesNobodyOutAndServesNobodyTwice) {
  std::vector<SubscriptionNumber> subscriptions;
  for (std::uint32_t slot = 0; slot < 6; ++slot) subscriptions.push_back(join(chat_, slot));
  channels_.enqueue(chat_, 0, batch("a"));
  EXPECT_TRUE(run(3));
  EXPECT_THAT(slots_reached(), ElementsAre(0, 1, 2));
  channels_.enqueue(chat_, 0, batch("b"));
  channels_.remove(subscriptions[1]);  // has received a
  channels_.remove(subscriptions[4]);  // has not
  EXPECT_FALSE(run());
  EXPECT_THAT(take_delivered(), ElementsAre(Pair(3, "a"), Pair(5, "a"), Pair(0, "b"), Pair(2, "b"),
                                            Pair(3, "b"), Pair(5, "b")));
  EXPECT_EQ(channels_.subscriber_count(chat_), 4U);
  channels_.remove(subscriptions[5]);  // positions are right after the holes were closed
  channels_.remove(subscriptions[0]);
  channels_.enqueue(chat_, 0, batch("c"));
  run();
  EXPECT_THAT(slots_reached(), UnorderedElementsAre(2, 3));
}

TEST_F(LocalChannelsTest, JoinerMidwayReceivesNothingEarlier) {
  for (std::uint32_t slot = 0; slot < 4; ++slot) join(chat_, slot);
  channels_.enqueue(chat_, 0, batch("a"));
  run(2);
  join(chat_, 9);
  channels_.enqueue(chat_, 0, batch("b"));
  run();
  std::vector<std::string> received;
  for (const auto& [slot, bytes] : take_delivered()) {
    if (slot == 9) received.push_back(bytes);
  }
  EXPECT_THAT(received, ElementsAre("b"));
}

TEST_F(LocalChannelsTest, JoinerInTheNumberOfOneWhoLeftMidwayReceivesNothingEarlier) {
  join(chat_, 0);
  const auto left = join(chat_, 1);
  channels_.enqueue(chat_, 0, batch("a"));
  channels_.remove(left);
  EXPECT_EQ(join(chat_, 2), left);
  run();
  EXPECT_THAT(take_delivered(), ElementsAre(Pair(0, "a")));
  channels_.remove(left);
  channels_.enqueue(chat_, 0, batch("b"));
  run();
  EXPECT_THAT(take_delivered(), ElementsAre(Pair(0, "b")));
}

TEST_F(LocalChannelsTest, EveryBudgetDeliversTheSame) {
  for (std::size_t budget = 1; budget <= 12; ++budget) {
    const auto channel = *channels_.find_or_create("budget");
    for (std::uint32_t slot = 0; slot < 3; ++slot) join(channel, slot);
    for (const char* bytes : {"a", "b", "c"}) channels_.enqueue(channel, 0, batch(bytes));
    while (run(budget)) {
    }
    std::string received;
    for (const auto& [slot, bytes] : take_delivered()) received += std::to_string(slot) + bytes;
    EXPECT_EQ(received, "0abc1abc2abc") << "budget " << budget;
    for (std::uint32_t number = 0; number < 3; ++number) channels_.remove(number);
  }
}

TEST_F(LocalChannelsTest, AHotChannelDoesNotStarveAQuietOne) {
  const auto quiet = *channels_.find_or_create("quiet");
  for (std::uint32_t slot = 0; slot < 100; ++slot) join(chat_, slot);
  join(quiet, 500);
  for (int i = 0; i < 10; ++i) channels_.enqueue(chat_, 0, batch("hot"));
  channels_.enqueue(quiet, 0, batch("quiet"));
  run(10);  // the hot channel's turn
  EXPECT_THAT(take_delivered(), testing::Not(testing::Contains(Pair(500, "quiet"))));
  EXPECT_TRUE(run(10));
  EXPECT_THAT(take_delivered(), testing::Contains(Pair(500, "quiet")));
}

// The queue of this channel never runs empty while subscribers come and go.
TEST_F(LocalChannelsTest, AChannelThatIsNeverWithoutWorkStillClosesItsHoles) {
  std::deque<std::pair<std::uint32_t, SubscriptionNumber>> present;
  std::map<std::uint32_t, std::string> expected;
  std::uint32_t next_slot = 0;
  const auto publish = [&](char name) {
    for (const auto& [slot, number] : present) expected[slot] += name;
    channels_.enqueue(chat_, 0, batch(std::string(1, name)));
  };
  for (; next_slot < 4; ++next_slot) present.emplace_back(next_slot, join(chat_, next_slot));
  publish('a');
  for (int round = 0; round < 100; ++round) {
    present.emplace_back(next_slot, join(chat_, next_slot));
    ++next_slot;
    publish(static_cast<char>('b' + round % 20));
    // One batch, whole: leaving before it is delivered would take it from the expectation.
    const std::size_t size = channels_.at(chat_).subscribers.size();
    ASSERT_LE(size, 2 * present.size() + 2) << "holes pile up";
    const std::size_t queued = channels_.at(chat_).work->batches.size();
    while (channels_.at(chat_).work->batches.size() == queued) run(1);
    ASSERT_EQ(queued, 2U);
    const auto [slot, number] = present.front();
    channels_.remove(number);
    expected[slot].pop_back();  // the batch still queued
    present.pop_front();
  }
  run();
  std::map<std::uint32_t, std::string> received;
  for (const auto& [slot, bytes] : take_delivered()) received[slot] += bytes;
  EXPECT_EQ(received, expected);
  EXPECT_EQ(channels_.at(chat_).subscribers.size(), present.size());
}

TEST_F(LocalChannelsTest, UsesNumbersAgain) {
  const auto first = join(chat_, 1);
  channels_.remove(first);
  EXPECT_EQ(channels_.subscription_count(), 0U);
  const auto second = join(chat_, 2, Encoding::ProtobufWebSocket);
  EXPECT_EQ(second & (kSubscriptionsMax - 1), first & (kSubscriptionsMax - 1));
  EXPECT_EQ(encoding_of(form_of(second)), Encoding::ProtobufWebSocket);
  EXPECT_EQ(channels_.channel_of(second), chat_);
  channels_.remove(second);
  channels_.erase_if_unused(chat_);
  EXPECT_EQ(channels_.find("chat"), std::nullopt);
  EXPECT_EQ(channels_.find_or_create("other"), chat_);
}

TEST_F(LocalChannelsTest, RefusesChannelsBeyondTheMaximum) {
  for (const char* name : {"b", "c", "d"}) EXPECT_TRUE(channels_.find_or_create(name));
  EXPECT_FALSE(channels_.find_or_create("e"));
  EXPECT_TRUE(channels_.find_or_create("chat"));
  channels_.erase_if_unused(chat_);
  EXPECT_TRUE(channels_.find_or_create("e"));
}

TEST_F(LocalChannelsTest, KeepsAChannelThatIsStillNeeded) {
  const auto is_kept = [&] {
    channels_.erase_if_unused(chat_);
    return channels_.find("chat").has_value();
  };
  const auto subscription = join(chat_, 1);
  EXPECT_TRUE(is_kept()) << "subscriber";
  channels_.enqueue(chat_, 0, batch("a"));
  channels_.remove(subscription);
  EXPECT_TRUE(is_kept()) << "batch";
  channels_.at(chat_).state = LocalChannels::State::Leaving;
  run();
  EXPECT_TRUE(is_kept()) << "state";
  channels_.at(chat_).state = LocalChannels::State::Idle;
  const auto waiting = wait(chat_, 1, Encoding::JsonWebSocket);
  EXPECT_TRUE(is_kept()) << "waiting";
  channels_.remove(waiting);
  EXPECT_FALSE(is_kept());
}

TEST_F(LocalChannelsTest, ForgetsAnUnusedChannelWhenItsLastBatchIsDone) {
  const auto subscription = join(chat_, 1);
  channels_.enqueue(chat_, 0, batch("a"));
  channels_.remove(subscription);
  run();
  EXPECT_THAT(take_delivered(), IsEmpty());
  EXPECT_EQ(channels_.channel_count(), 0U);
}

TEST_F(LocalChannelsTest, ReportsEveryFinishedBatchWithItsOriginAndBytes) {
  channels_.enqueue(chat_, 3, batch("abc", "de"));
  EXPECT_EQ(channels_.queued_bytes(chat_), 5U);
  join(chat_, 1);
  channels_.enqueue(chat_, 2, batch("f", "g"));
  EXPECT_EQ(channels_.queued_bytes(chat_), 7U);
  run();
  EXPECT_EQ(channels_.queued_bytes(chat_), 0U);
  ASSERT_EQ(finished_.size(), 2U);
  EXPECT_EQ(finished_[0].from, 3);
  EXPECT_EQ(finished_[0].bytes, 5U);
  EXPECT_EQ(finished_[1].from, 2);
  EXPECT_EQ(finished_[1].bytes, 2U);
}

TEST_F(LocalChannelsTest, ABatchReachesThoseWhoseFormIsInIt) {
  join(chat_, 1);
  join(chat_, 2, form_of(Encoding::JsonWebSocket, true));
  EncodedBatch movements;
  movements.frames[form_of(Encoding::JsonWebSocket, true)] = core::SharedBytes(std::string("+"));
  channels_.enqueue(chat_, 0, movements);
  EncodedBatch all = batch("a");
  all.frames[form_of(Encoding::JsonWebSocket, true)] = core::SharedBytes(std::string("a-"));
  channels_.enqueue(chat_, 0, all);
  EXPECT_FALSE(run());
  EXPECT_THAT(take_delivered(), ElementsAre(Pair(2, "+"), Pair(1, "a"), Pair(2, "a-")));
}

TEST_F(LocalChannelsTest, WhatComesForAHeldSubscriptionIsKeptUntilItsRelease) {
  const auto live = channels_.add(chat_, {1, 1, 0}, 0, {.live = true, .held = true});
  const auto waiting = channels_.add(chat_, {2, 1, 0}, 0, {.held = true});
  const auto free = channels_.add(chat_, {3, 1, 0}, 0, {.held = true});
  channels_.release(free);  // while it waits
  channels_.at(chat_).confirmed = 1;
  EXPECT_EQ(channels_.admit_waiting(chat_).size(), 2U);
  channels_.enqueue(chat_, 0, batch("a"));
  run();
  EXPECT_THAT(take_delivered(), ElementsAre(Pair(1, "held a"), Pair(2, "held a"), Pair(3, "a")));
  channels_.release(live);
  channels_.enqueue(chat_, 0, batch("b"));
  channels_.release(waiting);  // what is on its way to him is delivered behind what was kept
  run();
  EXPECT_THAT(take_delivered(), ElementsAre(Pair(1, "b"), Pair(2, "b"), Pair(3, "b")));
  channels_.remove(live);  // the one who moves to his place stays what he is
  channels_.enqueue(chat_, 0, batch("c"));
  run();
  EXPECT_THAT(take_delivered(), UnorderedElementsAre(Pair(2, "c"), Pair(3, "c")));
}

TEST_F(LocalChannelsTest, HeldSubscribersStayHeldWhenHolesAreClosed) {
  const auto first = join(chat_, 1);
  channels_.add(chat_, {2, 1, 0}, 0, {.live = true, .held = true});
  channels_.enqueue(chat_, 0, batch("a"));
  channels_.remove(first);
  run();
  channels_.enqueue(chat_, 0, loss());
  channels_.enqueue(chat_, 0, batch("b"));
  run();
  EXPECT_THAT(take_delivered(), ElementsAre(Pair(2, "held a"), Pair(2, "lost"), Pair(2, "held b")));
}

TEST_F(LocalChannelsTest, ALossKeepsItsPlaceBetweenBatches) {
  join(chat_, 1);
  join(chat_, 2);
  channels_.enqueue(chat_, 0, batch("a"));
  channels_.enqueue(chat_, 0, batch("b"));
  channels_.enqueue(chat_, 0, loss());
  join(chat_, 3);  // after the loss: none of his business
  channels_.enqueue(chat_, 0, batch("c"));
  for (std::size_t budget : {1, 2, 3}) {
    while (run(budget)) {
    }
  }
  std::string received;
  for (const auto& [slot, bytes] : take_delivered()) {
    if (slot == 1) received += bytes + " ";
    if (slot == 3) {
      EXPECT_EQ(bytes, "c");
    }
  }
  EXPECT_EQ(received, "ab lost c ");
}

TEST_F(LocalChannelsTest, OnlyTheFormThatCouldNotCarryItIsToldAndAfterWhatCameBefore) {
  join(chat_, 1);
  join(chat_, 2, Encoding::ProtobufWebSocket);
  EncodedBatch some = batch("ab", "x");
  some.unencodable = bit_of(form_of(Encoding::ProtobufWebSocket, false));
  channels_.enqueue(chat_, 0, some);
  EncodedBatch none = batch("c");
  none.frames[form_of(Encoding::ProtobufWebSocket, false)] = {};
  none.unencodable = some.unencodable;
  channels_.enqueue(chat_, 0, none);
  EXPECT_FALSE(run());
  EXPECT_THAT(take_delivered(), ElementsAre(Pair(1, "ab"), Pair(2, "x"), Pair(2, "unencodable"),
                                            Pair(1, "c"), Pair(2, "unencodable")));
}

TEST_F(LocalChannelsTest, SubscriptionsThatEndInTroubleAreNoTroubleToTheOthers) {
  for (std::uint32_t slot = 1; slot <= 5; ++slot) join(chat_, slot);
  end_in_trouble_ = true;
  channels_.enqueue(chat_, 0, batch("a"));
  channels_.enqueue(chat_, 0, loss());
  channels_.enqueue(chat_, 0, batch("b"));
  while (run(1)) {
  }
  EXPECT_THAT(slots_reached(), ElementsAre(1, 2, 3, 4, 5, 1, 2, 3, 4, 5))
      << "nobody after the loss";
  EXPECT_EQ(channels_.subscription_count(), 0U);
  EXPECT_EQ(channels_.channel_count(), 0U);
}

TEST_F(LocalChannelsTest, ASubscriptionIsKnownByItsTicketWhileItWaits) {
  const auto departure = std::make_shared<const Departure>();
  const auto asked =
      channels_.add(chat_, {1, 1, 0}, 0, {.asked_home = true, .ticket = 7, .departure = departure});
  EXPECT_EQ(channels_.departure_of(asked), departure);
  EXPECT_FALSE(channels_.find_waiting(asked, 8));
  ASSERT_TRUE(channels_.find_waiting(asked, 7));
  channels_.at(chat_).confirmed = 1;
  EXPECT_THAT(channels_.admit_waiting(chat_), IsEmpty()) << "its home has not replied";
  channels_.admit(asked);
  EXPECT_FALSE(channels_.find_waiting(asked, 7));
  EXPECT_EQ(channels_.departure_of(asked), nullptr);
  channels_.remove(asked);
  EXPECT_FALSE(channels_.find_waiting(asked, 7));
  const auto next = channels_.add(chat_, {2, 1, 0}, 1, {.ticket = 7});
  EXPECT_FALSE(channels_.find_waiting(asked, 7)) << "the number is another's, in another form";
  EXPECT_TRUE(channels_.find_waiting(next, 7));
}

TEST_F(LocalChannelsTest, NumbersAreNotGivenAgainWhileTheyAreHeld) {
  const auto first = join(chat_, 1);
  channels_.hold_numbers();
  channels_.remove(first);
  EXPECT_EQ(channels_.subscription_count(), 0U);
  EXPECT_FALSE(channels_.in_use(first));
  EXPECT_NE(join(chat_, 2), first);
  channels_.reuse_numbers();
  EXPECT_EQ(join(chat_, 3), first);
}

// What takes differences, and its batches: regular frames, and those for who has nothing yet.
constexpr Form kDeltaForm = form_of(Encoding::JsonWebSocket, false, Variant::Delta);

EncodedBatch delta_batch(const std::string& regular, const std::string& fresh,
                         std::uint32_t publications = 1) {
  EncodedBatch batch{.publications = publications};
  batch.frames[kDeltaForm] = core::SharedBytes(regular);
  batch.frames[kDeltaForm | kFreshFrames] = core::SharedBytes(fresh);
  return batch;
}

TEST_F(LocalChannelsTest, TheFirstPublicationComesWhole) {
  join(chat_, 1, kDeltaForm);
  channels_.set_based(join(chat_, 2, kDeltaForm));
  channels_.enqueue(chat_, 0, delta_batch("+", "+", 0));  // a join: nothing to differ from
  run();
  take_delivered();
  channels_.enqueue(chat_, 0, delta_batch("a-b", "b"));
  run();
  EXPECT_THAT(take_delivered(), UnorderedElementsAre(Pair(1, "b"), Pair(2, "a-b")));
  channels_.enqueue(chat_, 0, delta_batch("b-c", "c"));
  run();
  EXPECT_THAT(take_delivered(), UnorderedElementsAre(Pair(1, "b-c"), Pair(2, "b-c")));
}

TEST_F(LocalChannelsTest, OfJoinedBatchesOnlyTheFirstPublicationComesWhole) {
  join(chat_, 1, kDeltaForm);
  channels_.set_based(join(chat_, 2, kDeltaForm));
  channels_.enqueue(chat_, 0, delta_batch("+", "+", 0));
  channels_.enqueue(chat_, 0, delta_batch("a-b", "b"));
  channels_.enqueue(chat_, 0, delta_batch("b-c", "c"));
  run();
  EXPECT_THAT(take_delivered(), UnorderedElementsAre(Pair(1, "+bb-c"), Pair(2, "+a-bb-c")));
}

}  // namespace
}  // namespace sanjay::hub
