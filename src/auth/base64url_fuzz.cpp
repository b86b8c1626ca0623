// SPDX-License-Identifier: Apache-2.0
#include "auth/base64url.h"
#include "core/assert.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::auth {

/// Any bytes come back, and a text that decodes is the one encoding of what it gives.
void fuzz_base64url(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string encoded = base64url_encode(input);
  ASSERT(encoded.size() == (input.size() * 4 + 2) / 3);
  ASSERT(base64url_decode(encoded) == input);
  if (const auto bytes = base64url_decode(input)) ASSERT(base64url_encode(*bytes) == input);

  std::string plain = encoded;
  for (char& c : plain) c = c == '-' ? '+' : c == '_' ? '/' : c;
  plain.append((4 - plain.size() % 4) % 4, '=');
  ASSERT(base64_decode(plain) == input);
  if (const auto bytes = base64_decode(input)) {
    std::string again = base64url_encode(*bytes);
    for (char& c : again) c = c == '-' ? '+' : c == '_' ? '/' : c;
    again.append((4 - again.size() % 4) % 4, '=');
    ASSERT(again == input);
  }
}

}  // namespace sanjay::auth

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::auth::fuzz_base64url(data, size);
  return 0;
}
#endif
