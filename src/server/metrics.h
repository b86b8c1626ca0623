// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/time.h"
#include "server/shared_state.h"
#include "telemetry/log.h"

#include <string>

namespace sanjay::server {

/// All metrics of the process in the Prometheus text format. Reads counters that the shards write;
/// asks and stops none of them. Any shard's thread. Names and meanings: docs/metrics.md.
std::string write_metrics(const SharedState& shared, core::Instant now);

}  // namespace sanjay::server
