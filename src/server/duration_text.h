// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/time.h"

#include <optional>
#include <string>
#include <string_view>

namespace sanjay::server {

/// Durations as people and Go write them: "25s", "500ms", "1m30s", "1.5h", "7d", or "0". Numbers
/// with the units d, h, m, s, ms, us, ns, each at most once, the larger first, at most a century.
/// Nothing else is accepted.
std::optional<core::Duration> parse_duration(std::string_view text);

/// The shortest such text without fractions, of a duration that is not negative.
std::string format_duration(core::Duration duration);

}  // namespace sanjay::server
