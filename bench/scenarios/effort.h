// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/fleet.h"
#include "bench/measure/usage_meter.h"
#include "core/result.h"
#include "core/time.h"

#include <cstdint>
#include <functional>
#include <string>

namespace sanjay::bench {

/// How long a closed-loop scenario works: a number of rounds, or until `duration` (if not zero) is
/// over. `warmup_rounds` come first and are not measured.
struct Effort {
  std::uint64_t rounds = 100;
  core::Duration duration{};
  std::uint64_t warmup_rounds = 2;
};

/// How to see from outside that the loads have done what they were told.
struct Completion {
  std::string what;              // for progress lines: "deliveries"
  std::function<void()> expect;  // called before the loads are given work: not done any more
  std::function<bool()> done;
  std::function<std::uint64_t()> count;  // of operations so far
};

/// What the measured part of a run cost.
struct Measurement {
  std::uint64_t operations = 0;
  Usage usage;
};

/// Runs warm-up and effort on a fleet whose connections are open. `server_pid` as for UsageMeter.
core::Result<Measurement> measure_effort(Fleet& fleet, const Effort& effort,
                                         const Completion& completion, int server_pid);

}  // namespace sanjay::bench
