// SPDX-License-Identifier: Apache-2.0
#include "server/health.h"

#include "core/failpoint.h"
#include "server/json_text.h"

#include <fmt/format.h>

#include <vector>

namespace sanjay::server {
namespace {

// A shard that sleeps turns every quarter of a second.
constexpr core::Duration kTurnOverdue = std::chrono::seconds(5);
// Beyond this lag a client is better served elsewhere.
constexpr core::Duration kLagMax = std::chrono::milliseconds(50);

std::vector<std::string> find_stuck_shards(const SharedState& shared, core::Instant now) {
  std::vector<std::string> reasons;
  for (const runtime::Shard* shard : shared.shards) {
    const core::Duration since = now - shard->last_turn();
    if (since < kTurnOverdue || FAILPOINT("health.stuck")) continue;
    reasons.push_back(fmt::format("shard {} has not turned for {} ms", shard->index(),
                                  core::to_milliseconds(since)));
  }
  return reasons;
}

void find_reasons_to_go_elsewhere(const SharedState& shared, std::vector<std::string>& reasons) {
  if (shared.draining.load(std::memory_order_relaxed)) reasons.emplace_back("shutting down");
  std::uint64_t connections = 0;
  for (core::ShardIndex i = 0; i < shared.shards.size(); ++i) {
    connections += shared.connections[i].load(std::memory_order_relaxed);
    const core::Duration lag{shared.shards[i]->stats().lag_ns.value()};
    if (lag > kLagMax) {
      reasons.push_back(fmt::format("shard {} lags by {} ms", i, core::to_milliseconds(lag)));
    }
  }
  if (connections >= shared.connections_max.load(std::memory_order_relaxed)) {
    reasons.push_back(fmt::format("{} connections, the limit", connections));
  }
}

}  // namespace

Health check_health(const SharedState& shared, Probe probe, core::Instant now) {
  std::vector<std::string> reasons;
  if (probe != Probe::Startup) reasons = find_stuck_shards(shared, now);
  if (probe == Probe::Ready) find_reasons_to_go_elsewhere(shared, reasons);
  if (reasons.empty()) return {true, "{\"status\":\"ok\"}"};
  std::string body = "{\"status\":\"failed\",\"reasons\":[";
  for (const std::string& reason : reasons) {
    if (body.back() != '[') body += ',';
    append_json_string(body, reason);
  }
  return {false, body + "]}"};
}

}  // namespace sanjay::server
