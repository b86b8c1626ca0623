// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/options.h"
#include "bench/measure/process.h"
#include "bench/scenarios/effort.h"
#include "core/result.h"
#include "core/time.h"
#include "telemetry/histogram.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sanjay::bench {

struct ConnectOptions {
  ClientOptions client;
  int server_pid = 0;
  std::uint32_t connections = 1000;
  Subscription subscription = Subscription::None;
  std::string channel = "bench";
};

struct ConnectResult {
  Measurement measurement;          // operations are connections
  telemetry::Histogram connect_ns;  // TCP connect → ready (upgraded, connected, subscribed)
};

/// Opens connections as fast as the limits in ClientOptions allow.
core::Result<ConnectResult> run_connect(const ConnectOptions& options);

struct IdleOptions {
  ClientOptions client;
  int server_pid = 0;
  /// Numbers of connections at which memory is read, ascending.
  std::vector<std::uint32_t> points;
  Subscription subscription = Subscription::None;
  std::string channel = "bench";
  core::Duration settle = std::chrono::seconds(2);  // from the last connection to the reading
  core::Duration duration = std::chrono::seconds(10);
  /// At the end all connections are closed, and memory is read once more so much later.
  std::optional<core::Duration> close_and_wait;
};

struct IdlePoint {
  std::uint32_t connections = 0;
  MemoryReading memory;
};

struct IdleResult {
  std::vector<IdlePoint> points;  // the first is with no connections
  Usage usage;                    // while the last point's connections were held
  std::optional<MemoryReading> after_close;
};

/// Opens connections up to each point, lets them settle, reads memory; then holds the last number
/// for `duration`. Pings are answered all the time. Then closes them, if wanted.
core::Result<IdleResult> run_idle(const IdleOptions& options);

}  // namespace sanjay::bench
