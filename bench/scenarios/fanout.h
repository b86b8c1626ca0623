// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/options.h"
#include "bench/payload/delivery_ledger.h"
#include "bench/scenarios/effort.h"
#include "core/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace sanjay::bench {

/// One channel, many receivers, closed loop: each publisher keeps `window` messages in flight and
/// publishes the next when all receivers have one more. Every delivery is entered in a ledger.
///
/// With channels (has_channels()) publishers are not subscribed, receivers = subscribers. Without,
/// the server is one that broadcasts every message to everybody, so publishers receive too.
struct FanoutOptions {
  ClientOptions client;
  int server_pid = 0;
  std::uint32_t subscribers = 1000;
  std::uint32_t publishers = 1;
  std::uint32_t window = 1;
  std::size_t payload_bytes = 128;  // at least StampedMessage::kBytesMin
  std::string channel = "bench";
  /// Bare WebSocket: publish this captured message (with fresh stamps) instead of a plain one.
  std::optional<std::string> envelope;
  /// Rounds are messages, dealt out to the publishers.
  Effort effort;
};

struct FanoutResult {
  Measurement measurement;  // operations are deliveries
  DeliveryFaults faults;
  std::uint64_t receivers = 0;
  std::uint64_t published = 0;    // warm-up included
  std::string delivered_message;  // one as it came off the wire, unframed
  std::string interrupted;        // why the run did not come to its end; empty if it did

  bool sound() const { return interrupted.empty() && faults.none(); }
};

/// Fails when the run could not begin; what went wrong later is in the result.
core::Result<FanoutResult> run_fanout(const FanoutOptions& options);

}  // namespace sanjay::bench
