// SPDX-License-Identifier: Apache-2.0
// Hubs before a broker that is late, fails, never answers, loses publications or its memory: the
// client hears of it, and nothing is left behind.
#include "hub/two_hubs_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace sanjay::hub {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class HubFailureTest : public TwoHubs {
 protected:
  static SubscriptionOptions positioned() { return {.positioned = true}; }
  static SubscriptionOptions seen_and_announced() {
    return {.joins = true,
            .presence = true,
            .announced = true,
            .info = OwnedClientInfo(ClientInfo{.client = "c7", .user = "user"})};
  }
  std::string presence() {
    settle();
    take_events(home_);
    EXPECT_FALSE(home_.hub->presence("chat", {connection(home_, 0), 1}));
    settle();
    const auto events = take_events(home_);
    return events.empty() ? "no answer" : events.back();
  }
  TestBroker& broker() { return *home_.broker; }
};

// --- calls that fail

TEST_F(HubFailureTest, AskingTellsOfFailureAndOfSilence) {
  for (Side* side : {&home_, &away_}) {
    const ReplyTo to{connection(*side, 0), 7};
    const auto ask = [&](BrokerCall call) {
      switch (call) {
        case BrokerCall::History:
          return side->hub->history("chat", {.limit = 10}, to);
        case BrokerCall::RemoveHistory:
          return side->hub->remove_history("chat", to);
        case BrokerCall::Presence:
          return side->hub->presence("chat", to);
        default:
          return side->hub->presence_stats("chat", to);
      }
    };
    for (const auto call : {BrokerCall::History, BrokerCall::RemoveHistory, BrokerCall::Presence,
                            BrokerCall::PresenceStats}) {
      EXPECT_FALSE(ask(call));
      pass({});
      broker().fail_next(call);
      EXPECT_FALSE(ask(call));
      pass({});
      broker().silence_next(call);
      EXPECT_FALSE(ask(call));
      pass(milliseconds(4999));
      const auto events = take_events(*side);
      ASSERT_EQ(events.size(), 2U);
      EXPECT_EQ(events[1], "7 unavailable");
      pass(milliseconds(1));
      EXPECT_THAT(take_events(*side), ElementsAre("7 timeout"));
    }
  }
  EXPECT_EQ(home_.hub->home_stats().failures.value(), 8U);
  EXPECT_EQ(home_.hub->home_stats().timeouts.value(), 8U);
  expect_empty();
}

TEST_F(HubFailureTest, QueriesAreAnswered) {
  publish_kept(1, 3);
  for (Side* side : {&home_, &away_}) {
    const auto options = seen_and_announced();
    const auto subscription = subscribe(*side, 7, options);
    settle();
    take_events(*side);
    const auto to = [&](std::uint32_t request) { return ReplyTo{connection(*side, 0), request}; };
    side->hub->history("chat", {.limit = 2, .reverse = true}, to(1));
    side->hub->presence("chat", to(2));
    side->hub->presence_stats("chat", to(3));
    side->hub->remove_history("chat", to(4));
    side->hub->history("chat", {.limit = HistoryQuery::kAll}, to(5));
    settle();
    const std::string first = side == &home_ ? "1 history 3 2 of 3" : "1 history of 3";
    EXPECT_THAT(take_events(*side),
                ElementsAre(first, "2 presence c7", "3 stats 1 1", "4 done", "5 history of 3"));
    side->hub->unsubscribe(subscription.number, {true, true, options.info.view()});
    settle();
    take_events(*side);
  }
  expect_empty();
}

TEST_F(HubFailureTest, BeyondTheirBoundQueriesAreRefused) {
  start({.queries_in_flight_max = 2});
  for (Side* side : {&home_, &away_}) {
    const auto ask = [&] {
      const auto answer = side->hub->presence("chat", {connection(*side, 0), 1});
      return answer ? describe(*answer) : "pending";
    };
    EXPECT_EQ(ask(), "pending");
    EXPECT_EQ(ask(), "pending");
    EXPECT_EQ(ask(), "busy");
    settle();
    EXPECT_THAT(take_events(*side), ElementsAre("1 presence", "1 presence"));
    EXPECT_EQ(ask(), "pending");
    settle();
  }
}

TEST_F(HubFailureTest, PublishersHearOfFailureAndOfSilence) {
  for (Side* side : {&home_, &away_}) {
    take_events(*side);
    broker().fail_next(BrokerCall::Publish);
    EXPECT_EQ(publish(*side, "1", 1, kept()), "pending");
    pass({});
    EXPECT_THAT(take_events(*side), ElementsAre("1 unavailable"));
    broker().silence_next(BrokerCall::Publish);
    EXPECT_EQ(publish(*side, "1", 1, kept()), "pending");
    pass(seconds(5));
    EXPECT_THAT(take_events(*side), ElementsAre("1 timeout"));
  }
  expect_empty();
}

TEST_F(HubFailureTest, ASuppressedPublicationIsCalledSoOnEveryShard) {
  PublishOptions options;
  options.idempotency_key = "key";
  EXPECT_EQ(publish(home_, "1", 1, options), "accepted");
  EXPECT_EQ(publish(home_, "1", 1, options), "suppressed");
  EXPECT_EQ(publish(away_, "1", 1, options), "pending");
  settle();
  EXPECT_THAT(take_events(away_), ElementsAre("1 suppressed"));
}

TEST_F(HubFailureTest, AnAnswerAfterItsTimeIsNobodysBusiness) {
  const auto plain = subscribe(home_, 4);
  broker().hold();
  away_.hub->presence("chat", {connection(away_, 0), 1});
  subscribe(away_, 5, positioned());
  pass(seconds(5));
  EXPECT_THAT(take_events(away_), ElementsAre("1 timeout", "5 timeout"));
  broker().release_all();
  pass({});
  EXPECT_THAT(take_events(away_), IsEmpty());
  home_.hub->unsubscribe(plain.number);
  expect_empty();
}

// --- subscriptions that fail

TEST_F(HubFailureTest, WhoWantsAPositionHearsThatTheBrokerFailed) {
  for (Side* side : {&home_, &away_}) {
    broker().fail_next(BrokerCall::History);
    subscribe(*side, 5, positioned());
    pass({});
    EXPECT_THAT(take_events(*side), ElementsAre("5 unavailable"));
    broker().silence_next(BrokerCall::History);
    subscribe(*side, 5, positioned());
    pass(seconds(5));
    EXPECT_THAT(take_events(*side), ElementsAre("5 timeout"));
  }
  expect_empty();
}

TEST_F(HubFailureTest, WhoCouldNotBeSubscribedIsNotSeenEither) {
  for (Side* side : {&home_, &away_}) {
    auto options = seen_and_announced();
    options.positioned = true;
    broker().fail_next(BrokerCall::History);
    subscribe(*side, 7, options);
    pass({});
    EXPECT_THAT(take_events(*side), ElementsAre("7 unavailable"));
    EXPECT_EQ(presence(), "1 presence");
    // Whether it took effect is unknown.
    broker().fail_next(BrokerCall::AddPresence, Failure::Unavailable, true);
    subscribe(*side, 7, options);
    pass({});
    EXPECT_THAT(take_events(*side), ElementsAre("7 unavailable"));
    EXPECT_EQ(presence(), "1 presence");
  }
  expect_empty();
}

TEST_F(HubFailureTest, ASubscriptionThatTheBrokerRefusesIsTriedAgain) {
  for (Side* side : {&home_, &away_}) {
    broker().fail_next(BrokerCall::Subscribe);
    const auto plain = subscribe(*side, 5);
    subscribe(*side, 6, positioned());
    pass({});
    EXPECT_THAT(take_events(*side), ElementsAre("6 unavailable"));
    pass(milliseconds(999));
    EXPECT_THAT(take_events(*side), IsEmpty());
    pass(milliseconds(1));
    EXPECT_THAT(take_events(*side), ElementsAre("5 subscribed"));
    EXPECT_TRUE(broker().is_subscribed("chat"));
    publish(home_, "1");
    pass({});
    EXPECT_THAT(take_events(*side), ElementsAre("5<j1"));
    side->hub->unsubscribe(plain.number);
  }
  expect_empty();
}

TEST_F(HubFailureTest, ASubscriptionThatTheBrokerNeverAnswersIsTriedAgain) {
  broker().silence_next(BrokerCall::Subscribe);
  const auto plain = subscribe(away_, 5);
  subscribe(away_, 6, positioned());
  pass(seconds(5));
  EXPECT_EQ(take_events(away_).size(), 1U);
  pass(seconds(1));
  EXPECT_THAT(take_events(away_), ElementsAre("5 subscribed"));
  away_.hub->unsubscribe(plain.number);
  expect_empty();
}

TEST_F(HubFailureTest, AChannelThatGaveUpSubscribingBeginsAnewWithItsNextSubscriber) {
  broker().fail_next(BrokerCall::Subscribe, Failure::Unavailable, true);
  subscribe(home_, 5, positioned());
  pass({});
  EXPECT_THAT(take_events(home_), ElementsAre("5 unavailable"));
  // Something is under way for the channel when nobody wants it any more.
  publish_kept(1, 1);
  broker().drop_next_publication("chat");
  publish_kept(2, 2);
  broker().silence_next(BrokerCall::History);
  publish_kept(3, 3);
  pass(seconds(1));
  EXPECT_EQ(home_.hub->home_channel_count(), 1U);
  const auto subscription = subscribe(home_, 6);
  EXPECT_TRUE(subscription.live);
  pass(seconds(5));
  home_.hub->unsubscribe(subscription.number);
  expect_empty();
}

TEST_F(HubFailureTest, WhoLeavesWhileTheBrokerIsSilentLeavesNothing) {
  for (Side* side : {&home_, &away_}) {
    broker().silence_next(BrokerCall::Subscribe, true);
    const auto plain = subscribe(*side, 5);
    const auto options = seen_and_announced();
    const auto seen = subscribe(*side, 7, options);
    pass(seconds(1));
    side->hub->unsubscribe(plain.number);
    side->hub->unsubscribe(seen.number, {true, true, options.info.view()});
    pass(seconds(7));
    EXPECT_THAT(take_events(*side), IsEmpty());
    EXPECT_EQ(presence(), "1 presence");
    if (side == &away_) continue;
    expect_empty();
  }
  // Away, what was asked is taken back when home has answered; it did when the broker recovered.
  subscribe(away_, 8);
  pass(seconds(2));
  EXPECT_THAT(take_events(away_), ElementsAre("8 subscribed"));
}

TEST_F(HubFailureTest, WhoWaitsTooLongIsToldByHisOwnShard) {
  start({.home = {.call_timeout = std::chrono::hours(1)}});
  for (Side* side : {&home_, &away_}) {
    broker().hold();
    subscribe(*side, 7, seen_and_announced());
    pass(milliseconds(9999));
    EXPECT_THAT(take_events(*side), IsEmpty());
    pass(milliseconds(1));
    EXPECT_THAT(take_events(*side), ElementsAre("7 timeout"));
    broker().release_all();
    EXPECT_EQ(presence(), "1 presence");
  }
  expect_empty();
}

TEST_F(HubFailureTest, AHomeThatTakesNoMailCostsItsSubscribersTenSeconds) {
  subscribe(away_, 5);
  away_.hub->hand_over(now_);
  EXPECT_EQ(away_.hub->deadline(), now_ + seconds(10));
  now_ += seconds(10);
  away_.hub->hand_over(now_);
  EXPECT_THAT(take_events(away_), ElementsAre("5 timeout"));
  settle();
  EXPECT_THAT(take_events(away_), IsEmpty());
  expect_empty();
}

TEST_F(HubFailureTest, ATimeoutThatCrossesTheReplyIsALeave) {
  subscribe(home_, 5, {.joins = true});
  subscribe(away_, 7, seen_and_announced());
  take_mail(home_);
  away_.hub->hand_over(now_);
  home_.hub->hand_over(now_);  // the reply is on its way, and late
  now_ += seconds(10);
  away_.hub->hand_over(now_);
  EXPECT_THAT(take_events(away_), ElementsAre("7 timeout"));
  settle();
  EXPECT_THAT(take_events(home_), ElementsAre("5<j+c7j-c7"));
  EXPECT_THAT(take_events(away_), IsEmpty());
  EXPECT_EQ(presence(), "1 presence");
}

// --- publications that are missing

TEST_F(HubFailureTest, WhatIsMissingIsFetched) {
  for (Side* side : {&home_, &away_}) subscribe(*side, 5, positioned());
  settle();
  publish_kept(1, 1);
  pass({});
  broker().drop_next_publication("chat");
  publish_kept(2, 3);
  pass({});
  publish_kept(4, 4);
  pass({});
  for (Side* side : {&home_, &away_}) {
    std::string received;
    for (const auto& event : take_events(*side)) received += event + " ";
    EXPECT_EQ(received, "5 subscribed at 0 5<j1 5<j2j3 5<j4 ");
  }
  EXPECT_EQ(home_.hub->home_stats().gaps.value(), 1U);
  EXPECT_EQ(home_.hub->home_stats().losses.value(), 0U);
}

TEST_F(HubFailureTest, WhatCannotBeFetchedIsToldInItsPlace) {
  for (Side* side : {&home_, &away_}) subscribe(*side, 5, positioned());
  settle();
  publish_kept(1, 1);
  broker().drop_next_publication("chat");
  publish(home_, "2", 0, kept(1));
  publish(home_, "3", 0, kept(1));
  publish(home_, "4", 0, kept(1));
  pass({});
  for (Side* side : {&home_, &away_}) {
    EXPECT_THAT(take_events(*side), ElementsAre("5 subscribed at 0", "5<j1", "5 lost", "5<j3j4"));
  }
  EXPECT_EQ(home_.hub->home_stats().losses.value(), 1U);
}

TEST_F(HubFailureTest, AFailureToFetchIsALoss) {
  away_.ends_in_trouble = true;
  subscribe(away_, 5, positioned());
  settle();
  publish_kept(1, 1);
  broker().drop_next_publication("chat");
  publish_kept(2, 2);
  broker().silence_next(BrokerCall::History);
  publish_kept(3, 3);
  pass(seconds(6));
  EXPECT_THAT(take_events(away_), ElementsAre("5 subscribed at 0", "5<j1", "5 lost"));
  expect_empty();
}

TEST_F(HubFailureTest, AnotherEpochIsALoss) {
  subscribe(home_, 5, positioned());
  settle();
  publish_kept(1, 2);
  settle();
  broker().lose_history("chat");
  publish_kept(1, 2);
  pass({});
  EXPECT_THAT(take_events(home_), ElementsAre("5 subscribed at 0", "5<j1j2", "5 lost", "5<j1j2"));
}

TEST_F(HubFailureTest, WhatWasFetchedBeforeItCameIsNotDeliveredTwice) {
  subscribe(home_, 5, positioned());
  settle();
  broker().hold();
  publish_kept(1, 2);
  subscribe(home_, 6, {.recover = true});
  settle();
  // The answers to the two publications come before that to the history.
  broker().release_one(2);
  settle();  // the broker is ahead: it is asked for what is missing
  broker().release_one(2);
  settle();
  EXPECT_THAT(take_events(home_), ElementsAre("5 subscribed at 0", "6 subscribed at 2", "5<j1j2"));
  broker().release_all();
  settle();
  publish_kept(3, 3);
  settle();
  EXPECT_THAT(take_events(home_), ElementsAre("5<j3", "6<j3"));
}

// --- bounds

TEST_F(HubFailureTest, WhatIsKeptForThoseWhoBeginIsBounded) {
  start({.home = {.channels = {.held_publications_max = 10}}});
  home_.recovers = true;
  for (const int published : {10, 25}) {
    broker().lose_history("chat");
    const auto plain = subscribe(home_, 4, Encoding::ProtobufWebSocket);
    broker().hold();
    const auto subscription = subscribe(home_, 5, {.recover = true});
    broker().release_all();  // all but the answer to this one, which is still to come
    for (int i = 1; i <= published; ++i) {
      publish(home_, "?", 0, kept());
      settle();
    }
    ASSERT_EQ(broker().answers_held(), 1U);
    home_.hub->unsubscribe(plain.number);
    take_events(home_);
    broker().release_one(0);
    settle();
    const auto events = take_events(home_);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].find("not recovered") != std::string::npos, published > 20) << events[0];
    home_.hub->unsubscribe(subscription.number);
    expect_empty();
  }
}

TEST_F(HubFailureTest, WhatIsHeldWhileSomethingIsMissingIsBounded) {
  start({.home = {.channels = {.held_publications_max = 10}}});
  subscribe(home_, 5, positioned());
  settle();
  publish_kept(1, 1);
  settle();
  take_events(home_);
  broker().drop_next_publication("chat");
  broker().silence_next(BrokerCall::History);
  publish_kept(2, 2);
  int taken = 0;
  while (publish(home_, "x", 0, kept()).starts_with("accepted") && taken < 100) ++taken;
  EXPECT_EQ(taken, 10) << "then publishers have to wait";
  // Those of other nodes do not ask: the missing ones are given up.
  for (int i = 0; i < 5; ++i) {
    broker().publish("chat", {.data = "y"}, kept(), ~BrokerTicket{0} - 1);
  }
  settle();
  const auto events = take_events(home_);
  ASSERT_GE(events.size(), 2U);
  EXPECT_EQ(events[0], "5 lost");
  EXPECT_EQ(events[1], "5<jxjxjxjxjxjxjxjxjxjxjyjyjyjyjy");
}

TEST_F(HubFailureTest, WhatIsHeldBehindALossIsBounded) {
  start({.flow_bytes_max = 2, .home = {.channels = {.held_publications_max = 10}}});
  subscribe(away_, 5, positioned());
  settle();
  publish_kept(1, 1);
  home_.hub->hand_over(now_);  // the way is full
  broker().lose_history("chat");
  for (int i = 1; i <= 1000; ++i) {
    const std::string data = std::to_string(i) + ",";
    broker().publish("chat", {.data = data}, kept(), ~BrokerTicket{0} - 1);
  }
  settle();
  const auto events = take_events(away_);
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[1], "5<j1");
  EXPECT_EQ(events[2], "5 lost");
  EXPECT_LE(std::ranges::count(events[3], 'j'), 20);
  EXPECT_TRUE(events[3].ends_with("j999,j1000,"));
}

}  // namespace
}  // namespace sanjay::hub
