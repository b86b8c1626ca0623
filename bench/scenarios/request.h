// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/options.h"
#include "bench/scenarios/effort.h"
#include "core/result.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace sanjay::bench {

/// Closed loop: every connection keeps `window` requests in flight and sends the next when an
/// answer has come. Every answer is checked: an echo byte for byte, a reply by its id, in order.
struct RequestOptions {
  enum class Kind : std::uint8_t {
    Echo,     // bare WebSocket: the same message comes back
    Publish,  // Centrifuge publish to channels that nobody listens to
    Rpc,      // Centrifuge rpc
  };

  ClientOptions client;
  int server_pid = 0;
  Kind kind = Kind::Echo;
  std::uint32_t connections = 1000;
  std::uint32_t window = 1;
  std::size_t payload_bytes = 128;  // of the message, or of the command's data (at least 2)
  std::uint32_t channels = 1;       // publish: connection i uses channel i % channels
  std::string channel = "bench";    // publish: the channels are called CHANNEL-0, -1, ...
  std::string method = "bench";     // rpc
  Effort effort;
};

/// Operations are answered requests.
core::Result<Measurement> run_requests(const RequestOptions& options);

/// How long the WebSocket message of such a request is: what an echo server has to be sent to carry
/// the same bytes.
std::size_t request_bytes(const RequestOptions& options);

}  // namespace sanjay::bench
