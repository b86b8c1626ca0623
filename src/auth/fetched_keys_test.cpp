// SPDX-License-Identifier: Apache-2.0
// The verifier with keys of an issuer's key set.
#include "auth/jwks.h"
#include "auth/key_cache.h"
#include "auth/signing_test.h"
#include "auth/token_signer.h"
#include "auth/token_verifier.h"

#include <gtest/gtest.h>

#include <optional>

namespace sanjay::auth {
namespace {

using namespace std::chrono_literals;
using Kind = TokenError::Kind;
using Algorithm = SignatureAlgorithm;

constexpr core::WallTime kNow{std::chrono::seconds(1'700'000'000)};

/// A source whose keys and time are the test's.
class TestSource final : public KeySource {
 public:
  KeyLookup look_up(std::string_view kid) override {
    ++lookups;
    return cache.look_up(kid, now);
  }
  KeyStatus status() const override { return cache.status(); }
  void fetch(const std::string& keys) {
    ASSERT(cache.begin_fetch(now));
    cache.on_fetched(
        std::make_shared<const KeySet>(parse_jwks(R"({"keys":[)" + keys + "]}").value()), now);
  }
  void fail() {
    ASSERT(cache.begin_fetch(now));
    cache.on_failed(now);
  }

  core::Instant now{1h};
  int lookups = 0;
  KeyCache cache{KeyCacheOptions{}, 1};
};

struct Rig {
  explicit Rig(VerifierOptions options = {}) {
    options.key_source = source;
    verifier = TokenVerifier::create(std::move(options)).value();
  }

  std::string_view reason(const std::string& token) const {
    const auto claims = verifier->verify_connection(token, kNow);
    return claims ? "accepted" : claims.error().reason;
  }

  std::shared_ptr<TestSource> source = std::make_shared<TestSource>();
  std::optional<TokenVerifier> verifier;
};

std::string kid(const char* name) { return R"("kid":")" + std::string(name) + "\","; }
std::string header(const char* alg, const std::string& more = "") {
  return "{" + more + R"("alg":")" + alg + "\"}";
}
constexpr std::string_view kClaims = R"({"sub":"42"})";
constexpr std::string_view kNotTheKeys = "algorithm is not one of the key's";
constexpr std::string_view kMismatch = "signature does not match";

TEST(FetchedKeys, TheTokensKidPicksTheKey) {
  const TestKey p256 = TestKey::p256();
  const TestKey rsa = TestKey::rsa(2048);
  const TestKey ed25519 = TestKey::named("ED25519");
  Rig rig;
  rig.source->fetch(p256.jwk(kid("e")) + "," + rsa.jwk(kid("r")) + "," + ed25519.jwk(kid("d")));
  EXPECT_EQ(rig.reason(p256.token(Algorithm::Es256, header("ES256", kid("e")), kClaims)),
            "accepted");
  EXPECT_EQ(rig.reason(rsa.token(Algorithm::Ps384, header("PS384", kid("r")), kClaims)),
            "accepted");
  EXPECT_EQ(rig.reason(ed25519.token(Algorithm::EdDsa, header("EdDSA", kid("d")), kClaims)),
            "accepted");
  EXPECT_EQ(rig.reason(p256.token(Algorithm::Es256, header("ES256"), kClaims)), "accepted")
      << "none named: any that serves";
  const auto subscription = rig.verifier->verify_subscription(
      p256.token(Algorithm::Es256, header("ES256", kid("e")), R"({"channel":"c"})"), kNow);
  EXPECT_TRUE(subscription);
}

TEST(FetchedKeys, AKeyVerifiesUnderItsOwnNameOnly) {
  const TestKey first = TestKey::p256();
  const TestKey second = TestKey::p256();
  const TestKey rsa = TestKey::rsa(2048);
  Rig rig;
  rig.source->fetch(first.jwk(kid("1")) + "," + second.jwk(kid("2")) + "," +
                    rsa.jwk(kid("r") + R"("alg":"RS256",)"));
  const auto token = [](const TestKey& key, const char* name) {
    return key.token(Algorithm::Es256, header("ES256", kid(name)), kClaims);
  };
  ASSERT_EQ(rig.reason(token(first, "1")), "accepted");
  EXPECT_EQ(rig.reason(token(first, "2")), kMismatch);
  EXPECT_EQ(rig.reason(token(first, "r")), kNotTheKeys);
  EXPECT_EQ(rig.reason(token(first, "3")), "kid is not one of the issuer's");
  EXPECT_EQ(rig.reason(token(TestKey::p256(), "1")), kMismatch);
  EXPECT_EQ(rig.reason(first.token(Algorithm::Es256, header("ES256", R"("kid":1,)"), kClaims)),
            "kid is not a string");
  EXPECT_EQ(
      rig.reason(first.token(Algorithm::Es256, header("ES256", kid("1") + kid("2")), kClaims)),
      "header repeats a member");
  // The set says RS256 and nothing else.
  ASSERT_EQ(rig.reason(rsa.token(Algorithm::Rs256, header("RS256", kid("r")), kClaims)),
            "accepted");
  EXPECT_EQ(rig.reason(rsa.token(Algorithm::Ps256, header("PS256", kid("r")), kClaims)),
            kNotTheKeys);
  EXPECT_EQ(rig.reason(rsa.token(Algorithm::Rs512, header("RS512", kid("r")), kClaims)),
            kNotTheKeys);
}

TEST(FetchedKeys, ReplaceEveryOtherKey) {
  const TestKey configured = TestKey::p256();
  const TestKey fetched = TestKey::p256();
  const std::string secret = "a secret that is long enough: 32+";
  VerifierOptions options{.hmac_secret_key = secret};
  options.public_keys = PublicKey::read_pem(KeyType::Ecdsa, configured.public_pem()).value();
  Rig rig(std::move(options));
  rig.source->fetch(fetched.jwk(kid("1")));
  EXPECT_EQ(rig.reason(fetched.token(Algorithm::Es256, header("ES256", kid("1")), kClaims)),
            "accepted");
  EXPECT_EQ(rig.reason(configured.token(Algorithm::Es256, header("ES256", kid("1")), kClaims)),
            kMismatch);
  EXPECT_EQ(rig.reason(configured.token(Algorithm::Es256, header("ES256"), kClaims)), kMismatch);
  EXPECT_EQ(rig.reason(*sign_hs256(kClaims, secret)), kNotTheKeys);
}

TEST(FetchedKeys, WhatTheyCanNeverServeAsksForNothing) {
  const TestKey key = TestKey::p256();
  Rig rig;
  rig.source->fetch(key.jwk(kid("1")));
  const std::string good = key.token(Algorithm::Es256, header("ES256", kid("1")), kClaims);
  const std::string tail = good.substr(good.find('.'));
  rig.source->lookups = 0;
  // The public key, which everybody can fetch, as a secret.
  EXPECT_EQ(rig.reason(*sign_hs256(kClaims, key.public_pem())), kNotTheKeys);
  EXPECT_EQ(rig.reason(*sign_hs256(kClaims, key.jwk(kid("1")))), kNotTheKeys);
  for (const char* alg : {"none", "HS256", "HS384", "HS512", "ES256K", "RSA-OAEP", ""}) {
    EXPECT_EQ(rig.reason(base64url_encode(header(alg, kid("made up"))) + tail), kNotTheKeys) << alg;
  }
  EXPECT_EQ(rig.reason(base64url_encode(header("ES256", R"("crit":["b64"],"kid":"new",)")) + tail),
            "header has critical extensions");
  EXPECT_EQ(rig.reason(base64url_encode(header("ES256", kid("new"))) + ".e30.="),
            "signature is not base64url");
  EXPECT_EQ(rig.source->lookups, 0);
}

TEST(FetchedKeys, KeysOfTheTokensOwnAreNeverLookedAt) {
  const TestKey issuers = TestKey::p256();
  const TestKey strangers = TestKey::p256();
  Rig rig;
  rig.source->fetch(issuers.jwk(kid("1")));
  for (const std::string& own :
       {R"("jwk":)" + strangers.jwk() + ",", std::string(R"("jku":"http://127.0.0.1:1/",)"),
        std::string(R"("x5u":"http://127.0.0.1:1/",)"), std::string(R"("x5c":["AAAA"],)")}) {
    EXPECT_EQ(
        rig.reason(strangers.token(Algorithm::Es256, header("ES256", kid("1") + own), kClaims)),
        kMismatch)
        << own;
    EXPECT_EQ(rig.reason(issuers.token(Algorithm::Es256, header("ES256", kid("1") + own), kClaims)),
              "accepted")
        << own;
  }
}

TEST(FetchedKeys, ARotatedKeyIsPendingUntilItIsFetched) {
  const TestKey old_key = TestKey::p256();
  const TestKey new_key = TestKey::p256();
  Rig rig;
  const std::string old_token = old_key.token(Algorithm::Es256, header("ES256", kid("1")), kClaims);
  const std::string new_token = new_key.token(Algorithm::Es256, header("ES256", kid("2")), kClaims);
  const auto before = rig.verifier->verify_connection(old_token, kNow);
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error().kind, Kind::KeysPending) << "the first fetch is under way";
  rig.source->fetch(old_key.jwk(kid("1")));
  EXPECT_EQ(rig.reason(old_token), "accepted");

  rig.source->now += 1min;
  const auto pending = rig.verifier->verify_connection(new_token, kNow);
  ASSERT_FALSE(pending);
  EXPECT_EQ(pending.error().kind, Kind::KeysPending);
  EXPECT_EQ(pending.error().retry_at, rig.source->now + 5s);
  EXPECT_EQ(rig.reason(old_token), "accepted") << "meanwhile";
  rig.source->fetch(old_key.jwk(kid("1")) + "," + new_key.jwk(kid("2")));
  EXPECT_EQ(rig.reason(new_token), "accepted");
  EXPECT_EQ(rig.reason(old_token), "accepted");

  rig.source->now = rig.source->cache.next_fetch_at();
  rig.source->fetch(new_key.jwk(kid("2")));
  EXPECT_EQ(rig.reason(old_token), "kid is not one of the issuer's") << "taken away";
  EXPECT_EQ(rig.verifier->verify_connection(old_token, kNow).error().kind, Kind::Invalid);
}

TEST(FetchedKeys, WithoutAnyKeysTheyAreUnavailable) {
  Rig rig;
  rig.source->fail();
  const std::string token =
      TestKey::p256().token(Algorithm::Es256, header("ES256", kid("1")), kClaims);
  for (const auto& error : {rig.verifier->verify_connection(token, kNow).error(),
                            rig.verifier->verify_subscription(token, kNow).error()}) {
    EXPECT_EQ(error.kind, Kind::Unavailable);
    EXPECT_EQ(error.retry_at, rig.source->cache.next_fetch_at());
  }
}

TEST(FetchedKeys, EveryoneOfTheNameIsTried) {
  const TestKey keys[] = {TestKey::p256(), TestKey::p256(), TestKey::p256()};
  Rig rig;
  rig.source->fetch(keys[0].jwk(kid("1")) + "," + keys[1].jwk(kid("1")) + "," + keys[2].jwk());
  for (const TestKey& key : {keys[0], keys[1]}) {
    EXPECT_EQ(rig.reason(key.token(Algorithm::Es256, header("ES256", kid("1")), kClaims)),
              "accepted");
  }
  EXPECT_EQ(rig.reason(keys[2].token(Algorithm::Es256, header("ES256", kid("1")), kClaims)),
            kMismatch);
  for (const TestKey& key : keys) {
    EXPECT_EQ(rig.reason(key.token(Algorithm::Es256, header("ES256"), kClaims)), "accepted");
  }
}

TEST(FetchedKeys, NothingOfTheClaimsIsReadBeforeTheSignature) {
  const TestKey key = TestKey::p256();
  Rig rig;
  rig.source->fetch(key.jwk(kid("1")));
  const auto token = [&](const TestKey& signer, std::string_view claims) {
    return signer.token(Algorithm::Es256, header("ES256", kid("1")), claims);
  };
  EXPECT_EQ(rig.reason(token(TestKey::p256(), R"({"exp":1})")), kMismatch);
  EXPECT_EQ(rig.reason(token(key, R"({"exp":1})")), "token has expired");
}

// GHSA-g6vg-wj8f-48cj: a key of one issuer must not verify tokens for another's verifier, although
// both call it by one name.
TEST(Advisory, GhsaG6vgOneIssuersKeyIsWorthNothingToAnother) {
  const TestKey firsts = TestKey::p256();
  const TestKey seconds = TestKey::p256();
  Rig first({.issuer = "first"});
  Rig second({.issuer = "second"});
  first.source->fetch(firsts.jwk(kid("shared")));
  second.source->fetch(seconds.jwk(kid("shared")));
  const auto token = [](const TestKey& key, std::string_view claims) {
    return key.token(Algorithm::Es256, header("ES256", kid("shared")), claims);
  };
  ASSERT_EQ(first.reason(token(firsts, R"({"iss":"first"})")), "accepted");
  ASSERT_EQ(second.reason(token(seconds, R"({"iss":"second"})")), "accepted");
  EXPECT_EQ(second.reason(token(firsts, R"({"iss":"second"})")), kMismatch);
  EXPECT_EQ(first.reason(token(seconds, R"({"iss":"first"})")), kMismatch);
}

// GHSA-j77h-rr39-c552: claims of a token nobody had verified chose where its keys came from.
TEST(Advisory, GhsaJ77hNoClaimChoosesWhereKeysComeFrom) {
  const TestKey key = TestKey::p256();
  Rig rig({.audience_regex = "(?P<tenant>[a-z]+)", .issuer_regex = "https://(?P<host>.+)/"});
  rig.source->fetch(key.jwk(kid("1")));
  rig.source->lookups = 0;
  // Signed by a stranger: one look-up by kid, and the end of it, whatever issuer it names.
  EXPECT_EQ(rig.reason(TestKey::p256().token(Algorithm::Es256, header("ES256", kid("1")),
                                             R"({"aud":"a","iss":"https://169.254.169.254/"})")),
            kMismatch);
  EXPECT_EQ(rig.source->lookups, 1);
  EXPECT_EQ(rig.source->cache.status().fetches, 1U);
}

}  // namespace
}  // namespace sanjay::auth
