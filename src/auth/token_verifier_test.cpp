// SPDX-License-Identifier: Apache-2.0
#include "auth/token_verifier.h"

#include "auth/base64url.h"
#include "auth/signing_test.h"
#include "auth/token_signer.h"
#include "core/random.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace sanjay::auth {

void fuzz_token(const std::uint8_t* data, std::size_t size);

namespace {

using namespace std::chrono_literals;
using Kind = TokenError::Kind;

constexpr std::int64_t kNowS = 1'700'000'000;
constexpr core::WallTime kNow{std::chrono::seconds(kNowS)};
const std::string kSecret = "a secret that is long enough: 32+";

core::WallTime at(std::int64_t seconds) { return core::WallTime(std::chrono::seconds(seconds)); }

TokenVerifier verifier_with(VerifierOptions options) {
  if (options.hmac_secret_key.empty()) options.hmac_secret_key = kSecret;
  auto verifier = TokenVerifier::create(std::move(options));
  EXPECT_TRUE(verifier.has_value());
  return *std::move(verifier);
}

/// A token with any header and claims, signed with any algorithm.
std::string token_of(std::string_view header, std::string_view claims,
                     HmacAlgorithm algorithm = HmacAlgorithm::Hs256,
                     std::string_view secret = kSecret) {
  std::string token = base64url_encode(header) + "." + base64url_encode(claims);
  token += "." + base64url_encode(HmacKey::create(secret)->sign(algorithm, token)->view());
  return token;
}

std::string token_of(std::string_view claims) {
  return token_of(R"({"alg":"HS256","typ":"JWT"})", claims);
}

TEST(TokenVerifier, AcceptsTheTokenOfRfc7515AppendixA1) {
  const std::string token =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ."
      "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  const auto secret = base64url_decode(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  ASSERT_TRUE(secret);
  const TokenVerifier verifier = verifier_with({.hmac_secret_key = *secret, .issuer = "joe"});
  const auto claims = verifier.verify_connection(token, at(1300819379));
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->user, "");
  EXPECT_EQ(claims->expire_at, at(1300819380));
  EXPECT_EQ(verifier.verify_connection(token, at(1300819380)).error().kind, Kind::Expired);
}

TEST(TokenVerifier, ReadsTheClaims) {
  const auto claims = verifier_with({}).verify_connection(
      token_of(R"({"sub":"42","exp":1700003600,"channels":["news","chat:1"],"iat":1,"x":null,
                   "info" : { "name" : "Zo\u00eb\n" , "n" : [ 1 , 2.5 , true , null ] } })"),
      kNow);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->user, "42");
  EXPECT_EQ(claims->expire_at, at(1700003600));
  EXPECT_EQ(claims->info.bytes, "{\"name\":\"Zo\xc3\xab\\n\",\"n\":[1,2.5,true,null]}");
  EXPECT_EQ(claims->channels, (std::vector<std::string>{"news", "chat:1"}));
}

TEST(TokenVerifier, AnEmptyTokenBodyIsAnAnonymousConnectionWithoutEnd) {
  const auto claims = verifier_with({}).verify_connection(token_of("{}"), kNow);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->user, "");
  EXPECT_EQ(claims->expire_at, std::nullopt);
  EXPECT_TRUE(claims->info.empty());
  EXPECT_TRUE(claims->channels.empty());
}

TEST(TokenVerifier, AcceptsEachAlgorithmOfAnHmacKey) {
  const TokenVerifier verifier = verifier_with({});
  EXPECT_TRUE(
      verifier.verify_connection(token_of(R"({"alg":"HS256"})", "{}", HmacAlgorithm::Hs256), kNow));
  EXPECT_TRUE(verifier.verify_connection(
      token_of(R"({"alg":"HS384","typ":"jwt"})", "{}", HmacAlgorithm::Hs384), kNow));
  EXPECT_TRUE(verifier.verify_connection(
      token_of(R"({"kid":"../x","alg":"HS512","jku":"http://x"})", "{}", HmacAlgorithm::Hs512),
      kNow));
}

struct HostileToken {
  const char* what;
  std::string token;
  Kind kind;
  std::string_view reason;
};

constexpr std::string_view kClaims = R"({"sub":"42","exp":1700003600})";

std::vector<HostileToken> badly_framed_tokens() {
  const std::string good = token_of(kClaims);
  const std::string head = good.substr(0, good.find('.'));
  const std::string body = good.substr(head.size() + 1, good.rfind('.') - head.size() - 1);
  const std::string signature = good.substr(good.rfind('.') + 1);
  const std::string unsigned_body = base64url_encode(R"({"sub":"admin","exp":1700003600})");
  const auto none = [&](const char* alg) {
    return base64url_encode(std::string(R"({"alg":")") + alg + "\"}") + "." + body + ".";
  };
  constexpr std::string_view kParts = "token has not three parts";
  constexpr std::string_view kMismatch = "signature does not match";
  constexpr std::string_view kAlgorithm = "algorithm is not one of the key's";
  // A signature's last character carries two bits of nothing; setting one makes it another text.
  std::string uncanonical = good;
  uncanonical.back() = static_cast<char>(uncanonical.back() + 1);
  return {
      {"empty", "", Kind::Invalid, kParts},
      {"one dot", ".", Kind::Invalid, kParts},
      {"two dots", "..", Kind::Invalid, "header is not a JSON object"},
      {"no signature part", head + "." + body, Kind::Invalid, kParts},
      {"four parts", good + ".AAAA", Kind::Invalid, kParts},
      {"five parts, as encrypted tokens have", "a.b.c.d.e", Kind::Invalid, kParts},
      {"empty signature", head + "." + body + ".", Kind::Invalid, kMismatch},
      {"truncated signature", good.substr(0, good.size() - 3), Kind::Invalid, kMismatch},
      {"signature twice", good + signature, Kind::Invalid, kMismatch},
      {"uncanonical signature", uncanonical, Kind::Invalid, "signature is not base64url"},
      {"padded signature", good + "=", Kind::Invalid, "signature is not base64url"},
      {"newline at the end", good + "\n", Kind::Invalid, "signature is not base64url"},
      {"space in front", " " + good, Kind::Invalid, "header is not base64url"},
      {"Bearer in front", "Bearer " + good, Kind::Invalid, "header is not base64url"},
      {"other claims, same signature", head + "." + unsigned_body + "." + signature, Kind::Invalid,
       kMismatch},
      {"other secret", token_of(R"({"alg":"HS256"})", kClaims, HmacAlgorithm::Hs256, "other"),
       Kind::Invalid, kMismatch},
      {"signature of another algorithm",
       token_of(R"({"alg":"HS512"})", kClaims, HmacAlgorithm::Hs256), Kind::Invalid, kMismatch},
      {"alg none", none("none"), Kind::Invalid, kAlgorithm},
      {"alg None", none("None"), Kind::Invalid, kAlgorithm},
      {"alg nOnE", none("nOnE"), Kind::Invalid, kAlgorithm},
      {"alg empty", none(""), Kind::Invalid, kAlgorithm},
      {"longer than 8 KiB", token_of(R"({"info":")" + std::string(8192, 'x') + "\"}"),
       Kind::Invalid, "token is too long"},
  };
}

std::vector<HostileToken> tokens_with_bad_headers() {
  constexpr std::string_view kAlgorithm = "algorithm is not one of the key's";
  constexpr std::string_view kNoObject = "header is not a JSON object";
  const auto with = [](const char* what, std::string_view header, std::string_view reason) {
    return HostileToken{what, token_of(header, kClaims), Kind::Invalid, reason};
  };
  return {
      with("RS256 with an HMAC key", R"({"alg":"RS256"})", kAlgorithm),
      with("ES256 with an HMAC key", R"({"alg":"ES256"})", kAlgorithm),
      with("PS256 with an HMAC key", R"({"alg":"PS256"})", kAlgorithm),
      with("EdDSA with an HMAC key", R"({"alg":"EdDSA"})", kAlgorithm),
      with("lower-case alg", R"({"alg":"hs256"})", kAlgorithm),
      with("alg with a zero byte", R"({"alg":"HS256\u0000"})", kAlgorithm),
      with("alg missing", R"({"typ":"JWT"})", kAlgorithm),
      with("alg is a number", R"({"alg":256})", kAlgorithm),
      with("alg is a list", R"({"alg":["HS256"]})", kAlgorithm),
      with("alg twice", R"({"alg":"HS256","alg":"none"})", "header repeats a member"),
      with("a member nobody reads twice", R"({"alg":"HS256","kid":"1","kid":"2"})",
           "header repeats a member"),
      with("alg twice, once escaped", R"({"alg":"HS256","\u0061lg":"none"})",
           "header repeats a member"),
      with("crit", R"({"alg":"HS256","crit":["b64"],"b64":false})",
           "header has critical extensions"),
      with("empty crit", R"({"alg":"HS256","crit":[]})", "header has critical extensions"),
      with("another typ", R"({"alg":"HS256","typ":"secevent+jwt"})", "typ is not JWT"),
      with("typ is no string", R"({"alg":"HS256","typ":1})", "typ is not JWT"),
      with("empty header", "", kNoObject),
      with("header is a list", R"(["HS256"])", kNoObject),
      with("header is cut", R"({"alg":"HS256")", kNoObject),
      with("header with a trailing comma", R"({"alg":"HS256",})", kNoObject),
      with("header with a comment", R"({"alg":"HS256"/**/})", kNoObject),
      with("header followed by more", R"({"alg":"HS256"}{})", kNoObject),
      with("header in invalid UTF-8", "{\"alg\":\"HS256\",\"x\":\"\xff\"}", kNoObject),
      with("header too deep",
           R"({"alg":"HS256","x":)" + std::string(40, '[') + std::string(40, ']') + "}", kNoObject),
  };
}

std::vector<HostileToken> tokens_with_bad_claims() {
  constexpr std::string_view kNoObject = "claims are not a JSON object";
  const auto with = [](const char* what, std::string_view claims, std::string_view reason,
                       Kind kind = Kind::Invalid) {
    return HostileToken{what, token_of(claims), kind, reason};
  };
  return {
      with("no claims", "", kNoObject),
      with("claims are a string", R"("42")", kNoObject),
      with("claims are null", "null", kNoObject),
      with("claims are cut", R"({"sub":"42")", kNoObject),
      with("claims with single quotes", "{'sub':'42'}", kNoObject),
      with("claims with NaN", R"({"exp":NaN})", kNoObject),
      with("claims in invalid UTF-8", "{\"sub\":\"\xc0\xaf\"}", kNoObject),
      with("claims with a lone surrogate", R"({"sub":"\ud800"})", kNoObject),
      with("claims with a raw newline in a string", "{\"sub\":\"a\nb\"}", kNoObject),
      with("info too deep", R"({"info":)" + std::string(2000, '[') + std::string(2000, ']') + "}",
           kNoObject),
      with("info with an integer beyond 64 bits", R"({"info":123456789012345678901234})",
           kNoObject),
      with("sub is a number", R"({"sub":42})", "sub is not a string"),
      with("sub is null", R"({"sub":null})", "sub is not a string"),
      with("sub twice", R"({"sub":"42","sub":"admin"})", "a claim is repeated"),
      with("exp twice", R"({"exp":1,"exp":1800000000})", "a claim is repeated"),
      with("exp is a string", R"({"exp":"1700003600"})", "exp is not a date"),
      with("exp is null", R"({"exp":null})", "exp is not a date"),
      with("exp is a boolean", R"({"exp":true})", "exp is not a date"),
      with("nbf is a list", R"({"nbf":[]})", "nbf is not a date"),
      with("expire_at is a string", R"({"expire_at":"0"})", "expire_at is not a date"),
      with("subscription token", R"({"sub":"42","channel":"news"})", "token is for a subscription"),
      with("channel is null", R"({"channel":null})", "token is for a subscription"),
      with("channels is a string", R"({"channels":"news"})", "channels is not a list of strings"),
      with("channels with a number", R"({"channels":["a",1]})",
           "channels is not a list of strings"),
      with("exp in the past", R"({"exp":1699999999})", "token has expired", Kind::Expired),
      with("exp is zero", R"({"exp":0})", "token has expired", Kind::Expired),
      with("exp is negative", R"({"exp":-1})", "exp is not a date"),
      with("exp is far below zero", R"({"exp":-1e300})", "exp is not a date"),
      with("exp is the least integer", R"({"exp":-9223372036854775808})", "exp is not a date"),
      with("exp in milliseconds", R"({"exp":1700003600000})", "exp is not a date"),
      with("exp after the year 9999", R"({"exp":253402300800})", "exp is not a date"),
      with("exp of 1e300", R"({"exp":1e300})", "exp is not a date"),
      with("exp beyond all doubles", R"({"exp":1e400})", kNoObject),
      with("iat is a string", R"({"iat":"1700000000"})", "iat is not a date"),
      with("iat is negative", R"({"iat":-1})", "iat is not a date"),
      with("iat in the future", R"({"iat":1700000061})", "token was issued in the future"),
      with("b64info is an object", R"({"b64info":{}})", "b64info is not base64"),
      with("b64info is base64url", R"({"b64info":"Ij8-Ig=="})", "b64info is not base64"),
      with("b64info without its padding", R"({"b64info":"e30"})", "b64info is not base64"),
      with("a claim nobody reads twice", R"({"x":1,"x":1})", "a claim is repeated"),
      with("nbf in the future", R"({"nbf":1700000001})", "token is not valid yet", Kind::Expired),
      with("nbf beyond int64", R"({"nbf":18446744073709551615})", "nbf is not a date"),
      with("expire_at in the past", R"({"exp":1700003600,"expire_at":1699999999})",
           "expire_at has passed", Kind::Expired),
      with("expire_at is negative", R"({"expire_at":-1})", "expire_at is not a date"),
  };
}

std::vector<HostileToken> tokens_with_bad_subscriptions() {
  const auto with = [](const char* what, std::string_view claims, std::string_view reason) {
    return HostileToken{what, token_of(claims), Kind::Invalid, reason};
  };
  return {
      with("subs is a list", R"({"subs":[]})", "subs is not an object of channels and objects"),
      with("subs of a string", R"({"subs":{"a":"b"}})",
           "subs is not an object of channels and objects"),
      with("subs of a channel without a name", R"({"subs":{"":{}}})",
           "subs is not an object of channels and objects"),
      with("subs with a channel twice", R"({"subs":{"a":{},"a":{}}})", "a claim is repeated"),
      with("subs with info twice", R"({"subs":{"a":{"info":1,"info":2}}})", "a claim is repeated"),
      with("subs with broken b64info", R"({"subs":{"a":{"b64info":"*"}}})",
           "b64info is not base64"),
      with("subs with broken b64data", R"({"subs":{"a":{"b64data":1}}})", "b64data is not base64"),
      with("subs with an override that is a list", R"({"subs":{"a":{"override":[]}}})",
           "override is not an object"),
      with("subs with a bare boolean", R"({"subs":{"a":{"override":{"presence":true}}}})",
           "override is not made of {\"value\": true or false}"),
      with("subs with a text for a boolean",
           R"({"subs":{"a":{"override":{"presence":{"value":"true"}}}}})",
           "override is not made of {\"value\": true or false}"),
      with("channels is wrong beside subs", R"({"subs":{"a":{}},"channels":1})",
           "channels is not a list of strings"),
      with("meta is a list", R"({"meta":[]})", "meta is not an object"),
      with("meta is a string", R"({"meta":"{}"})", "meta is not an object"),
  };
}

TEST(TokenVerifier, RefusesHostileTokensForTheRightReason) {
  const TokenVerifier verifier = verifier_with({});
  ASSERT_TRUE(verifier.verify_connection(token_of(kClaims), kNow)) << "the tokens below are one "
                                                                      "change away from this one";
  for (const auto& table : {badly_framed_tokens(), tokens_with_bad_headers(),
                            tokens_with_bad_claims(), tokens_with_bad_subscriptions()}) {
    for (const HostileToken& hostile : table) {
      const auto claims = verifier.verify_connection(hostile.token, kNow);
      ASSERT_FALSE(claims) << hostile.what;
      EXPECT_EQ(claims.error().kind, hostile.kind) << hostile.what;
      EXPECT_EQ(claims.error().reason, hostile.reason) << hostile.what;
    }
  }
}

TEST(TokenVerifier, FindsARepeatedNameAmongAnyNumber) {
  const TokenVerifier verifier = verifier_with({});
  std::string claims = R"({"first":0)";
  for (int i = 0; i < 40; ++i) {
    const std::string last = "n" + std::to_string(i);
    claims += ",\"" + last + "\":0";
    EXPECT_TRUE(verifier.verify_connection(token_of(claims + "}"), kNow)) << i;
    for (const std::string& repeated : {std::string("first"), std::string("n0"), last}) {
      const auto result =
          verifier.verify_connection(token_of(claims + ",\"" + repeated + "\":0}"), kNow);
      ASSERT_FALSE(result) << i << repeated;
      EXPECT_EQ(result.error().reason, "a claim is repeated");
    }
  }
}

TEST(TokenVerifier, RefusesEveryChangeOfOneBit) {
  const TokenVerifier verifier = verifier_with({});
  const std::string good = token_of(kClaims);
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1U << bit));
      EXPECT_FALSE(verifier.verify_connection(bad, kNow)) << i << " " << bit;
    }
  }
}

TEST(TokenVerifier, AcceptsATokenOfExactlyTheMaximumSize) {
  const std::string token = token_of(kClaims);
  const VerifierOptions fits{.hmac_secret_key = kSecret, .token_bytes_max = token.size()};
  const VerifierOptions too_small{.hmac_secret_key = kSecret, .token_bytes_max = token.size() - 1};
  EXPECT_TRUE(verifier_with(fits).verify_connection(token, kNow));
  const auto refused = verifier_with(too_small).verify_connection(token, kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Kind::Invalid);
  EXPECT_EQ(refused.error().reason, "token is too long");
  EXPECT_EQ(VerifierOptions().token_bytes_max, 8192U);
}

TEST(TokenVerifier, ClaimsMayBeNestedToTheirBound) {
  const TokenVerifier verifier = verifier_with({});
  const auto nested = [](std::string_view before, std::size_t depth, std::string_view behind) {
    return std::string(before) + std::string(depth, '[') + std::string(depth, ']') +
           std::string(behind);
  };
  const auto with_header = [&](std::size_t depth) {
    return token_of(nested(R"({"alg":"HS256","x":)", depth, "}"), kClaims);
  };
  // The object itself is the first of 32 levels.
  EXPECT_TRUE(verifier.verify_connection(with_header(31), kNow));
  EXPECT_EQ(verifier.verify_connection(with_header(32), kNow).error().reason,
            "header is not a JSON object");
  EXPECT_TRUE(verifier.verify_connection(token_of(nested(R"({"info":)", 31, "}")), kNow));
  EXPECT_EQ(
      verifier.verify_connection(token_of(nested(R"({"info":)", 32, "}")), kNow).error().reason,
      "claims are not a JSON object");
  const auto with_b64info = [](const std::string& json) {
    std::string base64 = base64url_encode(json);  // brackets have no digit of its own alphabet
    while (base64.size() % 4 != 0) base64 += '=';
    return token_of(R"({"b64info":")" + base64 + "\"}");
  };
  EXPECT_TRUE(verifier.verify_connection(with_b64info(nested("", 32, "")), kNow)->info.is_json);
  EXPECT_FALSE(verifier.verify_connection(with_b64info(nested("", 33, "")), kNow)->info.is_json);
}

TEST(TokenVerifier, ExpiresAtTheExactNanosecond) {
  const TokenVerifier verifier = verifier_with({});
  const std::string token = token_of(R"({"exp":1700000000})");
  EXPECT_TRUE(verifier.verify_connection(token, kNow - 1ns));
  EXPECT_EQ(verifier.verify_connection(token, kNow).error().kind, Kind::Expired);
  const std::string half = token_of(R"({"exp":1700000000.5})");
  EXPECT_TRUE(verifier.verify_connection(half, kNow + 499ms));
  EXPECT_FALSE(verifier.verify_connection(half, kNow + 501ms));
}

TEST(TokenVerifier, BeginsAtTheExactNanosecond) {
  const TokenVerifier verifier = verifier_with({});
  const std::string token = token_of(R"({"nbf":1700000000})");
  EXPECT_EQ(verifier.verify_connection(token, kNow - 1ns).error().kind, Kind::Expired);
  EXPECT_TRUE(verifier.verify_connection(token, kNow));
}

TEST(TokenVerifier, LeewayWidensBothEndsAndTheConnectionsExpiry) {
  const TokenVerifier verifier = verifier_with({.leeway = 30s});
  const std::string ends = token_of(R"({"exp":1700000000})");
  const auto claims = verifier.verify_connection(ends, kNow + 30s - 1ns);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->expire_at, kNow + 30s) << "never already over when accepted";
  EXPECT_FALSE(verifier.verify_connection(ends, kNow + 30s));
  const std::string begins = token_of(R"({"nbf":1700000000})");
  EXPECT_TRUE(verifier.verify_connection(begins, kNow - 30s));
  EXPECT_FALSE(verifier.verify_connection(begins, kNow - 30s - 1ns));
}

TEST(TokenVerifier, IssuedAtMayBeAMinuteAheadOrTheLeeway) {
  const std::string token = token_of(R"({"iat":1700000000})");
  const TokenVerifier strict = verifier_with({});
  EXPECT_TRUE(strict.verify_connection(token, kNow - 60s));
  EXPECT_EQ(strict.verify_connection(token, kNow - 60s - 1ns).error().kind, Kind::Invalid);
  const TokenVerifier lenient = verifier_with({.leeway = 5min});
  EXPECT_TRUE(lenient.verify_connection(token, kNow - 5min));
  EXPECT_FALSE(lenient.verify_connection(token, kNow - 5min - 1ns));
  EXPECT_TRUE(strict.verify_connection(token_of(R"({"iat":0.5})"), kNow)) << "age is no fault";
}

TEST(TokenVerifier, B64infoWinsOverInfoAndKeepsItsBytes) {
  const auto info = [](std::string_view claims) {
    const auto result = verifier_with({}).verify_connection(token_of(claims), kNow);
    EXPECT_TRUE(result) << claims;
    return result ? result->info : Payload{};
  };
  const Payload spaced = info(R"({"b64info":"eyAibiIgOiAxIH0="})");
  EXPECT_EQ(spaced.bytes, R"({ "n" : 1 })");
  EXPECT_TRUE(spaced.is_json);
  EXPECT_EQ(info(R"({"b64info":"IsOkPz4i","info":{"a":1}})").bytes, "\"\xc3\xa4?>\"");
  EXPECT_EQ(info(R"({"b64info":"","info":{"a":1}})").bytes, R"({"a":1})") << "empty is absent";
  EXPECT_EQ(info(R"({"info":{"a":1,"a":2}})").bytes, R"({"a":1,"a":2})") << "names are free";
  const Payload binary = info(R"({"b64info":"AAEC","info":{"a":1}})");
  EXPECT_EQ(binary.bytes, std::string("\0\1\2", 3));
  EXPECT_FALSE(binary.is_json);
  EXPECT_EQ(json_of(binary), "");
  // A Protobuf message that happens to be JSON, with a line break for its first octet.
  const Payload both = info(R"({"b64info":"CgkxMjM0NTY3ODk="})");
  EXPECT_EQ(both.bytes, "\n\t123456789");
  EXPECT_EQ(json_of(both), "\t123456789") << "a JSON client's reply is one line";
  EXPECT_EQ(json_of(info(R"({"b64info":"ewoiYSI6DQoxfQ=="})")), R"({"a":1})");
  EXPECT_FALSE(info(R"({"b64info":"e30Ke30="})").is_json) << "two documents are none";
}

TEST(TokenVerifier, ReadsServerSideSubscriptionsWithTheirOptions) {
  const auto claims = verifier_with({}).verify_connection(
      token_of(R"({"sub":"42","channels":["ignored"],"meta":{ "a" : [1] },"subs":{
        "news":{},
        "chat:1":{"info":{ "a" : 1 },"b64data":"AAEC","x":1,"override":{
           "presence":{"value":true},"join_leave":{"value":false},"force_push_join_leave":{},
           "force_positioning":null,"other":{"value":true}}},
        "room":{"b64info":"e30=","data":[2],"override":{"force_positioning":{"value":true},
           "force_recovery":{"value":true}}}}})"),
      kNow);
  ASSERT_TRUE(claims) << claims.error().reason;
  EXPECT_TRUE(claims->channels.empty());
  EXPECT_EQ(claims->meta, R"({"a":[1]})");
  ASSERT_EQ(claims->subs.size(), 3U);
  EXPECT_EQ(claims->subs[0].channel, "news");
  EXPECT_TRUE(claims->subs[0].info.empty() && claims->subs[0].data.empty());
  EXPECT_EQ(claims->subs[0].overrides, SubscriptionOverride{});
  EXPECT_EQ(claims->subs[1].channel, "chat:1");
  EXPECT_EQ(claims->subs[1].info.bytes, R"({"a":1})");
  EXPECT_EQ(claims->subs[1].data.bytes, std::string("\0\1\2", 3));
  EXPECT_FALSE(claims->subs[1].data.is_json);
  EXPECT_EQ(claims->subs[1].overrides,
            (SubscriptionOverride{
                .presence = true, .join_leave = false, .force_push_join_leave = false}));
  EXPECT_EQ(claims->subs[2].info.bytes, "{}");
  EXPECT_EQ(claims->subs[2].data.bytes, "[2]");
  EXPECT_EQ(claims->subs[2].overrides,
            (SubscriptionOverride{.force_positioning = true, .force_recovery = true}));
}

TEST(TokenVerifier, WithoutSubsTheChannelsCount) {
  for (const char* subs : {R"("subs":{},)", R"("subs":null,)", ""}) {
    const auto claims = verifier_with({}).verify_connection(
        token_of(std::string("{") + subs + R"("channels":["a"],"meta":null})"), kNow);
    ASSERT_TRUE(claims) << subs;
    EXPECT_EQ(claims->channels, std::vector<std::string>{"a"});
    EXPECT_TRUE(claims->subs.empty());
    EXPECT_EQ(claims->meta, "");
  }
}

TEST(TokenVerifier, TypIsAJwtOrAnAccessTokenInAnyCase) {
  const TokenVerifier verifier = verifier_with({});
  const auto with = [&](std::string_view typ) {
    return verifier.verify_connection(
        token_of(R"({"alg":"HS256","typ":")" + std::string(typ) + "\"}", kClaims), kNow);
  };
  for (const char* typ : {"JWT", "jwt", "Jwt", "at+jwt", "AT+JWT", "application/at+jwt",
                          "Application/JWT", "application/jwt"}) {
    EXPECT_TRUE(with(typ)) << typ;
  }
  for (const char* typ :
       {"", "JOSE", "at+jwt ", " JWT", "application/", "application/application/jwt", "text/jwt",
        "logout+jwt", "dpop+jwt", "at+jwt+x", "JWTs"}) {
    const auto refused = with(typ);
    ASSERT_FALSE(refused) << typ;
    EXPECT_EQ(refused.error().reason, "typ is not JWT");
  }
}

TEST(TokenVerifier, TheUserIsTheClaimNamedAndNoOther) {
  const TokenVerifier verifier = verifier_with({.user_id_claim = "uid"});
  const auto user = [&](std::string_view claims) {
    const auto result = verifier.verify_connection(token_of(claims), kNow);
    return result ? result->user : std::string(result.error().reason);
  };
  constexpr const char* kNeither = "the user's claim is neither a string nor a whole number";
  EXPECT_EQ(user(R"({"sub":"42","uid":"ann"})"), "ann");
  EXPECT_EQ(user(R"({"sub":"42"})"), "") << "never a claim that the operator did not name";
  EXPECT_EQ(user(R"({"uid":42})"), "42");
  EXPECT_EQ(user(R"({"uid":18446744073709551615})"), "18446744073709551615");
  EXPECT_EQ(user(R"({"uid":1.5})"), kNeither);
  EXPECT_EQ(user(R"({"uid":true})"), kNeither);
  EXPECT_EQ(user(R"({"uid":null})"), kNeither);
  EXPECT_EQ(user(R"({"uid":["ann"]})"), kNeither);
  EXPECT_EQ(user(R"({"uid":"ann","uid":"eve"})"), "a claim is repeated");
  EXPECT_EQ(user(R"({"UID":"ann"})"), "");
  const auto subscription =
      verifier.verify_subscription(token_of(R"({"sub":"42","uid":"ann","channel":"c"})"), kNow);
  ASSERT_TRUE(subscription);
  EXPECT_EQ(subscription->user, "ann");
}

TEST(TokenVerifier, ARegularExpressionMustMatchTheWholeOfIt) {
  const TokenVerifier verifier = verifier_with(
      {.audience_regex = "chat-[a-z]+", .issuer_regex = R"(https://(eu|us)\.id\.example)"});
  const auto reason = [&](std::string_view claims) {
    const auto result = verifier.verify_connection(token_of(claims), kNow);
    return result ? std::string_view("accepted") : result.error().reason;
  };
  constexpr std::string_view kAud = "token is for another audience";
  constexpr std::string_view kIss = "token is from another issuer";
  EXPECT_EQ(reason(R"({"aud":"chat-eu","iss":"https://eu.id.example"})"), "accepted");
  EXPECT_EQ(reason(R"({"aud":["x","chat-us"],"iss":"https://us.id.example"})"), "accepted");
  EXPECT_EQ(reason(R"({"aud":"chat-eu2","iss":"https://eu.id.example"})"), kAud);
  EXPECT_EQ(reason(R"({"aud":"my-chat-eu","iss":"https://eu.id.example"})"), kAud);
  EXPECT_EQ(reason(R"({"aud":["chat-","chat-eu\n"],"iss":"https://eu.id.example"})"), kAud);
  EXPECT_EQ(reason(R"({"iss":"https://eu.id.example"})"), kAud);
  EXPECT_EQ(reason(R"({"aud":"chat-eu","iss":"https://eu.id.example.evil.example"})"), kIss);
  EXPECT_EQ(reason(R"({"aud":"chat-eu","iss":"http://x/?https://eu.id.example"})"), kIss);
  EXPECT_EQ(reason(R"({"aud":"chat-eu","iss":"https://eu.id.example\nx"})"), kIss);
  EXPECT_EQ(reason(R"({"aud":"chat-eu","iss":"https://euxid.example"})"), kIss);
  EXPECT_EQ(reason(R"({"aud":"chat-eu","iss":["https://eu.id.example"]})"), kIss);
  EXPECT_EQ(reason(R"({"aud":"chat-eu"})"), kIss);
}

TEST(TokenVerifier, ARegularExpressionHasABoundedCostAndMustBeOne) {
  for (const char* broken : {"(", "[a", "a{2000}", "(?<=a)b", R"(\1)"}) {
    const auto verifier =
        TokenVerifier::create({.hmac_secret_key = kSecret, .issuer_regex = broken});
    ASSERT_FALSE(verifier) << broken;
    EXPECT_TRUE(verifier.error().message.starts_with("issuer_regex: not a regular expression: "))
        << verifier.error().message;
  }
  EXPECT_FALSE(TokenVerifier::create({.audience_regex = "((a{100}){100}){100}"}));
  // One that takes a backtracking matcher for ever.
  const TokenVerifier verifier = verifier_with({.issuer_regex = "(a*)*(a|a)*c"});
  const std::string token = token_of(R"({"iss":")" + std::string(4000, 'a') + "\"}");
  EXPECT_FALSE(verifier.verify_connection(token, kNow));
}

TEST(TokenVerifier, WithoutSignaturesEverythingElseIsCheckedStill) {
  const TokenVerifier verifier =
      TokenVerifier::create({.issuer = "joe", .insecure_skip_signature = true}).value();
  const auto reason = [&](const std::string& token) {
    const auto result = verifier.verify_connection(token, kNow);
    return result ? std::string_view("accepted") : result.error().reason;
  };
  const auto unsigned_token = [](std::string_view header, std::string_view claims) {
    return base64url_encode(header) + "." + base64url_encode(claims) + ".";
  };
  EXPECT_EQ(reason(unsigned_token(R"({"alg":"none"})", R"({"sub":"42","iss":"joe"})")), "accepted");
  EXPECT_EQ(reason(token_of(R"({"alg":"HS256"})", R"({"iss":"joe"})", HmacAlgorithm::Hs256, "x")),
            "accepted");
  EXPECT_EQ(reason(unsigned_token(R"({"alg":"none"})", R"({"iss":"eve"})")),
            "token is from another issuer");
  EXPECT_EQ(reason(unsigned_token(R"({"alg":"none"})", R"({"iss":"joe","exp":1})")),
            "token has expired");
  EXPECT_EQ(reason(unsigned_token(R"({"alg":"none"})", R"({"iss":"joe","channel":"c"})")),
            "token is for a subscription");
  EXPECT_EQ(reason(unsigned_token(R"({"crit":["x"]})", R"({"iss":"joe"})")),
            "header has critical extensions");
  EXPECT_EQ(reason("x"), "token has not three parts");
}

TEST(TokenVerifier, ExpireAtOverridesExpAndZeroMeansNever) {
  const TokenVerifier verifier = verifier_with({});
  const auto expire_at = [&](std::string_view claims) {
    return verifier.verify_connection(token_of(claims), kNow)->expire_at;
  };
  EXPECT_EQ(expire_at(R"({"exp":1700000060,"expire_at":1700000600})"), at(kNowS + 600));
  EXPECT_EQ(expire_at(R"({"exp":1700000060,"expire_at":0})"), std::nullopt);
  EXPECT_EQ(expire_at(R"({"expire_at":1700000600})"), at(kNowS + 600));
}

TEST(TokenVerifier, CutsEveryExpiryTo365Days) {
  const TokenVerifier verifier = verifier_with({});
  for (const char* claims :
       {R"({"exp":1731536001})", R"({"exp":9999999999})", R"({"exp":253402300799})",
        R"({"exp":253402300798.5})", R"({"exp":1e10})", R"({"expire_at":9007199254})"}) {
    const auto result = verifier.verify_connection(token_of(claims), kNow);
    ASSERT_TRUE(result) << claims;
    EXPECT_EQ(result->expire_at, kNow + std::chrono::days(365)) << claims;
  }
  EXPECT_EQ(verifier.verify_connection(token_of(R"({"exp":1731535999})"), kNow)->expire_at,
            at(1731535999));
}

TEST(TokenVerifier, AcceptsThePreviousKeyWhileKeysAreRotated) {
  const TokenVerifier verifier =
      verifier_with({.hmac_secret_key = "new", .hmac_previous_secret_key = "old"});
  EXPECT_TRUE(verifier.verify_connection(*sign_hs256("{}", "new"), kNow));
  EXPECT_TRUE(verifier.verify_connection(*sign_hs256("{}", "old"), kNow));
  EXPECT_FALSE(verifier.verify_connection(*sign_hs256("{}", "older"), kNow));
}

TEST(TokenVerifier, APreviousSecretNeedsAPresentOne) {
  const auto verifier = TokenVerifier::create({.hmac_previous_secret_key = "old"});
  ASSERT_FALSE(verifier);
  EXPECT_EQ(verifier.error().message, "a previous HMAC secret needs a present one");
}

TEST(TokenVerifier, APemKeyIsNoSecret) {
  const std::string pem = TestKey::p256().public_pem();
  for (const VerifierOptions& options :
       {VerifierOptions{.hmac_secret_key = pem},
        VerifierOptions{.hmac_secret_key = kSecret, .hmac_previous_secret_key = pem}}) {
    const auto verifier = TokenVerifier::create(options);
    ASSERT_FALSE(verifier);
    EXPECT_EQ(verifier.error().message, "an HMAC secret must not be a key in PEM");
  }
}

TEST(TokenVerifier, WithoutAKeyNothingIsAccepted) {
  const auto verifier = TokenVerifier::create({});
  ASSERT_TRUE(verifier);
  const auto claims = verifier->verify_connection(token_of("{}"), kNow);
  ASSERT_FALSE(claims);
  EXPECT_EQ(claims.error().kind, Kind::Invalid);
  EXPECT_EQ(claims.error().reason, "no token key is configured");
}

TEST(TokenVerifier, ChecksTheAudienceWhenOneIsSet) {
  const TokenVerifier verifier = verifier_with({.audience = "chat"});
  EXPECT_TRUE(verifier.verify_connection(token_of(R"({"aud":"chat"})"), kNow));
  EXPECT_TRUE(verifier.verify_connection(token_of(R"({"aud":["x","chat"]})"), kNow));
  for (const char* claims : {R"({})", R"({"aud":"Chat"})", R"({"aud":[]})", R"({"aud":["x"]})",
                             R"({"aud":["chat",1]})", R"({"aud":null})", R"({"aud":{}})"}) {
    const auto result = verifier.verify_connection(token_of(claims), kNow);
    ASSERT_FALSE(result) << claims;
    EXPECT_EQ(result.error().reason, "token is for another audience");
    EXPECT_EQ(result.error().kind, Kind::Invalid);
  }
}

TEST(TokenVerifier, ChecksTheIssuerWhenOneIsSet) {
  const TokenVerifier verifier = verifier_with({.issuer = "https://id.example"});
  EXPECT_TRUE(verifier.verify_connection(token_of(R"({"iss":"https://id.example"})"), kNow));
  for (const char* claims : {R"({})", R"({"iss":"https://id.example/"})", R"({"iss":1})"}) {
    const auto result = verifier.verify_connection(token_of(claims), kNow);
    ASSERT_FALSE(result) << claims;
    EXPECT_EQ(result.error().reason, "token is from another issuer");
  }
}

TEST(TokenSigner, MakesTokensThatVerifyAndNeedsASecret) {
  const auto token = sign_hs256(R"({"sub":"42"})", kSecret);
  ASSERT_TRUE(token);
  EXPECT_EQ(verifier_with({}).verify_connection(*token, kNow)->user, "42");
  EXPECT_EQ(sign_hs256("{}", "").error().message, "an HMAC secret must not be empty");
}

TEST(TokenFuzz, SurvivesTheCorpusAndItsMutations) {
  core::Random random(1);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SANJAY_CORPUS_DIR "/token")) {
    ++files;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string seed((std::istreambuf_iterator<char>(file)), {});
    fuzz_token(reinterpret_cast<const std::uint8_t*>(seed.data()), seed.size());
    for (int i = 0; i < 600; ++i) {
      std::string input = seed;
      for (std::uint64_t edits = 1 + random.below(4); edits > 0 && !input.empty(); --edits) {
        const auto place = static_cast<std::size_t>(random.below(input.size()));
        switch (random.below(3)) {
          case 0:
            input[place] = static_cast<char>(random.below(256));
            break;
          case 1:
            input.erase(place, 1 + static_cast<std::size_t>(random.below(4)));
            break;
          default:
            input.insert(place, input, 0, static_cast<std::size_t>(random.below(16)));
        }
      }
      fuzz_token(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
    }
  }
  EXPECT_GE(files, 5U);
}

}  // namespace
}  // namespace sanjay::auth
