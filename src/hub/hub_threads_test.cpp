// SPDX-License-Identifier: Apache-2.0
// Hubs on real threads: what they share (published bytes, the flow meter) and the order of a
// channel across shards. Meant for ThreadSanitizer as much as for its own checks.
#include "core/random.h"
#include "hub/hub.h"
#include "hub/memory_broker.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace sanjay::hub {
namespace {

constexpr core::ShardIndex kShards = 3;
constexpr std::size_t kChannels = 6;
constexpr std::uint32_t kPublishesPerShard = 3000;
constexpr std::uint32_t kWatcherSlot = 0;  // subscribed to everything from beginning to end
constexpr std::uint32_t kGuestSlots = 8;   // come and go

// A bounded queue between two threads.
class MailQueue {
 public:
  bool push(Mail&& mail) {
    const std::lock_guard lock(mutex_);
    if (mails_.size() >= 64) return false;
    mails_.push_back(std::move(mail));
    return true;
  }
  std::optional<Mail> pop() {
    const std::lock_guard lock(mutex_);
    if (mails_.empty()) return std::nullopt;
    std::optional<Mail> mail(std::move(mails_.front()));
    mails_.pop_front();
    return mail;
  }

 private:
  std::mutex mutex_;
  std::deque<Mail> mails_;
};

struct Shared {
  FlowMeter flow{kShards};
  std::array<MailQueue, kShards * kShards> queues;
  std::atomic<std::uint32_t> watching{0};         // shards whose watcher is live everywhere
  std::atomic<std::uint32_t> done_publishing{0};  // shards, every publish answered
  std::array<std::atomic<std::uint32_t>, kChannels> accepted{};
  std::atomic<std::uint32_t> done_receiving{0};  // shards whose watcher has everything
  std::atomic<std::uint32_t> empty{0};           // shards that have forgotten every channel
  const std::chrono::steady_clock::time_point deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(60);
};

std::string channel_name(std::size_t channel) { return "channel" + std::to_string(channel); }

class ShardThread final : public PublicationEncoder,
                          public MailCarrier,
                          public DeliverySink,
                          public HubEvents {
 public:
  ShardThread(core::ShardIndex index, Shared& shared)
      : index_(index), shared_(shared), random_(index + 1U), broker_({}, index + 1U, {}) {
    HubOptions options;
    options.shard = index;
    options.shards = kShards;
    options.flow_bytes_max = 2000;
    options.channel_backlog_bytes_max = 1000;
    options.home.channels.pending_bytes_max = 1000;
    options.publishes_in_flight_max = 32;
    hub_ = std::make_unique<Hub>(options, shared.flow, broker_, *this, *this, *this, *this);
  }

  void run() {
    for (std::size_t channel = 0; channel < kChannels; ++channel) subscribe(kWatcherSlot, channel);
    turn_until([this] { return live_watches_ == kChannels; });
    ++shared_.watching;
    turn_until([this] { return shared_.watching == kShards; });
    while (published_ < kPublishesPerShard && in_time()) {
      for (int i = 0; i < 8 && published_ < kPublishesPerShard; ++i) act();
      turn();
    }
    turn_until([this] { return in_flight_ == 0; });
    ++shared_.done_publishing;
    turn_until([this] { return shared_.done_publishing == kShards && has_everything(); });
    ++shared_.done_receiving;
    turn_until([this] { return shared_.done_receiving == kShards; });
    while (!subscriptions_.empty()) unsubscribe(subscriptions_.begin()->first);
    turn_until([this] { return hub_->channel_count() == 0; });
    ++shared_.empty;
    turn_until([this] { return shared_.empty == kShards; });
    turn_until([this] { return hub_->home_channel_count() == 0; });
  }

  const std::array<std::vector<std::string>, kChannels>& watched() const { return watched_; }
  std::uint64_t refused() const { return refused_; }
  std::uint64_t guest_deliveries() const { return guest_deliveries_; }

 private:
  using Place = std::pair<std::uint32_t, std::size_t>;  // slot and channel

  bool encode(const EncodeAs& how, std::string_view channel, const Publication& publication,
              std::string& out) override {
    out += how.encoding == Encoding::JsonWebSocket ? 'J' : 'P';
    out += channel.back();
    out.append(publication.data).append(";");
    return true;
  }
  bool encode_movement(Encoding, std::string_view, Movement, const ClientInfo&,
                       std::string&) override {
    return false;
  }
  bool send(core::ShardIndex to, Mail&& mail) override {
    return shared_.queues[std::size_t{index_} * kShards + to].push(std::move(mail));
  }
  void deliver(std::uint32_t slot, const core::SegmentRef& segment, Reach) override {
    std::string_view bytes = segment.bytes();
    while (!bytes.empty()) {
      const std::size_t end = bytes.find(';');
      const auto channel = static_cast<std::size_t>(bytes[1] - '0');
      const std::string data(bytes.substr(2, end - 2));
      bytes.remove_prefix(end + 1);
      if (slot == kWatcherSlot) {
        watched_[channel].push_back(data);
        continue;
      }
      // Of each publisher, a guest must see rising numbers.
      ASSERT_TRUE(subscriptions_.contains({slot, channel}));
      ++guest_deliveries_;
      const auto number = static_cast<std::uint32_t>(std::stoul(data.substr(2)));
      auto& last = last_seen_[{slot, channel}][static_cast<std::size_t>(data[0] - '0')];
      EXPECT_GT(number, last);
      last = number;
    }
  }
  void hold(std::uint32_t, const core::SegmentRef&) override { FAIL() << "nobody is held"; }
  void on_trouble(std::uint32_t, SubscriptionNumber, Trouble) override {
    FAIL() << "nothing is lost";
  }
  void on_subscribed(core::ConnectionId connection, SubscriptionNumber,
                     SubscriptionResult&& result) override {
    EXPECT_FALSE(result.failure);
    if (connection.slot == kWatcherSlot) ++live_watches_;
  }
  void on_answer(const ReplyTo& reply_to, Answer&& answer) override {
    --in_flight_;
    if (std::holds_alternative<Published>(answer)) {
      ++shared_.accepted[reply_to.request];
    } else {
      EXPECT_TRUE(std::holds_alternative<Busy>(answer));
      ++refused_;
    }
  }

  void subscribe(std::uint32_t slot, std::size_t channel) {
    const auto encoding = slot % 2 == 0 ? Encoding::JsonWebSocket : Encoding::ProtobufWebSocket;
    SubscriptionOptions options;
    options.positioned = channel % 4 == 0;
    const auto subscribed =
        *hub_->subscribe({slot, 1, index_}, channel_name(channel), encoding, options);
    subscriptions_[{slot, channel}] = subscribed.number;
    last_seen_[{slot, channel}] = {};
    if (slot == kWatcherSlot && subscribed.live) ++live_watches_;
  }
  void unsubscribe(Place place) {
    hub_->unsubscribe(subscriptions_.at(place));
    subscriptions_.erase(place);
  }

  void act() {
    const std::size_t channel = random_.below(kChannels);
    if (random_.below(4) == 0) {
      const Place place{1 + static_cast<std::uint32_t>(random_.below(kGuestSlots)), channel};
      if (subscriptions_.contains(place)) {
        unsubscribe(place);
      } else if (!hub_->is_held_back()) {  // a client waits for one answer before the next question
        subscribe(place.first, channel);
      }
      return;
    }
    const std::string data = std::to_string(index_) + "-" + std::to_string(published_ + 1);
    const ReplyTo reply_to{{1, 1, index_}, static_cast<std::uint32_t>(channel)};
    // Half of the channels keep a history; some of those subscribers follow it.
    PublishOptions options;
    if (channel % 2 == 0) options.history = {10, std::chrono::hours(1), std::chrono::hours(1)};
    const auto answer = hub_->publish(channel_name(channel), {.data = data}, options, reply_to);
    if (answer && std::holds_alternative<Busy>(*answer)) return;
    ++published_;
    if (answer) {
      ASSERT_TRUE(std::holds_alternative<Published>(*answer));
      ++shared_.accepted[channel];
    } else {
      ++in_flight_;
    }
  }

  void turn() {
    for (core::ShardIndex from = 0; from < kShards; ++from) {
      for (int i = 0; i < 32; ++i) {
        auto mail = shared_.queues[std::size_t{from} * kShards + index_].pop();
        if (!mail) break;
        hub_->on_mail(from, *std::move(mail));
      }
    }
    hub_->hand_over({});
    hub_->run(40);
  }
  bool in_time() const { return std::chrono::steady_clock::now() < shared_.deadline; }
  template <class Condition>
  void turn_until(Condition&& condition) {
    while (!condition()) {
      turn();
      std::this_thread::yield();
      if (in_time()) continue;
      ADD_FAILURE() << "shard " << index_ << " waits in vain";
      return;
    }
  }
  bool has_everything() const {
    for (std::size_t channel = 0; channel < kChannels; ++channel) {
      if (watched_[channel].size() < shared_.accepted[channel]) return false;
    }
    return true;
  }

  const core::ShardIndex index_;
  Shared& shared_;
  core::Random random_;
  MemoryBroker broker_;
  std::unique_ptr<Hub> hub_;
  std::map<Place, SubscriptionNumber> subscriptions_;
  std::map<Place, std::array<std::uint32_t, kShards>> last_seen_;
  std::array<std::vector<std::string>, kChannels> watched_;
  std::size_t live_watches_ = 0;
  std::uint32_t published_ = 0;
  std::uint32_t in_flight_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t guest_deliveries_ = 0;
};

TEST(HubThreads, AllShardsSeeEachChannelInTheSameOrder) {
  Shared shared;
  std::vector<std::unique_ptr<ShardThread>> shards;
  for (core::ShardIndex i = 0; i < kShards; ++i) {
    shards.push_back(std::make_unique<ShardThread>(i, shared));
  }
  std::vector<std::thread> threads;
  for (auto& shard : shards) threads.emplace_back([&shard] { shard->run(); });
  for (auto& thread : threads) thread.join();

  std::uint64_t refused = 0;
  for (const auto& shard : shards) {
    refused += shard->refused();
    EXPECT_GT(shard->guest_deliveries(), 0U);
    EXPECT_EQ(shard->watched(), shards[0]->watched());
  }
  std::uint64_t accepted = 0;
  for (std::size_t channel = 0; channel < kChannels; ++channel) {
    accepted += shared.accepted[channel];
    EXPECT_EQ(shards[0]->watched()[channel].size(), shared.accepted[channel]);
  }
  EXPECT_EQ(accepted + refused, std::uint64_t{kShards} * kPublishesPerShard);
  EXPECT_GT(accepted, 0U);
  for (core::ShardIndex from = 0; from < kShards; ++from) {
    for (core::ShardIndex to = 0; to < kShards; ++to) EXPECT_EQ(shared.flow.between(from, to), 0U);
  }
}

}  // namespace
}  // namespace sanjay::hub
