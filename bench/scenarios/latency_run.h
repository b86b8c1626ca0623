// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/fleet.h"
#include "bench/scenarios/latency.h"
#include "bench/scenarios/latency_load.h"
#include "core/result.h"
#include "core/time.h"

#include <cstdint>
#include <optional>
#include <string>

namespace sanjay::bench {

/// An open-loop run step by step: what `latency` and `storm` have in common. In this order: open(),
/// begin(), whatever the scenario does, await_deliveries(), end_slow_readers(), close(). Main
/// thread; `options` outlive it.
class LatencyRun {
 public:
  /// `reopened`: the last so many connections will be opened again (ConnectionPlan).
  LatencyRun(const LatencyOptions& options, Tolerance tolerance, std::uint32_t reopened = 0);

  /// Whether the options make sense together.
  static core::Status check(const LatencyOptions& options);

  /// Starts the shards and opens all connections.
  core::Status open();
  /// Begins publishing; returns when the warm-up is over and measuring begins.
  core::Status begin();
  /// No message is due from then on; not in the past.
  void end_at(core::Instant end) { shared_.end.store(end, std::memory_order_relaxed); }
  /// Waits until all who are still there have everything that was published.
  core::Status await_deliveries();
  /// Those who did not keep up look again: the server must have given them up.
  core::Status end_slow_readers();
  /// Stops the shards and judges what became of the messages.
  void close();

  Fleet& fleet() { return fleet_; }
  LatencyShared& shared() { return shared_; }
  std::uint64_t delivered() const { return shared_.delivered.load(std::memory_order_acquire); }
  /// The server's own counters; nothing where it does not tell them.
  std::optional<ServerCounters> read_counters() const;

  // After close().
  telemetry::Histogram latency_ns(Stretch stretch);
  telemetry::Histogram lateness_ns(Stretch stretch);
  const DeliveryVerdict& verdict() const { return verdict_; }
  const MemoryCourse& memory() const { return memory_; }
  std::uint64_t slow_left() const { return shared_.slow - shared_.slow_ended.load(); }

 private:
  static ConnectionPlan plan_of(const LatencyOptions& options, const LatencyShared& shared,
                                std::uint32_t reopened);
  std::uint64_t published() const;
  std::uint64_t due_deliveries() const;
  bool complete() const;

  const LatencyOptions& options_;
  LatencyShared shared_;
  Fleet fleet_;
  MemoryCourse memory_;
  DeliveryVerdict verdict_;
};

}  // namespace sanjay::bench
