// SPDX-License-Identifier: Apache-2.0
#include "auth/hmac.h"
#include "auth/signature_cache.h"
#include "auth/signing_test.h"
#include "auth/token_signer.h"
#include "auth/token_verifier.h"

#include <benchmark/benchmark.h>

#include <cstring>

namespace sanjay::auth {
namespace {

constexpr std::string_view kClaims = R"({"sub":"42","exp":1700003600,"info":{"name":"Ann"}})";

void verify(benchmark::State& state, VerifierOptions options, const std::string& token,
            SignatureCache* cache = nullptr) {
  const auto verifier = TokenVerifier::create(std::move(options));
  const core::WallTime now(std::chrono::seconds(1'700'000'000));
  for (auto _ : state) {
    auto claims = verifier->verify_connection(token, now, cache);
    if (!claims) state.SkipWithError("the token must verify");
    benchmark::DoNotOptimize(claims);
  }
}

void verify_connection_token(benchmark::State& state) {
  const std::string secret = "bench secret of thirty-two bytes!";
  verify(state, {.hmac_secret_key = secret}, *sign_hs256(kClaims, secret));
}
BENCHMARK(verify_connection_token);

void verify_with(benchmark::State& state, KeyType type, SignatureAlgorithm algorithm,
                 const char* header, const TestKey& pair, SignatureCache* cache = nullptr) {
  VerifierOptions options;
  options.public_keys = PublicKey::read_pem(type, pair.public_pem()).value();
  verify(state, std::move(options), pair.token(algorithm, header, kClaims), cache);
}

void verify_rs256(benchmark::State& state) {
  verify_with(state, KeyType::Rsa, SignatureAlgorithm::Rs256, R"({"alg":"RS256"})",
              TestKey::rsa(2048));
}
BENCHMARK(verify_rs256);

void verify_ps256(benchmark::State& state) {
  verify_with(state, KeyType::Rsa, SignatureAlgorithm::Ps256, R"({"alg":"PS256"})",
              TestKey::rsa(2048));
}
BENCHMARK(verify_ps256);

void verify_es256(benchmark::State& state) {
  verify_with(state, KeyType::Ecdsa, SignatureAlgorithm::Es256, R"({"alg":"ES256"})",
              TestKey::p256());
}
BENCHMARK(verify_es256);

void verify_es384(benchmark::State& state) {
  verify_with(state, KeyType::Ecdsa, SignatureAlgorithm::Es384, R"({"alg":"ES384"})",
              TestKey::p384());
}
BENCHMARK(verify_es384);

void verify_ed25519(benchmark::State& state) {
  verify_with(state, KeyType::Ed25519, SignatureAlgorithm::EdDsa, R"({"alg":"EdDSA"})",
              TestKey::named("ED25519"));
}
BENCHMARK(verify_ed25519);

void verify_rs256_again(benchmark::State& state) {
  SignatureCache cache({1, 2});
  verify_with(state, KeyType::Rsa, SignatureAlgorithm::Rs256, R"({"alg":"RS256"})",
              TestKey::rsa(2048), &cache);
}
BENCHMARK(verify_rs256_again);

void verify_es256_again(benchmark::State& state) {
  SignatureCache cache({1, 2});
  verify_with(state, KeyType::Ecdsa, SignatureAlgorithm::Es256, R"({"alg":"ES256"})",
              TestKey::p256(), &cache);
}
BENCHMARK(verify_es256_again);

void verify_ed25519_again(benchmark::State& state) {
  SignatureCache cache({1, 2});
  verify_with(state, KeyType::Ed25519, SignatureAlgorithm::EdDsa, R"({"alg":"EdDSA"})",
              TestKey::named("ED25519"), &cache);
}
BENCHMARK(verify_ed25519_again);

/// What a token never seen before costs beside its verification, the cache being full of others.
void remember_flood(benchmark::State& state) {
  SignatureCache cache({1, 2});
  const TestKey pair = TestKey::rsa(2048);
  const PublicKey key = PublicKey::read_pem(KeyType::Rsa, pair.public_pem()).value().at(0);
  std::string token = pair.token(SignatureAlgorithm::Rs256, R"({"alg":"RS256"})", kClaims);
  const core::WallTime now(std::chrono::seconds(1'700'000'000));
  std::uint64_t number = 0;
  for (auto _ : state) {
    ++number;
    std::memcpy(token.data(), &number, sizeof(number));  // any text will do
    const auto tag = cache.tag(key, token);
    if (!tag || cache.holds(*tag)) state.SkipWithError("the token must be new");
    cache.remember(*tag, core::WallTime::max(), now);
  }
}
BENCHMARK(remember_flood);

/// The part of an HMAC token's verification that a cache could spare.
void hmac_alone(benchmark::State& state) {
  const std::string secret = "bench secret of thirty-two bytes!";
  const auto key = HmacKey::create(secret);
  const std::string token = *sign_hs256(kClaims, secret);
  const std::string_view text = std::string_view(token).substr(0, token.rfind('.'));
  const auto mac = key->sign(HmacAlgorithm::Hs256, text);
  for (auto _ : state) {
    benchmark::DoNotOptimize(key->verify(HmacAlgorithm::Hs256, text, mac->view()));
  }
}
BENCHMARK(hmac_alone);

/// And what it would cost instead.
void tag_alone(benchmark::State& state) {
  SignatureCache cache({1, 2});
  const PublicKey key =
      PublicKey::read_pem(KeyType::Ed25519, TestKey::named("ED25519").public_pem()).value().at(0);
  const std::string token = *sign_hs256(kClaims, "bench secret of thirty-two bytes!");
  for (auto _ : state) benchmark::DoNotOptimize(cache.tag(key, token));
}
BENCHMARK(tag_alone);

}  // namespace
}  // namespace sanjay::auth
