// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace sanjay::core {

/// Whether `name` stands in the environment variable FAILPOINTS, a comma-separated list read once.
bool failpoint_named(std::string_view name) noexcept;

}  // namespace sanjay::core

/// True when the defence so named is to be left out: `if (over_limit && !FAILPOINT("x.limit"))`. A
/// test of a defence counts only when it fails without it, and CMake's sanjay_failpoint_test() runs
/// it so. Compiled in with SANJAY_FAILPOINTS only; a release build has none.
#ifdef SANJAY_FAILPOINTS
#define FAILPOINT(name) (::sanjay::core::failpoint_named(name))
#else
#define FAILPOINT(name) false
#endif
