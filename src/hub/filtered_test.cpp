// SPDX-License-Identifier: Apache-2.0
// Subscribers that want some of a channel's publications only.
#include "hub/two_hubs_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::hub {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::shared_ptr<const TagsFilter> only(std::string_view color) {
  core::FilterNode node;
  node.key = "color";
  node.compare = "eq";
  node.value = color;
  return TagsFilter::compile(node);
}

class FilteredTest : public TwoHubs {
 protected:
  static SubscriptionOptions filtered(std::string_view color) {
    return {.variant = Variant::Filtered, .filter = only(color)};
  }
  static void publish(Side& side, std::string_view data, std::string_view color,
                      const PublishOptions& options = {}) {
    const core::Tag tag{"color", color};
    Publication publication{.data = data};
    if (!color.empty()) publication.tags = {&tag, 1};
    const ReplyTo nobody{connection(side, 0), 0};
    EXPECT_TRUE(side.hub->publish("chat", publication, options, nobody));
  }
  /// What was delivered since the last call, without results of subscriptions.
  static std::vector<std::string> delivered(Side& side) {
    auto events = take_events(side);
    std::erase_if(events, [](const auto& e) { return e.find("subscribed") != e.npos; });
    return events;
  }
};

TEST_F(FilteredTest, EachGetsWhatHisFilterLetsThroughInOrder) {
  for (Side* side : {&home_, &away_}) {
    subscribe(*side, 1, filtered("red"));
    subscribe(*side, 2);
    subscribe(*side, 3, filtered("blue"));
    subscribe(*side, 4, Encoding::ProtobufWebSocket, filtered("red"));
  }
  settle();
  publish(home_, "a", "red");
  publish(home_, "b", "blue");
  publish(home_, "c", "");
  publish(home_, "d", "red");
  settle();
  for (Side* side : {&home_, &away_}) {
    EXPECT_THAT(delivered(*side), UnorderedElementsAre("1<jajd", "2<jajbjcjd", "3<jb", "4<papd"));
    EXPECT_EQ(side->hub->filtered_out().value(), 2U + 3 + 2);
    EXPECT_EQ(side->hub->deliveries().value(), 2U + 4 + 1 + 2);
  }
  publish(home_, "e", "green");
  settle();
  EXPECT_THAT(delivered(home_), ElementsAre("2<je"));
}

TEST_F(FilteredTest, JoinsAndLeavesPassEveryFilter) {
  SubscriptionOptions options = filtered("red");
  options.joins = true;
  subscribe(away_, 1, options);
  settle();
  take_events(away_);
  const auto guest = subscribe(
      home_, 2, {.announced = true, .info = OwnedClientInfo(ClientInfo{.client = "guest"})});
  settle();
  publish(home_, "a", "blue");
  publish(home_, "b", "red");
  home_.hub->unsubscribe(guest.number, {false, true, {.client = "guest"}});
  settle();
  EXPECT_THAT(delivered(away_), ElementsAre("1<j+guest", "1<jbj-guest"));
}

TEST_F(FilteredTest, OnlyWhoWantsWhatCannotBeEncodedIsToldSo) {
  subscribe(home_, 1, Encoding::ProtobufWebSocket, filtered("red"));
  subscribe(home_, 2, Encoding::ProtobufWebSocket, filtered("blue"));
  subscribe(home_, 3, Encoding::ProtobufWebSocket);
  settle();
  publish(home_, "a", "red");
  publish(home_, "?", "blue");
  publish(home_, "b", "red");
  settle();
  EXPECT_THAT(delivered(home_),
              UnorderedElementsAre("1<papb", "2 unencodable", "3<pa", "3 unencodable"));
}

TEST_F(FilteredTest, BatchesThatWaitTogetherAreFilteredTogether) {
  subscribe(away_, 1, filtered("red"));
  subscribe(away_, 2);
  settle();
  for (const char* data : {"a", "b", "c"}) {
    publish(home_, data, *data == 'b' ? "blue" : "red");
    home_.hub->hand_over(now_);
  }
  take_mail(away_);
  away_.hub->run(1000);
  EXPECT_THAT(delivered(away_), UnorderedElementsAre("1<jajc", "2<jajbjc"));
}

TEST_F(FilteredTest, AHeldSubscriptionIsFilteredToo) {
  const auto held = *home_.hub->subscribe(connection(home_, 1), "chat", Encoding::JsonWebSocket,
                                          filtered("red"), true);
  settle();
  publish(home_, "a", "blue");
  publish(home_, "b", "red");
  settle();
  EXPECT_THAT(delivered(home_), ElementsAre("1#jb"));
  home_.hub->release(held.number);
  publish(home_, "c", "red");
  settle();
  EXPECT_THAT(delivered(home_), ElementsAre("1<jc"));
}

TEST_F(FilteredTest, WhoFollowsPositionsIsToldOfALossWhateverHeFilters) {
  SubscriptionOptions options = filtered("red");
  options.positioned = true;
  subscribe(away_, 1, options);
  settle();
  publish(home_, "1", "blue", kept());
  settle();
  EXPECT_THAT(delivered(away_), IsEmpty());
  home_.broker->lose_history("chat");
  publish(home_, "2", "blue", kept());
  pass({});
  EXPECT_THAT(delivered(away_), ElementsAre("1 lost"));
}

TEST_F(FilteredTest, FiltersAreForgottenWithTheirSubscribers) {
  std::vector<SubscriptionNumber> numbers;
  for (std::uint32_t slot = 1; slot <= 10; ++slot) {
    numbers.push_back(subscribe(home_, slot, filtered(slot % 2 == 0 ? "red" : "blue")).number);
  }
  settle();
  publish(home_, "a", "red");
  settle();
  EXPECT_EQ(delivered(home_).size(), 5U);
  for (const SubscriptionNumber number : numbers) home_.hub->unsubscribe(number);
  expect_empty();
  subscribe(home_, 1, filtered("green"));
  settle();
  publish(home_, "a", "red");
  publish(home_, "b", "green");
  settle();
  EXPECT_THAT(delivered(home_), ElementsAre("1<jb"));
}

class FilteredListTest : public testing::Test, public DeliverySink {
 protected:
  void deliver(std::uint32_t slot, const core::SegmentRef& bytes, Reach) override {
    bytes_.emplace_back(bytes.bytes().data());
    texts_.push_back(std::to_string(slot) + "<" + std::string(bytes.bytes()));
  }
  void hold(std::uint32_t, const core::SegmentRef&) override { FAIL(); }
  void on_trouble(std::uint32_t, SubscriptionNumber, Trouble) override { FAIL(); }

  SubscriptionNumber join(std::uint32_t slot, std::string_view color) {
    return channels_.add(chat_, {slot, 1, 0}, kForm, {.live = true, .filter = only(color)});
  }

  static constexpr Form kForm = form_of(Encoding::JsonWebSocket, false, Variant::Filtered);
  LocalChannels channels_{core::SipKey{1, 2}, 4, *this};
  const std::uint32_t chat_ = *channels_.find_or_create("chat");
  std::vector<const char*> bytes_;
  std::vector<std::string> texts_;
};

TEST_F(FilteredListTest, FiltersWrittenAlikeAreOneAndSoAreTheirBytes) {
  std::vector<SubscriptionNumber> numbers;
  for (const std::uint32_t slot : {1U, 2U, 3U}) numbers.push_back(join(slot, "red"));
  numbers.push_back(join(4, "blue"));
  EXPECT_EQ(channels_.filter_count(), 2U);
  EncodedBatch batch{.publications = 2};
  batch.frames[kForm] = core::SharedBytes("aabbb");
  auto parts = std::make_shared<BatchParts>();
  for (const std::string_view color : {"red", "green"}) {
    const core::Tag tag{"color", color};
    parts->publications.emplace_back(std::span(&tag, 1));
  }
  parts->parts[kForm] = {{0, 2}, {1, 3}};
  batch.parts = parts;
  channels_.enqueue(chat_, 0, batch);
  std::vector<LocalChannels::Finished> finished;
  while (channels_.run(1, finished)) {
  }
  EXPECT_THAT(texts_, ElementsAre("1<aa", "2<aa", "3<aa"));
  EXPECT_EQ(bytes_[0], bytes_[1]);
  EXPECT_EQ(bytes_[0], bytes_[2]);
  for (const SubscriptionNumber number : numbers) channels_.remove(number);
  EXPECT_EQ(channels_.filter_count(), 0U);
}

}  // namespace
}  // namespace sanjay::hub
