// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <openssl/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace sanjay::auth {

/// The JWS algorithms an HMAC key can serve (RFC 7518 §3.2).
enum class HmacAlgorithm : std::uint8_t { Hs256, Hs384, Hs512 };
inline constexpr std::size_t kHmacAlgorithmCount = 3;

struct Mac {
  std::array<unsigned char, 64> bytes;
  std::size_t size = 0;

  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), size}; }
};

/// A secret made ready for every algorithm: the key schedule is computed once, each message only
/// copies it. Immutable, so one key may serve several threads. The secret itself is kept only
/// inside OpenSSL, which wipes it when the key is destroyed.
class HmacKey {
 public:
  /// Fails for an empty secret, or when OpenSSL lacks the algorithms or the memory.
  static core::Result<HmacKey> create(std::string_view secret);

  /// Fails only when OpenSSL is out of memory.
  core::Result<Mac> sign(HmacAlgorithm algorithm, std::string_view message) const;

  /// Whether `signature` is the message's; takes equally long wherever the two differ.
  bool verify(HmacAlgorithm algorithm, std::string_view message, std::string_view signature) const;

 private:
  struct FreeContext {
    void operator()(EVP_MAC_CTX* context) const;
  };
  using Context = std::unique_ptr<EVP_MAC_CTX, FreeContext>;

  HmacKey() = default;

  std::array<Context, kHmacAlgorithmCount> keyed_;
};

}  // namespace sanjay::auth
