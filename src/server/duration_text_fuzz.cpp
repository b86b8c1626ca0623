// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "server/duration_text.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sanjay::server {

/// What is a duration is so again in its own spelling, and within a century.
void fuzz_duration_text(const std::uint8_t* data, std::size_t size) {
  const auto duration = parse_duration({reinterpret_cast<const char*>(data), size});
  if (!duration) return;
  ASSERT(*duration >= core::Duration::zero() && *duration <= std::chrono::days(36500));
  ASSERT(parse_duration(format_duration(*duration)) == *duration);
}

}  // namespace sanjay::server

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::server::fuzz_duration_text(data, size);
  return 0;
}
#endif
