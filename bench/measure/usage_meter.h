// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/measure/process.h"
#include "bench/measure/report.h"
#include "core/result.h"
#include "core/time.h"
#include "runtime/clock.h"

#include <cstdint>
#include <string_view>

namespace sanjay::bench {

/// What a stretch of a run cost on both sides.
struct Usage {
  core::Duration wall{};
  ProcessCpu server;  // zero when no server process was named
  ProcessCpu client;

  double server_ns_per(std::uint64_t operations) const;
  double client_ns_per(std::uint64_t operations) const;
};

/// Measures from construction to read(). `server_pid` 0: the server is not on this machine or not
/// of interest. Main thread.
class UsageMeter {
 public:
  static core::Result<UsageMeter> start(int server_pid);
  core::Result<Usage> read() const;

 private:
  runtime::SystemClock clock_;
  int server_pid_ = 0;
  core::Instant began_;
  ProcessCpu server_;
  ProcessCpu client_;
};

/// Adds wall time, rate and CPU of both sides, each per operation and as a share of one core, so
/// that one sees which side was the bottleneck. `operation` is "delivery", "message", ...
void add_usage(Report& report, const Usage& usage, std::string_view operation,
               std::uint64_t operations);

}  // namespace sanjay::bench
