// SPDX-License-Identifier: Apache-2.0
#include "auth/signing_test.h"
#include "auth/token_signer.h"
#include "auth/token_verifier.h"

#include <benchmark/benchmark.h>

namespace sanjay::auth {
namespace {

constexpr std::string_view kClaims = R"({"sub":"42","exp":1700003600,"info":{"name":"Ann"}})";

void verify(benchmark::State& state, VerifierOptions options, const std::string& token) {
  const auto verifier = TokenVerifier::create(std::move(options));
  const core::WallTime now(std::chrono::seconds(1'700'000'000));
  for (auto _ : state) {
    auto claims = verifier->verify_connection(token, now);
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
                 const char* header, const TestKey& pair) {
  VerifierOptions options;
  options.public_keys = PublicKey::read_pem(type, pair.public_pem()).value();
  verify(state, std::move(options), pair.token(algorithm, header, kClaims));
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

}  // namespace
}  // namespace sanjay::auth
