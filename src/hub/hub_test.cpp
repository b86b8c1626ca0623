// SPDX-License-Identifier: Apache-2.0
#include "hub/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sanjay::hub {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr core::ShardIndex kHome = 0;
constexpr core::ShardIndex kAway = 1;

// Two hubs; mail moves when the test says so. Channels "chat" and "news" have their home on kHome.
class HubTest : public testing::Test {
 protected:
  struct Side final : PublicationEncoder, MailCarrier, DeliverySink, HubEvents {
    bool encode(Encoding encoding, std::string_view, const Publication& publication,
                std::string& out) override {
      out += encoding == Encoding::JsonWebSocket ? 'j' : 'p';
      out.append(publication.data).append(publication.publisher.client);
      out.append(publication.publisher.user).append(publication.publisher.conn_info);
      return true;
    }
    bool send(core::ShardIndex, Mail&& mail) override {
      if (outgoing.size() >= room) return false;
      outgoing.push_back(std::move(mail));
      return true;
    }
    void deliver(std::uint32_t slot, const core::SegmentRef& bytes, Reach) override {
      events.push_back(std::to_string(slot) + "<" + std::string(bytes.bytes()));
    }
    void on_subscribed(core::ConnectionId connection, SubscriptionNumber) override {
      events.push_back(std::to_string(connection.slot) + " subscribed");
      if (auto next = std::exchange(next_command, nullptr)) next();
    }
    void on_published(const ReplyTo& reply_to, PublishOutcome outcome) override {
      events.push_back(std::to_string(reply_to.request) +
                       (outcome == PublishOutcome::Accepted ? " accepted" : " busy"));
    }

    core::ShardIndex index = 0;
    std::deque<Mail> outgoing;
    std::size_t room = 1000;
    std::vector<std::string> events;
    std::function<void()> next_command;  // what the next one who is subscribed does at once
    std::unique_ptr<Hub> hub;
  };

  HubTest() {
    away_.index = kAway;
    start({});
  }

  void start(HubOptions options) {
    options.shards = 2;
    while (true) {  // a key that puts both channels where the tests want them
      ++options.key.k0;
      for (Side* side : {&home_, &away_}) {
        options.shard = side->index;
        side->hub = std::make_unique<Hub>(options, flow_, *side, *side, *side, *side);
      }
      if (home_.hub->home_of("chat") == kHome && home_.hub->home_of("news") == kHome) return;
    }
  }

  static core::ConnectionId connection(const Side& side, std::uint32_t slot) {
    return {slot, 1, side.index};
  }
  static Hub::Subscribed subscribe(Side& side, std::uint32_t slot,
                                   Encoding encoding = Encoding::JsonWebSocket) {
    return *side.hub->subscribe(connection(side, slot), "chat", encoding);
  }
  static PublishOutcome publish(Side& side, std::string_view data, std::uint32_t request = 0) {
    return side.hub->publish("chat", {data, {}}, {connection(side, 0), request});
  }
  void take_mail(Side& to) {
    Side& from = to.index == kHome ? away_ : home_;
    while (!from.outgoing.empty()) {
      Mail mail = std::move(from.outgoing.front());
      from.outgoing.pop_front();
      to.hub->on_mail(from.index, std::move(mail));
    }
  }
  void settle() {
    for (int i = 0; i < 10; ++i) {
      for (Side* side : {&home_, &away_}) {
        take_mail(*side);
        side->hub->hand_over({});
        side->hub->run(1000);
      }
    }
  }
  static std::vector<std::string> take_events(Side& side) { return std::exchange(side.events, {}); }

  FlowMeter flow_{2};
  Side home_;
  Side away_;
};

TEST_F(HubTest, AtHomeASubscriberIsLiveAtOnceAndReceivesWhatFollows) {
  publish(home_, "1");
  EXPECT_TRUE(subscribe(home_, 5).live);
  EXPECT_EQ(publish(home_, "2"), PublishOutcome::Accepted);
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
    home_.hub->publish(channel, {"1", {}}, {});
    EXPECT_FALSE(subscribe_to(channel, 6));
  }
  home_.next_command = [&] {
    home_.hub->publish("news", {"2", {}}, {});
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
  const Publication publication{"{}", {"c", "u", "i"}};
  EXPECT_EQ(away_.hub->publish("chat", publication, {connection(away_, 0), 7}),
            PublishOutcome::Pending);
  settle();
  EXPECT_THAT(take_events(home_), ElementsAre("5<j{}cui"));
  EXPECT_THAT(take_events(away_), ElementsAre("7 accepted"));
}

TEST_F(HubTest, PublishesInFlightAreBounded) {
  start({.publishes_in_flight_max = 2});
  EXPECT_EQ(publish(away_, "1", 1), PublishOutcome::Pending);
  EXPECT_EQ(publish(away_, "2", 2), PublishOutcome::Pending);
  EXPECT_EQ(publish(away_, "3", 3), PublishOutcome::Busy);
  settle();
  EXPECT_THAT(take_events(away_), ElementsAre("1 accepted", "2 accepted"));
  EXPECT_EQ(publish(away_, "3", 3), PublishOutcome::Pending);
}

TEST_F(HubTest, AShardThatLagsHoldsPublicationsBackWithoutKeepingTheHomeShardAwake) {
  start({.flow_bytes_max = 2, .home = {.pending_bytes_max = 4}});
  subscribe(away_, 5);
  settle();
  publish(home_, "1");
  home_.hub->hand_over({});
  publish(home_, "2");
  home_.hub->hand_over({});
  EXPECT_FALSE(home_.hub->has_work());
  EXPECT_TRUE(home_.hub->is_held_back());
  EXPECT_EQ(publish(home_, "3"), PublishOutcome::Accepted);
  EXPECT_EQ(publish(home_, "4"), PublishOutcome::Busy);
  EXPECT_FALSE(subscribe(home_, 6).live) << "what is held back is not for him";
  settle();
  EXPECT_FALSE(home_.hub->is_held_back());
  EXPECT_THAT(take_events(away_), ElementsAre("5 subscribed", "5<j1", "5<j2j3"));
  EXPECT_THAT(take_events(home_), ElementsAre("6 subscribed"));
  EXPECT_EQ(publish(home_, "4"), PublishOutcome::Accepted);
}

TEST_F(HubTest, AQuietChannelPassesHotOnesThatFillTheWay) {
  start({.flow_bytes_max = 2, .quiet_flow_bytes_max = 6});
  const core::Instant start_time{std::chrono::seconds(100)};
  subscribe(away_, 5);
  ASSERT_TRUE(away_.hub->subscribe(connection(away_, 6), "news", Encoding::JsonWebSocket));
  settle();
  take_events(away_);
  const auto publish_at = [&](const char* channel, core::Duration after) {
    home_.hub->publish(channel, {"1", {}, start_time + after}, {});
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
    home_.hub->publish(channel, {data, {}, now}, {});
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
  EXPECT_EQ(publish(away_, "1"), PublishOutcome::Busy) << "it would overtake the interest";
  EXPECT_TRUE(away_.hub->is_held_back());
  EXPECT_FALSE(away_.hub->has_work());
  away_.hub->hand_over({});
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
    home_.hub->publish("news", {"1", {}}, {});
    home_.hub->unsubscribe(news->number);
  }
  settle();
  EXPECT_EQ(home_.hub->channel_count(), 0U);
  EXPECT_EQ(home_.hub->home_channel_count(), 0U);
}

}  // namespace
}  // namespace sanjay::hub
