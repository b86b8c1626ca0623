// SPDX-License-Identifier: Apache-2.0
#include "auth/public_key.h"
#include "core/assert.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::auth {

/// A PEM text. It makes 1 to kPublicKeysMax keys of one type, or a reason that quotes nothing; each
/// key serves algorithms of its own type and takes no signature from thin air.
void fuzz_public_key(const std::uint8_t* data, std::size_t size) {
  const std::string_view pem(reinterpret_cast<const char*>(data), size);
  unsigned types = 0;
  for (const KeyType type : {KeyType::Rsa, KeyType::Ecdsa, KeyType::Ed25519}) {
    const auto keys = PublicKey::read_pem(type, pem);
    if (!keys) {
      ASSERT(keys.error().message.starts_with("expected ") && keys.error().message.size() < 200);
      continue;
    }
    ++types;
    ASSERT(!keys->empty() && keys->size() <= kPublicKeysMax);
    for (const PublicKey& key : *keys) {
      ASSERT(key.serves(SignatureAlgorithm::EdDsa) == (type == KeyType::Ed25519));
      ASSERT(key.serves(SignatureAlgorithm::Rs256) == (type == KeyType::Rsa));
      for (auto number = 0; number <= static_cast<int>(SignatureAlgorithm::EdDsa); ++number) {
        ASSERT(!key.verify(static_cast<SignatureAlgorithm>(number), "message", pem.substr(0, 64)));
      }
    }
  }
  ASSERT(types <= 1);
}

}  // namespace sanjay::auth

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::auth::fuzz_public_key(data, size);
  return 0;
}
#endif
