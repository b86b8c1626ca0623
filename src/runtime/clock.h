// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/time.h"

namespace sanjay::runtime {

/// Tells the time. Read by a shard once or twice per loop turn and handed down as a value; nothing
/// else may ask. Implementations: SystemClock, and the simulator's virtual clock.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual core::Instant now() const = 0;
  virtual core::WallTime wall_now() const = 0;
};

/// CLOCK_MONOTONIC and CLOCK_REALTIME. Stateless; any thread.
class SystemClock final : public Clock {
 public:
  core::Instant now() const override;
  core::WallTime wall_now() const override;
};

}  // namespace sanjay::runtime
