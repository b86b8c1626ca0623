// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "channels/namespaces.h"
#include "core/result.h"
#include "server/config.h"

#include <string>
#include <vector>

namespace sanjay::server {

/// What the configuration says of channels, ready for sessions and the server API. Fails with every
/// problem, one a line, each beginning with the name of its setting: none after check_config().
core::Result<channels::Namespaces> make_namespaces(const Config& config);

/// What is wrong with the options of channels, among each other and alone.
std::vector<std::string> check_channels(const Config& config);

/// What is allowed there, but does nothing or is probably not meant.
std::vector<std::string> channel_warnings(const Config& config);

}  // namespace sanjay::server
