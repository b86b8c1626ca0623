// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/config.h"

#include <string_view>
#include <vector>

namespace sanjay::server {

/// A configuration read while the server runs, fitted to what can change without a restart.
struct ReloadPlan {
  Config config;                               // the new one, except for what needs a restart
  std::vector<std::string_view> changed;       // keys that take effect now
  std::vector<std::string_view> need_restart;  // keys that differ but keep their running value
};

ReloadPlan plan_reload(const Config& running, Config wanted);

}  // namespace sanjay::server
