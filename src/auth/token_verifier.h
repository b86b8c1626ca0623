// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/hmac.h"
#include "core/result.h"
#include "core/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::auth {

inline constexpr core::Duration kTtlMax = std::chrono::days(365);

struct VerifierOptions {
  std::string hmac_secret_key{};           // empty: no token is accepted
  std::string hmac_previous_secret_key{};  // empty: none; still accepted while keys are rotated
  std::string audience{};                  // empty: not checked; else one of `aud` must equal it
  std::string issuer{};                    // empty: not checked; else `iss` must equal it
  core::Duration leeway{0};                // how far the signer's clock may be off, for exp and nbf
  core::Duration ttl_max = kTtlMax;        // later expiry is cut to this; keeps timers sane
  std::size_t token_bytes_max = 8192;      // longer tokens are Invalid unread
  std::size_t json_depth_max = 32;         // deeper claims are Invalid
};

/// What a connection token says about its bearer.
struct ConnectClaims {
  std::string user;                         // `sub`; empty: anonymous
  std::optional<core::WallTime> expire_at;  // when the connection expires; nothing: never
  std::string info;                         // `info` as JSON on one line; empty: absent
  std::vector<std::string> channels;        // server-side subscriptions
};

struct TokenError {
  /// Expired: the client should fetch a new token (error 109). Invalid: it should not come back
  /// with this one (disconnect 3500).
  enum class Kind : std::uint8_t { Expired, Invalid };

  Kind kind;
  std::string_view reason;  // a literal, for the log; never part of the token
};

/// Verifies JWTs (RFC 7519 in JWS compact form, RFC 7515) with HMAC keys. The key fixes the
/// possible algorithms (RFC 8725 §3.1). Owned by whoever reads connect commands; immutable, so
/// that shards may share one. Integers beyond 64 bits anywhere in the claims are Invalid.
class TokenVerifier {
 public:
  /// Fails only when OpenSSL cannot serve HMAC with SHA-2.
  static core::Result<TokenVerifier> create(VerifierOptions options);

  /// `now` is the wall-clock time of the connect command. The token is not kept.
  core::Result<ConnectClaims, TokenError> verify_connection(std::string_view token,
                                                            core::WallTime now) const;

 private:
  TokenVerifier() = default;

  core::Result<std::string, TokenError> verified_payload(std::string_view token) const;
  bool is_signature_good(HmacAlgorithm algorithm, std::string_view message,
                         std::string_view signature) const;

  VerifierOptions options_;    // the secrets are taken out at creation
  std::vector<HmacKey> keys_;  // newest first
};

}  // namespace sanjay::auth
