// SPDX-License-Identifier: Apache-2.0
#include "server/token_commands.h"

#include "server/jwks_issuer_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sanjay::server {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr core::WallTime kNow{std::chrono::seconds(1'700'000'000)};

CommandOutput check(const Config& config, const std::string& token) {
  CommandLine line;
  line.command = Command::CheckToken;
  line.token = token;
  return check_token(line, config, kNow);
}

std::string token_by(const auth::TestKey& key) {
  return key.token(auth::SignatureAlgorithm::EdDsa, R"({"kid":"1","alg":"EdDSA"})",
                   R"({"sub":"42"})");
}

TEST(CheckToken, FetchesTheKeysOfTheIssuer) {
  const auth::TestKey key = auth::TestKey::named("ED25519");
  TestIssuer issuer(
      [&](auto) { return TestIssuer::ok(R"({"keys":[)" + key.jwk(R"("kid":"1",)") + "]}"); });
  Config config;
  config.client.token.jwks_public_endpoint = issuer.url();
  const CommandOutput good = check(config, token_by(key));
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_EQ(good.out, "valid token for user \"42\"\npayload: {\"sub\":\"42\"}\n");

  const CommandOutput forged = check(config, token_by(auth::TestKey::named("ED25519")));
  EXPECT_EQ(forged.exit_code, kExitBadUsage);
  EXPECT_EQ(forged.out, "");
  EXPECT_THAT(forged.err, StartsWith("not a valid connection token: "));
}

TEST(CheckToken, SaysWhyKeysCouldNotBeFetched) {
  TestIssuer issuer([](auto) {
    return TestIssuer::Answer{TestIssuer::response("500 Internal Server Error", "")};
  });
  Config config;
  config.client.token.jwks_public_endpoint = issuer.url();
  const CommandOutput output = check(config, token_by(auth::TestKey::named("ED25519")));
  EXPECT_EQ(output.exit_code, kExitBadUsage);
  EXPECT_THAT(output.err, HasSubstr("500"));
}

}  // namespace
}  // namespace sanjay::server
