// SPDX-License-Identifier: Apache-2.0
#include "hub/two_hubs_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sanjay::hub {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class HubTest : public TwoHubs {};

TEST_F(HubTest, AtHomeASubscriberIsLiveAtOnceAndReceivesWhatFollows) {
  publish(home_, "1");
  EXPECT_TRUE(subscribe(home_, 5).live);
  EXPECT_EQ(publish(home_, "2"), "accepted");
  EXPECT_TRUE(home_.hub->has_work());
  home_.hub->hand_over({});
  EXPECT_TRUE(home_.hub->has_work());
  EXPECT_FALSE(home_.hub->run(10));
  EXPECT_FALSE(home_.hub->has_work());
  EXPECT_THAT(take_events(home_), ElementsAre("5<j2"));
  EXPECT_THAT(home_.outgoing, IsEmpty());
}

TEST_F(HubTest, AtHomeASubscriberWaitsForWhatWasPublishedBeforeHim) {
  subscribe(home_, 5);
  publish(home_, "1");
  EXPECT_FALSE(subscribe(home_, 6).live);
  const auto left = subscribe(home_, 7);
  publish(home_, "2");
  home_.hub->unsubscribe(left.number);
  home_.hub->hand_over({});
  EXPECT_THAT(take_events(home_), ElementsAre("6 subscribed"));
  publish(home_, "3");
  home_.hub->hand_over({});
  home_.hub->run(10);
  EXPECT_THAT(take_events(home_), ElementsAre("5<j1j2", "5<j3", "6<j3"));
}

TEST_F(HubTest, WhoSubscribesFromWithinOnSubscribedReceivesNothingOlderEither) {
  const auto subscribe_to = [this](const char* channel, std::uint32_t slot) {
    return home_.hub->subscribe(connection(home_, slot), channel, Encoding::JsonWebSocket)->live;
  };
  for (const char* channel : {"chat", "news"}) {
    EXPECT_TRUE(subscribe_to(channel, 5));
    home_.hub->publish(channel, {.data = "1"}, {}, {});
    EXPECT_FALSE(subscribe_to(channel, 6));
  }
  home_.next_command = [&] {
    home_.hub->publish("news", {.data = "2"}, {}, {});
    EXPECT_FALSE(subscribe_to("news", 7));
  };
  home_.hub->hand_over({});
  EXPECT_THAT(take_events(home_), ElementsAre("6 subscribed", "6 subscribed"));
  settle();
  EXPECT_THAT(take_events(home_), ElementsAre("7 subscribed", "5<j1", "5<j1", "5<j2", "6<j2"));
}

TEST_F(HubTest, AwayASubscriberIsLiveWhenTheHomeShardHasConfirmed) {
  EXPECT_FALSE(subscribe(away_, 5).live);
  publish(home_, "1");
  take_mail(home_);
  publish(home_, "2");
  settle();
  EXPECT_THAT(take_events(away_), ElementsAre("5 subscribed", "5<j2"));
  EXPECT_TRUE(subscribe(away_, 6).live);
  EXPECT_FALSE(subscribe(away_, 7, Encoding::ProtobufWebSocket).live);
  publish(home_, "3");
  settle();
  publish(home_, "4");
  settle();
  // The interest arrived with 3 still to be handed over: it counts from 4 on.
  EXPECT_THAT(take_events(away_),
              ElementsAre("7 subscribed", "5<j3", "6<j3", "5<j4", "6<j4", "7<p4"));
}

TEST_F(HubTest, TheAnswerToAQuestionAskedBeforeLeavingDoesNotCount) {
  const auto json = subscribe(away_, 5);
  settle();
  take_events(away_);
  const auto protobuf = subscribe(away_, 6, Encoding::ProtobufWebSocket);
  take_mail(home_);  // the answer is on its way
  away_.hub->unsubscribe(json.number);
  away_.hub->unsubscribe(protobuf.number);
  subscribe(away_, 7, Encoding::ProtobufWebSocket);
  take_mail(away_);
  EXPECT_THAT(take_events(away_), IsEmpty());
  publish(home_, "1");
  settle();
  publish(home_, "2");
  settle();
  EXPECT_THAT(take_events(away_), ElementsAre("7 subscribed", "7<p2"));
}

TEST_F(HubTest, LeavingBeforeTheAnswerLeavesNothingBehind) {
  away_.hub->unsubscribe(subscribe(away_, 5).number);
  EXPECT_EQ(away_.hub->channel_count(), 1U);
  settle();
  EXPECT_THAT(take_events(away_), IsEmpty());
  EXPECT_EQ(away_.hub->channel_count(), 0U);
  EXPECT_EQ(home_.hub->home_channel_count(), 0U);
}

TEST_F(HubTest, APublisherIsToldToSubscribersOnOtherShards) {
  subscribe(home_, 5);
  const Publication publication{.data = "{}", .publisher = {"c", "u", "i"}};
  EXPECT_FALSE(away_.hub->publish("chat", publication, {}, {connection(away_, 0), 7}));
  settle();
  EXPECT_THAT(take_events(home_), ElementsAre("5<j{}cui"));
  EXPECT_THAT(take_events(away_), ElementsAre("7 accepted"));
}

TEST_F(HubTest, PublishesInFlightAreBounded) {
  start({.publishes_in_flight_max = 2});
  EXPECT_EQ(publish(away_, "1", 1), "pending");
  EXPECT_EQ(publish(away_, "2", 2), "pending");
  EXPECT_EQ(publish(away_, "3", 3), "busy");
  settle();
  EXPECT_THAT(take_events(away_), ElementsAre("1 accepted", "2 accepted"));
  EXPECT_EQ(publish(away_, "3", 3), "pending");
}

TEST_F(HubTest, AShardThatLagsHoldsPublicationsBackWithoutKeepingTheHomeShardAwake) {
  start({.flow_bytes_max = 2, .home = {.channels = {.pending_bytes_max = 4}}});
  subscribe(away_, 5);
  settle();
  publish(home_, "1");
  home_.hub->hand_over({});
  publish(home_, "2");
  home_.hub->hand_over({});
  EXPECT_FALSE(home_.hub->has_work());
  EXPECT_TRUE(home_.hub->is_held_back());
  EXPECT_EQ(publish(home_, "3"), "accepted");
  EXPECT_EQ(publish(home_, "4"), "busy");
  EXPECT_FALSE(subscribe(home_, 6).live) << "what is held back is not for him";
  settle();
  EXPECT_FALSE(home_.hub->is_held_back());
  EXPECT_THAT(take_events(away_), ElementsAre("5 subscribed", "5<j1", "5<j2j3"));
  EXPECT_THAT(take_events(home_), ElementsAre("6 subscribed"));
  EXPECT_EQ(publish(home_, "4"), "accepted");
}

TEST_F(HubTest, AQuietChannelPassesHotOnesThatFillTheWay) {
  start({.flow_bytes_max = 2, .quiet_flow_bytes_max = 6});
  const core::Instant start_time{std::chrono::seconds(100)};
  subscribe(away_, 5);
  ASSERT_TRUE(away_.hub->subscribe(connection(away_, 6), "news", Encoding::JsonWebSocket));
  settle();
  take_events(away_);
  const auto publish_at = [&](const char* channel, core::Duration after) {
    home_.hub->publish(channel, {.data = "1", .received = start_time + after}, {}, {});
    home_.hub->hand_over(start_time + after);
    return home_.hub->is_held_back();
  };
  using std::chrono::milliseconds;
  EXPECT_FALSE(publish_at("chat", milliseconds(0)));
  EXPECT_TRUE(publish_at("chat", milliseconds(1))) << "the way is full";
  publish_at("news", milliseconds(2));
  take_mail(away_);
  while (away_.hub->run(100)) {
  }
  EXPECT_THAT(take_events(away_), ElementsAre("5<j1", "6<j1")) << "the hot channel's second waits";
  EXPECT_TRUE(home_.hub->is_held_back());
}

TEST_F(HubTest, EvenQuietChannelsStopAtTheirOwnBound) {
  start({.flow_bytes_max = 2, .quiet_flow_bytes_max = 4});
  for (const char* channel : {"chat", "news"}) {
    ASSERT_TRUE(away_.hub->subscribe(connection(away_, 5), channel, Encoding::JsonWebSocket));
  }
  settle();
  take_events(away_);
  const auto publish_quietly = [&](const char* channel, const char* data, int second) {
    const core::Instant now{std::chrono::seconds(second)};
    home_.hub->publish(channel, {.data = data, .received = now}, {}, {});
    home_.hub->hand_over(now);
    return home_.hub->is_held_back();
  };
  EXPECT_FALSE(publish_quietly("chat", "12", 100));  // three bytes with the encoding's
  EXPECT_FALSE(publish_quietly("news", "", 101)) << "three of four bytes: the fourth is taken";
  EXPECT_TRUE(publish_quietly("chat", "", 102)) << "four of four";
  settle();
  EXPECT_THAT(take_events(away_), ElementsAre("5<j12", "5<j", "5<j"));
}

TEST_F(HubTest, FanOutThatLagsAtHomeHoldsBackItsOwnChannel) {
  start({.channel_backlog_bytes_max = 2});
  subscribe(home_, 5);
  for (const char* data : {"1", "2", "3"}) {
    publish(home_, data);
    home_.hub->hand_over({});
  }
  EXPECT_TRUE(home_.hub->is_held_back());
  EXPECT_TRUE(home_.hub->has_work());
  settle();
  EXPECT_THAT(take_events(home_), ElementsAre("5<j1", "5<j2j3"));
}

TEST_F(HubTest, MailThatFindsNoRoomKeepsItsOrder) {
  away_.room = 0;
  const auto subscription = subscribe(away_, 5);
  EXPECT_EQ(publish(away_, "1"), "busy") << "it would overtake the interest";
  EXPECT_TRUE(away_.hub->is_held_back());
  away_.hub->hand_over({});
  EXPECT_FALSE(away_.hub->has_work());
  EXPECT_TRUE(away_.hub->is_held_back());
  away_.room = 1000;
  settle();
  EXPECT_FALSE(away_.hub->is_held_back());
  EXPECT_THAT(take_events(away_), ElementsAre("5 subscribed"));
  away_.hub->unsubscribe(subscription.number);
  settle();
  EXPECT_EQ(home_.hub->home_channel_count(), 0U);
}

TEST_F(HubTest, RefusesAChannelBeyondTheMaximumAndStandsChurnAtIt) {
  start({.channels_max = 1});
  for (int i = 0; i < 20; ++i) {
    // What the channel published is not handed over yet when the next channel takes its place.
    const auto chat = subscribe(home_, 5);
    publish(home_, "1");
    EXPECT_FALSE(home_.hub->subscribe(connection(home_, 5), "news", Encoding::JsonWebSocket));
    home_.hub->unsubscribe(chat.number);
    const auto news = home_.hub->subscribe(connection(home_, 5), "news", Encoding::JsonWebSocket);
    ASSERT_TRUE(news);
    home_.hub->publish("news", {.data = "1"}, {}, {});
    home_.hub->unsubscribe(news->number);
  }
  settle();
  EXPECT_EQ(home_.hub->channel_count(), 0U);
  EXPECT_EQ(home_.hub->home_channel_count(), 0U);
}

}  // namespace
}  // namespace sanjay::hub
