// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/worker.h"
#include "bench/payload/delivery_ledger.h"
#include "bench/payload/stamp.h"
#include "bench/scenarios/latency.h"
#include "bench/scenarios/message_schedule.h"
#include "bench/scenarios/slow_readers.h"
#include "telemetry/histogram.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::bench {

/// Which ends of measured subscribers the run goes on after.
enum class Tolerance : std::uint8_t {
  None,
  SlowClosed,  // those of slow ones, and refused publications
  AnyClosed,   // all, so that they can be counted
};

/// Parts of a run that are measured apart.
enum class Stretch : std::uint8_t { Before, During, After };
inline constexpr std::size_t kStretches = 3;
using StretchedHistogram = std::array<telemetry::Histogram, kStretches>;

/// What the shards of an open-loop run, and its main thread, tell each other.
///
/// Connections are numbered: the subscribers, number i on channel i % channels; the publishers;
/// those that stall and crawl; the idle ones.
struct LatencyShared {
  /// What became of one channel, as shards report it.
  struct Channel {
    std::atomic<std::uint32_t> closed{0};   // subscribers
    std::atomic<std::uint64_t> refused{0};  // publications
  };

  LatencyShared(const LatencyOptions& options, Tolerance tolerated);

  std::uint32_t first_publisher() const { return subscribers; }
  std::uint32_t first_slow() const { return subscribers + publishers; }
  std::uint32_t first_idle() const { return first_slow() + slow; }
  std::uint32_t connections() const { return first_idle() + idle; }
  std::uint32_t channel_of(std::uint32_t receiver) const { return receiver % schedule.channels; }

  const MessageSchedule schedule;
  const Tolerance tolerance;
  const std::uint32_t subscribers;
  const std::uint32_t publishers;
  const std::uint32_t slow;
  const std::uint32_t idle;
  const std::uint32_t receivers;  // connections that get messages; a bare server's are all

  // Written by the main thread before begin().
  core::Instant start;
  core::Instant measure_from;
  // Written by the main thread at any time; max: not yet known.
  std::atomic<core::Instant> end{core::Instant::max()};  // of publishing
  std::atomic<core::Instant> storm_from{core::Instant::max()};
  std::atomic<core::Instant> storm_until{core::Instant::max()};

  // Written by the shards.
  const std::unique_ptr<std::atomic<std::uint64_t>[]> next;  // of each publisher: his next message
  const std::unique_ptr<Channel[]> channels;
  std::atomic<std::uint32_t> publishing{0};  // publishers not yet at the end
  std::atomic<std::uint64_t> delivered{0};
  std::atomic<std::uint64_t> closed_received{0};  // what those closed had got until then
  std::atomic<std::uint32_t> closed{0};
  std::atomic<std::uint32_t> slow_ended{0};
};

/// What the publishers have sent, and the server taken, in all.
struct SentMessages {
  /// After the publishers have ended.
  explicit SentMessages(const LatencyShared& shared);

  std::span<const std::uint64_t> to(std::uint32_t channel) const {
    return std::span(counts).subspan(std::size_t{channel} * turns, turns);
  }

  std::uint32_t turns;                // publishers of each channel
  std::vector<std::uint64_t> counts;  // by channel and its manieth publisher
  std::vector<std::uint64_t> refused;
};

/// One shard's subscribers and publishers of an open-loop run.
class LatencyLoad final : public Load {
 public:
  LatencyLoad(const LatencyOptions& options, LatencyShared& shared, Worker& worker);

  void on_begin(std::uint64_t rounds) override;
  void on_drain() override;
  void on_message(Connection& connection, std::string_view message) override;
  bool on_refused(Connection& connection, std::uint32_t id) override;
  bool on_ended(Connection& connection, std::uint16_t close_code) override;
  bool on_turn(core::Instant now) override;

  // After the shard has stopped.
  const telemetry::Histogram& latency_ns(Stretch stretch) const {
    return latency_ns_[static_cast<std::size_t>(stretch)];
  }
  const telemetry::Histogram& lateness_ns(Stretch stretch) const {
    return lateness_ns_[static_cast<std::size_t>(stretch)];
  }
  /// Numbers of the messages that were refused.
  const std::vector<std::uint64_t>& refused() const { return refused_; }
  /// Adds what this shard's subscribers lack. `orders` are the orders in which complete subscribers
  /// of each channel have seen its publishers; 0: none yet.
  void judge(const SentMessages& sent, std::vector<std::uint64_t>& orders,
             DeliveryVerdict& verdict);

 private:
  struct Publisher {
    std::uint32_t connection;
    std::uint64_t next;  // number of its next message among all
  };

  bool is_receiver(const Connection& connection) const {
    return connection.index() < shared_.receivers;
  }
  bool publish_due();
  bool publish_due(Publisher& publisher);
  void publish(Connection& connection, const Stamp& stamp);
  void report_slow_ends();
  std::size_t stretch_of(core::Instant due, core::Instant arrived) const;
  std::vector<std::uint64_t> forgive_refused(const SentMessages& sent);

  const LatencyOptions& options_;
  LatencyShared& shared_;
  Worker& worker_;
  DeliveryLedger ledger_;     // receivers by place
  std::vector<bool> closed_;  // the same
  StampedMessage message_;
  std::string command_;
  std::vector<Publisher> publishers_;
  std::vector<std::uint64_t> refused_;
  std::map<std::uint16_t, std::uint64_t> closings_;
  SlowReaders slow_;
  std::uint32_t slow_open_ = 0;  // as last reported
  bool running_ = false;
  bool draining_ = false;
  std::uint64_t delivered_ = 0;  // in this turn
  StretchedHistogram latency_ns_;
  StretchedHistogram lateness_ns_;
};

}  // namespace sanjay::bench
