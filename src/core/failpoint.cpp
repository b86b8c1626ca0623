// SPDX-License-Identifier: Apache-2.0
#include "core/failpoint.h"

#include <cstdlib>

namespace sanjay::core {

bool failpoint_named(std::string_view name) noexcept {
  static const char* const kNames = std::getenv("FAILPOINTS");
  std::string_view left = kNames == nullptr ? "" : kNames;
  while (!left.empty()) {
    const std::size_t comma = left.find(',');
    if (left.substr(0, comma) == name) return true;
    left = comma == std::string_view::npos ? "" : left.substr(comma + 1);
  }
  return false;
}

}  // namespace sanjay::core
