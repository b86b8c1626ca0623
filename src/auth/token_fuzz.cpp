// SPDX-License-Identifier: Apache-2.0
#include "auth/base64url.h"
#include "auth/signing_test.h"
#include "auth/token_signer.h"
#include "auth/token_verifier.h"
#include "core/assert.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sanjay::auth {
namespace {

constexpr std::string_view kSecret = "fuzz secret of thirty-two bytes!!";
constexpr core::WallTime kNow{std::chrono::seconds(1'700'000'000)};

void check_expiry(const std::optional<core::WallTime>& expire_at) {
  ASSERT(!expire_at || (*expire_at > kNow && *expire_at <= kNow + std::chrono::days(365)));
}

void check_payload(const Payload& payload) {
  const std::string json = json_of(payload);
  ASSERT(json.find_first_of("\r\n") == std::string::npos);
  ASSERT(payload.is_json || (json.empty() && !payload.empty()));
}

void check_claims(const ConnectClaims& claims) {
  check_expiry(claims.expire_at);
  check_payload(claims.info);
  ASSERT(claims.subs.empty() || claims.channels.empty());
  for (const ServerSubscription& sub : claims.subs) {
    ASSERT(!sub.channel.empty());
    check_payload(sub.info);
    check_payload(sub.data);
  }
  ASSERT(claims.meta.empty() || (claims.meta.front() == '{' && claims.meta.back() == '}'));
}

void check_claims(const SubscribeClaims& claims) {
  ASSERT(!claims.channel.empty());
  check_expiry(claims.expire_at);
  check_payload(claims.info);
  check_payload(claims.data);
}

/// One key of each kind, and a verifier that knows them all.
struct Keys {
  Keys() {
    VerifierOptions options{.hmac_secret_key = std::string(kSecret)};
    const auto add = [&](KeyType type, const TestKey& pair) {
      options.public_keys.push_back(PublicKey::read_pem(type, pair.public_pem()).value().at(0));
    };
    add(KeyType::Rsa, rsa);
    add(KeyType::Ecdsa, p256);
    add(KeyType::Ed25519, ed25519);
    verifier = TokenVerifier::create(std::move(options)).value();
  }

  TestKey rsa = TestKey::rsa(2048);
  TestKey p256 = TestKey::p256();
  TestKey ed25519 = TestKey::named("ED25519");
  std::optional<TokenVerifier> verifier;
};

}  // namespace

/// The input as a whole token, as a header, as a signature by each algorithm: none of these must
/// ever pass. Then as the claims of a genuine token: those must be sane.
void fuzz_token(const std::uint8_t* data, std::size_t size) {
  static const Keys keys;
  const TokenVerifier& verifier = *keys.verifier;
  const std::string_view input(reinterpret_cast<const char*>(data), size);

  // Knows all genuine tokens of the inputs before: none of what follows may pass for one of them.
  static SignatureCache cache({1, 2}, 64);
  ASSERT(!verifier.verify_connection(input, kNow, &cache));
  ASSERT(!verifier.verify_subscription(input, kNow, &cache));
  const std::string encoded = base64url_encode(input);
  ASSERT(!verifier.verify_connection(encoded + ".e30.AAAA", kNow, &cache));
  // One algorithm for an input: public keys are slow.
  constexpr std::array<const char*, 5> kAlgorithms{"HS256", "RS256", "PS512", "ES256", "EdDSA"};
  const char* alg = kAlgorithms[size % kAlgorithms.size()];
  const std::string header = base64url_encode(R"({"alg":")" + std::string(alg) + "\"}");
  ASSERT(!verifier.verify_connection(header + ".e30." + encoded, kNow, &cache));

  const auto genuine = sign_hs256(input, kSecret);
  ASSERT(genuine.has_value());
  const auto claims = verifier.verify_connection(*genuine, kNow);
  if (claims) check_claims(*claims);
  const auto subscription = verifier.verify_subscription(*genuine, kNow);
  if (subscription) check_claims(*subscription);
  ASSERT(!claims || !subscription);  // no token is of both kinds
  // Whoever signs it, the claims mean the same.
  if (!claims && size % 16 != 0) return;
  const std::string token =
      keys.ed25519.token(SignatureAlgorithm::EdDsa, R"({"alg":"EdDSA"})", input);
  const auto other = verifier.verify_connection(token, kNow, &cache);
  ASSERT(claims.has_value() == other.has_value() || genuine->size() > 8000);
  ASSERT(verifier.verify_connection(token, kNow, &cache).has_value() == other.has_value());
  std::string changed = token;
  changed[size % changed.size()] ^= 1;
  ASSERT(!verifier.verify_connection(changed, kNow, &cache));
}

}  // namespace sanjay::auth

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sanjay::auth::fuzz_token(data, size);
  return 0;
}
#endif
