// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace sanjay::core {

/// Names the time line of timers, deadlines and limiters. It has no now(): only a runtime::Clock
/// tells the time, once per loop turn, and everything below is given it.
struct MonotonicTimeline {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<MonotonicTimeline>;
  static constexpr bool is_steady = true;
};

using Duration = std::chrono::nanoseconds;
using Instant = MonotonicTimeline::time_point;

/// Wall-clock time, for token expiry and stamps only; it may jump.
using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;

inline constexpr Instant kNever = Instant::max();

constexpr std::int64_t to_milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace sanjay::core
