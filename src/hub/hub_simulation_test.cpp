// SPDX-License-Identifier: Apache-2.0
// Several hubs in one thread, driven by a seed through random steps in random order, against a
// model that knows what each subscriber may and must receive.
#include "core/random.h"
#include "hub/hub.h"
#include "hub/memory_broker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace sanjay::hub {
namespace {

constexpr std::uint32_t kSlots = 6;
constexpr std::uint64_t kSeeds = 4000;
constexpr int kSteps = 400;

// How often the rare paths were taken, over all seeds: a simulation that never gets there would
// prove nothing.
struct Coverage {
  std::uint64_t deliveries = 0;
  std::uint64_t subscribed_pending = 0;
  std::uint64_t subscribed_pending_at_home = 0;
  std::uint64_t left_while_pending = 0;
  std::uint64_t refused_by_carrier = 0;
  std::uint64_t busy_at_once = 0;
  std::uint64_t busy_by_mail = 0;
  std::uint64_t channels_max_reached = 0;
  std::uint64_t held_back = 0;
  std::uint64_t second_encoding_asked = 0;
};

enum class Decision : std::uint8_t { Open, Accepted, Refused };

// A publication in the order in which its home shard saw it.
struct Ordered {
  std::uint32_t sequence;
  Decision decision;
  bool bound_reached;  // the home shard had a reason to refuse
};

// One subscription's life. `first_min`..`first_max` is where in the channel's order its
// publications may begin: nothing before, and from `first_max` on all of them.
struct Subscription {
  core::ConnectionId connection;
  std::size_t channel = 0;
  Encoding encoding = Encoding::JsonWebSocket;
  SubscriptionNumber number = 0;
  bool live = false;
  bool ended = false;
  std::size_t first_min = 0;
  std::size_t first_max = 0;
  std::size_t end = 0;
  std::vector<std::uint32_t> received;
};

struct Request {
  core::ShardIndex shard;
  core::ShardIndex home;
  std::uint32_t sequence;
  core::ConnectionId connection;
  bool answered = false;
};

class World;

// The surroundings of one hub; everything is passed on to the world.
class Shard final : public PublicationEncoder,
                    public MailCarrier,
                    public DeliverySink,
                    public HubEvents {
 public:
  Shard(World& world, const HubOptions& options, FlowMeter& flow)
      : world_(world),
        index_(options.shard),
        broker_({}, options.shard + 1U, {}),
        hub_(options, flow, broker_, *this, *this, *this, *this) {}

  Hub& hub() { return hub_; }

  bool encode(const EncodeAs& how, std::string_view channel, const Publication& publication,
              std::string& out) override;
  bool send(core::ShardIndex to, Mail&& mail) override;
  void deliver(std::uint32_t slot, const core::SegmentRef& bytes, Reach) override;
  bool encode_movement(Encoding, std::string_view, Movement, const ClientInfo&,
                       std::string&) override {
    ADD_FAILURE() << "nobody is announced";
    return false;
  }
  void hold(std::uint32_t, const core::SegmentRef&) override { FAIL() << "nobody is held"; }
  void on_trouble(std::uint32_t, SubscriptionNumber, Trouble) override {
    FAIL() << "nothing is lost";
  }
  void on_subscribed(core::ConnectionId connection, SubscriptionNumber subscription,
                     SubscriptionResult&& result) override;
  void on_answer(const ReplyTo& reply_to, Answer&& answer) override;

 private:
  World& world_;
  const core::ShardIndex index_;
  MemoryBroker broker_;
  Hub hub_;
};

class World {
 public:
  World(std::uint64_t seed, Coverage& coverage) : random_(seed), coverage_(coverage) {
    shard_count_ = static_cast<core::ShardIndex>(1 + random_.below(4));
    const bool tight = one_in(2);
    queue_capacity_ = tight ? 1 + random_.below(4) : 1'000'000;
    options_.shards = shard_count_;
    options_.key = {random_.next(), random_.next()};
    options_.channels_max = one_in(4) ? 3 : 100;
    if (tight) {
      options_.publishes_in_flight_max = static_cast<std::uint32_t>(1 + random_.below(6));
      options_.flow_bytes_max = 1 + random_.below(100);
      options_.channel_backlog_bytes_max = 1 + random_.below(60);
      options_.home.channels.pending_bytes_max = 1 + random_.below(80);
      options_.home.channels.total_pending_bytes_max = 1 + random_.below(200);
    }
    flow_ = std::make_unique<FlowMeter>(shard_count_);
    const std::size_t channels = 1 + random_.below(6);
    for (std::size_t i = 0; i < channels; ++i) names_.push_back("channel" + std::to_string(i));
    orders_.resize(channels);
    pairs_.resize(std::size_t{shard_count_} * shard_count_);
    for (core::ShardIndex i = 0; i < shard_count_; ++i) {
      HubOptions options = options_;
      options.shard = i;
      shards_.push_back(std::make_unique<Shard>(*this, options, *flow_));
      pending_bytes_.emplace_back(channels, 0);
      connections_.emplace_back(kSlots);
    }
  }

  void run_steps(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) step();
  }

  // Everything that is under way arrives, as long as the hubs themselves say that there is work.
  void drain() {
    calm_ = true;
    for (int round = 0; round < 10'000; ++round) {
      bool quiet = true;
      for (core::ShardIndex i = 0; i < shard_count_; ++i) {
        for (core::ShardIndex from = 0; from < shard_count_; ++from) {
          while (take_mail(from, i)) quiet = false;
        }
        if (!hub(i).has_work() && !hub(i).is_held_back()) continue;
        quiet = false;
        hand_over(i);
        hub(i).run(1 + random_.below(50));
      }
      if (quiet) return;
    }
    ADD_FAILURE() << "the hubs do not come to rest";
  }

  void check_after_drain() {
    for (const Request& request : requests_) EXPECT_TRUE(request.answered) << "publish unanswered";
    for (const Subscription& subscription : subscriptions_) check_received(subscription);
    for (core::ShardIndex from = 0; from < shard_count_; ++from) {
      for (core::ShardIndex to = 0; to < shard_count_; ++to) {
        EXPECT_EQ(flow_->between(from, to).load(), 0U) << "flow " << from << " to " << to;
      }
    }
  }

  void leave_all() {
    for (std::size_t i = 0; i < subscriptions_.size(); ++i) unsubscribe(i);
    drain();
    for (core::ShardIndex i = 0; i < shard_count_; ++i) {
      EXPECT_EQ(hub(i).channel_count(), 0U) << "local channels of shard " << i;
      EXPECT_EQ(hub(i).home_channel_count(), 0U) << "home channels of shard " << i;
      EXPECT_EQ(hub(i).subscription_count(), 0U) << "subscriptions of shard " << i;
    }
  }

  // What the hubs call.
  void on_encode(core::ShardIndex shard, Encoding encoding, std::string_view channel,
                 const Publication& publication, std::string& out) {
    const std::size_t before = out.size();
    out += encoding == Encoding::JsonWebSocket ? 'J' : 'P';
    out.append(channel).append(":").append(publication.data).append(";");
    pending_bytes_[shard][channel_named(channel)] += out.size() - before;
  }

  bool on_send(core::ShardIndex from, core::ShardIndex to, Mail&& mail) {
    EXPECT_NE(from, to);
    Pair& pair = pair_of(from, to);
    pair.refused_last =
        pair.mail.size() >= queue_capacity_ || (queue_capacity_ < 10 && !calm_ && one_in(8));
    if (pair.refused_last) {
      ++coverage_.refused_by_carrier;
      return false;
    }
    if (std::holds_alternative<Interest>(mail)) interest_sent_ = true;
    pair.mail.push_back(std::move(mail));
    return true;
  }

  void on_deliver(core::ShardIndex shard, std::uint32_t slot, std::string_view bytes) {
    ASSERT_FALSE(bytes.empty());
    while (!bytes.empty()) {
      const std::size_t colon = bytes.find(':');
      const std::size_t end = bytes.find(';');
      const std::size_t channel = channel_named(bytes.substr(1, colon - 1));
      Subscription* subscription = find_subscription(shard, slot, channel);
      ASSERT_TRUE(subscription != nullptr) << "delivery to nobody: " << bytes;
      ASSERT_TRUE(subscription->live) << "delivery before on_subscribed: " << bytes;
      EXPECT_EQ(bytes[0], subscription->encoding == Encoding::JsonWebSocket ? 'J' : 'P');
      const std::string sequence(bytes.substr(colon + 1, end - colon - 1));
      subscription->received.push_back(static_cast<std::uint32_t>(std::stoul(sequence)));
      bytes.remove_prefix(end + 1);
      ++coverage_.deliveries;
    }
  }

  void on_subscribed(core::ShardIndex shard, core::ConnectionId connection,
                     SubscriptionNumber number) {
    for (std::size_t i = 0; i < subscriptions_.size(); ++i) {
      Subscription& subscription = subscriptions_[i];
      const bool same = !subscription.ended && subscription.connection == connection &&
                        subscription.number == number && connection.shard == shard;
      if (!same) continue;
      ASSERT_FALSE(subscription.live) << "confirmed twice";
      subscription.live = true;
      subscription.first_max = orders_[subscription.channel].size();
      if (calm_ || !one_in(3)) return;
      // The connection's next command comes at once: the hub must stand being called back.
      const std::uint64_t next = random_.below(3);
      if (next == 0) unsubscribe(i);
      if (next == 1) publish(shard, random_.below(names_.size()));
      if (next == 2) subscribe(connection, random_.below(names_.size()));
      return;
    }
    ADD_FAILURE() << "on_subscribed for an unknown subscription";
  }

  void on_answer(core::ShardIndex shard, const ReplyTo& reply_to, const Answer& answer) {
    ASSERT_LT(reply_to.request, requests_.size());
    Request& request = requests_[reply_to.request];
    EXPECT_EQ(request.shard, shard);
    EXPECT_EQ(request.connection, reply_to.connection);
    ASSERT_FALSE(request.answered) << "publish answered twice";
    request.answered = true;
    --in_flight(shard, request.home);
    Ordered& ordered = *find_ordered(request.sequence);
    ASSERT_EQ(ordered.decision, Decision::Open);
    const bool accepted = std::holds_alternative<Published>(answer);
    ASSERT_TRUE(accepted || std::holds_alternative<Busy>(answer));
    ordered.decision = accepted ? Decision::Accepted : Decision::Refused;
    if (!accepted) {
      ++coverage_.busy_by_mail;
      EXPECT_TRUE(ordered.bound_reached) << "refused without reason";
    }
    if (!calm_ && one_in(3)) publish(shard, random_.below(names_.size()));
  }

 private:
  struct Pair {
    std::deque<Mail> mail;
    bool refused_last = false;  // so the hub has mail waiting for this pair
    std::uint32_t in_flight = 0;
  };

  struct Connection {
    std::uint32_t generation = 1;
    std::map<std::size_t, std::size_t> subscriptions;  // channel → index in subscriptions_
  };

  bool one_in(std::uint64_t n) { return random_.below(n) == 0; }
  Hub& hub(core::ShardIndex shard) { return shards_[shard]->hub(); }
  core::ShardIndex any_shard() {
    return static_cast<core::ShardIndex>(random_.below(shard_count_));
  }
  Pair& pair_of(core::ShardIndex from, core::ShardIndex to) {
    return pairs_[std::size_t{from} * shard_count_ + to];
  }
  std::uint32_t& in_flight(core::ShardIndex from, core::ShardIndex to) {
    return pair_of(from, to).in_flight;
  }
  std::size_t channel_named(std::string_view name) const {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] == name) return i;
    }
    ADD_FAILURE() << "unknown channel " << name;
    return 0;
  }
  static bool keeps_history(std::size_t channel) { return channel % 2 == 1; }
  Connection& connection_of(core::ConnectionId id) { return connections_[id.shard][id.slot]; }
  Subscription* find_subscription(core::ShardIndex shard, std::uint32_t slot, std::size_t channel) {
    const auto& of_connection = connections_[shard][slot].subscriptions;
    const auto found = of_connection.find(channel);
    return found == of_connection.end() ? nullptr : &subscriptions_[found->second];
  }
  Ordered* find_ordered(std::uint32_t sequence) {
    for (auto& order : orders_) {
      for (auto& ordered : order) {
        if (ordered.sequence == sequence) return &ordered;
      }
    }
    ADD_FAILURE() << "answer to a publication that its home never saw";
    std::abort();
  }

  void step() {
    const core::ShardIndex shard = any_shard();
    const auto slot = static_cast<std::uint32_t>(random_.below(kSlots));
    const core::ConnectionId connection{slot, connections_[shard][slot].generation, shard};
    switch (random_.below(16)) {
      case 0:
      case 1:
      case 2:
        subscribe(connection, random_.below(names_.size()));
        break;
      case 3:
      case 4:
        leave_one(connection);
        break;
      case 5:
        if (one_in(3)) die(connection);
        break;
      case 6:
      case 7:
      case 8:
        publish(shard, random_.below(names_.size()));
        break;
      case 9:
      case 10:
        hand_over(shard);
        break;
      case 11:
      case 12:
        hub(shard).run(1 + random_.below(6));
        break;
      default:
        take_mail(any_shard(), shard);
        take_mail(any_shard(), shard);
    }
  }

  void subscribe(core::ConnectionId connection, std::size_t channel) {
    auto& of_connection = connection_of(connection).subscriptions;
    if (of_connection.contains(channel)) return;
    Hub& h = hub(connection.shard);
    const auto encoding = one_in(3) ? Encoding::ProtobufWebSocket : Encoding::JsonWebSocket;
    const bool known = h.find_channel(names_[channel]).has_value();
    const std::uint32_t channels_before = h.channel_count();
    interest_sent_ = false;
    SubscriptionOptions options;
    options.positioned = keeps_history(channel) && one_in(2);
    const auto subscribed = h.subscribe(connection, names_[channel], encoding, options);
    if (!subscribed) {
      ++coverage_.channels_max_reached;
      EXPECT_FALSE(known);
      EXPECT_EQ(channels_before, options_.channels_max);
      return;
    }
    EXPECT_EQ(h.find_channel(names_[channel]), h.channel_of(subscribed->number));
    const bool at_home = h.home_of(names_[channel]) == connection.shard;
    const std::size_t now = orders_[channel].size();
    Subscription subscription;
    subscription.connection = connection;
    subscription.channel = channel;
    subscription.encoding = encoding;
    subscription.number = subscribed->number;
    subscription.live = subscribed->live;
    // Away from home, only one who makes his shard ask sees nothing from before; others may see
    // what is on its way to those who came earlier.
    subscription.first_min = at_home || interest_sent_ ? now : 0;
    subscription.first_max = now;
    if (!subscribed->live) {
      ++(at_home ? coverage_.subscribed_pending_at_home : coverage_.subscribed_pending);
      if (!at_home && encoding == Encoding::ProtobufWebSocket && known) {
        ++coverage_.second_encoding_asked;
      }
    }
    of_connection[channel] = subscriptions_.size();
    subscriptions_.push_back(std::move(subscription));
  }

  void unsubscribe(std::size_t index) {
    Subscription& subscription = subscriptions_[index];
    if (subscription.ended) return;
    if (!subscription.live) ++coverage_.left_while_pending;
    connection_of(subscription.connection).subscriptions.erase(subscription.channel);
    subscription.ended = true;
    subscription.end = orders_[subscription.channel].size();
    hub(subscription.connection.shard).unsubscribe(subscription.number);
  }

  void leave_one(core::ConnectionId connection) {
    const auto& of_connection = connection_of(connection).subscriptions;
    if (of_connection.empty()) return;
    auto which = of_connection.begin();
    std::advance(which, static_cast<long>(random_.below(of_connection.size())));
    unsubscribe(which->second);
  }

  // The slot has a new tenant at once.
  void die(core::ConnectionId connection) {
    Connection& dying = connection_of(connection);
    while (!dying.subscriptions.empty()) unsubscribe(dying.subscriptions.begin()->second);
    ++dying.generation;
  }

  void publish(core::ShardIndex shard, std::size_t channel) {
    const std::uint32_t sequence = next_sequence_++;
    const core::ShardIndex home = hub(shard).home_of(names_[channel]);
    const core::ConnectionId connection{sequence, 1, shard};
    const ReplyTo reply_to{connection, static_cast<std::uint32_t>(requests_.size())};
    const bool bound_reached = home_is_full(home, channel);
    const bool pair_is_full = pair_of(shard, home).refused_last ||
                              in_flight(shard, home) == options_.publishes_in_flight_max;
    const std::string data = std::to_string(sequence);
    PublishOptions options;
    if (keeps_history(channel)) options.history = {3, std::chrono::hours(1), {}};
    const auto answer = hub(shard).publish(names_[channel], {.data = data}, options, reply_to);
    if (!answer) {
      EXPECT_NE(home, shard);
      ++in_flight(shard, home);
      requests_.push_back({shard, home, sequence, connection});
    } else if (std::holds_alternative<Published>(*answer)) {
      EXPECT_EQ(home, shard);
      orders_[channel].push_back({sequence, Decision::Accepted, false});
    } else {
      ASSERT_TRUE(std::holds_alternative<Busy>(*answer));
      ++coverage_.busy_at_once;
      EXPECT_TRUE(home == shard ? bound_reached : pair_is_full) << "refused without reason";
    }
  }

  // Whether a bound may be reached: bytes leave the count only when all of a shard's are gone.
  bool home_is_full(core::ShardIndex home, std::size_t channel) const {
    std::size_t total = 0;
    for (const std::size_t bytes : pending_bytes_[home]) total += bytes;
    return pending_bytes_[home][channel] >= options_.home.channels.pending_bytes_max ||
           total >= options_.home.channels.total_pending_bytes_max;
  }

  void hand_over(core::ShardIndex shard) {
    hub(shard).hand_over({});
    if (hub(shard).is_held_back()) {
      ++coverage_.held_back;
    } else {
      std::fill(pending_bytes_[shard].begin(), pending_bytes_[shard].end(), 0);
    }
  }

  bool take_mail(core::ShardIndex from, core::ShardIndex to) {
    auto& mails = pair_of(from, to).mail;
    if (mails.empty()) return false;
    Mail mail = std::move(mails.front());
    mails.pop_front();
    if (const auto* request = std::get_if<std::unique_ptr<PublishRequest>>(&mail)) {
      const std::size_t channel = channel_named((*request)->channel);
      orders_[channel].push_back(
          {static_cast<std::uint32_t>(std::stoul(std::string((*request)->publication.view().data))),
           Decision::Open, home_is_full(to, channel)});
    }
    hub(to).on_mail(from, std::move(mail));
    return true;
  }

  void check_received(const Subscription& subscription) {
    const auto& order = orders_[subscription.channel];
    const std::size_t end = subscription.ended ? subscription.end : order.size();
    std::size_t next = 0;  // in the order: everything accepted before it is accounted for
    for (const std::uint32_t sequence : subscription.received) {
      const std::size_t from = next;
      while (next < order.size() && order[next].sequence != sequence) ++next;
      ASSERT_LT(next, end) << "duplicate, out of order, refused or after the end: " << sequence;
      ASSERT_GE(next, subscription.first_min) << "published before the subscription: " << sequence;
      EXPECT_EQ(order[next].decision, Decision::Accepted);
      const bool first = sequence == subscription.received.front();
      expect_none_accepted(subscription, first ? subscription.first_max : from, next);
      ++next;
    }
    if (subscription.ended) return;  // what was on its way when it ended is lost to it
    const bool none = subscription.received.empty();
    expect_none_accepted(subscription, none ? subscription.first_max : next, end);
  }

  void expect_none_accepted(const Subscription& subscription, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      const Ordered& ordered = orders_[subscription.channel][i];
      EXPECT_NE(ordered.decision, Decision::Accepted)
          << "hole at " << ordered.sequence << " in " << names_[subscription.channel] << ", shard "
          << subscription.connection.shard;
    }
  }

  core::Random random_;
  Coverage& coverage_;
  core::ShardIndex shard_count_ = 0;
  std::size_t queue_capacity_ = 0;
  HubOptions options_;
  std::unique_ptr<FlowMeter> flow_;
  std::vector<std::string> names_;
  std::vector<std::vector<Ordered>> orders_;  // per channel
  std::vector<std::unique_ptr<Shard>> shards_;
  std::deque<Pair> pairs_;
  std::vector<std::vector<std::size_t>> pending_bytes_;  // per shard and channel
  std::vector<std::vector<Connection>> connections_;     // per shard and slot
  std::deque<Subscription> subscriptions_;
  std::deque<Request> requests_;
  std::uint32_t next_sequence_ = 0;
  bool interest_sent_ = false;
  bool calm_ = false;  // draining: nothing new begins
};

bool Shard::encode(const EncodeAs& how, std::string_view channel, const Publication& publication,
                   std::string& out) {
  world_.on_encode(index_, how.encoding, channel, publication, out);
  return true;
}
bool Shard::send(core::ShardIndex to, Mail&& mail) {
  return world_.on_send(index_, to, std::move(mail));
}
void Shard::deliver(std::uint32_t slot, const core::SegmentRef& bytes, Reach) {
  world_.on_deliver(index_, slot, bytes.bytes());
}
void Shard::on_subscribed(core::ConnectionId connection, SubscriptionNumber subscription,
                          SubscriptionResult&& result) {
  EXPECT_FALSE(result.failure);
  world_.on_subscribed(index_, connection, subscription);
}
void Shard::on_answer(const ReplyTo& reply_to, Answer&& answer) {
  world_.on_answer(index_, reply_to, answer);
}

void simulate(std::uint64_t seed, Coverage& coverage) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  World world(seed, coverage);
  world.run_steps(kSteps);
  world.drain();
  world.check_after_drain();
  // A second life of the same hubs: whatever the first has left behind shows itself here.
  world.leave_all();
}

TEST(HubSimulation, EverySubscriberReceivesItsChannelInOneOrderWithoutHoleOrDuplicate) {
  Coverage coverage;
  for (std::uint64_t seed = 1; seed <= kSeeds && !testing::Test::HasFailure(); ++seed) {
    simulate(seed, coverage);
  }
  // Seeds that once found a fault beyond the first ones.
  for (const std::uint64_t seed : {12024}) simulate(seed, coverage);
  if (testing::Test::HasFailure()) return;
  EXPECT_GT(coverage.deliveries, 100 * kSeeds);
  EXPECT_GT(coverage.subscribed_pending, kSeeds);
  EXPECT_GT(coverage.subscribed_pending_at_home, kSeeds);
  EXPECT_GT(coverage.left_while_pending, kSeeds);
  EXPECT_GT(coverage.second_encoding_asked, kSeeds);
  EXPECT_GT(coverage.refused_by_carrier, kSeeds);
  EXPECT_GT(coverage.held_back, kSeeds);
  EXPECT_GT(coverage.busy_at_once, kSeeds);
  EXPECT_GT(coverage.busy_by_mail, kSeeds / 10);
  EXPECT_GT(coverage.channels_max_reached, kSeeds / 10);
}

}  // namespace
}  // namespace sanjay::hub
