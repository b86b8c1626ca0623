// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/time.h"

#include <optional>
#include <string>
#include <string_view>

namespace sanjay::server {

/// Durations as people write them: "25s", "500ms", "1m30s", "7d", or "0". Whole numbers with the
/// units d, h, m, s, ms, each at most once, the larger first. Nothing else is accepted.
std::optional<core::Duration> parse_duration(std::string_view text);

/// The shortest such text; anything below a millisecond is cut.
std::string format_duration(core::Duration duration);

}  // namespace sanjay::server
