// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "http/target.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::http {
namespace {

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    out.append({'%', kHex[octet >> 4], kHex[octet & 15]});
  }
  return out;
}

}  // namespace

/// A request target. What it is cut into are parts of it; and whatever bytes a parameter consists
/// of, escaped they come back, behind others too.
void fuzz_target(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto target = split_target(input)) {
    ASSERT(target->path == "*" || target->path.starts_with('/'));
    ASSERT(target->path.find('?') == target->path.npos);
    ASSERT(target->path.size() + target->query.size() <= std::max(input.size(), std::size_t{1}));
    ASSERT(target->query.empty() || input.ends_with(target->query));
    // The origin form of it is cut in the same way.
    if (target->path != "*") {
      const std::string form = std::string(target->path) + "?" + std::string(target->query);
      const auto again = split_target(form);
      ASSERT(again && again->path == target->path && again->query == target->query);
    }
    const auto value = query_parameter(target->query, "cf_protocol");
    ASSERT(!value || value->size() <= target->query.size());
  }
  const std::string_view key = input.substr(0, input.find('\n'));
  const std::string pair = percent_encoded(key) + "=" + percent_encoded(input);
  ASSERT(query_parameter(pair, key) == input);
  const std::string other = percent_encoded(std::string(key) + "x") + "=1&%=2&";
  ASSERT(query_parameter(other + pair, key) == input);
  ASSERT(!query_parameter(other, key));
}

}  // namespace sanjay::http

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::http::fuzz_target(data, size);
  return 0;
}
#endif
