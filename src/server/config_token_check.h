// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/config.h"

#include <string>
#include <vector>

namespace sanjay::server {

/// The part of check_config() that looks at client.token and client.subscription_token.
void check_tokens(const Config& config, std::vector<std::string>& errors);

/// What of them is allowed but probably not meant.
void warn_of_tokens(const Config& config, std::vector<std::string>& warnings);

}  // namespace sanjay::server
