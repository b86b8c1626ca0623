// SPDX-License-Identifier: Apache-2.0
#include "auth/jwks.h"
#include "core/assert.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace sanjay::auth {

/// A document from an issuer. It makes 1 to kJwksKeysMax keys, or a reason that quotes nothing;
/// each key serves what it may, and none takes a signature from thin air.
void fuzz_jwks(const std::uint8_t* data, std::size_t size) {
  const std::string json(reinterpret_cast<const char*>(data), size);
  const auto set = parse_jwks(json);
  if (!set) {
    ASSERT(set.error().message.starts_with("the key set ") ||
           set.error().message == "a key is not a JSON object");
    return;
  }
  ASSERT(!set->keys.empty() && set->keys.size() <= kJwksKeysMax);
  for (const Jwk& jwk : set->keys) {
    ASSERT(set->has(jwk.kid));
    for (auto number = 0; number <= static_cast<int>(SignatureAlgorithm::EdDsa); ++number) {
      const auto algorithm = static_cast<SignatureAlgorithm>(number);
      ASSERT(!jwk.key.verify(algorithm, "message", json.substr(0, 64)));
      const auto candidates = set->candidates(jwk.kid, algorithm);
      ASSERT(candidates.size() <= kJwksKeysOfOneKidMax);
      for (const Jwk* candidate : candidates) ASSERT(candidate->serves(algorithm));
    }
  }
}

}  // namespace sanjay::auth

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::auth::fuzz_jwks(data, size);
  return 0;
}
#endif
