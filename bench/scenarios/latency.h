// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/options.h"
#include "bench/scenarios/effort.h"
#include "core/result.h"
#include "core/time.h"
#include "telemetry/histogram.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace sanjay::bench {

/// Open loop: messages are due at fixed times, whether or not earlier ones have arrived, and their
/// latency counts from the time they were due. So a stall is seen by every message it delays
/// (no coordinated omission). The generator spins while it runs: give it a CPU per shard, or let it
/// nap where other processes need the CPU too.
///
/// Message k is due k / rate after the start, goes to channel k % channels and is published by
/// publisher k % publishers. Bare WebSocket servers broadcast to everybody: one channel only.
struct LatencyOptions {
  ClientOptions client;
  int server_pid = 0;
  std::uint32_t channels = 1000;
  std::uint32_t subscribers_per_channel = 10;
  std::uint32_t publishers = 10;
  /// Subscribers beside those measured that read nothing, or about 1 KiB a second.
  std::uint32_t stalled = 0;
  std::uint32_t crawling = 0;
  double rate = 1000;  // messages per second, all channels together
  std::size_t payload_bytes = 128;
  /// How long it sleeps after a turn in which nothing was due and nothing came; zero spins. Adds up
  /// to this and a wake-up to each latency and lateness.
  core::Duration nap{0};
  std::string channel = "bench";  // the channels are called CHANNEL-0, -1, ...
  core::Duration warmup = std::chrono::seconds(1);
  core::Duration duration = std::chrono::seconds(10);
};

struct LatencyResult {
  telemetry::Histogram latency_ns;   // due → received, each delivery after the warm-up
  telemetry::Histogram lateness_ns;  // due → published: the generator's own part of it
  Usage usage;                       // warm-up excluded
  std::uint64_t published = 0;       // warm-up included
  std::uint64_t expected = 0;        // deliveries
  std::uint64_t delivered = 0;
  std::uint64_t measured_deliveries = 0;
  std::uint64_t slow_left = 0;  // stalled or crawling and at the end not given up by the server
  std::string interrupted;      // why the run did not come to its end; empty if it did

  bool sound() const { return interrupted.empty() && delivered == expected && slow_left == 0; }
};

core::Result<LatencyResult> run_latency(const LatencyOptions& options);

}  // namespace sanjay::bench
