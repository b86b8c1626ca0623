// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <openssl/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace sanjay::auth {

/// The JWS algorithms of public keys: RSASSA-PKCS1-v1_5, RSASSA-PSS and ECDSA (RFC 7518 §3.3–3.5),
/// Ed25519 (RFC 8037 §3.1). A type apart from HmacAlgorithm, so that no key can be asked to serve
/// an algorithm of the other kind.
enum class SignatureAlgorithm : std::uint8_t {
  Rs256,
  Rs384,
  Rs512,
  Ps256,
  Ps384,
  Ps512,
  Es256,
  Es384,
  Es512,
  EdDsa
};

enum class KeyType : std::uint8_t { Rsa, Ecdsa, Ed25519 };

inline constexpr int kRsaBitsMin = 2048;
inline constexpr int kRsaBitsMax = 8192;  // more would cost a shard milliseconds per token
inline constexpr std::size_t kPublicKeysMax = 4;

/// A public key made ready for every algorithm it serves: an RSA key for RS* and PS*, an ECDSA key
/// for the one algorithm of its curve, an Ed25519 key for EdDSA. Copies share the prepared state.
///
/// Any number of threads may verify with one key: nothing of it is written after read_pem(). Each
/// call works on its own copy of a prepared context, which OpenSSL takes from a constant one, and
/// the key behind both is counted atomically.
///
/// One verification takes roughly 20 µs with RSA of 2048 bits, 70 µs with P-256, 100 µs with
/// Ed25519 and 500 µs or more with P-384 and P-521, where HMAC takes 1 µs; it runs on the thread of
/// the caller (token_verifier_bench.cpp).
class PublicKey {
 public:
  /// SHA-256 of the key as SubjectPublicKeyInfo (RFC 5280 §4.1): the same for the same key, however
  /// and whenever it was read, and for no other.
  using Thumbprint = std::array<unsigned char, 32>;

  /// All keys of a PEM text, so that a key and its successor can stand in one file while keys are
  /// rotated: blocks PUBLIC KEY (RFC 7468 §13), RSA PUBLIC KEY (RFC 8017 A.1.1) and CERTIFICATE, of
  /// which only the key is used; text around the blocks is skipped. Fails, with `expected …, got
  /// …`, unless there are 1 to kPublicKeysMax blocks and every one is a sound key of the type: RSA
  /// of kRsaBitsMin to kRsaBitsMax bits, or a named curve P-256, P-384 or P-521. Quotes nothing of
  /// the text.
  static core::Result<std::vector<PublicKey>> read_pem(KeyType type, std::string_view pem);

  /// Keys of numbers, as a JWK gives them (RFC 7518 §6, RFC 8037 §2): big-endian octets, the
  /// coordinates exactly as long as the curve's (§6.2.1.2), `curve` being "P-256", "P-384" or
  /// "P-521". Each fails as read_pem() does.
  static core::Result<PublicKey> rsa(std::string_view modulus, std::string_view exponent);
  static core::Result<PublicKey> ecdsa(std::string_view curve, std::string_view x,
                                       std::string_view y);
  static core::Result<PublicKey> ed25519(std::string_view x);

  bool serves(SignatureAlgorithm algorithm) const;
  const Thumbprint& thumbprint() const { return thumbprint_; }

  /// False for an algorithm it does not serve. An ECDSA signature is R || S (RFC 7518 §3.4), a PSS
  /// one has a salt as long as its hash (§3.5).
  bool verify(SignatureAlgorithm algorithm, std::string_view message,
              std::string_view signature) const;

 private:
  struct Prepared {
    SignatureAlgorithm algorithm;
    std::shared_ptr<const EVP_MD_CTX> context;
  };

  PublicKey() = default;

  static core::Result<PublicKey> create(KeyType type, EVP_PKEY* key);
  core::Status take_thumbprint(EVP_PKEY* key);
  core::Status prepare(SignatureAlgorithm algorithm, const char* digest, EVP_PKEY* key);
  const Prepared* prepared_for(SignatureAlgorithm algorithm) const;

  std::vector<Prepared> prepared_;
  Thumbprint thumbprint_{};
  std::size_t ecdsa_part_bytes_ = 0;  // of R and of S; 0: not an ECDSA key
};

}  // namespace sanjay::auth
