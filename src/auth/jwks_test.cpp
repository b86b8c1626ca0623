// SPDX-License-Identifier: Apache-2.0
#include "auth/jwks.h"

#include "auth/signing_test.h"

#include <gtest/gtest.h>

#include <utility>

namespace sanjay::auth {
namespace {

using Algorithm = SignatureAlgorithm;

std::string set_of(const std::string& keys) { return R"({"keys":[)" + keys + "]}"; }

std::string error_of(const std::string& json) {
  const auto set = parse_jwks(json);
  return set ? "no error" : set.error().message;
}

/// The JWK with its first `from` replaced.
std::string with(std::string jwk, std::string_view from, std::string_view to) {
  const std::size_t at = jwk.find(from);
  ASSERT(at != jwk.npos);
  return jwk.replace(at, from.size(), to);
}

const TestKey& rsa() {
  static const TestKey key = TestKey::rsa(2048);
  return key;
}
const TestKey& p256() {
  static const TestKey key = TestKey::p256();
  return key;
}
const TestKey& ed25519() {
  static const TestKey key = TestKey::named("ED25519");
  return key;
}

constexpr const char* kNoneUsable = "the key set has no key that can be used";

TEST(Jwks, ReadsEveryKindOfKeyItCanUse) {
  const TestKey p384 = TestKey::p384();
  const TestKey p521 = TestKey::p521();
  const std::pair<const TestKey&, Algorithm> keys[] = {
      {rsa(), Algorithm::Rs256}, {rsa(), Algorithm::Ps512}, {p256(), Algorithm::Es256},
      {p384, Algorithm::Es384},  {p521, Algorithm::Es512},  {ed25519(), Algorithm::EdDsa}};
  std::string json;
  for (const auto& [pair, algorithm] : keys) {
    json += (json.empty() ? "" : ",") +
            pair.jwk(R"("kid":"k)" + std::to_string(std::to_underlying(algorithm)) + R"(",)");
  }
  const auto set = parse_jwks(set_of(json));
  ASSERT_TRUE(set) << set.error().message;
  ASSERT_EQ(set->keys.size(), std::size(keys));
  for (const auto& [pair, algorithm] : keys) {
    const std::string kid = "k" + std::to_string(std::to_underlying(algorithm));
    EXPECT_TRUE(set->has(kid));
    const auto found = set->candidates(kid, algorithm);
    ASSERT_EQ(found.size(), 1U) << kid;
    EXPECT_TRUE(found[0]->key.verify(algorithm, "text", pair.sign(algorithm, "text"))) << kid;
    EXPECT_FALSE(found[0]->key.verify(algorithm, "other", pair.sign(algorithm, "text"))) << kid;
  }
}

// RFC 7517 A.1 and RFC 8037 A.2, whose signature RFC 8037 A.4 gives.
TEST(Jwks, ReadsTheKeysOfTheRfcs) {
  const auto set = parse_jwks(
      R"({"keys":[{"kty":"EC","crv":"P-256",
        "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},
       {"kty":"RSA","n":")"
      "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1"
      "L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4"
      "QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbO"
      "pbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF"
      "Cur-kEgU8awapJzKnqDKgw"
      R"(",
        "e":"AQAB","alg":"RS256","kid":"2011-04-29"},
       {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})");
  ASSERT_TRUE(set) << set.error().message;
  ASSERT_EQ(set->keys.size(), 2U) << "the first is for encryption";
  EXPECT_EQ(set->keys[0].kid, "2011-04-29");
  EXPECT_EQ(set->keys[0].algorithm, Algorithm::Rs256);
  EXPECT_FALSE(set->keys[0].serves(Algorithm::Ps256));
  EXPECT_EQ(set->keys[1].kid, "");
  EXPECT_TRUE(set->keys[1].key.verify(
      Algorithm::EdDsa, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
      *base64url_decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7s"
                        "VvpAr_MuM0KAg")));
}

struct Unusable {
  const char* what;
  std::string jwk;
};

std::vector<Unusable> keys_that_cannot_be_used() {
  const std::string ec = p256().jwk();
  const std::string okp = ed25519().jwk();
  const std::string mine = rsa().jwk();
  const std::string x = ec.substr(ec.find(R"("x":")") + 5, 43);
  const std::string y = ec.substr(ec.find(R"("y":")") + 5, 43);
  return {
      {"symmetric", R"({"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})"},
      {"symmetric with an algorithm", R"({"kty":"oct","alg":"HS256","kid":"1","k":"c2VjcmV0"})"},
      {"an RSA key that claims an HMAC algorithm", rsa().jwk(R"("alg":"HS256",)")},
      {"of an unknown type", with(mine, "RSA", "DSA")},
      {"type in another case", with(mine, "RSA", "rsa")},
      {"without a type", with(mine, R"("kty":"RSA",)", "")},
      {"type is a number", with(mine, R"("RSA")", "1")},
      {"for encryption", rsa().jwk(R"("use":"enc",)")},
      {"use in another case", rsa().jwk(R"("use":"SIG",)")},
      {"use is a list", rsa().jwk(R"("use":["sig"],)")},
      {"to sign with", rsa().jwk(R"("key_ops":["sign"],)")},
      {"for no operation", rsa().jwk(R"("key_ops":[],)")},
      {"operations are a string", rsa().jwk(R"("key_ops":"verify",)")},
      {"operations with a number", rsa().jwk(R"("key_ops":["verify",1],)")},
      {"use allows it, operations do not", rsa().jwk(R"("use":"sig","key_ops":["encrypt"],)")},
      {"for an algorithm of another key", rsa().jwk(R"("alg":"ES256",)")},
      {"for an algorithm of another curve", p256().jwk(R"("alg":"ES384",)")},
      {"for RSA encryption", rsa().jwk(R"("alg":"RSA-OAEP",)")},
      {"for no algorithm", rsa().jwk(R"("alg":"none",)")},
      {"algorithm is a number", rsa().jwk(R"("alg":256,)")},
      {"RSA of 1024 bits", TestKey::rsa(1024).jwk()},
      {"RSA of 2047 bits", TestKey::rsa_modulus_of(2047).jwk()},
      {"RSA of 8193 bits", TestKey::rsa_modulus_of(8193).jwk()},
      {"RSA with an exponent of one", TestKey::rsa_with_exponent(1).jwk()},
      {"RSA with an even exponent", TestKey::rsa_with_exponent(65536).jwk()},
      {"RSA without an exponent", with(mine, R"(,"e":"AQAB")", "")},
      {"RSA with an empty modulus", R"({"kty":"RSA","n":"","e":"AQAB"})"},
      {"RSA with a modulus in plain base64", with(mine, R"("n":")", R"("n":"++)")},
      {"RSA with a number for its modulus", R"({"kty":"RSA","n":12345,"e":"AQAB"})"},
      {"RSA with its private half", rsa().jwk(R"("d":"AQAB",)")},
      {"EC with its private half", p256().jwk(R"("d":"AQAB",)")},
      {"OKP with its private half", ed25519().jwk(R"("d":"AQAB",)")},
      {"private half is null", ed25519().jwk(R"("d":null,)")},
      {"a member twice", ed25519().jwk(R"("kid":"1","kid":"2",)")},
      {"a member nobody reads twice", ed25519().jwk(R"("a":1,"a":1,)")},
      {"its name is a number", ed25519().jwk(R"("kid":1,)")},
      {"EC on another curve", with(ec, "P-256", "secp256k1")},
      {"EC on the wrong curve", with(ec, "P-256", "P-384")},
      {"EC on an OKP curve", with(ec, "P-256", "Ed25519")},
      {"EC without a curve", with(ec, R"("crv":"P-256",)", "")},
      {"EC with x and y swapped",
       R"({"kty":"EC","crv":"P-256","x":")" + y + R"(","y":")" + x + "\"}"},
      {"EC off its curve", R"({"kty":"EC","crv":"P-256","x":")" + x + R"(","y":")" + x + "\"}"},
      {"EC at infinity", R"({"kty":"EC","crv":"P-256","x":")" + std::string(43, 'A') +
                             R"(","y":")" + std::string(43, 'A') + "\"}"},
      {"EC with a longer x", with(ec, R"("x":")", R"("x":"AAAA)")},
      {"EC without y", R"({"kty":"EC","crv":"P-256","x":")" + x + "\"}"},
      {"Ed448", TestKey::named("ED448").jwk()},
      {"X25519", with(okp, "Ed25519", "X25519")},
      {"Ed25519 too short", R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})"},
      {"Ed25519 too long", with(okp, R"("x":")", R"("x":"AAAA)")},
  };
}

TEST(Jwks, LeavesOutKeysItCannotUse) {
  const std::string good = p256().jwk(R"("kid":"good",)");
  for (const Unusable& unusable : keys_that_cannot_be_used()) {
    EXPECT_EQ(error_of(set_of(unusable.jwk)), kNoneUsable) << unusable.what;
    for (const std::string& both : {unusable.jwk + "," + good, good + "," + unusable.jwk}) {
      const auto set = parse_jwks(set_of(both));
      ASSERT_TRUE(set) << unusable.what;
      ASSERT_EQ(set->keys.size(), 1U) << unusable.what;
      EXPECT_EQ(set->keys[0].kid, "good");
    }
  }
}

TEST(Jwks, TakesKeysThatSayMoreThanTheyMust) {
  for (const char* more :
       {R"("use":"sig",)", R"("key_ops":["verify"],)", R"("key_ops":["sign","verify"],)",
        R"("alg":"ES256","x5c":["MIIB"],"x5t":"AA","ext":true,)", R"("kid":"",)",
        R"("use":"sig","key_ops":["verify"],"alg":"ES256","kid":"a b\"c",)"}) {
    EXPECT_EQ(error_of(set_of(p256().jwk(more))), "no error") << more;
  }
  EXPECT_EQ(error_of(R"({"issuer":"x","keys":[)" + p256().jwk() + R"(],"more":{}})"), "no error");
  for (const char* name : {"EdDSA", "Ed25519"}) {
    const auto set = parse_jwks(set_of(ed25519().jwk(R"("alg":")" + std::string(name) + "\",")));
    ASSERT_TRUE(set);
    EXPECT_EQ(set->keys[0].algorithm, Algorithm::EdDsa);
  }
}

TEST(Jwks, RefusesWhatIsNoKeySet) {
  const std::string key = p256().jwk();
  const std::pair<std::string, const char*> cases[] = {
      {"", "the key set is not a JSON object"},
      {"null", "the key set is not a JSON object"},
      {"[" + key + "]", "the key set is not a JSON object"},
      {set_of(key) + "x", "the key set is not a JSON object"},
      {set_of(key) + set_of(key), "the key set is not a JSON object"},
      {set_of(key).substr(0, 40), "the key set is not a JSON object"},
      {"<html><body>not found</body></html>", "the key set is not a JSON object"},
      {"\xff\xfe", "the key set is not a JSON object"},
      {set_of(std::string(40, '[') + std::string(40, ']')), "the key set is not a JSON object"},
      {"{}", "the key set has no list of keys"},
      {key, "the key set has no list of keys"},
      {R"({"keys":null})", "the key set has no list of keys"},
      {R"({"keys":{"a":)" + key + "}}", "the key set has no list of keys"},
      {R"({"Keys":[)" + key + "]}", "the key set has no list of keys"},
      {R"({"keys":[],"keys":[)" + key + "]}", "the key set repeats a member"},
      {set_of(key + ",1"), "a key is not a JSON object"},
      {set_of("null"), "a key is not a JSON object"},
      {set_of("[" + key + "]"), "a key is not a JSON object"},
      {set_of(""), kNoneUsable},
      {set_of("{}"), kNoneUsable},
  };
  for (const auto& [json, error] : cases) EXPECT_EQ(error_of(json), error) << json;
}

TEST(Jwks, IsBoundedInBytesAndKeys) {
  const std::string key = ed25519().jwk();
  const std::string set = set_of(key);
  EXPECT_EQ(error_of(set + std::string(kJwksBytesMax - set.size(), ' ')), "no error");
  EXPECT_EQ(error_of(set + std::string(kJwksBytesMax - set.size() + 1, ' ')),
            "the key set is larger than 1 MiB");
  EXPECT_EQ(kJwksBytesMax, 1048576U);

  std::string many = key;
  for (std::size_t i = 1; i < kJwksKeysMax; ++i) many += ",{}";
  EXPECT_EQ(error_of(set_of(many)), "no error");
  EXPECT_EQ(error_of(set_of(many + ",{}")), "the key set has more than 256 keys");
  EXPECT_EQ(kJwksKeysMax, 256U);
}

TEST(Jwks, TriesAllKeysOfOneNameUpToABound) {
  const TestKey other = TestKey::p256();
  const std::string twins = p256().jwk(R"("kid":"1",)") + "," + other.jwk(R"("kid":"1",)") + "," +
                            rsa().jwk(R"("kid":"1",)");
  const auto set = parse_jwks(set_of(twins));
  ASSERT_TRUE(set);
  EXPECT_EQ(set->candidates("1", Algorithm::Es256).size(), 2U);
  EXPECT_EQ(set->candidates("1", Algorithm::Rs512).size(), 1U);
  EXPECT_EQ(set->candidates("1", Algorithm::Es384).size(), 0U);
  EXPECT_EQ(set->candidates("2", Algorithm::Es256).size(), 0U);

  std::string many;
  for (int i = 0; i < 6; ++i) many += p256().jwk(R"("kid":"1",)") + ",";
  const auto crowded = parse_jwks(set_of(many + p256().jwk(R"("kid":"2",)")));
  ASSERT_TRUE(crowded);
  EXPECT_EQ(crowded->keys.size(), kJwksKeysOfOneKidMax + 1);
  EXPECT_TRUE(crowded->has("2"));
  // A token that names no key is tried with no more of them, either.
  std::string nameless;
  for (int i = 0; i < 6; ++i) nameless += p256().jwk() + ",";
  const auto unnamed = parse_jwks(set_of(nameless + rsa().jwk()));
  ASSERT_TRUE(unnamed);
  EXPECT_EQ(unnamed->keys.size(), 7U);
  EXPECT_EQ(unnamed->candidates("", Algorithm::Es256).size(), kJwksKeysOfOneKidMax);
  EXPECT_EQ(unnamed->candidates("", Algorithm::Rs256).size(), 1U);
}

}  // namespace
}  // namespace sanjay::auth
