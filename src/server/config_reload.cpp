// SPDX-License-Identifier: Apache-2.0
#include "server/config_reload.h"

#include "server/config_schema.h"

#include <type_traits>
#include <utility>
#include <variant>

namespace sanjay::server {

ReloadPlan plan_reload(const Config& running, Config wanted) {
  ReloadPlan plan{std::move(wanted), {}, {}};
  Config before = running;
  for (const Setting& setting : settings()) {
    const Target old_value = setting.target(before);
    std::visit(
        [&](auto* value) {
          const auto* old = std::get<std::remove_cvref_t<decltype(value)>>(old_value);
          if (*value == *old) return;
          if (!needs_restart(setting.path)) return plan.changed.push_back(setting.path);
          plan.need_restart.push_back(setting.path);
          *value = *old;
        },
        setting.target(plan.config));
  }
  return plan;
}

}  // namespace sanjay::server
