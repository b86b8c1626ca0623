// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/time.h"
#include "server/shared_state.h"

#include <string>

namespace sanjay::server {

/// What the probes of an orchestrator ask. Live: the event loops turn; a restart would help if not.
/// Ready: new clients are welcome here; a balancer sends them elsewhere if not. Startup: the server
/// has begun to work. None of them looks at a service outside.
enum class Probe : std::uint8_t { Live, Ready, Startup };

struct Health {
  bool good = true;
  std::string body;  // {"status":"ok"} or {"status":"failed","reasons":["…"]}
};

/// Any shard's thread. `now` is the asking shard's.
Health check_health(const SharedState& shared, Probe probe, core::Instant now);

}  // namespace sanjay::server
