// SPDX-License-Identifier: Apache-2.0
#include "auth/signing_test.h"
#include "auth/token_signer.h"
#include "auth/token_verifier.h"

#include <gtest/gtest.h>

#include <functional>
#include <ostream>

namespace sanjay::auth {
namespace {

using namespace std::chrono_literals;
using Kind = TokenError::Kind;

constexpr core::WallTime kNow{std::chrono::seconds(1'700'000'000)};
const std::string kSecret = "a secret that is long enough: 32+";

core::WallTime at(std::int64_t seconds) { return core::WallTime(std::chrono::seconds(seconds)); }

/// Knows a secret and a public key, so that both ways of signing are met.
const TestKey& key_pair() {
  static const TestKey pair = TestKey::p256();
  return pair;
}

TokenVerifier verifier_with(VerifierOptions options) {
  options.hmac_secret_key = kSecret;
  options.public_keys = PublicKey::read_pem(KeyType::Ecdsa, key_pair().public_pem()).value();
  return TokenVerifier::create(std::move(options)).value();
}

TokenVerifier strict_verifier() { return verifier_with({.audience = "chat", .issuer = "joe"}); }

std::string hmac_token(std::string_view claims) { return *sign_hs256(claims, kSecret); }
std::string ecdsa_token(std::string_view claims) {
  return key_pair().token(SignatureAlgorithm::Es256, R"({"alg":"ES256"})", claims);
}

TEST(SubscriptionToken, ReadsTheClaims) {
  const auto claims = verifier_with({}).verify_subscription(
      hmac_token(R"({"sub":"42","channel":"$chat:1","exp":1700003600,"client":"abc",
        "info":{ "a" : 1 },"b64data":"AAEC","data":{"x":1},"override":{"presence":{"value":true},
        "join_leave":{"value":false},"force_push_join_leave":{"value":true},
        "force_positioning":{},"force_recovery":{"value":true}}})"),
      kNow);
  ASSERT_TRUE(claims) << claims.error().reason;
  EXPECT_EQ(claims->user, "42");
  EXPECT_EQ(claims->channel, "$chat:1");
  EXPECT_EQ(claims->client, "abc");
  EXPECT_EQ(claims->expire_at, at(1700003600));
  EXPECT_EQ(claims->info.bytes, R"({"a":1})");
  EXPECT_TRUE(claims->info.is_json);
  EXPECT_EQ(claims->data.bytes, std::string("\0\1\2", 3));
  EXPECT_FALSE(claims->data.is_json);
  EXPECT_EQ(claims->overrides, (SubscriptionOverride{true, false, true, false, true}));
}

TEST(SubscriptionToken, NeedsAChannelAndNothingElse) {
  const auto claims =
      verifier_with({}).verify_subscription(hmac_token(R"({"channel":"news"})"), kNow);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->user, "");
  EXPECT_EQ(claims->client, "");
  EXPECT_EQ(claims->expire_at, std::nullopt);
  EXPECT_TRUE(claims->info.empty() && claims->data.empty());
  EXPECT_EQ(claims->overrides, SubscriptionOverride{});
}

TEST(SubscriptionToken, ExpireAtOverridesExpAndEveryExpiryIsCutTo365Days) {
  const auto expire_at = [](std::string_view claims) {
    return verifier_with({}).verify_subscription(hmac_token(claims), kNow)->expire_at;
  };
  EXPECT_EQ(expire_at(R"({"channel":"c","exp":1700000060,"expire_at":1700000600})"),
            at(1700000600));
  EXPECT_EQ(expire_at(R"({"channel":"c","exp":1700000060,"expire_at":0})"), std::nullopt);
  for (const char* claims :
       {R"({"channel":"c","exp":9999999999})", R"({"channel":"c","expire_at":253402300799})"}) {
    EXPECT_EQ(expire_at(claims), kNow + std::chrono::days(365)) << claims;
  }
}

TEST(SubscriptionToken, ExpiresAtTheExactNanosecond) {
  const std::string token = hmac_token(R"({"channel":"c","exp":1700000000})");
  EXPECT_TRUE(verifier_with({}).verify_subscription(token, kNow - 1ns));
  EXPECT_EQ(verifier_with({}).verify_subscription(token, kNow).error().kind, Kind::Expired);
  EXPECT_TRUE(verifier_with({.leeway = 30s}).verify_subscription(token, kNow + 30s - 1ns));
  EXPECT_FALSE(verifier_with({.leeway = 30s}).verify_subscription(token, kNow + 30s));
}

struct Hostile {
  const char* name;
  const char* claims;
  std::string_view reason;
  Kind kind = Kind::Invalid;
};

void PrintTo(const Hostile& hostile, std::ostream* out) { *out << hostile.name; }

constexpr const char* kHonest =
    R"({"sub":"42","channel":"news","exp":1700003600,"aud":"chat","iss":"joe"})";
constexpr std::string_view kNoChannel = "token names no channel";
constexpr std::string_view kNoObject = "claims are not a JSON object";
constexpr std::string_view kRepeated = "a claim is repeated";
constexpr std::string_view kOverride = "override is not made of {\"value\": true or false}";

constexpr Hostile kHostile[] = {
    {"NoClaims", R"({"aud":"chat","iss":"joe"})", kNoChannel},
    {"ForAConnection", R"({"sub":"42","aud":"chat","iss":"joe","exp":1700003600})", kNoChannel},
    {"ForAConnectionToTheChannel", R"({"sub":"42","channels":["news"],"aud":"chat","iss":"joe"})",
     kNoChannel},
    {"ForAConnectionWithSubs", R"({"sub":"42","subs":{"news":{}},"aud":"chat","iss":"joe"})",
     kNoChannel},
    {"EmptyChannel", R"({"sub":"42","channel":"","aud":"chat","iss":"joe"})", kNoChannel},
    {"ChannelIsNull", R"({"sub":"42","channel":null,"aud":"chat","iss":"joe"})", kNoChannel},
    {"ChannelIsANumber", R"({"sub":"42","channel":1,"aud":"chat","iss":"joe"})", kNoChannel},
    {"ChannelIsAList", R"({"sub":"42","channel":["news"],"aud":"chat","iss":"joe"})", kNoChannel},
    {"ChannelInAnotherCase", R"({"sub":"42","Channel":"news","aud":"chat","iss":"joe"})",
     kNoChannel},
    {"ChannelTwice", R"({"channel":"news","channel":"admin","aud":"chat","iss":"joe"})", kRepeated},
    {"ChannelTwiceOnceEscaped",
     R"({"channel":"news","\u0063hannel":"admin","aud":"chat","iss":"joe"})", kRepeated},
    {"SubIsANumber", R"({"sub":42,"channel":"news","aud":"chat","iss":"joe"})",
     "sub is not a string"},
    {"SubIsNull", R"({"sub":null,"channel":"news","aud":"chat","iss":"joe"})",
     "sub is not a string"},
    {"SubTwice", R"({"sub":"42","sub":"1","channel":"news","aud":"chat","iss":"joe"})", kRepeated},
    {"ClientIsANumber", R"({"client":1,"channel":"news","aud":"chat","iss":"joe"})",
     "client is not a string"},
    {"ClientIsNull", R"({"client":null,"channel":"news","aud":"chat","iss":"joe"})",
     "client is not a string"},
    {"Expired", R"({"channel":"news","exp":1699999999,"aud":"chat","iss":"joe"})",
     "token has expired", Kind::Expired},
    {"ExpiredNow", R"({"channel":"news","exp":1700000000,"aud":"chat","iss":"joe"})",
     "token has expired", Kind::Expired},
    {"ExpIsZero", R"({"channel":"news","exp":0,"aud":"chat","iss":"joe"})", "token has expired",
     Kind::Expired},
    {"ExpiredThoughExpireAtIsNot",
     R"({"channel":"news","exp":1699999999,"expire_at":1700003600,"aud":"chat","iss":"joe"})",
     "token has expired", Kind::Expired},
    {"ExpiredThoughExpireAtIsNever",
     R"({"channel":"news","exp":1699999999,"expire_at":0,"aud":"chat","iss":"joe"})",
     "token has expired", Kind::Expired},
    {"ExpireAtHasPassed", R"({"channel":"news","expire_at":1699999999,"aud":"chat","iss":"joe"})",
     "expire_at has passed", Kind::Expired},
    {"NotYetValid", R"({"channel":"news","nbf":1700000001,"aud":"chat","iss":"joe"})",
     "token is not valid yet", Kind::Expired},
    {"IssuedInTheFuture", R"({"channel":"news","iat":1700000061,"aud":"chat","iss":"joe"})",
     "token was issued in the future"},
    {"ExpIsAString", R"({"channel":"news","exp":"1700003600","aud":"chat","iss":"joe"})",
     "exp is not a date"},
    {"ExpIsNull", R"({"channel":"news","exp":null,"aud":"chat","iss":"joe"})", "exp is not a date"},
    {"ExpIsNegative", R"({"channel":"news","exp":-1,"aud":"chat","iss":"joe"})",
     "exp is not a date"},
    {"ExpInMilliseconds", R"({"channel":"news","exp":1700003600000,"aud":"chat","iss":"joe"})",
     "exp is not a date"},
    {"ExpireAtIsNegative", R"({"channel":"news","expire_at":-1,"aud":"chat","iss":"joe"})",
     "expire_at is not a date"},
    {"NbfIsAnObject", R"({"channel":"news","nbf":{},"aud":"chat","iss":"joe"})",
     "nbf is not a date"},
    {"OtherAudience", R"({"channel":"news","aud":"shop","iss":"joe"})",
     "token is for another audience"},
    {"NoAudience", R"({"channel":"news","iss":"joe"})", "token is for another audience"},
    {"OtherIssuer", R"({"channel":"news","aud":"chat","iss":"eve"})",
     "token is from another issuer"},
    {"NoIssuer", R"({"channel":"news","aud":"chat"})", "token is from another issuer"},
    {"InfoTwice", R"({"channel":"news","info":1,"info":2,"aud":"chat","iss":"joe"})", kRepeated},
    {"B64infoIsBase64url", R"({"channel":"news","b64info":"Ij8-Ig==","aud":"chat","iss":"joe"})",
     "b64info is not base64"},
    {"B64infoIsAnObject", R"({"channel":"news","b64info":{},"aud":"chat","iss":"joe"})",
     "b64info is not base64"},
    {"B64dataWithoutItsPadding", R"({"channel":"news","b64data":"e30","aud":"chat","iss":"joe"})",
     "b64data is not base64"},
    {"B64dataWithALineBreak", R"({"channel":"news","b64data":"e30=\n","aud":"chat","iss":"joe"})",
     "b64data is not base64"},
    {"OverrideIsAList", R"({"channel":"news","override":[],"aud":"chat","iss":"joe"})",
     "override is not an object"},
    {"OverrideOfABareBoolean",
     R"({"channel":"news","override":{"presence":true},"aud":"chat","iss":"joe"})", kOverride},
    {"OverrideOfANumber",
     R"({"channel":"news","override":{"force_recovery":{"value":1}},"aud":"chat","iss":"joe"})",
     kOverride},
    {"OverrideOfNull",
     R"({"channel":"news","override":{"force_recovery":{"value":null}},"aud":"chat","iss":"joe"})",
     kOverride},
    {"OverrideTwice",
     R"({"channel":"news","override":{"presence":{},"presence":{"value":true}},"aud":"chat",
         "iss":"joe"})",
     kRepeated},
    {"OverridesValueTwice",
     R"({"channel":"news","override":{"presence":{"value":false,"value":true}},"aud":"chat",
         "iss":"joe"})",
     kRepeated},
    {"ClaimsAreAList", R"(["news"])", kNoObject},
    {"ClaimsAreCut", R"({"channel":"news")", kNoObject},
    {"ClaimsWithMoreBehind", R"({"channel":"news"}{})", kNoObject},
    {"InvalidUtf8", "{\"channel\":\"\xff\"}", kNoObject},
    {"LoneSurrogate", R"({"channel":"\ud800"})", kNoObject},
};

class HostileSubscription : public testing::TestWithParam<Hostile> {};

TEST_P(HostileSubscription, IsRefusedWhoeverSignedIt) {
  const Hostile& hostile = GetParam();
  const TokenVerifier verifier = strict_verifier();
  for (const auto& sign : {hmac_token, ecdsa_token}) {
    ASSERT_TRUE(verifier.verify_subscription(sign(kHonest), kNow)) << "its honest twin";
    const auto claims = verifier.verify_subscription(sign(hostile.claims), kNow);
    ASSERT_FALSE(claims);
    EXPECT_EQ(claims.error().kind, hostile.kind);
    EXPECT_EQ(claims.error().reason, hostile.reason);
  }
}
INSTANTIATE_TEST_SUITE_P(Claims, HostileSubscription, testing::ValuesIn(kHostile),
                         [](const auto& test) { return test.param.name; });

TEST(SubscriptionToken, IsWorthNothingWithoutItsSignature) {
  const TokenVerifier verifier = strict_verifier();
  const std::string good = ecdsa_token(kHonest);
  const std::size_t last_dot = good.rfind('.');
  const std::string forged = base64url_encode(R"({"channel":"admin","aud":"chat","iss":"joe"})");
  const auto reason = [&](const std::string& token) {
    const auto claims = verifier.verify_subscription(token, kNow);
    return claims ? std::string_view("accepted") : claims.error().reason;
  };
  ASSERT_EQ(reason(good), "accepted");
  EXPECT_EQ(reason(good.substr(0, last_dot + 1)), "signature does not match");
  EXPECT_EQ(reason(good.substr(0, good.find('.') + 1) + forged + good.substr(last_dot)),
            "signature does not match");
  EXPECT_EQ(reason(base64url_encode(R"({"alg":"none"})") + "." + forged + "."),
            "algorithm is not one of the key's");
  EXPECT_EQ(reason(*sign_hs256(kHonest, key_pair().public_pem())), "signature does not match");
  EXPECT_EQ(reason(TestKey::p256().token(SignatureAlgorithm::Es256, R"({"alg":"ES256"})", kHonest)),
            "signature does not match");
  EXPECT_EQ(reason(key_pair().token(SignatureAlgorithm::Es256, R"({"alg":"ES256","crit":["exp"]})",
                                    kHonest)),
            "header has critical extensions");
  EXPECT_EQ(reason(hmac_token(std::string(kHonest) + std::string(9000, ' '))), "token is too long");
}

TEST(TokenSwap, NoTokenIsOfBothKinds) {
  const TokenVerifier verifier = verifier_with({});
  constexpr const char* kConnections[] = {
      "{}",
      R"({"sub":"42"})",
      R"({"channels":["news"]})",
      R"({"subs":{"news":{}}})",
      R"({"sub":"42","info":{"channel":"news"},"meta":{"channel":"news"}})",
      R"({"sub":"news","client":"1","data":{},"override":{}})"};
  for (const char* claims : kConnections) {
    EXPECT_TRUE(verifier.verify_connection(hmac_token(claims), kNow)) << claims;
    const auto swapped = verifier.verify_subscription(hmac_token(claims), kNow);
    ASSERT_FALSE(swapped) << claims;
    EXPECT_EQ(swapped.error().reason, kNoChannel);
    EXPECT_EQ(swapped.error().kind, Kind::Invalid);
  }
  constexpr const char* kSubscriptions[] = {
      R"({"channel":"news"})", R"({"sub":"42","channel":"news","exp":1700003600})",
      R"({"channel":"news","channels":["a"],"subs":{"b":{}},"meta":{}})",
      R"({"\u0063hannel":"news"})"};
  for (const char* claims : kSubscriptions) {
    EXPECT_TRUE(verifier.verify_subscription(hmac_token(claims), kNow)) << claims;
    const auto swapped = verifier.verify_connection(hmac_token(claims), kNow);
    ASSERT_FALSE(swapped) << claims;
    EXPECT_EQ(swapped.error().reason, "token is for a subscription");
    EXPECT_EQ(swapped.error().kind, Kind::Invalid);
  }
}

// centrifuge issue 627: an expired subscription token was accepted when a subscription was renewed.
TEST(Advisory, Centrifuge627AnExpiredTokenRenewsNothing) {
  const TokenVerifier verifier = verifier_with({});
  const std::string token = hmac_token(R"({"sub":"42","channel":"news","exp":1700000600})");
  ASSERT_TRUE(verifier.verify_subscription(token, kNow)) << "good when the subscription began";
  // One function serves subscribe and sub_refresh: the token that lasted until now is over.
  for (const auto later : {600s, 601s, 86400s}) {
    const auto renewed = verifier.verify_subscription(token, kNow + later);
    ASSERT_FALSE(renewed);
    EXPECT_EQ(renewed.error().kind, Kind::Expired);
  }
}

// centrifuge pull request 495: an expiry far ahead overflowed timers, and pings stopped.
TEST(Advisory, Centrifuge495AFarExpiryIsCut) {
  const TokenVerifier verifier = verifier_with({});
  for (const char* exp : {"253402300799", "9e9", "9223372036"}) {
    const std::string claims = std::string(R"({"channel":"c","exp":)") + exp + "}";
    EXPECT_EQ(verifier.verify_subscription(hmac_token(claims), kNow)->expire_at,
              kNow + std::chrono::days(365));
  }
}

}  // namespace
}  // namespace sanjay::auth
