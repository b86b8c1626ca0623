// SPDX-License-Identifier: Apache-2.0
// Tokens made to be refused, for every kind of key. Each test first proves that the same token
// without its fault is accepted by the same verifier.
#include "auth/base64url.h"
#include "auth/signing_test.h"
#include "auth/token_verifier.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <ostream>

namespace sanjay::auth {
namespace {

using Kind = TokenError::Kind;
using Algorithm = SignatureAlgorithm;

constexpr core::WallTime kNow{std::chrono::seconds(1'700'000'000)};
const std::string kSecret = "a secret that is long enough: 32+";
constexpr std::string_view kClaims =
    R"({"sub":"42","exp":1700003600,"nbf":1699999990,"iat":1699999990,)"
    R"("aud":["x","chat"],"iss":"joe"})";

constexpr std::string_view kMismatch = "signature does not match";
constexpr std::string_view kNotTheKeys = "algorithm is not one of the key's";
constexpr std::string_view kParts = "token has not three parts";

/// Who signs: one key and one of its algorithms.
enum class Signer : std::uint8_t {
  Hs256,
  Hs512,
  Rs256,
  Rs512,
  Ps256,
  Ps384,
  Es256,
  Es384,
  Es512,
  EdDsa
};

constexpr Signer kSigners[] = {Signer::Hs256, Signer::Hs512, Signer::Rs256, Signer::Rs512,
                               Signer::Ps256, Signer::Ps384, Signer::Es256, Signer::Es384,
                               Signer::Es512, Signer::EdDsa};

std::string_view name_of(Signer signer) {
  constexpr std::string_view kNames[] = {"HS256", "HS512", "RS256", "RS512", "PS256",
                                         "PS384", "ES256", "ES384", "ES512", "EdDSA"};
  return kNames[std::to_underlying(signer)];
}

std::optional<Algorithm> public_algorithm(Signer signer) {
  constexpr Algorithm kAlgorithms[] = {Algorithm::Rs256, Algorithm::Rs512, Algorithm::Ps256,
                                       Algorithm::Ps384, Algorithm::Es256, Algorithm::Es384,
                                       Algorithm::Es512, Algorithm::EdDsa};
  if (signer <= Signer::Hs512) return std::nullopt;
  return kAlgorithms[std::to_underlying(signer) - std::to_underlying(Signer::Rs256)];
}

/// The key of the type and curve that the signer needs; `stranger`: another such key.
const TestKey& key_pair(Signer signer, bool stranger = false) {
  static const TestKey rsa[] = {TestKey::rsa(2048), TestKey::rsa(2048)};
  static const TestKey p256[] = {TestKey::p256(), TestKey::p256()};
  static const TestKey p384[] = {TestKey::p384(), TestKey::p384()};
  static const TestKey p521[] = {TestKey::p521(), TestKey::p521()};
  static const TestKey ed25519[] = {TestKey::named("ED25519"), TestKey::named("ED25519")};
  const TestKey* pair = signer < Signer::Es256    ? rsa
                        : signer == Signer::Es256 ? p256
                        : signer == Signer::Es384 ? p384
                        : signer == Signer::Es512 ? p521
                                                  : ed25519;
  return pair[stranger ? 1 : 0];
}

KeyType key_type(Signer signer) {
  if (signer < Signer::Es256) return KeyType::Rsa;
  return signer < Signer::EdDsa ? KeyType::Ecdsa : KeyType::Ed25519;
}

std::string signature_of(Signer signer, std::string_view message) {
  if (const auto algorithm = public_algorithm(signer)) {
    return key_pair(signer).sign(*algorithm, message);
  }
  const auto hmac = signer == Signer::Hs256 ? HmacAlgorithm::Hs256 : HmacAlgorithm::Hs512;
  return std::string(HmacKey::create(kSecret)->sign(hmac, message)->view());
}

std::string hmac_of(std::string_view secret, std::string_view message) {
  return std::string(HmacKey::create(secret)->sign(HmacAlgorithm::Hs256, message)->view());
}

std::string header_of(std::string_view alg) { return R"({"alg":")" + std::string(alg) + "\"}"; }

/// An honest token until something of it is changed.
struct Draft {
  explicit Draft(Signer signer)
      : sign([signer](auto message) { return signature_of(signer, message); }),
        header(header_of(name_of(signer))) {}

  std::string text() const {
    std::string token = base64url_encode(header) + "." + base64url_encode(claims);
    token += "." + base64url_encode(sign(token));
    if (edit) edit(token);
    return token;
  }

  std::function<std::string(std::string_view message)> sign;
  std::string header;
  std::string claims{kClaims};
  std::function<void(std::string& token)> edit;
};

struct Hostile {
  std::string name;
  Signer signer;
  Kind kind;
  std::string_view reason;
  std::function<void(Draft&)> spoil;
};

void PrintTo(const Hostile& hostile, std::ostream* out) { *out << hostile.name; }

/// The verifier has the signer's key only.
TokenVerifier verifier_for(Signer signer) {
  VerifierOptions options{.audience = "chat", .issuer = "joe"};
  if (public_algorithm(signer)) {
    options.public_keys =
        PublicKey::read_pem(key_type(signer), key_pair(signer).public_pem()).value();
  } else {
    options.hmac_secret_key = kSecret;
  }
  return TokenVerifier::create(std::move(options)).value();
}

class HostileToken : public testing::TestWithParam<Hostile> {};

TEST_P(HostileToken, IsRefusedAndItsHonestTwinIsNot) {
  const Hostile& hostile = GetParam();
  const TokenVerifier verifier = verifier_for(hostile.signer);
  Draft draft(hostile.signer);
  const auto honest = verifier.verify_connection(draft.text(), kNow);
  ASSERT_TRUE(honest) << honest.error().reason;
  EXPECT_EQ(honest->user, "42");

  hostile.spoil(draft);
  const auto claims = verifier.verify_connection(draft.text(), kNow);
  ASSERT_FALSE(claims) << draft.text();
  EXPECT_EQ(claims.error().kind, hostile.kind);
  EXPECT_EQ(claims.error().reason, hostile.reason);
}

std::string name_of_case(const testing::TestParamInfo<Hostile>& info) { return info.param.name; }

Hostile spoilt(std::string name, Signer signer, std::string_view reason,
               std::function<void(Draft&)> spoil, Kind kind = Kind::Invalid) {
  return {std::string(name_of(signer)) + "_" + std::move(name), signer, kind, reason,
          std::move(spoil)};
}

/// Whose claims say this instead.
Hostile claiming(std::string name, Signer signer, std::string_view reason, std::string claims,
                 Kind kind = Kind::Invalid) {
  return spoilt(
      std::move(name), signer, reason,
      [claims = std::move(claims)](Draft& draft) { draft.claims = claims; }, kind);
}

/// Whose text, once signed, is changed like this.
Hostile edited(std::string name, Signer signer, std::string_view reason,
               std::function<void(std::string&)> edit) {
  return spoilt(std::move(name), signer, reason,
                [edit = std::move(edit)](Draft& draft) { draft.edit = edit; });
}

/// Whose signature is changed like this.
Hostile missigned(
    std::string name, Signer signer,
    std::function<std::string(std::string signature, std::string_view message)> change) {
  return spoilt(std::move(name), signer, kMismatch, [change = std::move(change)](Draft& draft) {
    draft.sign = [change, sign = draft.sign](std::string_view message) {
      return change(sign(message), message);
    };
  });
}

/// Whose header is this instead, signed as before.
Hostile headed(std::string name, Signer signer, std::string_view reason, std::string header) {
  return spoilt(std::move(name), signer, reason,
                [header = std::move(header)](Draft& draft) { draft.header = header; });
}

std::vector<Hostile> for_every_signer() {
  std::vector<Hostile> all;
  for (const Signer signer : kSigners) {
    const std::string alg(name_of(signer));
    all.push_back(missigned("OneBitOfTheSignature", signer, [](std::string signature, auto) {
      signature.back() = static_cast<char>(signature.back() ^ 1);
      return signature;
    }));
    all.push_back(missigned("NoSignature", signer, [](auto, auto) { return std::string(); }));
    all.push_back(missigned("HalfASignature", signer, [](const std::string& signature, auto) {
      return signature.substr(0, signature.size() / 2);
    }));
    all.push_back(missigned("ZeroSignature", signer, [](const std::string& signature, auto) {
      return std::string(signature.size(), '\0');
    }));
    all.push_back(missigned("LongerSignature", signer, [](const std::string& signature, auto) {
      return signature + std::string(2, '\0');
    }));
    all.push_back(missigned("SignatureOfAnotherText", signer, [=](auto, std::string_view message) {
      return signature_of(signer, std::string(message) + " ");
    }));
    all.push_back(edited("OtherClaims", signer, kMismatch, [](std::string& token) {
      const std::size_t first = token.find('.') + 1;
      token.replace(first, token.rfind('.') - first, base64url_encode(R"({"sub":"admin"})"));
    }));
    all.push_back(edited("UncanonicalBase64", signer, "header is not base64url",
                         [](std::string& token) { token.insert(token.find('.'), "="); }));
    all.push_back(edited("FourParts", signer, kParts, [](std::string& token) { token += ".AA"; }));
    for (const char* none : {"none", "None", "NONE", "nOnE"}) {
      all.push_back(spoilt(std::string("Alg_") + none, signer, kNotTheKeys, [=](Draft& draft) {
        draft.header = header_of(none);
        draft.sign = [](auto) { return std::string(); };
      }));
    }
    all.push_back(headed("Critical", signer, "header has critical extensions",
                         R"({"alg":")" + alg + R"(","crit":["exp"],"exp":1})"));
    all.push_back(headed("AlgTwice", signer, "header repeats a member",
                         R"({"alg":"none","alg":")" + alg + "\"}"));
    all.push_back(claiming("Expired", signer, "token has expired",
                           R"({"sub":"42","exp":1699999999,"aud":"chat","iss":"joe"})",
                           Kind::Expired));
    all.push_back(claiming("NotYetValid", signer, "token is not valid yet",
                           R"({"sub":"42","nbf":1700000001,"aud":"chat","iss":"joe"})",
                           Kind::Expired));
    all.push_back(claiming("IssuedInTheFuture", signer, "token was issued in the future",
                           R"({"sub":"42","iat":1700000061,"aud":"chat","iss":"joe"})"));
    all.push_back(claiming("OtherAudience", signer, "token is for another audience",
                           R"({"sub":"42","aud":"shop","iss":"joe"})"));
    all.push_back(claiming("OtherIssuer", signer, "token is from another issuer",
                           R"({"sub":"42","aud":"chat","iss":"eve"})"));
    all.push_back(claiming("ForASubscription", signer, "token is for a subscription",
                           R"({"sub":"42","channel":"c","aud":"chat","iss":"joe"})"));
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(Every, HostileToken, testing::ValuesIn(for_every_signer()), name_of_case);

/// The public key, which everybody knows, used as the secret of an HMAC, and keys that the token
/// brings along.
std::vector<Hostile> with_keys_of_their_own() {
  std::vector<Hostile> all;
  for (const Signer signer : kSigners) {
    const std::string alg(name_of(signer));
    const auto algorithm = public_algorithm(signer);
    if (!algorithm) {
      for (const char* other : {"RS256", "PS256", "ES256", "ES512", "EdDSA", "Ed25519"}) {
        all.push_back(headed(std::string("As") + other, signer, kNotTheKeys, header_of(other)));
      }
      all.push_back(missigned("EmptySecretsPrefix", signer, [](auto, std::string_view message) {
        return hmac_of(std::string(1, '\0'), message);
      }));
      continue;
    }
    const std::string pem = key_pair(signer).public_pem();
    all.push_back(spoilt("PublicKeyAsSecret", signer, kNotTheKeys, [=](Draft& draft) {
      draft.header = header_of("HS256");
      draft.sign = [=](std::string_view message) { return hmac_of(pem, message); };
    }));
    all.push_back(missigned("PublicKeyAsSecretUnderItsOwnName", signer,
                            [=](auto, std::string_view message) { return hmac_of(pem, message); }));
    all.push_back(missigned("StrangersKey", signer, [=](auto, std::string_view message) {
      return key_pair(signer, true).sign(*algorithm, message);
    }));
    const std::string body = pem.substr(pem.find('\n') + 1, 40);
    for (const std::string& member :
         {R"("x5c":[")" + body + "\"]", std::string(R"("jku":"http://127.0.0.1:1/keys")"),
          std::string(R"("x5u":"http://127.0.0.1:1/pem")"),
          std::string(R"("jwk":{"kty":"OKP","crv":"Ed25519","x":"AAAA"})")}) {
      all.push_back(spoilt("StrangersKeyNamedIn_" + member.substr(1, 3), signer, kMismatch,
                           [=](Draft& draft) {
                             draft.header = R"({"alg":")" + alg + "\"," + member + "}";
                             draft.sign = [=](std::string_view message) {
                               return key_pair(signer, true).sign(*algorithm, message);
                             };
                           }));
    }
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(Keys, HostileToken, testing::ValuesIn(with_keys_of_their_own()),
                         name_of_case);

/// Signatures that are good under the very key, by an algorithm the header does not name.
std::vector<Hostile> with_lying_headers() {
  const auto relabelled = [](const char* alg, Signer signer, std::string_view reason) {
    return headed(std::string("CalledA") + alg, signer, reason, header_of(alg));
  };
  return {
      relabelled("HS512", Signer::Hs256, kMismatch),
      relabelled("RS512", Signer::Rs256, kMismatch),
      relabelled("PS256", Signer::Rs256, kMismatch),
      relabelled("RS256", Signer::Ps256, kMismatch),
      relabelled("PS384", Signer::Ps256, kMismatch),
      relabelled("ES256", Signer::Rs256, kNotTheKeys),
      relabelled("EdDSA", Signer::Rs256, kNotTheKeys),
      relabelled("ES256", Signer::Es384, kNotTheKeys),
      relabelled("ES384", Signer::Es256, kNotTheKeys),
      relabelled("ES512", Signer::Es256, kNotTheKeys),
      relabelled("ES256", Signer::Es512, kNotTheKeys),
      relabelled("ES256K", Signer::Es256, kNotTheKeys),
      relabelled("RS256", Signer::Es256, kNotTheKeys),
      relabelled("Ed448", Signer::EdDsa, kNotTheKeys),
      relabelled("ES256", Signer::EdDsa, kNotTheKeys),
      relabelled("eddsa", Signer::EdDsa, kNotTheKeys),
  };
}
INSTANTIATE_TEST_SUITE_P(Labels, HostileToken, testing::ValuesIn(with_lying_headers()),
                         name_of_case);

/// The order of P-256 and of Ed25519's group, most significant octet first.
const std::string kOrderP256 = "\xff\xff\xff\xff" + std::string(4, '\0') + std::string(8, '\xff') +
                               "\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51";
const std::string kOrderEd25519 =
    "\x10" + std::string(15, '\0') +
    "\x14\xde\xf9\xde\xa2\xf7\x9c\xd6\x58\x12\x63\x1a\x5c\xf5\xd3\xed";

/// The same S plus the group's order, which a lax verifier takes for another good signature.
std::string with_order_added(std::string signature) {
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {  // S is the second half, least significant octet first
    carry += static_cast<unsigned char>(signature[32 + i]) +
             static_cast<unsigned char>(kOrderEd25519[31 - i]);
    signature[32 + i] = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  return signature;
}

std::vector<Hostile> with_impossible_numbers() {
  using Text = std::string;
  const auto es256 = [](std::string name, std::function<Text(const Text& r, const Text& s)> make) {
    return missigned(std::move(name), Signer::Es256, [=](const Text& signature, auto) {
      return make(signature.substr(0, 32), signature.substr(32));
    });
  };
  const Text zero(32, '\0');
  const auto with_salt = [](std::string name, int salt_bytes) {
    return missigned(std::move(name), Signer::Ps256, [=](auto, std::string_view message) {
      return key_pair(Signer::Ps256).sign(Algorithm::Ps256, message, nullptr, salt_bytes);
    });
  };
  return {
      es256("ZeroR", [=](const Text&, const Text& s) { return zero + s; }),
      es256("ZeroS", [=](const Text& r, const Text&) { return r + zero; }),
      es256("RIsTheOrder", [](const Text&, const Text& s) { return kOrderP256 + s; }),
      es256("SIsTheOrder", [](const Text& r, const Text&) { return r + kOrderP256; }),
      es256("AllOnes", [](const Text&, const Text&) { return Text(64, '\xff'); }),
      es256("SwappedHalves", [](const Text& r, const Text& s) { return s + r; }),
      es256("EachHalfWithAZeroInFront",
            [](const Text& r, const Text& s) { return Text(1, '\0') + r + Text(1, '\0') + s; }),
      missigned("InDer", Signer::Es256,
                [](const Text& signature, auto) {
                  Text der = "\x30\x46\x02\x21";
                  der += Text(1, '\0') + signature.substr(0, 32) + "\x02\x21";
                  return der + Text(1, '\0') + signature.substr(32);
                }),
      missigned("DigestOfAnotherCurve", Signer::Es384,
                [](auto, std::string_view message) {
                  return key_pair(Signer::Es384).sign(Algorithm::Es384, message, EVP_sha256());
                }),
      missigned("EachHalfShorter", Signer::Es512,
                [](const Text& signature, auto) {
                  return signature.substr(0, 64) + signature.substr(66, 64);
                }),
      missigned("SPlusTheOrder", Signer::EdDsa,
                [](Text signature, auto) { return with_order_added(std::move(signature)); }),
      missigned("NeutralPoint", Signer::EdDsa, [](auto, auto) { return "\x01" + Text(63, '\0'); }),
      with_salt("NoSalt", 0),
      with_salt("ShortSalt", 20),
      with_salt("LongestSalt", RSA_PSS_SALTLEN_MAX),
      missigned("SignatureOfOne", Signer::Rs256,
                [](auto, auto) { return Text(255, '\0') + "\x01"; }),
      missigned("SignatureBeyondTheModulus", Signer::Rs256,
                [](auto, auto) { return Text(256, '\xff'); }),
      missigned("ZeroInFront", Signer::Rs256,
                [](const Text& signature, auto) { return Text(1, '\0') + signature; }),
      missigned("CutMac", Signer::Hs256,
                [](const Text& signature, auto) { return signature.substr(0, 16); }),
  };
}
INSTANTIATE_TEST_SUITE_P(Numbers, HostileToken, testing::ValuesIn(with_impossible_numbers()),
                         name_of_case);

TEST(HonestToken, MayNameItsKeyWhichIsNotLookedAt) {
  for (const Signer signer : kSigners) {
    Draft draft(signer);
    draft.header = R"({"kid":"../../dev/null","jku":"http://127.0.0.1:1/","typ":"JWT","x5c":[1],)" +
                   draft.header.substr(1);
    EXPECT_TRUE(verifier_for(signer).verify_connection(draft.text(), kNow)) << name_of(signer);
  }
}

TEST(HonestToken, OfEd25519GoesByBothNames) {
  Draft draft(Signer::EdDsa);
  draft.header = header_of("Ed25519");
  EXPECT_TRUE(verifier_for(Signer::EdDsa).verify_connection(draft.text(), kNow));
}

TEST(HonestToken, IsAcceptedFromEachOfSeveralKeys) {
  VerifierOptions options{.hmac_secret_key = kSecret};
  const auto add = [&](KeyType type, const std::string& pem) {
    const auto keys = PublicKey::read_pem(type, pem).value();
    options.public_keys.insert(options.public_keys.end(), keys.begin(), keys.end());
  };
  add(KeyType::Rsa,
      key_pair(Signer::Rs256, true).public_pem() + key_pair(Signer::Rs256).public_pem());
  add(KeyType::Ecdsa, key_pair(Signer::Es256).public_pem() + key_pair(Signer::Es384).public_pem() +
                          key_pair(Signer::Es512).public_pem());
  add(KeyType::Ed25519, key_pair(Signer::EdDsa).public_pem());
  const TokenVerifier verifier = TokenVerifier::create(std::move(options)).value();
  for (const Signer signer : kSigners) {
    EXPECT_TRUE(verifier.verify_connection(Draft(signer).text(), kNow)) << name_of(signer);
  }
  Draft stranger(Signer::Rs256);
  stranger.sign = [](auto message) {
    return key_pair(Signer::Rs256, true).sign(Algorithm::Rs256, message);
  };
  EXPECT_TRUE(verifier.verify_connection(stranger.text(), kNow)) << "the other key of the pair";
}

}  // namespace
}  // namespace sanjay::auth
