// SPDX-License-Identifier: Apache-2.0
#include "api/pattern.h"

#include <cstddef>

namespace sanjay::api {

// Only the last star ever has to take more: what stands before it is matched already.
bool matches_pattern(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return true;
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = kNone;
  std::size_t star_took_until = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_took_until = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != kNone) {
      p = star + 1;
      t = ++star_took_until;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace sanjay::api
