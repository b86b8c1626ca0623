// SPDX-License-Identifier: Apache-2.0
// A MemoryBroker driven by a seed through random calls in virtual time, against a model that keeps
// everything in plain lists and looks at the clock when it is asked.
#include "core/random.h"
#include "hub/broker_contract_test.h"
#include "hub/memory_broker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sanjay::hub {
namespace {

constexpr std::uint64_t kSeeds = 3000;
constexpr int kSteps = 150;
constexpr core::Instant kStart{std::chrono::hours(100)};

// How often the rare things happened, over all seeds.
struct Coverage {
  std::uint64_t suppressed_by_key = 0;
  std::uint64_t suppressed_by_version = 0;
  std::uint64_t trimmed = 0;
  std::uint64_t histories_faded = 0;
  std::uint64_t positions_forgotten = 0;
  std::uint64_t wrong_epochs = 0;
  std::uint64_t read = 0;
};

struct ModelChannel {
  bool known = false;
  std::string epoch;  // empty: to be learned from the broker
  std::uint64_t top = 0;
  std::vector<std::pair<std::uint64_t, std::string>> kept;
  core::Instant expires{};
  core::Instant meta_expires{};
  std::uint64_t version = 0;
  std::string version_epoch;
};

class Scenario {
 public:
  Scenario(std::uint64_t seed, Coverage& coverage) : random_(seed), coverage_(coverage) {
    MemoryBrokerOptions options;
    options.key = {random_.next(), random_.next()};
    options.forget_per_turn = static_cast<std::uint32_t>(random_.below(5));
    broker_ = std::make_unique<MemoryBroker>(options, random_.next(), now_);
    broker_->attach(events_);
  }

  void run() {
    for (int i = 0; i < kSteps && !testing::Test::HasFailure(); ++i) step();
    poll();
  }

  // In the end time takes everything but those who are there.
  void end() {
    now_ += std::chrono::hours(1);
    for (int i = 0; i < 10'000 && (i == 0 || broker_->has_answers()); ++i) broker_->poll(now_);
    const BrokerStats& stats = broker_->stats();
    if (!broker_->has_answers()) {
      EXPECT_EQ(stats.history_channels.value(), 0U);
      EXPECT_EQ(stats.history_publications.value(), 0U);
      EXPECT_EQ(stats.history_bytes.value(), 0U);
      EXPECT_EQ(stats.idempotency_keys.value(), 0U);
    }
    for (const auto& [name, clients] : present_) {
      for (const auto& [client, user] : clients) broker_->remove_presence(name, client, ++ticket_);
    }
    EXPECT_EQ(stats.presence_entries.value(), 0U);
    EXPECT_EQ(stats.presence_channels.value(), 0U);
    EXPECT_EQ(stats.presence_bytes.value(), 0U);
  }

 private:
  void step() {
    const std::string name(1, static_cast<char>('a' + random_.below(3)));
    switch (random_.below(9)) {
      case 0:
      case 1:
      case 2:
        return publish(name);
      case 3:
      case 4:
        return read(name);
      case 5:
        return remove_history(name);
      case 6:
        return change_presence(name);
      case 7:
        return ask_presence(name);
      default:
        if (random_.below(3) > 0) now_ += std::chrono::seconds(random_.below(15));
        return poll();
    }
  }

  core::Duration some_seconds(std::uint64_t bound) {
    return std::chrono::seconds(1 + random_.below(bound));
  }

  // The channel as it is at this moment.
  ModelChannel& now(const std::string& name) {
    ModelChannel& channel = channels_[name];
    if (channel.known && channel.meta_expires <= polled_) {
      channel = {};
      ++coverage_.positions_forgotten;
    }
    if (!channel.kept.empty() && channel.expires <= polled_) {
      channel.kept.clear();
      ++coverage_.histories_faded;
    }
    return channel;
  }
  void check_position(ModelChannel& channel, const StreamPosition& position) {
    channel.known = true;
    ASSERT_EQ(position.offset, channel.top);
    if (channel.epoch.empty()) {
      ASSERT_TRUE(epochs_.insert(position.epoch).second) << "an epoch that had been before";
      channel.epoch = position.epoch;
    }
    ASSERT_EQ(position.epoch, channel.epoch);
  }

  void publish(const std::string& name) {
    PublishOptions options;
    if (random_.below(4) > 0) {
      options.history = {static_cast<std::uint32_t>(1 + random_.below(6)), some_seconds(20),
                         some_seconds(60)};
    }
    const std::string key = random_.below(3) == 0 ? std::to_string(random_.below(3)) : "";
    options.idempotency_key = key;
    options.idempotency_ttl = some_seconds(30);
    const std::string epochs[] = {"", "x", "y"};
    if (random_.below(3) == 0) {
      options.version = 1 + random_.below(5);
      options.version_epoch = epochs[random_.below(3)];
    }
    const std::string data = std::to_string(++published_);
    events_.told.clear();
    const auto answer = broker_->publish(name, {data, {}}, options, ++ticket_);
    ASSERT_TRUE(answer.has_value() && std::holds_alternative<Published>(*answer));
    check_published(name, data, options, std::get<Published>(*answer));
  }
  void check_published(const std::string& name, const std::string& data,
                       const PublishOptions& options, const Published& published) {
    const auto known = keys_.find({name, std::string(options.idempotency_key)});
    if (!options.idempotency_key.empty() && known != keys_.end() &&
        known->second.second > polled_) {
      ++coverage_.suppressed_by_key;
      ASSERT_TRUE(published.suppressed);
      ASSERT_EQ(published.position, known->second.first);
      ASSERT_TRUE(events_.told.empty());
      return;
    }
    if (options.history.enabled()) {
      ModelChannel& channel = now(name);
      const bool same_epoch = options.version_epoch.empty() ||
                              std::string(options.version_epoch) == channel.version_epoch;
      if (options.version > 0 && options.version <= channel.version && same_epoch) {
        ++coverage_.suppressed_by_version;
        ASSERT_TRUE(published.suppressed);
        ASSERT_TRUE(events_.told.empty());
        return check_position(channel, published.position);
      }
      channel.kept.emplace_back(++channel.top, data);
      while (channel.kept.size() > options.history.size) {
        channel.kept.erase(channel.kept.begin());
        ++coverage_.trimmed;
      }
      channel.expires = polled_ + options.history.ttl;
      channel.meta_expires = std::max(channel.expires, polled_ + options.history.meta_ttl);
      if (options.version > 0) {
        channel.version = options.version;
        channel.version_epoch = options.version_epoch;
      }
      check_position(channel, published.position);
      ASSERT_EQ(events_.told,
                std::vector<std::string>{name + " " + std::to_string(channel.top) + " " + data});
      ASSERT_EQ(events_.told_epoch, channel.epoch);
    } else {
      ASSERT_EQ(published.position, StreamPosition{});
      ASSERT_EQ(events_.told, std::vector<std::string>{name + " - " + data});
    }
    ASSERT_FALSE(published.suppressed);
    if (options.idempotency_key.empty()) return;
    keys_[{name, std::string(options.idempotency_key)}] = {published.position,
                                                           polled_ + options.idempotency_ttl};
  }

  void read(const std::string& name) {
    ModelChannel& channel = now(name);
    HistoryQuery query;
    query.limit = static_cast<std::int32_t>(random_.below(6)) - 1;
    query.reverse = random_.below(2) == 0;
    query.meta_ttl = some_seconds(60);
    query.has_since = random_.below(3) > 0;
    query.since.offset = random_.below(channel.top + 3);
    if (random_.below(20) == 0) query.since.offset = ~std::uint64_t{0} - random_.below(2);
    if (random_.below(2) == 0) query.since.epoch = channel.epoch;
    if (random_.below(5) == 0) query.since.epoch = "other";
    channel.meta_expires = polled_ + query.meta_ttl;
    if (!channel.kept.empty()) {
      channel.meta_expires = std::max(channel.meta_expires, channel.expires);
    }
    channel.known = true;

    Expected expected{name, channel.top, {}, true};
    if (query.has_since && !query.since.epoch.empty() && query.since.epoch != channel.epoch) {
      expected.epoch_matches = false;
      ++coverage_.wrong_epochs;
    }
    auto kept = channel.kept;
    if (query.reverse) std::reverse(kept.begin(), kept.end());
    for (const auto& [offset, data] : kept) {
      const bool wanted = !query.has_since || (query.reverse ? offset < query.since.offset
                                                             : offset > query.since.offset);
      const bool room = query.limit == HistoryQuery::kAll ||
                        expected.publications.size() < static_cast<std::size_t>(query.limit);
      if (!wanted || !room || !expected.epoch_matches) continue;
      expected.publications.push_back(std::to_string(offset) + ":" + data);
    }
    coverage_.read += expected.publications.size();
    broker_->history(name, query, ++ticket_);
    reads_.emplace(ticket_, std::move(expected));
    // The epoch that a channel gets by being asked is learned from the answer.
    if (channel.epoch.empty()) poll();
  }

  void remove_history(const std::string& name) {
    if (random_.below(4) > 0) return;
    now(name).kept.clear();
    broker_->remove_history(name, ++ticket_);
    done_.insert(ticket_);
  }

  void change_presence(const std::string& name) {
    const std::string client(1, static_cast<char>('p' + random_.below(5)));
    if (random_.below(2) == 0) {
      const std::string user = random_.below(3) == 0 ? "" : std::to_string(random_.below(3));
      present_[name][client] = user;
      broker_->add_presence(name, {client, user, {}, {}}, ++ticket_);
    } else {
      present_[name].erase(client);
      broker_->remove_presence(name, client, ++ticket_);
    }
    done_.insert(ticket_);
  }
  void ask_presence(const std::string& name) {
    broker_->presence(name, ++ticket_);
    presences_[ticket_] = present_[name];
    broker_->presence_stats(name, ++ticket_);
    presences_[ticket_] = present_[name];
  }

  void poll() {
    broker_->poll(now_);
    for (const auto& [ticket, answer] : events_.answers) check(ticket, answer);
    events_.answers.clear();
    ASSERT_TRUE(reads_.empty() && done_.empty() && presences_.empty()) << "not answered";
    polled_ = now_;
  }
  void check(BrokerTicket ticket, const Answer& answer) {
    if (const auto read = reads_.extract(ticket); !read.empty()) {
      ASSERT_TRUE(std::holds_alternative<History>(answer));
      const auto& history = std::get<History>(answer);
      const Expected& expected = read.mapped();
      ASSERT_EQ(texts(history.publications), expected.publications);
      ASSERT_EQ(history.epoch_matches, expected.epoch_matches);
      ASSERT_EQ(history.top.offset, expected.top);
      ModelChannel& channel = channels_[expected.channel];
      if (channel.epoch.empty()) return check_position(channel, history.top);
      ASSERT_EQ(history.top.epoch, channel.epoch);
    } else if (const auto asked = presences_.extract(ticket); !asked.empty()) {
      std::set<std::string> users;
      for (const auto& [client, user] : asked.mapped()) users.insert(user);
      if (const auto* const stats = std::get_if<PresenceStats>(&answer)) {
        ASSERT_EQ(stats->clients, asked.mapped().size());
        ASSERT_EQ(stats->users, users.size());
        return;
      }
      std::map<std::string, std::string> given;
      for (const auto& info : std::get<Presence>(answer).clients) given[info.client] = info.user;
      ASSERT_EQ(given, asked.mapped());
    } else {
      ASSERT_EQ(done_.erase(ticket), 1U);
      ASSERT_TRUE(std::holds_alternative<Done>(answer));
    }
  }

  struct Expected {
    std::string channel;
    std::uint64_t top;
    std::vector<std::string> publications;
    bool epoch_matches;
  };

  core::Random random_;
  Coverage& coverage_;
  core::Instant now_ = kStart;
  core::Instant polled_ = kStart;  // the time that the broker knows
  RecordedEvents events_;
  std::unique_ptr<MemoryBroker> broker_;
  BrokerTicket ticket_ = 0;
  std::uint64_t published_ = 0;
  std::map<std::string, ModelChannel> channels_;
  std::set<std::string> epochs_;
  std::map<std::pair<std::string, std::string>, std::pair<StreamPosition, core::Instant>> keys_;
  std::map<std::string, std::map<std::string, std::string>> present_;
  // What is to be answered.
  std::map<BrokerTicket, Expected> reads_;
  std::map<BrokerTicket, std::map<std::string, std::string>> presences_;
  std::set<BrokerTicket> done_;
};

TEST(MemoryBrokerProperty, DoesAsTheModel) {
  Coverage coverage;
  for (std::uint64_t seed = 1; seed <= kSeeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Scenario scenario(seed, coverage);
    scenario.run();
    scenario.end();
  }
  EXPECT_GT(coverage.suppressed_by_key, 1000U);
  EXPECT_GT(coverage.suppressed_by_version, 1000U);
  EXPECT_GT(coverage.trimmed, 1000U);
  EXPECT_GT(coverage.histories_faded, 1000U);
  EXPECT_GT(coverage.positions_forgotten, 1000U);
  EXPECT_GT(coverage.wrong_epochs, 1000U);
  EXPECT_GT(coverage.read, 10'000U);
}

}  // namespace
}  // namespace sanjay::hub
