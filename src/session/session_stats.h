// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/codes.h"
#include "protocol/messages.h"
#include "telemetry/counter.h"

#include <array>
#include <cstddef>
#include <string_view>
#include <variant>

namespace sanjay::session {

/// The names of the commands, in the order of protocol::Request's alternatives.
inline constexpr std::array<std::string_view, std::variant_size_v<protocol::Request>> kCommandNames{
    "pong",           "connect", "subscribe", "unsubscribe", "publish", "presence",
    "presence_stats", "history", "rpc",       "send",        "refresh", "sub_refresh"};

/// Counters of one shard's sessions; any thread may read them.
struct SessionStats {
  /// Error codes from 100 on; the last place is everything else.
  static constexpr std::uint32_t kFirstError = 100;
  static constexpr std::size_t kErrors = 16;

  std::array<telemetry::Counter, kCommandNames.size()> commands;
  std::array<telemetry::Counter, kErrors + 1> errors;
  telemetry::Counter pings;
  telemetry::Counter recovered;    // subscriptions that got all they had missed
  telemetry::Counter unrecovered;  // or were told that they did not
  telemetry::Counter clients;      // connected at present
  telemetry::Counter users;        // with at least one of them, on this shard

  void count_error(const protocol::Error& error) {
    const std::size_t place = error.code - kFirstError;
    errors[error.code >= kFirstError && place < kErrors ? place : kErrors].add();
  }
};

}  // namespace sanjay::session
