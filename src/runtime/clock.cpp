// SPDX-License-Identifier: Apache-2.0
#include "runtime/clock.h"

#include <ctime>

namespace sanjay::runtime {
namespace {

core::Duration read_clock(clockid_t id) {
  timespec ts{};
  clock_gettime(id, &ts);
  return std::chrono::seconds(ts.tv_sec) + std::chrono::nanoseconds(ts.tv_nsec);
}

}  // namespace

core::Instant SystemClock::now() const { return core::Instant(read_clock(CLOCK_MONOTONIC)); }

core::WallTime SystemClock::wall_now() const { return core::WallTime(read_clock(CLOCK_REALTIME)); }

}  // namespace sanjay::runtime
