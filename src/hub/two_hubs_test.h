// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hub/hub.h"
#include "hub/test_broker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sanjay::hub {

inline constexpr core::ShardIndex kHome = 0;
inline constexpr core::ShardIndex kAway = 1;

inline const char* name_of(Failure failure) {
  if (failure == Failure::Timeout) return "timeout";
  return failure == Failure::Overloaded ? "overloaded" : "unavailable";
}

/// What an answer says, in words.
inline std::string describe(const Answer& answer) {
  struct Words {
    std::string operator()(const Done&) const { return "done"; }
    std::string operator()(const Published& published) const {
      std::string words = published.suppressed ? "suppressed" : "accepted";
      if (published.position.offset > 0) words += " " + std::to_string(published.position.offset);
      return words;
    }
    std::string operator()(const History& history) const {
      std::string words = "history";
      for (const auto& one : history.publications) words += " " + std::to_string(one->offset());
      return words + " of " + std::to_string(history.top.offset);
    }
    std::string operator()(const Presence& presence) const {
      std::string words = "presence";
      for (const auto& client : presence.clients) words += " " + client.client;
      return words;
    }
    std::string operator()(const PresenceStats& stats) const {
      return "stats " + std::to_string(stats.clients) + " " + std::to_string(stats.users);
    }
    std::string operator()(const Busy&) const { return "busy"; }
    std::string operator()(const Failure& failure) const { return name_of(failure); }
  };
  return std::visit(Words{}, answer);
}

inline std::string describe(const SubscriptionResult& result, bool recovers) {
  if (result.failure) return name_of(*result.failure);
  std::string words = "subscribed";
  if (!result.positioned) return words;
  words += " at " + std::to_string(result.position.offset);
  if (!recovers) return words;
  if (!result.epoch_matches) words += ", another epoch";
  if (!result.recovered) return words + ", not recovered";
  words += ", recovered";
  for (const auto& one : result.publications) words += " " + std::to_string(one->offset());
  return words;
}

/// Two hubs, each with a broker; mail moves and time passes when the test says so. Channels "chat"
/// and "news" have their home on kHome. What a hub says to its connections becomes text.
class TwoHubs : public testing::Test {
 protected:
  struct Side final : PublicationEncoder, MailCarrier, DeliverySink, HubEvents {
    // Protobuf cannot carry "?".
    bool encode(const EncodeAs& how, std::string_view, const Publication& publication,
                std::string& out) override {
      if (how.encoding == Encoding::ProtobufWebSocket && publication.data == "?") return false;
      out += how.encoding == Encoding::JsonWebSocket ? 'j' : 'p';
      out.append(publication.data).append(publication.publisher.client);
      out.append(publication.publisher.user).append(publication.publisher.conn_info);
      return true;
    }
    bool encode_movement(Encoding encoding, std::string_view, Movement movement,
                         const ClientInfo& info, std::string& out) override {
      out += encoding == Encoding::JsonWebSocket ? 'j' : 'p';
      out.append(movement == Movement::Join ? "+" : "-").append(info.client);
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
    void hold(std::uint32_t slot, const core::SegmentRef& bytes) override {
      events.push_back(std::to_string(slot) + "#" + std::string(bytes.bytes()));
    }
    void on_trouble(std::uint32_t slot, SubscriptionNumber subscription, Trouble trouble) override {
      events.push_back(std::to_string(slot) +
                       (trouble == Trouble::StateLost ? " lost" : " unencodable"));
      if (ends_in_trouble) hub->unsubscribe(subscription);
    }
    void on_subscribed(core::ConnectionId connection, SubscriptionNumber,
                       SubscriptionResult&& result) override {
      events.push_back(std::to_string(connection.slot) + " " + describe(result, recovers));
      if (result.positioned) last_position = result.position;
      if (auto next = std::exchange(next_command, nullptr)) next();
    }
    void on_answer(const ReplyTo& reply_to, Answer&& answer) override {
      if (reply_to.request == 0) return;  // nobody wants to know
      events.push_back(std::to_string(reply_to.request) + " " + describe(answer));
      if (auto next = std::exchange(next_command, nullptr)) next();
    }

    core::ShardIndex index = 0;
    std::deque<Mail> outgoing;
    std::size_t room = 1000;
    bool recovers = false;  // results tell of it
    bool ends_in_trouble = false;
    StreamPosition last_position;  // of a subscription that began
    std::vector<std::string> events;
    std::function<void()> next_command;  // what the next one who is told something does at once
    std::unique_ptr<TestBroker> broker;
    std::unique_ptr<Hub> hub;
  };

  TwoHubs() {
    away_.index = kAway;
    start({});
  }

  void start(HubOptions options, const MemoryBrokerOptions& broker = {}) {
    options.shards = 2;
    const auto is_at_home = [&options](const char* channel) {
      return core::siphash(options.key, channel) % 2 == kHome;
    };
    do {
      ++options.key.k0;
    } while (!is_at_home("chat") || !is_at_home("news"));
    for (Side* side : {&home_, &away_}) {
      options.shard = side->index;
      side->hub.reset();
      side->broker = std::make_unique<TestBroker>(broker, 1 + side->index, now_);
      side->hub = std::make_unique<Hub>(options, flow_, *side->broker, *side, *side, *side, *side);
    }
    ASSERT_EQ(home_.hub->home_of("chat"), kHome);
  }

  static core::ConnectionId connection(const Side& side, std::uint32_t slot) {
    return {slot, 1, side.index};
  }
  static Hub::Subscribed subscribe(Side& side, std::uint32_t slot,
                                   Encoding encoding = Encoding::JsonWebSocket,
                                   const SubscriptionOptions& options = {}) {
    return *side.hub->subscribe(connection(side, slot), "chat", encoding, options);
  }
  static Hub::Subscribed subscribe(Side& side, std::uint32_t slot,
                                   const SubscriptionOptions& options) {
    return subscribe(side, slot, Encoding::JsonWebSocket, options);
  }
  // What the publisher is told at once: an answer, or "pending".
  static std::string publish(Side& side, std::string_view data, std::uint32_t request = 0,
                             const PublishOptions& options = {}) {
    const auto answer =
        side.hub->publish("chat", {.data = data}, options, {connection(side, 0), request});
    return answer ? describe(*answer) : "pending";
  }
  static PublishOptions kept(std::uint32_t size = 100) {
    return {.history = {size, std::chrono::hours(1), std::chrono::hours(2)}};
  }
  // With the data that says its offset, if the numbers are right.
  void publish_kept(int from, int to) {
    for (int i = from; i <= to; ++i) {
      publish(home_, std::to_string(i), 0, kept());
    }
  }

  void take_mail(Side& to) {
    Side& from = to.index == kHome ? away_ : home_;
    while (!from.outgoing.empty()) {
      Mail mail = std::move(from.outgoing.front());
      from.outgoing.pop_front();
      to.hub->on_mail(from.index, std::move(mail));
    }
  }
  void turn() {
    for (Side* side : {&home_, &away_}) {
      take_mail(*side);
      side->hub->hand_over(now_);
      side->hub->run(1000);
    }
  }
  void settle() {
    for (int i = 0; i < 10; ++i) turn();
  }
  // Turns only when the hubs ask for one, as a loop does.
  void pass(core::Duration duration) {
    const core::Instant end = now_ + duration;
    settle();
    for (int turns = 0; turns < 1000; ++turns) {
      core::Instant next = std::min({end, home_.hub->deadline(), away_.hub->deadline()});
      const auto is_busy = [](const Side& side) {
        return side.hub->has_work() || side.hub->is_held_back() || !side.outgoing.empty();
      };
      if (is_busy(home_) || is_busy(away_)) next = now_;
      now_ = std::max(now_, next);
      turn();
      if (now_ == end && !is_busy(home_) && !is_busy(away_)) return;
    }
    ADD_FAILURE() << "the hubs do not come to rest";
  }
  static std::vector<std::string> take_events(Side& side) { return std::exchange(side.events, {}); }

  // Nothing is left of what was: channels, subscriptions, calls on brokers, bytes on their way.
  void expect_empty() {
    pass(std::chrono::minutes(1));
    for (Side* side : {&home_, &away_}) {
      EXPECT_EQ(side->hub->channel_count(), 0U);
      EXPECT_EQ(side->hub->home_channel_count(), 0U);
      EXPECT_EQ(side->hub->subscription_count(), 0U);
      EXPECT_EQ(side->hub->deadline(), core::kNever);
      EXPECT_FALSE(side->hub->has_work());
      EXPECT_FALSE(side->hub->is_held_back());
      EXPECT_FALSE(side->broker->is_subscribed("chat"));
    }
    for (core::ShardIndex from : {kHome, kAway}) {
      for (core::ShardIndex to : {kHome, kAway}) EXPECT_EQ(flow_.between(from, to).load(), 0U);
    }
  }

  core::Instant now_{};
  FlowMeter flow_{2};
  Side home_;
  Side away_;
};

}  // namespace sanjay::hub
