// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/scenarios/latency.h"
#include "core/result.h"
#include "core/time.h"
#include "telemetry/histogram.h"

#include <cstdint>
#include <string>

namespace sanjay::bench {

/// What those who stay feel of many others who come back at once. The load of `latency` is measured
/// alone for load.duration; then load.idle other clients, which were connected all the time, are
/// cut by the generator at once and reconnect as fast as ClientOptions::connect_parallel lets them
/// (TCP, upgrade, connect, subscribe if load.idle_subscription says so), while the measuring goes
/// on until all are back and then for `after`.
///
/// The generator's own work at a storm is in publisher_lateness: where it shares a CPU with those
/// it measures, that part of the latency is not the server's.
struct StormOptions {
  StormOptions() {
    load.subscribers_per_channel = 5;
    load.idle = 20'000;
    load.idle_subscription = Subscription::Own;
  }

  LatencyOptions load;
  core::Duration after = std::chrono::seconds(1);
};

/// One stretch of the run: before, during and after the storm.
struct StormStretch {
  telemetry::Histogram latency_ns;   // of those who stay: due → received
  telemetry::Histogram lateness_ns;  // due → published
};

struct StormResult {
  StormStretch before;
  StormStretch during;
  StormStretch after;
  telemetry::Histogram reconnect_ns;  // TCP connect → ready, of those who come back
  std::uint64_t reconnects = 0;
  core::Duration storm{};  // from the cut until all are back
  Usage usage_before;
  Usage usage_during;
  DeliveryVerdict verdict;  // of those who stay
  MemoryCourse memory;
  std::string interrupted;  // why the run did not come to its end; empty if it did

  /// Of the storm alone: what the load costs without it is taken off.
  double server_ns_per_reconnect() const;
  bool sound() const {
    return interrupted.empty() && verdict.sound() && verdict.closed_count() == 0;
  }
};

core::Result<StormResult> run_storm(const StormOptions& options);

}  // namespace sanjay::bench
