// SPDX-License-Identifier: Apache-2.0
#include "auth/signature_cache.h"

#include "auth/jwks.h"
#include "auth/key_cache.h"
#include "auth/signing_test.h"
#include "auth/token_signer.h"
#include "auth/token_verifier.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sanjay::auth {
namespace {

using namespace std::chrono_literals;
using Algorithm = SignatureAlgorithm;

constexpr core::WallTime kNow{std::chrono::seconds(1'700'000'000)};
constexpr core::WallTime kNever = core::WallTime::max();
constexpr core::SipKey kSecret{1, 2};
constexpr std::string_view kClaims = R"({"sub":"42","exp":1700003600})";
constexpr std::string_view kMismatch = "signature does not match";

struct Kind {
  const char* alg;
  Algorithm algorithm;
  KeyType type;
  TestKey (*make)();
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"RS256", Algorithm::Rs256, KeyType::Rsa, [] { return TestKey::rsa(2048); }},
      {"PS512", Algorithm::Ps512, KeyType::Rsa, [] { return TestKey::rsa(2048); }},
      {"ES256", Algorithm::Es256, KeyType::Ecdsa, [] { return TestKey::p256(); }},
      {"ES512", Algorithm::Es512, KeyType::Ecdsa, [] { return TestKey::p521(); }},
      {"EdDSA", Algorithm::EdDsa, KeyType::Ed25519, [] { return TestKey::named("ED25519"); }}};
  return all;
}

PublicKey public_half(KeyType type, const TestKey& pair) {
  return PublicKey::read_pem(type, pair.public_pem()).value().at(0);
}

TokenVerifier verifier_of(std::vector<PublicKey> keys) {
  VerifierOptions options;
  options.public_keys = std::move(keys);
  return TokenVerifier::create(std::move(options)).value();
}

std::string_view reason(const TokenVerifier& verifier, std::string_view token,
                        SignatureCache* cache, core::WallTime now = kNow) {
  const auto claims = verifier.verify_connection(token, now, cache);
  return claims ? "accepted" : claims.error().reason;
}

/// A key pair, its public half, a token it signed and a cache that remembers the token.
struct Remembered {
  explicit Remembered(const Kind& kind)
      : pair(kind.make()),
        key(public_half(kind.type, pair)),
        verifier(verifier_of({key})),
        token(pair.token(kind.algorithm, R"({"alg":")" + std::string(kind.alg) + "\"}", kClaims)) {
    EXPECT_EQ(reason(verifier, token, &cache), "accepted");
    EXPECT_TRUE(cache.holds(*cache.tag(key, token)));
  }

  TestKey pair;
  PublicKey key;
  TokenVerifier verifier;
  std::string token;
  SignatureCache cache{kSecret};
};

std::string with_other_char(std::string token, std::size_t at) {
  token[at] = token[at] == 'A' ? 'Q' : 'A';  // both leave the last character's spare bits zero
  return token;
}

class EachKind : public ::testing::TestWithParam<Kind> {};

TEST_P(EachKind, ARememberedTokenIsNotComputedAgain) {
  Remembered known(GetParam());
  EXPECT_EQ(known.cache.size(), 1U);
  EXPECT_EQ(reason(known.verifier, known.token, &known.cache), "accepted");
  EXPECT_EQ(known.cache.size(), 1U);
  // Only who does not compute can take this one for good.
  const std::string forged = known.token.substr(0, known.token.rfind('.')) + ".AAAA";
  ASSERT_EQ(reason(known.verifier, forged, &known.cache), kMismatch);
  known.cache.remember(*known.cache.tag(known.key, forged), kNever, kNow);
  EXPECT_EQ(reason(known.verifier, forged, &known.cache), "accepted");
  EXPECT_EQ(reason(known.verifier, forged, nullptr), kMismatch);
}

TEST_P(EachKind, AnotherPayloadUnderARememberedSignatureIsRefused) {
  Remembered known(GetParam());
  const std::size_t first = known.token.find('.');
  const std::size_t last = known.token.rfind('.');
  const std::string other = known.token.substr(0, first + 1) + base64url_encode(R"({"sub":"1"})") +
                            known.token.substr(last);
  EXPECT_EQ(reason(known.verifier, other, &known.cache), kMismatch);
  EXPECT_FALSE(known.cache.holds(*known.cache.tag(known.key, other)));
}

TEST_P(EachKind, AnotherSignatureOfARememberedTextIsRefused) {
  Remembered known(GetParam());
  for (std::size_t at = known.token.rfind('.') + 1; at < known.token.size(); ++at) {
    const std::string other = with_other_char(known.token, at);
    ASSERT_FALSE(known.cache.holds(*known.cache.tag(known.key, other))) << at;
    if (at % 16 == 0) {
      ASSERT_NE(reason(known.verifier, other, &known.cache), "accepted") << at;
    }
  }
  const std::string other = known.token.substr(0, known.token.rfind('.') + 1) + "AAAA";
  EXPECT_EQ(reason(known.verifier, other, &known.cache), kMismatch);
  EXPECT_EQ(known.cache.size(), 1U) << "nothing that was refused is remembered";
}

TEST_P(EachKind, ATokenIsRememberedOfItsKeyOnly) {
  Remembered known(GetParam());
  const TestKey other = GetParam().make();
  const auto others = verifier_of({public_half(GetParam().type, other)});
  EXPECT_EQ(reason(others, known.token, &known.cache), kMismatch);
  EXPECT_EQ(reason(known.verifier, known.token, &known.cache), "accepted");
}

TEST_P(EachKind, ARemovedKeyTakesItsTokensAlong) {
  Remembered known(GetParam());
  const PublicKey successor = public_half(GetParam().type, GetParam().make());
  // Both while keys are rotated, then the new one alone: each time another verifier, one cache.
  EXPECT_EQ(reason(verifier_of({successor, known.key}), known.token, &known.cache), "accepted");
  EXPECT_EQ(reason(verifier_of({successor}), known.token, &known.cache), kMismatch);
  EXPECT_EQ(reason(verifier_of({}), known.token, &known.cache), "no token key is configured");
}

TEST_P(EachKind, TheSameKeyReadAgainKeepsThem) {
  Remembered known(GetParam());
  const PublicKey again = public_half(GetParam().type, known.pair);
  EXPECT_EQ(again.thumbprint(), known.key.thumbprint());
  EXPECT_TRUE(known.cache.holds(*known.cache.tag(again, known.token)));
  const auto jwks = parse_jwks(R"({"keys":[)" + known.pair.jwk() + "]}").value();
  EXPECT_EQ(jwks.keys.at(0).key.thumbprint(), known.key.thumbprint()) << "as a JWK";
  EXPECT_NE(public_half(GetParam().type, GetParam().make()).thumbprint(), known.key.thumbprint());
}

TEST_P(EachKind, ClaimsAreReadEachTime) {
  Remembered known(GetParam());
  EXPECT_EQ(reason(known.verifier, known.token, &known.cache, kNow + 2h), "token has expired");
  VerifierOptions strict{.audience = "somebody"};
  strict.public_keys = {known.key};
  EXPECT_EQ(reason(TokenVerifier::create(strict).value(), known.token, &known.cache),
            reason(TokenVerifier::create(strict).value(), known.token, nullptr));
  EXPECT_NE(reason(TokenVerifier::create(strict).value(), known.token, &known.cache), "accepted");
  EXPECT_FALSE(known.verifier.verify_subscription(known.token, kNow, &known.cache))
      << "a connection token opens no channel";
  VerifierOptions brief{.token_bytes_max = 16};
  brief.public_keys = {known.key};
  EXPECT_EQ(reason(TokenVerifier::create(brief).value(), known.token, &known.cache),
            "token is too long");
}

TEST_P(EachKind, WhatIsRefusedIsNotRemembered) {
  Remembered known(GetParam());
  const std::string header = R"({"alg":")" + std::string(GetParam().alg) + "\"}";
  for (const std::string_view claims : {R"({"exp":1})", R"({"channel":"c"})", "[]", "{"}) {
    const std::string refused = known.pair.token(GetParam().algorithm, header, claims);
    EXPECT_NE(reason(known.verifier, refused, &known.cache), "accepted") << claims;
    EXPECT_FALSE(known.cache.holds(*known.cache.tag(known.key, refused))) << claims;
  }
  EXPECT_EQ(known.cache.size(), 1U);
  const std::string subscription =
      known.pair.token(GetParam().algorithm, header, R"({"channel":"c"})");
  EXPECT_TRUE(known.verifier.verify_subscription(subscription, kNow, &known.cache));
  EXPECT_TRUE(known.cache.holds(*known.cache.tag(known.key, subscription)));
}

INSTANTIATE_TEST_SUITE_P(Signatures, EachKind, ::testing::ValuesIn(kinds()),
                         [](const auto& kind) { return std::string(kind.param.alg); });

TEST(SignatureCache, RemembersNoHmac) {
  const std::string secret = "a secret that is long enough: 32+";
  const auto verifier = TokenVerifier::create({.hmac_secret_key = secret}).value();
  SignatureCache cache(kSecret);
  EXPECT_EQ(reason(verifier, *sign_hs256(kClaims, secret), &cache), "accepted");
  EXPECT_EQ(cache.size(), 0U);
}

/// A source whose keys are the test's.
class TestSource final : public KeySource {
 public:
  KeyLookup look_up(std::string_view kid) override { return cache.look_up(kid, now); }
  KeyStatus status() const override { return cache.status(); }
  void fetch(const std::string& keys) {
    now = std::max(now, cache.next_fetch_at());
    ASSERT(cache.begin_fetch(now));
    cache.on_fetched(
        std::make_shared<const KeySet>(parse_jwks(R"({"keys":[)" + keys + "]}").value()), now);
  }

  core::Instant now{1h};
  KeyCache cache{KeyCacheOptions{}, 1};
};

TEST(SignatureCache, FetchedAnewAKeySetDecides) {
  const TestKey old_key = TestKey::p256();
  const TestKey new_key = TestKey::p256();
  const auto source = std::make_shared<TestSource>();
  const auto verifier = TokenVerifier::create({.key_source = source}).value();
  SignatureCache cache(kSecret);
  const std::string kid = R"("kid":"1",)";
  const std::string token =
      old_key.token(Algorithm::Es256, "{" + kid + R"("alg":"ES256"})", kClaims);
  source->fetch(old_key.jwk(kid));
  ASSERT_EQ(reason(verifier, token, &cache), "accepted");
  ASSERT_EQ(cache.size(), 1U);
  source->fetch(old_key.jwk(kid));
  EXPECT_EQ(reason(verifier, token, &cache), "accepted");
  EXPECT_EQ(cache.size(), 1U) << "the same key, fetched again";
  source->fetch(new_key.jwk(kid));
  EXPECT_EQ(reason(verifier, token, &cache), kMismatch) << "another key under its name";
  source->fetch(old_key.jwk(R"("kid":"2",)"));
  EXPECT_EQ(reason(verifier, token, &cache), "kid is not one of the issuer's");
  source->fetch(old_key.jwk(kid + R"("alg":"ES256",)") + "," + new_key.jwk(kid));
  EXPECT_EQ(reason(verifier, token, &cache), "accepted");
}

/// So many texts by one key; no signature is computed here.
std::vector<SignatureCache::Tag> tags(SignatureCache& cache, int count, int from = 0) {
  // RFC 8037 A.2: the same in each run, so that the same sets are crowded.
  static const PublicKey key =
      PublicKey::ed25519(*base64url_decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")).value();
  std::vector<SignatureCache::Tag> made;
  for (int i = from; i < from + count; ++i) {
    made.push_back(*cache.tag(key, "a." + std::to_string(i) + ".b"));
  }
  return made;
}

std::size_t held(const SignatureCache& cache, const std::vector<SignatureCache::Tag>& tags) {
  return static_cast<std::size_t>(
      std::ranges::count_if(tags, [&](const auto& tag) { return cache.holds(tag); }));
}

TEST(SignatureCache, HoldsAtMostItsEntries) {
  SignatureCache cache(kSecret);
  const auto all = tags(cache, 40'000);
  EXPECT_EQ(std::set<SignatureCache::Tag>(all.begin(), all.end()).size(), all.size());
  for (const auto& tag : all) {
    EXPECT_FALSE(cache.holds(tag));
    cache.remember(tag, kNever, kNow);
    EXPECT_TRUE(cache.holds(tag));
  }
  EXPECT_EQ(cache.size(), 4096U);
  EXPECT_EQ(held(cache, all), 4096U);
}

// Who comes back in the order in which he came finds something, though more came than there is room
// for: with the oldest gone first, it would be nothing.
TEST(SignatureCache, MoreThanItsEntriesInTurnStillFindSome) {
  SignatureCache cache(kSecret, 1024);
  const auto all = tags(cache, 1280);
  std::size_t hits = 0;
  for (int round = 0; round < 20; ++round) {
    hits = 0;
    for (const auto& tag : all) {
      if (cache.holds(tag)) {
        ++hits;
      } else {
        cache.remember(tag, kNever, kNow);
      }
    }
  }
  EXPECT_GT(hits, all.size() / 3);
}

TEST(SignatureCache, ExpiredTokensMakeRoomFirst) {
  SignatureCache cache(kSecret, 1024);
  const auto valid = tags(cache, 128);
  for (const auto& tag : valid) cache.remember(tag, kNow + 1h, kNow);
  ASSERT_EQ(held(cache, valid), valid.size());
  for (const auto& tag : tags(cache, 20'000, 128)) cache.remember(tag, kNow + 1s, kNow + 1s);
  EXPECT_EQ(held(cache, valid), valid.size()) << "nothing but expired ones was replaced";
}

TEST(SignatureCache, AnotherSecretNamesThemOtherwise) {
  SignatureCache first(kSecret);
  SignatureCache second({1, 3});
  EXPECT_NE(tags(first, 1), tags(second, 1));
  EXPECT_EQ(tags(first, 1), tags(first, 1));
}

}  // namespace
}  // namespace sanjay::auth
