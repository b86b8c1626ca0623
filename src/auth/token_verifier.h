// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/hmac.h"
#include "auth/public_key.h"
#include "core/result.h"
#include "core/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sanjay::auth {

inline constexpr core::Duration kTtlMax = std::chrono::days(365);

/// How far ahead `iat` may lie even without leeway: a signer whose clock is a little fast is
/// common, and Invalid is final to a client.
inline constexpr core::Duration kIssuedAheadMax = std::chrono::minutes(1);

struct VerifierOptions {
  std::string hmac_secret_key{};           // empty: no HMAC token is accepted
  std::string hmac_previous_secret_key{};  // empty: none; still accepted while keys are rotated
  std::vector<PublicKey> public_keys{};    // each serves the algorithms of its type and curve
  std::string audience{};                  // empty: not checked; else one of `aud` must equal it
  std::string issuer{};                    // empty: not checked; else `iss` must equal it
  core::Duration leeway{0};                // how far the signer's clock may be off
  core::Duration ttl_max = kTtlMax;        // later expiry is cut to this; keeps timers sane
  std::size_t token_bytes_max = 8192;      // longer tokens are Invalid unread
  std::size_t json_depth_max = 32;         // deeper claims are Invalid
};

/// What a connection token says about its bearer.
struct ConnectClaims {
  std::string user;                         // `sub`; empty: anonymous
  std::optional<core::WallTime> expire_at;  // when the connection expires; nothing: never
  std::string info;                         // `b64info`, else `info`: JSON on one line; empty: none
  std::vector<std::string> channels;        // server-side subscriptions
};

struct TokenError {
  /// Expired: the client should fetch a new token (error 109). Invalid: it should not come back
  /// with this one (disconnect 3500).
  enum class Kind : std::uint8_t { Expired, Invalid };

  Kind kind;
  std::string_view reason;  // a literal, for the log; never part of the token
};

/// Verifies JWTs (RFC 7519 in JWS compact form, RFC 7515) with HMAC secrets and public keys. A key
/// fixes the algorithms it serves by its type and curve (RFC 8725 §3.1); the token's `alg` only
/// picks one of them. `kid` and whatever else a header says about keys (`jku`, `jwk`, `x5u`, `x5c`)
/// is not looked at. Owned by whoever reads connect commands; immutable, so that shards share one
/// (public_key.h says why any number of threads may, and what a verification costs).
///
/// Two members of one name, in the header or among the claims, make a token Invalid whatever the
/// name (RFC 7515 §4, RFC 7519 §4): which of the two counts is where two readers of one token would
/// disagree. Inside `info` names are not looked at. Integers beyond 64 bits anywhere are Invalid.
///
/// Dates are seconds since 1970, whole or not, from 0 to the year 9999, else Invalid: a date in
/// milliseconds is not taken for a far future. `nbf` in the future is Expired, as in Centrifugo,
/// since a later token will do; `iat` in the future is Invalid, if by more than the leeway and
/// kIssuedAheadMax.
class TokenVerifier {
 public:
  /// Fails when the previous secret stands alone, when a secret is a PEM text (a public key taken
  /// for a secret lets anyone sign), or when OpenSSL cannot serve HMAC with SHA-2.
  static core::Result<TokenVerifier> create(VerifierOptions options);

  /// `now` is the wall-clock time of the connect command. The token is not kept.
  core::Result<ConnectClaims, TokenError> verify_connection(std::string_view token,
                                                            core::WallTime now) const;

 private:
  TokenVerifier() = default;

  using Algorithm = std::variant<HmacAlgorithm, SignatureAlgorithm>;

  bool serves(Algorithm algorithm) const;
  bool is_signature_good(Algorithm algorithm, std::string_view message,
                         std::string_view signature) const;

  VerifierOptions options_;         // the secrets are taken out at creation
  std::vector<HmacKey> hmac_keys_;  // newest first
};

}  // namespace sanjay::auth
