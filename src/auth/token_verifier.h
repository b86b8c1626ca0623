// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/algorithm_name.h"
#include "auth/claims.h"
#include "auth/hmac.h"
#include "auth/key_source.h"
#include "auth/public_key.h"
#include "auth/signature_cache.h"
#include "auth/token_claims.h"
#include "core/result.h"
#include "core/time.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::auth {

struct Member;

inline constexpr core::Duration kTtlMax = std::chrono::days(365);

/// How far ahead `iat` may lie even without leeway: a signer whose clock is a little fast is
/// common, and Invalid is final to a client.
inline constexpr core::Duration kIssuedAheadMax = std::chrono::minutes(1);

/// Memory one regular expression may take, in bytes; its time is linear in the text (RE2).
inline constexpr std::int64_t kRegexMemoryMax = 1 << 20;

struct VerifierOptions {
  std::string hmac_secret_key{};           // empty: no HMAC token is accepted
  std::string hmac_previous_secret_key{};  // empty: none; still accepted while keys are rotated
  std::vector<PublicKey> public_keys{};    // each serves the algorithms of its type and curve
  /// Set: no key but those fetched from there counts, none of the above and no secret.
  std::shared_ptr<KeySource> key_source{};
  std::string audience{};            // empty: not checked; else one of `aud` must equal it
  std::string issuer{};              // empty: not checked; else `iss` must equal it
  std::string audience_regex{};      // RE2; empty: not checked; else must match one of `aud` whole
  std::string issuer_regex{};        // the same for `iss`
  std::string user_id_claim{};       // empty: `sub`; else the claim that names the user
  core::Duration leeway{0};          // how far the signer's clock may be off
  core::Duration ttl_max = kTtlMax;  // later expiry is cut to this; keeps timers sane
  std::size_t token_bytes_max = 8192;    // longer tokens are Invalid unread
  std::size_t json_depth_max = 32;       // deeper claims are Invalid
  bool insecure_skip_signature = false;  // whoever can write a token is believed: tests only
};

/// Verifies JWTs (RFC 7519 in JWS compact form, RFC 7515) with HMAC secrets and public keys, or
/// with the keys of a KeySource alone. A key fixes the algorithms it serves by its type and curve
/// (RFC 8725 §3.1); the token's `alg` only picks one of them. `kid` picks among the keys of a
/// KeySource and is not looked at otherwise; whatever else a header says about keys (`jku`, `jwk`,
/// `x5u`, `x5c`) never is. Owned by whoever reads connect commands; immutable, so that shards share
/// one (public_key.h says why any number of threads may, and what a verification costs).
///
/// A token with the claim `channel` is for a subscription, one without it for a connection; neither
/// is ever taken for the other.
///
/// Two members of one name, in the header or among the claims, make a token Invalid whatever the
/// name (RFC 7515 §4, RFC 7519 §4): which of the two counts is where two readers of one token would
/// disagree. Inside `info`, `data` and `meta` names are not looked at. Integers beyond 64 bits
/// anywhere are Invalid.
///
/// Dates are seconds since 1970, whole or not, from 0 to the year 9999, else Invalid: a date in
/// milliseconds is not taken for a far future. `nbf` in the future is Expired, as in Centrifugo,
/// since a later token will do; `iat` in the future is Invalid, if by more than the leeway and
/// kIssuedAheadMax.
class TokenVerifier {
 public:
  /// Fails when the previous secret stands alone, when a secret is a PEM text (a public key taken
  /// for a secret lets anyone sign), when a regular expression is none, or when OpenSSL cannot
  /// serve HMAC with SHA-2.
  static core::Result<TokenVerifier> create(VerifierOptions options);

  /// `now` is the wall-clock time of the connect or refresh command. The token is not kept. A
  /// `cache` spares the computation with a public key by which it knows the token to be signed, and
  /// is told of a token that is accepted; the result is the same with any cache and none.
  core::Result<ConnectClaims, TokenError> verify_connection(std::string_view token,
                                                            core::WallTime now,
                                                            SignatureCache* cache = nullptr) const;
  /// The same for subscribe and sub_refresh.
  core::Result<SubscribeClaims, TokenError> verify_subscription(
      std::string_view token, core::WallTime now, SignatureCache* cache = nullptr) const;

  /// Null unless the keys are fetched ones.
  const std::shared_ptr<KeySource>& key_source() const { return options_.key_source; }

 private:
  /// The cache during one verification.
  struct Recall {
    SignatureCache* cache;                     // null: none
    std::optional<SignatureCache::Tag> fresh;  // of a signature that was found good just now

    /// The token is accepted.
    void keep(const std::optional<core::WallTime>& expire_at, core::WallTime now) const;
  };
  struct SignedText;

  TokenVerifier() = default;

  bool serves(Algorithm algorithm) const;
  static bool is_signed_by_one_of(const std::vector<const PublicKey*>& keys,
                                  SignatureAlgorithm algorithm, const SignedText& text,
                                  Recall& recall);
  bool is_signature_good(Algorithm algorithm, const SignedText& text, Recall& recall) const;
  core::Result<void, TokenError> check_with_fetched_keys(Algorithm algorithm, const Member& kid,
                                                         const SignedText& text,
                                                         Recall& recall) const;
  /// The claims of a token that is what its signer made; they live in the parser.
  core::Result<simdjson::dom::object, TokenError> read(simdjson::dom::parser& parser,
                                                       std::string_view token,
                                                       Recall& recall) const;

  VerifierOptions options_;  // the secrets are taken out at creation
  ClaimRules rules_;
  std::vector<HmacKey> hmac_keys_;  // newest first
};

}  // namespace sanjay::auth
