// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/public_key.h"
#include "core/result.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::auth {

inline constexpr std::size_t kJwksBytesMax = 1 << 20;
inline constexpr std::size_t kJwksKeysMax = 256;  // in one document, usable or not
/// Keys tried for one token, which bounds what a token can cost: of one `kid` no more are kept, and
/// a token that names none is tried with no more.
inline constexpr std::size_t kJwksKeysOfOneKidMax = 4;

/// A key of a set, ready to verify.
struct Jwk {
  std::string kid;                              // empty: it has no name
  std::optional<SignatureAlgorithm> algorithm;  // the only one it may serve; nothing: all it can
  PublicKey key;

  bool serves(SignatureAlgorithm wanted) const {
    return (!algorithm || *algorithm == wanted) && key.serves(wanted);
  }
};

/// The usable keys of one endpoint. Immutable once made; any number of threads may read it.
struct KeySet {
  std::vector<Jwk> keys{};

  bool has(std::string_view kid) const;
  /// The keys a token may be tried with, at most kJwksKeysOfOneKidMax: those called `kid`, or any
  /// if it is empty. Two keys of one name are both tried (RFC 7517 §4.5): issuers give one name to
  /// keys of two types, and some keep it while they replace the key.
  std::vector<const Jwk*> candidates(std::string_view kid, SignatureAlgorithm algorithm) const;
};

/// Reads a JWK Set (RFC 7517 §5): RSA keys (RFC 7518 §6.3) of kRsaBitsMin to kRsaBitsMax bits, EC
/// keys (§6.2) on P-256, P-384 and P-521, OKP keys (RFC 8037 §2) of Ed25519.
///
/// A key that cannot be used is left out, as §5 asks: of another kind or strength, for another use
/// than signatures (`use`, `key_ops`), for an algorithm it cannot serve, with damaged numbers or a
/// member given twice, symmetric (`oct`: whoever can read the set could sign), and one whose
/// private half stands beside it, since it proves nothing. Fails when the document is not a JSON
/// object with one array `keys` of 1 to kJwksKeysMax objects, is longer than kJwksBytesMax, or when
/// not one key of it can be used; quotes nothing of it.
core::Result<KeySet> parse_jwks(const std::string& json);

}  // namespace sanjay::auth
