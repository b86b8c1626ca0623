// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "http/origin.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::http {
namespace {

std::string mapped(std::string_view text, int (*change)(int)) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(change(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

/// A pattern, a newline, an origin. What is allowed is allowed in any case, and is in substance the
/// pattern itself with at most names before its host and the scheme's own port behind it.
void fuzz_origin(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line_end = std::min(input.find('\n'), input.size());
  const std::string patterns[] = {std::string(input.substr(0, line_end))};
  const std::string_view origin = input.substr(std::min(line_end + 1, input.size()));

  const auto policy = OriginPolicy::parse(patterns);
  if (!policy) {
    ASSERT(policy.error().message.ends_with(patterns[0] + "\""));
    return;
  }
  ASSERT(policy->allows(std::nullopt));
  if (!policy->allows(origin) || patterns[0] == "*") return;
  ASSERT(policy->allows(mapped(origin, std::toupper)));

  const auto without_port = [](std::string text) {
    for (const std::string_view port : {":443", ":80"}) {
      if (text.ends_with(port)) text.resize(text.size() - port.size());
    }
    return text;
  };
  std::string pattern = without_port(mapped(patterns[0], std::tolower));
  const std::string found = without_port(mapped(origin, std::tolower));
  const std::size_t star = pattern.find("://*.");
  if (star == std::string::npos) {
    ASSERT(found == pattern);
    return;
  }
  ASSERT(found.starts_with(pattern.substr(0, star + 3)));
  ASSERT(found.ends_with(pattern.substr(star + 4)));
}

}  // namespace sanjay::http

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::http::fuzz_origin(data, size);
  return 0;
}
#endif
