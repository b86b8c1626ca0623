// SPDX-License-Identifier: Apache-2.0
#include "auth/token_signer.h"
#include "auth/token_verifier.h"

#include <benchmark/benchmark.h>

namespace sanjay::auth {
namespace {

void verify_connection_token(benchmark::State& state) {
  const std::string secret = "bench secret of thirty-two bytes!";
  const auto verifier = TokenVerifier::create({.hmac_secret_key = secret});
  const auto token = sign_hs256(R"({"sub":"42","exp":1700003600,"info":{"name":"Ann"}})", secret);
  const core::WallTime now(std::chrono::seconds(1'700'000'000));
  for (auto _ : state) {
    auto claims = verifier->verify_connection(*token, now);
    if (!claims) state.SkipWithError("the token must verify");
    benchmark::DoNotOptimize(claims);
  }
}
BENCHMARK(verify_connection_token);

}  // namespace
}  // namespace sanjay::auth
