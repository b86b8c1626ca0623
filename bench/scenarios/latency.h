// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/options.h"
#include "bench/measure/process.h"
#include "bench/measure/server_metrics.h"
#include "bench/measure/usage_meter.h"
#include "bench/payload/delivery_ledger.h"
#include "core/result.h"
#include "core/time.h"
#include "telemetry/histogram.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace sanjay::bench {

/// Open loop: messages are due at fixed times, whether or not earlier ones have arrived, and their
/// latency counts from the time they were due. So a stall is seen by every message it delays
/// (no coordinated omission). The generator spins while it runs: give it a CPU per shard, or let it
/// nap where other processes need the CPU too.
///
/// What goes where: MessageSchedule. Bare WebSocket servers broadcast to everybody: one channel
/// only. Every delivery is entered in a ledger of its subscriber.
struct LatencyOptions {
  ClientOptions client;
  int server_pid = 0;
  std::uint32_t channels = 1000;
  std::uint32_t subscribers_per_channel = 10;
  std::uint32_t publishers = 10;
  /// Subscribers beside those measured that read nothing, or about 1 KiB a second.
  std::uint32_t stalled = 0;
  std::uint32_t crawling = 0;
  /// Connections beside those measured that do nothing but answer pings.
  std::uint32_t idle = 0;
  Subscription idle_subscription = Subscription::None;
  /// More is asked than the machine can do: that the server gives up subscribers who do not keep up
  /// (3008, or cut) or refuses publications is no failure, but that anything is lost without it is.
  bool overload = false;
  double rate = 1000;  // messages per second, all channels together
  std::size_t payload_bytes = 128;
  /// How long it sleeps after a turn in which nothing was due and nothing came; zero spins. Adds up
  /// to this and a wake-up to each latency and lateness. Shards without publishers then wait for
  /// what comes.
  core::Duration nap{0};
  std::string channel = "bench";  // the channels are called CHANNEL-0, -1, ...
  core::Duration warmup = std::chrono::seconds(1);
  core::Duration duration = std::chrono::seconds(10);
};

/// What became of the messages, subscriber by subscriber.
struct DeliveryVerdict {
  std::uint64_t published = 0;  // and not refused
  std::uint64_t refused = 0;    // publications, by an error reply
  std::uint64_t expected = 0;   // deliveries, had nobody been closed
  std::uint64_t delivered = 0;
  /// Deliveries that are missing or wrong; `lost` are all that are missing.
  DeliveryFaults faults;
  /// Those of `lost` whose subscriber was not told: he is still there, or got later ones.
  std::uint64_t silent_losses = 0;
  /// Subscribers that the server has closed, by close code; 0: without a Close frame.
  std::map<std::uint16_t, std::uint64_t> closed;

  std::uint64_t closed_count() const;
  /// Whoever stayed has got everything once and in order, and whoever has not was closed.
  bool sound() const {
    return silent_losses + faults.duplicate + faults.misordered + faults.differing_streams == 0;
  }
};

/// Memory of both sides in the course of a run.
struct MemoryCourse {
  MemoryReading start;      // nobody is connected
  MemoryReading active;     // all are but the idle ones
  MemoryReading connected;  // all are, nothing is published yet
  MemoryReading end;        // all is delivered, all are still connected
  std::int64_t server_peak = 0;
  std::uint32_t connections = 0;
  std::uint32_t idle = 0;  // of these
};

struct LatencyResult {
  telemetry::Histogram latency_ns;   // due → received, each delivery after the warm-up
  telemetry::Histogram lateness_ns;  // due → published: the generator's own part of it
  Usage usage;                       // warm-up excluded
  DeliveryVerdict verdict;           // warm-up included
  std::uint64_t measured_deliveries = 0;
  std::uint64_t slow_left = 0;  // stalled or crawling and at the end not given up by the server
  MemoryCourse memory;
  std::optional<ServerCounters> counters;  // of the measured time and what it left to deliver
  std::string interrupted;                 // why the run did not come to its end; empty if it did

  bool sound() const { return interrupted.empty() && verdict.sound() && slow_left == 0; }
};

core::Result<LatencyResult> run_latency(const LatencyOptions& options);

}  // namespace sanjay::bench
