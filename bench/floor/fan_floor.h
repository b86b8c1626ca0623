// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

namespace sanjay::bench {

/// FloorMode::Fan: every message goes to every connection, its sender too. Messages that arrive
/// while others are being sent leave together in one send per connection, as any server would do.
core::Status run_fan_floor(int listener, unsigned sends_per_submit);

/// FloorMode::FanEpoll: the same with epoll and one blocking-style send() per connection.
core::Status run_epoll_fan_floor(int listener);

}  // namespace sanjay::bench
