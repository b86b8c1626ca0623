// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/time.h"
#include "server/command_line.h"
#include "server/config.h"

namespace sanjay::server {

/// gentoken and gensubtoken: a token with the configured secret and whatever else the configuration
/// demands of one (issuer, audience, the claim that names the user).
CommandOutput generate_token(const CommandLine& line, const Config& config, core::WallTime now);

/// checktoken and checksubtoken: whether the server would accept the token, and who it is for; or
/// why not. Fetches the issuer's keys if they are configured, which takes 10 s at most.
CommandOutput check_token(const CommandLine& line, const Config& config, core::WallTime now);

}  // namespace sanjay::server
