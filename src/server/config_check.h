// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/config.h"

#include <string>
#include <vector>

namespace sanjay::server {

/// What the schema cannot see in one value alone: forms of strings and values that must fit each
/// other. Returns the errors; fills config.warnings.
std::vector<std::string> check_config(Config& config);

}  // namespace sanjay::server
