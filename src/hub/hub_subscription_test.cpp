// SPDX-License-Identifier: Apache-2.0
// Subscriptions that ask their channel's home for more than publications: a position, what was
// missed, to be seen, to be announced. On a good day of the broker; hub_failure_test.cpp has the
// bad ones.
#include "hub/two_hubs_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace sanjay::hub {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class HubSubscriptionTest : public TwoHubs {
 protected:
  static SubscriptionOptions positioned() { return {.positioned = true}; }
  static SubscriptionOptions recovering(const StreamPosition& since) {
    return {.recover = true, .since = since};
  }
  static OwnedClientInfo client(std::string_view name) {
    return OwnedClientInfo(ClientInfo{.client = name, .user = "user"});
  }
  static SubscriptionOptions seen(std::string_view name) {
    return {.presence = true, .info = client(name)};
  }
  static SubscriptionOptions announced(std::string_view name) {
    return {.joins = true, .announced = true, .info = client(name)};
  }
  static void unsubscribe(Side& side, SubscriptionNumber subscription,
                          const SubscriptionOptions& options) {
    side.hub->unsubscribe(subscription, {options.presence, options.announced, options.info.view()});
  }
  std::string presence() {
    settle();
    take_events(home_);
    EXPECT_FALSE(home_.hub->presence("chat", {connection(home_, 0), 1}));
    settle();
    const auto events = take_events(home_);
    return events.empty() ? "no answer" : events.back();
  }
  // Where the channel stands.
  StreamPosition position() {
    const auto subscription = subscribe(home_, 99, positioned());
    settle();
    home_.hub->unsubscribe(subscription.number);
    take_events(home_);
    return home_.last_position;
  }
};

TEST_F(HubSubscriptionTest, APositionedSubscriberIsToldWhereHeStands) {
  publish_kept(1, 3);
  for (Side* side : {&home_, &away_}) {
    const auto subscription = subscribe(*side, 5, positioned());
    EXPECT_FALSE(subscription.live);
    settle();
    publish_kept(4, 4);
    settle();
    const int at = side == &home_ ? 3 : 4;
    EXPECT_THAT(take_events(*side), ElementsAre("5 subscribed at " + std::to_string(at), "5<j4"));
    side->hub->unsubscribe(subscription.number);
  }
  expect_empty();
}

TEST_F(HubSubscriptionTest, APositionedSubscriberStandsBehindWhatWaitsToBeHandedOver) {
  start({.flow_bytes_max = 2});
  subscribe(away_, 5);
  settle();
  publish_kept(1, 1);
  home_.hub->hand_over(now_);
  publish_kept(2, 2);
  subscribe(home_, 6, positioned());
  home_.hub->hand_over(now_);
  home_.hub->run(100);
  EXPECT_TRUE(home_.hub->is_held_back());
  EXPECT_THAT(take_events(home_), IsEmpty());
  settle();
  publish_kept(3, 3);
  settle();
  EXPECT_THAT(take_events(home_), ElementsAre("6 subscribed at 2", "6<j3"));
  EXPECT_THAT(take_events(away_), ElementsAre("5 subscribed", "5<j1", "5<j2", "5<j3"));
}

TEST_F(HubSubscriptionTest, WhoReturnsGetsWhatHeMissedAndThenWhatFollows) {
  publish_kept(1, 2);
  StreamPosition since = position();
  for (Side* side : {&home_, &away_}) {
    side->recovers = true;
    const int next = static_cast<int>(since.offset) + 1;
    publish_kept(next, next + 1);
    const auto subscription = subscribe(*side, 5, recovering(since));
    settle();
    publish_kept(next + 2, next + 2);
    settle();
    const std::string a = std::to_string(next);
    const std::string b = std::to_string(next + 1);
    const std::string c = std::to_string(next + 2);
    EXPECT_THAT(take_events(*side),
                ElementsAre("5 subscribed at " + b + ", recovered " + a + " " + b, "5<j" + c));
    side->hub->unsubscribe(subscription.number);
    since.offset += 3;
  }
  expect_empty();
}

TEST_F(HubSubscriptionTest, WhoMissedTooMuchIsNotRecovered) {
  home_.recovers = true;
  publish_kept(1, 1);
  StreamPosition since = position();
  for (int i = 2; i <= 4; ++i) publish(home_, std::to_string(i), 0, kept(2));
  const auto is_told = [&](SubscriptionOptions options) {
    const auto subscription = subscribe(home_, 5, options);
    settle();
    home_.hub->unsubscribe(subscription.number);
    const auto events = take_events(home_);
    return events.empty() ? "nothing" : events.front();
  };
  EXPECT_EQ(is_told(recovering(since)), "5 subscribed at 4, not recovered") << "2 is gone";
  since.offset = 2;
  EXPECT_EQ(is_told(recovering(since)), "5 subscribed at 4, recovered 3 4");
  auto few = recovering(since);
  few.publications_max = 1;
  EXPECT_EQ(is_told(few), "5 subscribed at 4, not recovered");
  EXPECT_EQ(is_told(recovering({2, "other"})), "5 subscribed at 4, another epoch, not recovered");
  auto newest = recovering(since);
  newest.newest_only = true;
  EXPECT_EQ(is_told(newest), "5 subscribed at 4, recovered 4");
  newest.since = {4, since.epoch};
  EXPECT_EQ(is_told(newest), "5 subscribed at 4, recovered");
  newest.since = {4, "other"};
  EXPECT_EQ(is_told(newest), "5 subscribed at 4, another epoch, recovered 4");
  expect_empty();
}

TEST_F(HubSubscriptionTest, JoinsAndLeavesGoToWhoAskedForThem) {
  subscribe(home_, 5, {.joins = true});
  subscribe(home_, 6);
  for (Side* side : {&home_, &away_}) {
    const auto options = announced("c7");
    const auto subscription = subscribe(*side, 7, options);
    settle();
    if (side == &home_) {
      EXPECT_THAT(take_events(home_), ElementsAre("7 subscribed", "5<j+c7", "7<j+c7"));
    } else {
      EXPECT_THAT(take_events(home_), ElementsAre("5<j+c7"));
      EXPECT_THAT(take_events(away_), ElementsAre("7 subscribed", "7<j+c7"));
    }
    unsubscribe(*side, subscription.number, options);
    settle();
    EXPECT_THAT(take_events(home_), ElementsAre("5<j-c7"));
    EXPECT_THAT(take_events(away_), IsEmpty());
  }
  publish(home_, "1");
  settle();
  EXPECT_THAT(take_events(home_), ElementsAre("5<j1", "6<j1"));
}

TEST_F(HubSubscriptionTest, WhoLeavesBeforeHeIsLiveHasNeitherJoinedNorLeft) {
  subscribe(home_, 5, {.joins = true});
  for (Side* side : {&home_, &away_}) {
    home_.broker->hold();
    auto options = announced("c7");
    options.positioned = options.presence = true;
    const auto subscription = subscribe(*side, 7, options);
    settle();
    unsubscribe(*side, subscription.number, options);
    settle();
    home_.broker->release_all();
    settle();
    EXPECT_THAT(take_events(home_), IsEmpty());
    EXPECT_THAT(take_events(away_), IsEmpty());
    EXPECT_EQ(presence(), "1 presence");
  }
}

TEST_F(HubSubscriptionTest, ALeaveThatCrossesTheReplyComesAfterItsJoin) {
  subscribe(home_, 5, {.joins = true});
  auto options = announced("c7");
  options.presence = true;
  const auto subscription = subscribe(away_, 7, options);
  take_mail(home_);
  home_.hub->hand_over(now_);  // the reply is on its way
  unsubscribe(away_, subscription.number, options);
  settle();
  EXPECT_THAT(take_events(home_), ElementsAre("5<j+c7j-c7"));
  EXPECT_THAT(take_events(away_), IsEmpty());
  EXPECT_EQ(presence(), "1 presence");
}

TEST_F(HubSubscriptionTest, AnEndThatCrossesARefusalIsNoLeave) {
  subscribe(home_, 5, {.joins = true});
  auto options = announced("c7");
  options.presence = true;
  home_.broker->fail_next(BrokerCall::AddPresence, Failure::Overloaded);
  const auto subscription = subscribe(away_, 7, options);
  take_mail(home_);
  home_.hub->hand_over(now_);  // the reply is on its way
  unsubscribe(away_, subscription.number, options);
  settle();
  EXPECT_THAT(take_events(home_), IsEmpty());
  EXPECT_THAT(take_events(away_), IsEmpty());
  // One who is told of his failure in time is no leave either, and the next one of that name is.
  home_.broker->fail_next(BrokerCall::AddPresence, Failure::Overloaded);
  subscribe(away_, 7, options);
  settle();
  EXPECT_THAT(take_events(away_), ElementsAre("7 overloaded"));
  const auto next = subscribe(away_, 7, options);
  settle();
  unsubscribe(away_, next.number, options);
  settle();
  EXPECT_THAT(take_events(home_), ElementsAre("5<j+c7", "5<j-c7"));
}

TEST_F(HubSubscriptionTest, PresenceLastsAsLongAsTheSubscription) {
  for (Side* side : {&home_, &away_}) {
    const auto options = seen("c5");
    const auto subscription = subscribe(*side, 5, options);
    EXPECT_EQ(presence(), "1 presence c5");
    unsubscribe(*side, subscription.number, options);
    EXPECT_EQ(presence(), "1 presence");
  }
  take_events(away_);
  expect_empty();
}

TEST_F(HubSubscriptionTest, WhoLeavesWhileHisPresenceIsAddedIsNotSeen) {
  const auto plain = subscribe(home_, 4);
  home_.broker->hold();
  for (Side* side : {&home_, &away_}) {
    const auto options = seen("c5");
    const auto subscription = subscribe(*side, 5, options);
    settle();
    unsubscribe(*side, subscription.number, options);
  }
  settle();
  home_.broker->release_all();
  EXPECT_EQ(presence(), "1 presence");
  home_.hub->unsubscribe(plain.number);
  expect_empty();
}

TEST_F(HubSubscriptionTest, WhoReturnsAtOnceIsSeen) {
  const auto options = seen("c5");
  for (Side* side : {&home_, &away_}) {
    const auto first = subscribe(*side, 5, options);
    unsubscribe(*side, first.number, options);
    const auto second = subscribe(*side, 5, options);
    EXPECT_EQ(presence(), "1 presence c5");
    unsubscribe(*side, second.number, options);
    EXPECT_EQ(presence(), "1 presence");
  }
}

TEST_F(HubSubscriptionTest, WhatComesForAHeldSubscriptionIsKept) {
  for (Side* side : {&home_, &away_}) {
    const auto subscription = *side->hub->subscribe(connection(*side, 5), "chat",
                                                    Encoding::JsonWebSocket, positioned(), true);
    settle();
    publish(home_, "1");
    settle();
    side->hub->release(subscription.number);
    publish(home_, "2");
    settle();
    EXPECT_THAT(take_events(*side), ElementsAre("5 subscribed at 0", "5#j1", "5<j2"));
    side->hub->unsubscribe(subscription.number);
  }
  expect_empty();
}

TEST_F(HubSubscriptionTest, OnlyTheEncodingThatCannotCarryItIsTold) {
  for (Side* side : {&home_, &away_}) {
    subscribe(*side, 5);
    subscribe(*side, 6, Encoding::ProtobufWebSocket);
  }
  settle();
  take_events(home_);
  take_events(away_);
  for (const char* data : {"1", "?", "3"}) publish(home_, data);
  settle();
  for (Side* side : {&home_, &away_}) {
    EXPECT_THAT(take_events(*side), ElementsAre("5<j1j?j3", "6<p1", "6 unencodable"));
  }
}

// Who is told something does whatever a client may do next.

TEST_F(HubSubscriptionTest, WhoIsToldMayEndOthersAndBeginAnewWithoutConfusion) {
  subscribe(away_, 5);
  const auto other = subscribe(away_, 6);
  away_.next_command = [&] {
    away_.hub->unsubscribe(other.number);
    const auto next = away_.hub->subscribe(connection(away_, 8), "news", Encoding::JsonWebSocket);
    EXPECT_FALSE(next->live);
  };
  take_mail(home_);
  take_mail(away_);
  EXPECT_THAT(take_events(away_), ElementsAre("5 subscribed"));
  settle();
  EXPECT_THAT(take_events(away_), ElementsAre("8 subscribed"));
  EXPECT_EQ(away_.hub->subscription_count(), 2U);
}

TEST_F(HubSubscriptionTest, WhoIsToldOfAFailureMayEndOthersThatHaveFailed) {
  for (Side* side : {&home_, &away_}) {
    home_.broker->hold();
    const auto one = subscribe(*side, 5, positioned());
    const auto other = subscribe(*side, 6, positioned());
    side->next_command = [&] {
      side->hub->unsubscribe(side->events.back()[0] == '5' ? other.number : one.number);
    };
    pass(std::chrono::seconds(6));
    EXPECT_EQ(take_events(*side).size(), 1U);
    home_.broker->release_all();
    expect_empty();
  }
}

TEST_F(HubSubscriptionTest, WhatIsBegunFromWithinAnAnswerNeedsNoOtherTurn) {
  subscribe(home_, 5, positioned());
  pass({});
  take_events(home_);
  home_.next_command = [&] { subscribe(home_, 6, positioned()); };
  EXPECT_FALSE(home_.hub->presence("chat", {connection(home_, 0), 1}));
  pass({});
  EXPECT_THAT(take_events(home_), ElementsAre("1 presence", "6 subscribed at 0"));
}

}  // namespace
}  // namespace sanjay::hub
