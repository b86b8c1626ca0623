// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "core/random.h"
#include "http/request_samples.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::http {

/// First octet: the seed of the cuts; the rest is what a client sent. Whatever it is, the requests
/// found are the same for every cut and within the limits.
void fuzz_request(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const RequestLimits limits{
      .head_bytes_max = 600, .target_bytes_max = 200, .headers_max = 12, .body_bytes_max = 300};
  const std::string_view wire(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view whole[] = {wire};
  const std::vector<std::string> expected = requests_of(whole, limits);

  core::Random random(data[0]);
  std::vector<std::string_view> pieces;
  for (std::size_t at = 0; at < wire.size(); at += pieces.back().size()) {
    pieces.push_back(wire.substr(at, 1 + random.below(random.below(2) == 0 ? 3 : 100)));
  }
  ASSERT(requests_of(pieces, limits) == expected);
  for (const std::string& request : expected) {
    ASSERT(request.size() < 2 * limits.head_bytes_max + limits.body_bytes_max);
  }
}

}  // namespace sanjay::http

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::http::fuzz_request(data, size);
  return 0;
}
#endif
