// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "core/time.h"
#include "limits/token_bucket.h"
#include "runtime/endpoint.h"
#include "telemetry/counter.h"
#include "telemetry/log.h"
#include "transport/transport_kind.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::transport {

/// How a client's connection ended, and whose it was.
struct EndRecord {
  std::uint16_t code = 0;  // close code; 3000: the client went away
  std::string_view reason;
  core::ConnectionId connection;
  const runtime::Endpoint& peer;
  std::string_view client;  // id of the protocol; empty: it has not connected
  std::string_view user;
  TransportKind transport = TransportKind::WebSocket;
};

/// Counts the ends of one shard's clients by transport and code and writes a log record of each: at
/// level debug, or info where the client did something wrong or could not keep up. Those at info
/// are bounded per second, so that a crowd cannot fill a disk; the next one says how many are
/// missing. Counters: any thread.
class EndLog {
 public:
  EndLog(telemetry::Logger& log, core::Instant now) : log_(log), bucket_(kRate, now) {}

  void record(const EndRecord& end, core::Instant now);

  /// Calls `visit(transport, code, count)` for every code that has occurred there; "other" stands
  /// for all outside the tables.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t t = 0; t < kTransports; ++t) {
      for (std::size_t i = 0; i < counters_[t].size(); ++i) {
        const std::uint64_t count = counters_[t][i].value();
        if (count > 0) visit(kTransportNames[t], name_of(i), count);
      }
    }
  }

 private:
  static constexpr limits::TokenRate kRate{50, 200};
  // RFC 6455 §7.4.1, the protocol's codes with and without reconnecting, applications' codes.
  static constexpr std::array<std::uint16_t, 3> kFirstCodes{1000, 3000, 3500};
  static constexpr std::size_t kCodesEach = 16;
  static constexpr std::size_t kOther = kFirstCodes.size() * kCodesEach;

  static std::size_t place_of(std::uint16_t code);
  static std::string name_of(std::size_t place);

  telemetry::Logger& log_;
  limits::TokenBucket bucket_;
  std::uint64_t suppressed_ = 0;
  std::array<std::array<telemetry::Counter, kOther + 1>, kTransports> counters_;
};

}  // namespace sanjay::transport
