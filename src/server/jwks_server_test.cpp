// SPDX-License-Identifier: Apache-2.0
// A whole server, its issuer and a client.
#include "server/jwks_endpoints.h"
#include "server/jwks_issuer_fixture.h"
#include "server/metrics.h"
#include "server/server_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <semaphore>

namespace sanjay::server {
namespace {

using testing::HasSubstr;

TEST(JwksServer, AClientConnectsWithATokenOfAFetchedKey) {
  const auth::TestKey key = auth::TestKey::named("ED25519");
  TestIssuer issuer(
      [&](auto) { return TestIssuer::ok(R"({"keys":[)" + key.jwk(R"("kid":"1",)") + "]}"); });
  telemetry::NullLogger log;
  JwksEndpoints endpoints(log);
  std::counting_semaphore<> fetched{0};
  endpoints.set_on_keys_changed([&] { fetched.release(); });
  Config config;
  config.client.token.jwks_public_endpoint = issuer.url();
  config.client.token.hmac_secret_key = "a secret that counts for nothing now";
  config.runtime.shards = 1;
  auto wiring = wire(config, 4096, &endpoints);
  ASSERT_TRUE(wiring) << wiring.error().message;
  endpoints.keep_new();
  ASSERT_TRUE(fetched.try_acquire_for(std::chrono::seconds(10)));
  endpoints.set_on_keys_changed({});

  MemoryServer server(std::make_shared<const Wiring>(*std::move(wiring)));
  ASSERT_TRUE(server.started());
  const auto connect = [&](const auth::TestKey& signer) {
    const std::string token = signer.token(auth::SignatureAlgorithm::EdDsa,
                                           R"({"kid":"1","alg":"EdDSA"})", R"({"sub":"42"})");
    return server.say(server.upgrade(0),
                      MemoryServer::message(R"({"id":1,"connect":{"token":")" + token + R"("}})"));
  };
  EXPECT_THAT(connect(key), HasSubstr(R"({"id":1,"connect":{"client":")"));
  EXPECT_THAT(connect(auth::TestKey::named("ED25519")), HasSubstr("invalid token"));

  const auto since = server.shared().wiring->tokens.connection->key_source()->status().keys_since;
  const std::string metrics = write_metrics(server.shared(), since + std::chrono::seconds(90));
  for (const char* line : {"sanjay_token_keys{token=\"connection\"} 1\n",
                           "sanjay_token_keys{token=\"subscription\"} 0\n",
                           "sanjay_token_keys_age_seconds{token=\"connection\"} 90\n",
                           "sanjay_token_key_fetches_total{token=\"connection\"} 1\n",
                           "sanjay_token_key_fetch_failures_total{token=\"connection\"} 0\n"}) {
    EXPECT_THAT(metrics, HasSubstr(line));
  }
}

}  // namespace
}  // namespace sanjay::server
