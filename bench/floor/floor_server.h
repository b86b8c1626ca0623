// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <cstdint>

namespace sanjay::bench {

/// The floor: the least that any server on this machine must pay for the same bytes on the same
/// sockets. One thread, no protocol but a canned answer to the generator's upgrade, no limits, no
/// time. What a real server's CPU per message is divided by (performance.md).
enum class FloorMode : std::uint8_t {
  Echo,      // io_uring: each message goes back to its sender, out of the receive buffer
  Fan,       // io_uring: each message goes to every connection, many sends per submit
  FanEpoll,  // the same on epoll with one send() per connection
};

struct FloorOptions {
  FloorMode mode = FloorMode::Echo;
  std::uint16_t port = 0;           // 0: a free one
  unsigned sends_per_submit = 128;  // Fan
};

/// Listens on 127.0.0.1, prints "listening on 127.0.0.1:PORT" to stdout and serves until a signal
/// ends the process; returns only with a failure.
core::Status run_floor_server(const FloorOptions& options);

}  // namespace sanjay::bench
