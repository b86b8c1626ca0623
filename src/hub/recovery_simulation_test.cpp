// SPDX-License-Identifier: Apache-2.0
// Clients that follow channels by their positions, drop at any moment and return anywhere with the
// last position they know, over several hubs whose brokers are late, fail, lose publications and
// forget histories: random schedules from a seed, against what the brokers really said.
//
// What must hold for every client and channel: the publications it sees are those of one epoch and
// without a hole or a repeat, or it was told of the break: not recovered, or state lost. Who joins
// leaves once, after that. SANJAY_SEEDS=N tries so many seeds, from SANJAY_FIRST_SEED on.
#include "core/random.h"
#include "hub/hub.h"
#include "hub/test_broker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sanjay::hub {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kSeeds = 2000;
constexpr int kSteps = 300;
constexpr std::size_t kClients = 5;
constexpr BrokerTicket kOtherNode = ~BrokerTicket{0} - 1;

// How often the rare paths were taken: a simulation that never gets there would prove nothing.
struct Coverage {
  std::uint64_t delivered = 0;
  std::uint64_t recovered = 0;  // with publications
  std::uint64_t recovered_newest = 0;
  std::uint64_t not_recovered = 0;
  std::uint64_t other_epoch = 0;
  std::uint64_t lost = 0;
  std::uint64_t failed = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t dropped_while_pending = 0;
  std::uint64_t gaps = 0;
  std::uint64_t losses = 0;
  std::uint64_t held_back = 0;
  std::uint64_t joins = 0;
};

// What a broker says and is told, on its way: who was there, and which publication is which.
class Spy final : public Broker, private BrokerEvents {
 public:
  // Of one client's one subscription, as the home shard's calls have it.
  struct Attendance {
    bool present = false;
    int joins = 0;
    int leaves = 0;
  };
  using Truth = std::map<std::string, StreamPosition, std::less<>>;  // by data, all of them unique
  using Attendances = std::map<std::string, Attendance, std::less<>>;

  Spy(Truth& truth, Attendances& attendances, std::uint64_t seed, core::Instant now)
      : truth_(truth), attendances_(attendances), inner_({}, seed, now) {}

  TestBroker& inner() { return inner_; }

  void attach(BrokerEvents& events) override {
    events_ = &events;
    inner_.attach(*this);
  }
  bool subscribe(std::string_view channel, BrokerTicket ticket) override {
    return inner_.subscribe(channel, ticket);
  }
  void unsubscribe(std::string_view channel) override { inner_.unsubscribe(channel); }
  std::optional<Answer> publish(std::string_view channel, const Publication& publication,
                                const PublishOptions& options, BrokerTicket ticket) override {
    return inner_.publish(channel, publication, options, ticket);
  }
  void publish_join(std::string_view channel, const ClientInfo& info) override {
    Attendance& attendance = attendances_[std::string(info.client)];
    EXPECT_EQ(++attendance.joins, 1) << info.client << " joined twice";
    EXPECT_EQ(attendance.leaves, 0) << info.client << " had left";
    inner_.publish_join(channel, info);
  }
  void publish_leave(std::string_view channel, const ClientInfo& info) override {
    Attendance& attendance = attendances_[std::string(info.client)];
    EXPECT_EQ(++attendance.leaves, 1) << info.client << " left twice";
    EXPECT_EQ(attendance.joins, 1) << info.client << " had not joined";
    inner_.publish_leave(channel, info);
  }
  void history(std::string_view channel, const HistoryQuery& query, BrokerTicket ticket) override {
    inner_.history(channel, query, ticket);
  }
  void remove_history(std::string_view channel, BrokerTicket ticket) override {
    inner_.remove_history(channel, ticket);
  }
  void add_presence(std::string_view channel, const ClientInfo& info,
                    BrokerTicket ticket) override {
    attendances_[std::string(info.client)].present = true;
    inner_.add_presence(channel, info, ticket);
  }
  void remove_presence(std::string_view channel, std::string_view client,
                       BrokerTicket ticket) override {
    attendances_[std::string(client)].present = false;
    inner_.remove_presence(channel, client, ticket);
  }
  void presence(std::string_view channel, BrokerTicket ticket) override {
    inner_.presence(channel, ticket);
  }
  void presence_stats(std::string_view channel, BrokerTicket ticket) override {
    inner_.presence_stats(channel, ticket);
  }
  void poll(core::Instant now) override { inner_.poll(now); }
  bool has_answers() const override { return inner_.has_answers(); }
  core::Duration presence_renewal() const override { return inner_.presence_renewal(); }

 private:
  void on_publication(std::string_view channel, const PublicationRef& publication,
                      std::string_view epoch) override {
    note(*publication, epoch);
    events_->on_publication(channel, publication, epoch);
  }
  void on_transient_publication(std::string_view, const Publication&) override {
    FAIL() << "all are kept";
  }
  void on_join(std::string_view channel, const ClientInfo& info) override {
    events_->on_join(channel, info);
  }
  void on_leave(std::string_view channel, const ClientInfo& info) override {
    events_->on_leave(channel, info);
  }
  void on_answer(BrokerTicket ticket, Answer&& answer) override {
    if (const auto* history = std::get_if<History>(&answer)) {
      for (const auto& publication : history->publications) note(*publication, history->top.epoch);
    }
    events_->on_answer(ticket, std::move(answer));
  }
  void note(const StoredPublication& publication, std::string_view epoch) {
    const StreamPosition position{publication.offset(), std::string(epoch)};
    const auto [known, is_new] = truth_.emplace(std::string(publication.view().data), position);
    EXPECT_EQ(known->second, position);
  }

  Truth& truth_;
  Attendances& attendances_;
  TestBroker inner_;
  BrokerEvents* events_ = nullptr;
};

class World;

// The surroundings of one hub; everything is passed on to the world.
class Shard final : public PublicationEncoder,
                    public MailCarrier,
                    public DeliverySink,
                    public HubEvents {
 public:
  Shard(World& world, const HubOptions& options, FlowMeter& flow, Spy::Truth& truth,
        Spy::Attendances& attendances, std::uint64_t seed, core::Instant now)
      : world_(world),
        index_(options.shard),
        broker_(truth, attendances, seed, now),
        hub_(options, flow, broker_, *this, *this, *this, *this) {}

  Hub& hub() { return hub_; }
  TestBroker& broker() { return broker_.inner(); }

  bool encode(const EncodeAs&, std::string_view, const Publication& publication,
              std::string& out) override {
    out.append(std::to_string(publication.offset)).append(":");
    out.append(publication.data).append(";");
    return true;
  }
  // Who hears of whom is tested elsewhere.
  bool encode_movement(Encoding, std::string_view, Movement, const ClientInfo&,
                       std::string& out) override {
    out.append("-;");
    return true;
  }
  bool send(core::ShardIndex to, Mail&& mail) override;
  void deliver(std::uint32_t slot, const core::SegmentRef& bytes, Reach) override;
  void hold(std::uint32_t, const core::SegmentRef&) override { FAIL() << "nobody is held"; }
  void on_trouble(std::uint32_t slot, SubscriptionNumber subscription, Trouble trouble) override;
  void on_subscribed(core::ConnectionId connection, SubscriptionNumber subscription,
                     SubscriptionResult&& result) override;
  void on_answer(const ReplyTo&, Answer&&) override {}

 private:
  World& world_;
  const core::ShardIndex index_;
  Spy broker_;
  Hub hub_;
};

// One client in one channel.
struct Follower {
  enum class State : std::uint8_t { Away, Pending, Live };

  std::size_t channel = 0;
  State state = State::Away;
  core::ShardIndex shard = 0;
  std::uint32_t attempt = 0;
  SubscriptionNumber number = 0;
  SubscriptionOptions options{};
  StreamPosition position{};  // of the last publication seen, where known
  bool knows_position = false;
};

class World {
 public:
  World(std::uint64_t seed, Coverage& coverage) : random_(seed), coverage_(coverage) {
    shard_count_ = static_cast<core::ShardIndex>(1 + random_.below(4));
    HubOptions options;
    options.shards = shard_count_;
    options.key = {random_.next(), random_.next()};
    if (one_in(2)) {
      queue_capacity_ = 1 + random_.below(6);
      options.flow_bytes_max = 1 + random_.below(100);
      options.channel_backlog_bytes_max = 1 + random_.below(60);
    }
    if (one_in(4)) {
      options.home.gap_max = static_cast<std::uint32_t>(1 + random_.below(5));
      options.home.channels.held_publications_max = 1 + random_.below(5);
    }
    if (one_in(4)) options.home.call_timeout = seconds(60);  // the hub's own time comes first
    flow_ = std::make_unique<FlowMeter>(shard_count_);
    mail_.resize(std::size_t{shard_count_} * shard_count_);
    for (core::ShardIndex i = 0; i < shard_count_; ++i) {
      options.shard = i;
      shards_.push_back(std::make_unique<Shard>(*this, options, *flow_, truth_, attendances_,
                                                random_.next(), now_));
      shards_.back()->broker().set_faults(some_faults());
    }
    const std::size_t channels = 1 + random_.below(3);
    for (std::size_t i = 0; i < channels; ++i) {
      names_.push_back("channel" + std::to_string(i));
      histories_.push_back({static_cast<std::uint32_t>(one_in(2) ? 100 : 3 + random_.below(5)),
                            std::chrono::hours(1), std::chrono::hours(2)});
    }
    for (std::size_t i = 0; i < kClients * channels; ++i) {
      followers_.push_back({.channel = i % channels});
    }
  }

  void run_steps(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) step();
  }

  // Brokers behave from now on. What they still owe comes, what they never will is given up.
  void heal() {
    for (auto& shard : shards_) {
      shard->broker().set_faults({});
      shard->broker().release_all();
    }
    calm_ = true;
    settle(seconds(80));
    for (const Follower& follower : followers_) {
      EXPECT_NE(follower.state, Follower::State::Pending) << "it is never decided";
    }
  }

  // With the next publication of a channel, everybody is where it is.
  void expect_everybody_at_the_top() {
    for (std::size_t channel = 0; channel < names_.size(); ++channel) {
      const std::string data = publish(any_shard(), channel);
      settle(seconds(20));
      for (const Follower& follower : followers_) {
        if (follower.channel != channel || follower.state != Follower::State::Live) continue;
        ASSERT_TRUE(truth_.contains(data)) << "it was not taken";
        EXPECT_EQ(follower.position, truth_.at(data)) << "it does not know what it misses";
      }
    }
  }

  // Whoever is away returns, and everybody gets what was published between.
  void expect_everybody_to_return() {
    for (int round = 0; round < 2; ++round) {
      for (Follower& follower : followers_) {
        if (follower.state != Follower::State::Away) continue;
        subscribe(follower, any_shard());
      }
      settle(seconds(20));
      for (const Follower& follower : followers_) {
        ASSERT_EQ(follower.state, Follower::State::Live) << "nothing stands in its way";
      }
      expect_everybody_at_the_top();
      if (round > 0) return;
      for (Follower& follower : followers_) drop(follower);
      for (std::size_t channel = 0; channel < names_.size(); ++channel) {
        publish(any_shard(), channel);
        settle(seconds(1));
        publish(any_shard(), channel);
      }
      settle(seconds(20));
      must_recover_ = true;
    }
  }

  void expect_nothing_left() {
    for (Follower& follower : followers_) {
      if (follower.state != Follower::State::Away) drop(follower);
    }
    settle(seconds(60));
    for (core::ShardIndex i = 0; i < shard_count_; ++i) {
      EXPECT_EQ(hub(i).channel_count(), 0U) << "local channels of shard " << i;
      EXPECT_EQ(hub(i).home_channel_count(), 0U) << "home channels of shard " << i;
      EXPECT_EQ(hub(i).subscription_count(), 0U) << "subscriptions of shard " << i;
      EXPECT_EQ(hub(i).deadline(), core::kNever) << "calls of shard " << i;
      coverage_.gaps += hub(i).home_stats().gaps.value();
      coverage_.losses += hub(i).home_stats().losses.value();
      for (core::ShardIndex to = 0; to < shard_count_; ++to) {
        EXPECT_EQ(flow_->between(i, to).load(), 0U);
      }
    }
    for (const auto& [client, attendance] : attendances_) {
      EXPECT_FALSE(attendance.present) << client << " is seen and not there";
      EXPECT_EQ(attendance.joins, attendance.leaves) << client;
      coverage_.joins += static_cast<std::uint64_t>(attendance.joins);
    }
  }

  // What the hubs call.

  bool on_send(core::ShardIndex from, core::ShardIndex to, Mail&& mail) {
    auto& queue = mail_of(from, to);
    if (queue.size() >= queue_capacity_) return false;
    queue.push_back(std::move(mail));
    return true;
  }

  void on_deliver(core::ShardIndex shard, std::uint32_t slot, std::string_view bytes) {
    while (!bytes.empty()) {
      const std::string_view one = bytes.substr(0, bytes.find(';'));
      bytes.remove_prefix(one.size() + 1);
      if (one == "-") continue;
      ASSERT_LT(slot, followers_.size());
      Follower& follower = followers_[slot];
      ASSERT_EQ(follower.shard, shard) << "it is elsewhere";
      ASSERT_EQ(follower.state, Follower::State::Live) << "it is not there: " << one;
      const std::string_view data = one.substr(one.find(':') + 1);
      see(follower, std::stoull(std::string(one)), data);
      ++coverage_.delivered;
    }
  }

  void on_trouble(core::ShardIndex shard, std::uint32_t slot, SubscriptionNumber number) {
    Follower& follower = followers_[slot];
    ASSERT_EQ(follower.shard, shard);
    ASSERT_EQ(follower.state, Follower::State::Live);
    ASSERT_EQ(follower.number, number);
    ++coverage_.lost;
    drop(follower);
  }

  void on_subscribed(core::ConnectionId connection, SubscriptionNumber number,
                     const SubscriptionResult& result) {
    ASSERT_LT(connection.slot, followers_.size());
    Follower& follower = followers_[connection.slot];
    ASSERT_EQ(follower.state, Follower::State::Pending) << "it waits for nothing";
    ASSERT_EQ(follower.shard, connection.shard);
    ASSERT_EQ(follower.attempt, connection.generation) << "an earlier one";
    ASSERT_EQ(follower.number, number);
    if (result.failure) {
      ++(*result.failure == Failure::Timeout ? coverage_.timed_out : coverage_.failed);
      EXPECT_FALSE(must_recover_) << "the broker is well";
      follower.state = Follower::State::Away;
      return;
    }
    ASSERT_TRUE(result.positioned);
    follower.state = Follower::State::Live;
    const StreamPosition since = follower.position;
    if (!follower.options.recover) {
      EXPECT_FALSE(result.recovered);
      follower.position = result.position;
    } else if (!result.recovered) {
      EXPECT_FALSE(must_recover_) << "nothing was lost";
      ++coverage_.not_recovered;
      if (!result.epoch_matches) ++coverage_.other_epoch;
      EXPECT_TRUE(result.publications.empty());
      follower.position = result.position;
    } else {
      take_recovered(follower, result);
    }
    EXPECT_EQ(follower.position, result.position) << "after " << since.offset;
    follower.knows_position = true;
    if (!calm_ && one_in(6)) drop(follower);
    if (!calm_ && one_in(4)) act_from_within(follower.shard);
  }

 private:
  bool one_in(std::uint64_t n) { return random_.below(n) == 0; }
  core::ShardIndex any_shard() {
    return static_cast<core::ShardIndex>(random_.below(shard_count_));
  }
  Hub& hub(core::ShardIndex shard) { return shards_[shard]->hub(); }
  Follower& any_follower() { return followers_[random_.below(followers_.size())]; }
  std::deque<Mail>& mail_of(core::ShardIndex from, core::ShardIndex to) {
    return mail_[std::size_t{from} * shard_count_ + to];
  }

  BrokerFaults some_faults() {
    const auto percent = [this](std::uint64_t most) {
      return one_in(2) ? 0U : static_cast<unsigned>(random_.below(most));
    };
    return {.late_answer = percent(60),
            .late_publication = percent(60),
            .no_answer = percent(10),
            .failure = percent(20),
            .lost_publication = percent(20),
            .late_max = milliseconds(1 + random_.below(3000))};
  }

  void step() {
    const core::ShardIndex shard = any_shard();
    switch (random_.below(16)) {
      case 0:
      case 1: {
        Follower& follower = any_follower();
        if (follower.state == Follower::State::Away) subscribe(follower, shard);
        break;
      }
      case 2: {
        Follower& follower = any_follower();
        if (follower.state != Follower::State::Away && one_in(2)) drop(follower);
        break;
      }
      case 3:
      case 4:
      case 5:
        publish(shard, random_.below(names_.size()));
        break;
      case 6:
        publish_elsewhere(random_.below(names_.size()));
        break;
      case 7:
        if (one_in(4)) {
          const std::string& name = names_[random_.below(names_.size())];
          shards_[hub(0).home_of(name)]->broker().lose_history(name);
        }
        break;
      case 8:
        now_ += milliseconds(random_.below(one_in(10) ? 6000 : 200));
        break;
      case 9:
      case 10:
      case 11:
        hand_over(shard);
        break;
      case 12:
      case 13:
        hub(shard).run(1 + random_.below(6));
        break;
      default:
        take_mail(any_shard(), shard);
        take_mail(any_shard(), shard);
    }
  }

  // What whoever is told something leads to, before others are told.
  void act_from_within(core::ShardIndex shard) {
    Follower& leaving = any_follower();
    if (leaving.state != Follower::State::Away && leaving.shard == shard) drop(leaving);
    Follower& coming = any_follower();
    if (coming.state == Follower::State::Away) subscribe(coming, shard);
    if (one_in(2)) publish(shard, random_.below(names_.size()));
  }

  void hand_over(core::ShardIndex shard) {
    hub(shard).hand_over(now_);
    if (hub(shard).is_held_back()) ++coverage_.held_back;
  }

  bool take_mail(core::ShardIndex from, core::ShardIndex to) {
    auto& queue = mail_of(from, to);
    if (queue.empty()) return false;
    Mail mail = std::move(queue.front());
    queue.pop_front();
    hub(to).on_mail(from, std::move(mail));
    return true;
  }

  // Turns of all shards until there is nothing to do at any time up to `most` from now.
  void settle(core::Duration most) {
    const core::Instant end = now_ + most;
    for (int turns = 0; turns < 100'000; ++turns) {
      bool quiet = true;
      core::Instant next = end;
      for (core::ShardIndex i = 0; i < shard_count_; ++i) {
        for (core::ShardIndex from = 0; from < shard_count_; ++from) {
          while (take_mail(from, i)) quiet = false;
        }
        hand_over(i);
        hub(i).run(1000);
        quiet = quiet && !hub(i).has_work() && !hub(i).is_held_back();
        next = std::min(next, hub(i).deadline());
      }
      for (const auto& queue : mail_) quiet = quiet && queue.empty();
      if (!quiet) continue;
      if (now_ >= end || next >= end) return;
      now_ = std::max(now_, next);
    }
    ADD_FAILURE() << "the hubs do not come to rest";
  }

  void subscribe(Follower& follower, core::ShardIndex shard) {
    const auto slot = static_cast<std::uint32_t>(&follower - followers_.data());
    follower.shard = shard;
    follower.state = Follower::State::Pending;
    ++follower.attempt;
    SubscriptionOptions& options = follower.options;
    options = {.joins = one_in(3), .positioned = true};
    options.recover = follower.knows_position;
    options.newest_only = !must_recover_ && one_in(5);
    options.publications_max = one_in(4) && !must_recover_ ? 2 : 300;
    options.since = follower.position;
    options.presence = one_in(2);
    options.announced = one_in(2);
    options.info.client = "c" + std::to_string(slot) + "-" + std::to_string(follower.attempt);
    const auto encoding = one_in(3) ? Encoding::ProtobufWebSocket : Encoding::JsonWebSocket;
    const auto subscribed = hub(shard).subscribe({slot, follower.attempt, shard},
                                                 names_[follower.channel], encoding, options);
    ASSERT_TRUE(subscribed);
    EXPECT_FALSE(subscribed->live);
    follower.number = subscribed->number;
  }

  void drop(Follower& follower) {
    if (follower.state == Follower::State::Pending) ++coverage_.dropped_while_pending;
    follower.state = Follower::State::Away;
    const SubscriptionOptions& options = follower.options;
    hub(follower.shard)
        .unsubscribe(follower.number, {options.presence, options.announced, options.info.view()});
  }

  std::string publish(core::ShardIndex shard, std::size_t channel) {
    const std::string data = std::to_string(++published_);
    hub(shard).publish(names_[channel], {.data = data}, {.history = histories_[channel]},
                       {{0, 1, shard}, 0});
    return data;
  }
  void publish_elsewhere(std::size_t channel) {
    const std::string data = std::to_string(++published_);
    shards_[hub(0).home_of(names_[channel])]->broker().publish(
        names_[channel], {.data = data}, {.history = histories_[channel]}, kOtherNode);
  }

  void see(Follower& follower, std::uint64_t offset, std::string_view data) {
    const auto known = truth_.find(data);
    ASSERT_TRUE(known != truth_.end());
    EXPECT_EQ(known->second.offset, offset);
    EXPECT_EQ(known->second.epoch, follower.position.epoch) << "another epoch, and not told";
    EXPECT_EQ(offset, follower.position.offset + 1) << "a hole or a repeat, and not told";
    follower.position = known->second;
  }

  void take_recovered(Follower& follower, const SubscriptionResult& result) {
    const StreamPosition& since = follower.options.since;
    if (follower.options.newest_only) {
      ++coverage_.recovered_newest;
      ASSERT_LE(result.publications.size(), 1U);
      if (result.publications.empty()) {
        EXPECT_EQ(since, result.position);
      } else {
        EXPECT_EQ(truth_.at(std::string(result.publications[0]->view().data)), result.position);
      }
      follower.position = result.position;
      return;
    }
    EXPECT_EQ(since.epoch, result.position.epoch);
    if (!result.publications.empty()) ++coverage_.recovered;
    for (const auto& publication : result.publications) {
      see(follower, publication->offset(), publication->view().data);
    }
  }

  core::Random random_;
  Coverage& coverage_;
  core::Instant now_{seconds(1000)};
  core::ShardIndex shard_count_ = 0;
  std::size_t queue_capacity_ = 1'000'000;
  std::unique_ptr<FlowMeter> flow_;
  Spy::Truth truth_;
  Spy::Attendances attendances_;
  std::vector<std::string> names_;
  std::vector<HistorySettings> histories_;
  std::vector<std::deque<Mail>> mail_;
  std::vector<Follower> followers_;  // their places are the slots of their connections
  std::vector<std::unique_ptr<Shard>> shards_;
  std::uint64_t published_ = 0;
  bool calm_ = false;
  bool must_recover_ = false;
};

bool Shard::send(core::ShardIndex to, Mail&& mail) {
  return world_.on_send(index_, to, std::move(mail));
}
void Shard::deliver(std::uint32_t slot, const core::SegmentRef& bytes, Reach) {
  world_.on_deliver(index_, slot, bytes.bytes());
}
void Shard::on_trouble(std::uint32_t slot, SubscriptionNumber subscription, Trouble trouble) {
  EXPECT_EQ(trouble, Trouble::StateLost);
  world_.on_trouble(index_, slot, subscription);
}
void Shard::on_subscribed(core::ConnectionId connection, SubscriptionNumber subscription,
                          SubscriptionResult&& result) {
  EXPECT_EQ(connection.shard, index_);
  world_.on_subscribed(connection, subscription, result);
}

void simulate(std::uint64_t seed, Coverage& coverage) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  World world(seed, coverage);
  world.run_steps(kSteps);
  if (testing::Test::HasFailure()) return;
  world.heal();
  world.expect_everybody_at_the_top();
  if (testing::Test::HasFailure()) return;
  world.expect_everybody_to_return();
  world.expect_nothing_left();
}

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::stoull(text);
}

TEST(RecoverySimulation, NobodyMissesOrRepeatsAPublicationWithoutBeingTold) {
  const std::uint64_t seeds = number_from("SANJAY_SEEDS", kSeeds);
  const std::uint64_t first = number_from("SANJAY_FIRST_SEED", 1);
  Coverage coverage;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    simulate(seed, coverage);
    if (testing::Test::HasFailure()) return;
  }
  if (seeds < kSeeds) return;
  EXPECT_GT(coverage.delivered, 40 * seeds);
  EXPECT_GT(coverage.recovered, seeds);
  EXPECT_GT(coverage.recovered_newest, seeds / 2);
  EXPECT_GT(coverage.not_recovered, seeds);
  EXPECT_GT(coverage.other_epoch, seeds / 4);
  EXPECT_GT(coverage.lost, seeds);
  EXPECT_GT(coverage.failed, seeds / 4);
  EXPECT_GT(coverage.timed_out, seeds / 10);
  EXPECT_GT(coverage.dropped_while_pending, seeds);
  EXPECT_GT(coverage.gaps, seeds / 2);
  EXPECT_GT(coverage.losses, seeds);
  EXPECT_GT(coverage.held_back, seeds);
  EXPECT_GT(coverage.joins, seeds);
}

}  // namespace
}  // namespace sanjay::hub
