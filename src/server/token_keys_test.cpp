// SPDX-License-Identifier: Apache-2.0
#include "server/token_keys.h"

#include "auth/token_signer.h"
#include "server/config_schema.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace sanjay::server {
namespace {

constexpr core::WallTime kNow{std::chrono::seconds(1'700'000'000)};

// Key and signature of RFC 7515 A.3, whose claims carry another "exp" than the present time.
constexpr std::string_view kP256 =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view kToken =
    "eyJhbGciOiJFUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
    "fQ."
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
constexpr core::WallTime kTokensTime{std::chrono::seconds(1300819379)};

// The key of RFC 8037 A.2.
constexpr std::string_view kEd25519 =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    "-----END PUBLIC KEY-----\n";

std::string error_of(const Config::Client::Token& token) {
  const auto verifier = make_token_verifier(token);
  return verifier ? "no error" : verifier.error().message;
}

std::string write(const std::string& name, std::string_view text) {
  std::string path = testing::TempDir() + name;
  std::ofstream(path) << text;
  return path;
}

TEST(TokenKeys, WithoutAKeyThereIsNoVerifier) {
  const auto verifier = make_token_verifier({});
  ASSERT_TRUE(verifier);
  EXPECT_EQ(*verifier, nullptr);
}

TEST(TokenKeys, AKeyIsAPemTextOrThePathOfAFile) {
  const std::string path = write("token_keys_test_p256.pem", kP256);
  for (const std::string& value : {std::string(kP256), path}) {
    const auto verifier = make_token_verifier({.ecdsa_public_key = value});
    ASSERT_TRUE(verifier) << verifier.error().message;
    EXPECT_TRUE((*verifier)->verify_connection(kToken, kTokensTime)) << value;
  }
  std::filesystem::remove(path);
}

TEST(TokenKeys, EveryOptionReachesTheVerifier) {
  const std::string p256(kP256);
  const auto kind_with = [&](Config::Client::Token token) {
    token.ecdsa_public_key = p256;
    const auto claims = make_token_verifier(token).value()->verify_connection(
        kToken, kTokensTime + std::chrono::seconds(30));
    return claims ? "accepted" : claims.error().reason;
  };
  EXPECT_EQ(kind_with({}), "token has expired");
  EXPECT_EQ(kind_with({.leeway = std::chrono::minutes(1)}), "accepted");
  EXPECT_EQ(kind_with({.issuer = "joe", .leeway = std::chrono::minutes(1)}), "accepted");
  EXPECT_EQ(kind_with({.issuer = "eve"}), "token is from another issuer");
  EXPECT_EQ(kind_with({.audience = "chat"}), "token is for another audience");
  EXPECT_EQ(make_token_verifier({.hmac_secret_key = "x"})
                .value()
                ->verify_connection(kToken, kNow)
                .error()
                .reason,
            "algorithm is not one of the key's");
}

TEST(TokenKeys, NamesTheSettingAndWhatWasExpected) {
  const std::string path = write("token_keys_test_ed25519.pem", kEd25519);
  const std::string p256(kP256);
  constexpr std::string_view kRsa = "expected an RSA public key of 2048 to 8192 bits in PEM, got ";
  EXPECT_EQ(error_of({.rsa_public_key = p256}),
            "client.token.rsa_public_key: " + std::string(kRsa) + "a key of type EC");
  EXPECT_EQ(error_of({.rsa_public_key = path}), "client.token.rsa_public_key: " + path + ": " +
                                                    std::string(kRsa) + "a key of type ED25519");
  EXPECT_EQ(error_of({.ecdsa_public_key = path + ".none"}),
            "client.token.ecdsa_public_key: " + path + ".none: No such file or directory");
  EXPECT_EQ(error_of({.ed25519_public_key = p256}),
            "client.token.ed25519_public_key: expected an Ed25519 public key in PEM, got a key of "
            "type EC");
  EXPECT_EQ(error_of({.ed25519_public_key = "MCowBQYDK2VwAyEA\n11qYAYKxCrfVS\n"}),
            "client.token.ed25519_public_key: expected a public key in PEM or the path of a file "
            "with one, got several lines without -----BEGIN PUBLIC KEY-----");
  EXPECT_EQ(error_of({.hmac_previous_secret_key = "x", .ecdsa_public_key = p256}),
            "client.token: a previous HMAC secret needs a present one");
  EXPECT_EQ(error_of({.rsa_public_key = p256, .ecdsa_public_key = std::string(kEd25519)}),
            "client.token.rsa_public_key: " + std::string(kRsa) +
                "a key of type EC\n"
                "client.token.ecdsa_public_key: expected an ECDSA public key on P-256, P-384 or "
                "P-521 in PEM, got a key of type ED25519");
  std::filesystem::remove(path);
}

TEST(TokenKeys, AKeyFileHasAMebibyteAtMost) {
  const auto padded_to = [](std::size_t bytes) {
    return std::string(kP256) + std::string(bytes - kP256.size(), '\n');
  };
  const std::string path = write("token_keys_test_large.pem", padded_to(1 << 20));
  EXPECT_EQ(error_of({.ecdsa_public_key = path}), "no error");
  write("token_keys_test_large.pem", padded_to((1 << 20) + 1));
  EXPECT_EQ(error_of({.ecdsa_public_key = path}),
            "client.token.ecdsa_public_key: " + path + ": larger than 1 MiB");
  std::filesystem::remove(path);
}

TEST(TokenKeys, ASubscriptionsKeysAreItsOwnWhenEnabled) {
  const auto token = [](std::string_view secret) {
    return *auth::sign_hs256(R"({"channel":"news"})", secret);
  };
  Config::Client client;
  client.token.hmac_secret_key = "of connections";
  client.subscription_token.hmac_secret_key = "of subscriptions";
  const auto shared = make_token_verifiers(client, nullptr).value();
  EXPECT_EQ(shared.subscription, shared.connection);
  EXPECT_TRUE(shared.subscription->verify_subscription(token("of connections"), kNow));
  EXPECT_FALSE(shared.subscription->verify_subscription(token("of subscriptions"), kNow));

  client.subscription_token.enabled = true;
  const auto apart = make_token_verifiers(client, nullptr).value();
  EXPECT_FALSE(apart.subscription->verify_subscription(token("of connections"), kNow));
  EXPECT_TRUE(apart.subscription->verify_subscription(token("of subscriptions"), kNow));
  EXPECT_FALSE(apart.connection->verify_subscription(token("of subscriptions"), kNow));

  client.subscription_token.hmac_secret_key.clear();
  EXPECT_EQ(make_token_verifiers(client, nullptr).value().subscription, nullptr)
      << "enabled without a key, none is accepted";
}

TEST(TokenKeys, EveryOtherOptionReachesTheVerifierToo) {
  const auto outcome = [](Config::Client::Token token, std::string_view claims) -> std::string {
    token.hmac_secret_key = "secret";
    const auto result = make_token_verifier(token).value()->verify_connection(
        *auth::sign_hs256(claims, "secret"), kNow);
    return result ? "user " + result->user : std::string(result.error().reason);
  };
  EXPECT_EQ(outcome({.user_id_claim = "uid"}, R"({"sub":"a","uid":"b"})"), "user b");
  EXPECT_EQ(outcome({.audience_regex = "a+"}, R"({"aud":"ab"})"), "token is for another audience");
  EXPECT_EQ(outcome({.issuer_regex = "a+"}, R"({"iss":"ab"})"), "token is from another issuer");
  const auto unverified = make_token_verifier({.insecure_skip_token_signature_verify = true});
  EXPECT_TRUE(unverified.value()->verify_connection(*auth::sign_hs256("{}", "any"), kNow));
}

TEST(TokenKeys, FetchedKeysNeedSomebodyWhoFetches) {
  Config::Client client;
  client.token.jwks_public_endpoint = "https://id.example/keys";
  EXPECT_EQ(error_of(client.token), "client.token.jwks_public_endpoint: nobody fetches keys here");
  EXPECT_TRUE(check_token_keys(client)) << "a check fetches nothing";

  client.subscription_token.enabled = true;
  client.subscription_token.jwks_public_endpoint = "https://id.example/keys";
  client.subscription_token.jwks_ca_file = "/nonexistent.pem";
  EXPECT_EQ(check_token_keys(client).error().message,
            "client.subscription_token.jwks_ca_file: /nonexistent.pem: No such file or directory");
  const std::string path = write("token_keys_test_ca.pem", kP256);
  client.subscription_token.jwks_ca_file = path;
  EXPECT_EQ(check_token_keys(client).error().message,
            "client.subscription_token.jwks_ca_file: " + path +
                ": expected certificates in PEM, got something else");
  std::filesystem::remove(path);
  client.subscription_token = {};
  client.token.issuer_regex = "(";
  EXPECT_EQ(check_token_keys(client).error().message,
            "client.token: issuer_regex: not a regular expression: missing ): (");
}

TEST(TokenKeys, BothSectionsMayHaveOneEndpoint) {
  telemetry::NullLogger log;
  JwksEndpoints endpoints(log);
  Config::Client client;
  client.token.jwks_public_endpoint = "http://127.0.0.1:1/keys";
  client.subscription_token.jwks_public_endpoint = "http://127.0.0.1:1/keys";
  client.subscription_token.enabled = true;
  auto verifiers = make_token_verifiers(client, &endpoints);
  ASSERT_TRUE(verifiers) << verifiers.error().message;
  EXPECT_NE(verifiers->connection, verifiers->subscription);
  EXPECT_EQ(endpoints.size(), 1U);
  client.subscription_token.jwks_public_endpoint += "/others";
  verifiers = make_token_verifiers(client, &endpoints);
  EXPECT_EQ(endpoints.size(), 2U);
  const auto error = verifiers->connection->verify_connection(kToken, kNow).error();
  EXPECT_TRUE(error.kind == auth::TokenError::Kind::KeysPending ||
              error.kind == auth::TokenError::Kind::Unavailable)
      << "nobody listens there";
}

TEST(TokenKeys, APemTextSurvivesTheConfigurationsOwnForm) {
  Config config;
  config.client.token.ecdsa_public_key = kP256;
  const ConfigFile file{"written.toml", write_toml(config, TomlDetail::Documented)};
  const auto again = load_config({{}, &file, {}, {}});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->client.token.ecdsa_public_key, kP256);
}

}  // namespace
}  // namespace sanjay::server
