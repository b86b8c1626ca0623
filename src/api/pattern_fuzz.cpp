// SPDX-License-Identifier: Apache-2.0
#include "api/pattern.h"
#include "core/assert.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::api {
namespace {

/// The definition, one character of the pattern after the other: which prefixes of the text it
/// matches.
bool reference(std::string_view pattern, std::string_view text) {
  std::vector<bool> matched(text.size() + 1, false);
  matched[0] = true;
  for (const char c : pattern) {
    if (c == '*') {
      for (std::size_t i = 1; i <= text.size(); ++i) matched[i] = matched[i] || matched[i - 1];
      continue;
    }
    for (std::size_t i = text.size(); i > 0; --i) {
      matched[i] = matched[i - 1] && (c == '?' || c == text[i - 1]);
    }
    matched[0] = false;
  }
  return matched[text.size()];
}

}  // namespace

/// First line: the pattern; the rest: the text.
void fuzz_pattern(const std::uint8_t* data, std::size_t size) {
  // The reference takes pattern × text.
  size = std::min<std::size_t>(size, 512);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view pattern = input.substr(0, input.find('\n'));
  const std::string_view text = input.substr(std::min(pattern.size() + 1, input.size()));
  const bool matches = matches_pattern(pattern, text);
  ASSERT(matches == (pattern.empty() || reference(pattern, text)));
  ASSERT(!matches || matches_pattern(std::string(pattern) + "*", text));
  ASSERT(matches_pattern(std::string(text.size(), '?'), text));
}

}  // namespace sanjay::api

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::api::fuzz_pattern(data, size);
  return 0;
}
#endif
