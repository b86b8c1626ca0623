// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/time.h"
#include "runtime/endpoint.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sanjay::bench {

/// The sum of a family's samples in the Prometheus text format; nothing when it has none.
std::optional<double> metric_sum(std::string_view text, std::string_view name);

/// What the server counts itself (docs/metrics.md), since its start.
struct ServerCounters {
  std::uint64_t deliveries = 0;  // publications put into write queues: one frame each
  std::uint64_t sends = 0;       // send operations
  std::uint64_t waits = 0;       // system calls that submit or wait
};

ServerCounters operator-(const ServerCounters& later, const ServerCounters& earlier);

/// The counters in a text of /metrics; nothing when one of them is missing.
std::optional<ServerCounters> parse_server_counters(std::string_view text);

/// Reads them from /metrics of the server under test; fails when it does not answer there within
/// `timeout`. Blocks: main thread.
core::Result<ServerCounters> read_server_counters(const runtime::Endpoint& server,
                                                  core::Duration timeout);

}  // namespace sanjay::bench
