// SPDX-License-Identifier: Apache-2.0
#include "auth/public_key.h"

#include "auth/signing_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace sanjay::auth {
namespace {

using Algorithm = SignatureAlgorithm;

std::string error_of(KeyType type, std::string_view pem) {
  const auto keys = PublicKey::read_pem(type, pem);
  return keys ? "no error" : keys.error().message;
}

PublicKey key_of(KeyType type, const std::string& pem) {
  auto keys = PublicKey::read_pem(type, pem);
  EXPECT_TRUE(keys) << error_of(type, pem);
  return keys->at(0);
}

std::string with_line_ends(const std::string& text, std::string_view end) {
  std::string result;
  for (const char c : text) c == '\n' ? result.append(end) : result.append(1, c);
  return result;
}

struct Vector {
  const char* source;
  KeyType type;
  Algorithm algorithm;
  const char* pem;
  const char* message;
  const char* signature;
};

// The keys are those of the appendices, turned from JWK into PEM.
constexpr Vector kVectors[] = {
    {"RFC 7515 A.2", KeyType::Rsa, Algorithm::Rs256,
     "-----BEGIN RSA PUBLIC KEY-----\n"
     "MIIBCgKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd/wWJcyQoTbji9k0l8W2\n"
     "6mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMs\n"
     "D1W/YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5\n"
     "z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxv\n"
     "b3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxXFvUK+DWNmoudF8NAco9/h9iaGNj8q2et\n"
     "hFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQAB\n"
     "-----END RSA PUBLIC KEY-----\n",
     "eyJhbGciOiJSUzI1NiJ9."
     "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
     "fQ",
     "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
     "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb"
     "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO"
     "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"},
    {"RFC 7515 A.3", KeyType::Ecdsa, Algorithm::Es256,
     "-----BEGIN PUBLIC KEY-----\n"
     "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
     "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
     "-----END PUBLIC KEY-----\n",
     "eyJhbGciOiJFUzI1NiJ9."
     "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
     "fQ",
     "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
    {"RFC 7515 A.4", KeyType::Ecdsa, Algorithm::Es512,
     "-----BEGIN PUBLIC KEY-----\n"
     "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQB6SkFDxJPxrxVx9U5M2Xfne9KsMIs\n"
     "sleY+TTrBOPGuuNwGlenkQ6dgb82MVno68sVXWNJ9L22zPipTFxZx6rBAaQANKZE\n"
     "DjdnUNI3H9G9wsjztx0vTuXqNDLIFcyjFWD+XZOH7HdLVYOGMOXLv1qMvgqR3QBk\n"
     "xpmaH25uZ/rd7eTIyPY=\n"
     "-----END PUBLIC KEY-----\n",
     "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA",
     "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8G"
     "aSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"},
    {"RFC 8037 A.4", KeyType::Ed25519, Algorithm::EdDsa,
     "-----BEGIN PUBLIC KEY-----\n"
     "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
     "-----END PUBLIC KEY-----\n",
     "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
     "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"},
};

TEST(PublicKey, VerifiesTheSignaturesOfTheRfcs) {
  for (const Vector& vector : kVectors) {
    const PublicKey key = key_of(vector.type, vector.pem);
    const std::string signature = base64url_decode(vector.signature).value();
    EXPECT_TRUE(key.verify(vector.algorithm, vector.message, signature)) << vector.source;
    EXPECT_FALSE(key.verify(vector.algorithm, std::string(vector.message) + "x", signature))
        << vector.source;
    for (std::size_t i = 0; i < signature.size(); ++i) {
      std::string bad = signature;
      bad[i] = static_cast<char>(bad[i] ^ 1);
      EXPECT_FALSE(key.verify(vector.algorithm, vector.message, bad)) << vector.source << " " << i;
    }
  }
}

TEST(PublicKey, ServesTheAlgorithmsOfItsTypeAndCurveOnly) {
  using Algorithms = std::vector<Algorithm>;
  const std::tuple<KeyType, TestKey, Algorithms> cases[] = {
      {KeyType::Rsa, TestKey::rsa(2048),
       Algorithms{Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512, Algorithm::Ps256,
                  Algorithm::Ps384, Algorithm::Ps512}},
      {KeyType::Ecdsa, TestKey::p256(), Algorithms{Algorithm::Es256}},
      {KeyType::Ecdsa, TestKey::p384(), Algorithms{Algorithm::Es384}},
      {KeyType::Ecdsa, TestKey::p521(), Algorithms{Algorithm::Es512}},
      {KeyType::Ed25519, TestKey::named("ED25519"), Algorithms{Algorithm::EdDsa}},
  };
  for (const auto& [type, pair, served] : cases) {
    const PublicKey key = key_of(type, pair.public_pem());
    for (auto i = Algorithm::Rs256; i <= Algorithm::EdDsa;
         i = Algorithm(std::to_underlying(i) + 1)) {
      const bool serves = std::ranges::find(served, i) != served.end();
      EXPECT_EQ(key.serves(i), serves) << std::to_underlying(i);
      const std::string signature = pair.sign(serves ? i : served[0], "text");
      EXPECT_EQ(key.verify(i, "text", signature), serves) << std::to_underlying(i);
    }
  }
}

TEST(PublicKey, ReadsEachFormOfAKey) {
  const TestKey pair = TestKey::rsa(2048);
  const std::string signature = pair.sign(Algorithm::Rs256, "text");
  for (const std::string& pem :
       {pair.public_pem(), pair.rsa_public_pem(), pair.certificate_pem(),
        "a comment\n" + pair.public_pem() + "another\n", with_line_ends(pair.public_pem(), "\r\n"),
        pair.public_pem().substr(0, pair.public_pem().size() - 1)}) {
    EXPECT_TRUE(key_of(KeyType::Rsa, pem).verify(Algorithm::Rs256, "text", signature)) << pem;
  }
  const TestKey ec = TestKey::p384();
  EXPECT_TRUE(key_of(KeyType::Ecdsa, ec.certificate_pem())
                  .verify(Algorithm::Es384, "text", ec.sign(Algorithm::Es384, "text")));
}

TEST(PublicKey, ReadsSeveralKeysOfOneText) {
  const TestKey old_pair = TestKey::p256();
  const TestKey new_pair = TestKey::p384();
  const auto keys =
      PublicKey::read_pem(KeyType::Ecdsa, old_pair.public_pem() + new_pair.public_pem());
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->size(), 2U);
  EXPECT_TRUE((*keys)[0].serves(Algorithm::Es256));
  EXPECT_TRUE((*keys)[1].serves(Algorithm::Es384));

  std::string many;
  for (std::size_t i = 0; i < kPublicKeysMax; ++i) many += old_pair.public_pem();
  EXPECT_EQ(PublicKey::read_pem(KeyType::Ecdsa, many)->size(), kPublicKeysMax);
  EXPECT_EQ(
      error_of(KeyType::Ecdsa, many + old_pair.public_pem()),
      "expected an ECDSA public key on P-256, P-384 or P-521 in PEM, got more than 4 of them");
}

TEST(PublicKey, NamesWhatIsWrongWithAText) {
  constexpr std::string_view kRsa = "expected an RSA public key of 2048 to 8192 bits in PEM, got ";
  constexpr std::string_view kEcdsa =
      "expected an ECDSA public key on P-256, P-384 or P-521 in PEM, got ";
  constexpr std::string_view kEd25519 = "expected an Ed25519 public key in PEM, got ";
  const TestKey rsa = TestKey::rsa(2048);
  const TestKey p256 = TestKey::p256();
  std::string damaged = p256.public_pem();
  damaged[40] = '!';
  std::string cut = p256.public_pem();
  cut.resize(cut.size() - 30);
  std::string no_base64_of_a_key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
  const std::tuple<KeyType, std::string, std::string_view, std::string_view> cases[] = {
      {KeyType::Rsa, "", kRsa, "no PEM block"},
      {KeyType::Rsa, "MIIBIjANBgkq", kRsa, "no PEM block"},
      {KeyType::Rsa, p256.public_pem(), kRsa, "a key of type EC"},
      {KeyType::Rsa, rsa.private_pem(), kRsa,
       "a private key, which does not belong on this server"},
      {KeyType::Rsa, rsa.public_pem() + rsa.private_pem(), kRsa,
       "a private key, which does not belong on this server"},
      {KeyType::Rsa, TestKey::named("X25519").public_pem(), kRsa, "a key of type X25519"},
      {KeyType::Ecdsa, rsa.public_pem(), kEcdsa, "a key of type RSA"},
      {KeyType::Ecdsa, TestKey::on_curve("secp256k1").public_pem(), kEcdsa, "one on another curve"},
      {KeyType::Ecdsa, TestKey::on_curve("P-224").public_pem(), kEcdsa, "one on another curve"},
      {KeyType::Ecdsa, damaged, kEcdsa, "a damaged PEM block"},
      {KeyType::Ecdsa, cut, kEcdsa, "a damaged PEM block"},
      {KeyType::Ecdsa, no_base64_of_a_key, kEcdsa, "a damaged PEM block"},
      {KeyType::Ed25519, TestKey::named("ED448").public_pem(), kEd25519, "a key of type ED448"},
      {KeyType::Ed25519, TestKey::named("X25519").public_pem(), kEd25519, "a key of type X25519"},
      {KeyType::Ed25519, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", kEd25519,
       "a PEM block of another kind"},
  };
  for (const auto& [type, pem, expected, got] : cases) {
    EXPECT_EQ(error_of(type, pem), std::string(expected) + std::string(got));
  }
}

TEST(PublicKey, RefusesAnRsaKeyThatIsTooShort) {
  EXPECT_EQ(error_of(KeyType::Rsa, TestKey::rsa(1024).public_pem()),
            "expected an RSA public key of 2048 to 8192 bits in PEM, got one of 1024 bits");
  EXPECT_EQ(error_of(KeyType::Rsa, TestKey::rsa(2040).public_pem()),
            "expected an RSA public key of 2048 to 8192 bits in PEM, got one of 2040 bits");
}

TEST(PublicKey, TakesRsaKeysOf2048To8192Bits) {
  const auto error_with = [](int bits) {
    return error_of(KeyType::Rsa, TestKey::rsa_modulus_of(bits).public_pem());
  };
  const auto refused = [](int bits) {
    return "expected an RSA public key of 2048 to 8192 bits in PEM, got one of " +
           std::to_string(bits) + " bits";
  };
  for (const int bits : {2048, 8192}) EXPECT_EQ(error_with(bits), "no error");
  for (const int bits : {2047, 8193}) EXPECT_EQ(error_with(bits), refused(bits));
}

TEST(PublicKey, RefusesAnRsaKeyThatProvesNothing) {
  for (const std::uint32_t exponent : {1U, 2U, 65536U}) {
    EXPECT_EQ(error_of(KeyType::Rsa, TestKey::rsa_with_exponent(exponent).public_pem()),
              "expected an RSA public key of 2048 to 8192 bits in PEM, got numbers that are not a "
              "sound key")
        << exponent;
  }
  EXPECT_EQ(error_of(KeyType::Rsa, TestKey::rsa_with_exponent(65537).public_pem()), "no error");
}

TEST(PublicKey, RefusesACurveThatIsSpeltOut) {
  const TestKey pair = TestKey::p256();
  ASSERT_EQ(EVP_PKEY_set_utf8_string_param(pair.get(), "encoding", "explicit"), 1);
  EXPECT_EQ(
      error_of(KeyType::Ecdsa, pair.public_pem()),
      "expected an ECDSA public key on P-256, P-384 or P-521 in PEM, got one on another curve");
}

TEST(PublicKey, LeavesNoErrorBehind) {
  const TestKey pair = TestKey::p256();
  const PublicKey key = key_of(KeyType::Ecdsa, pair.public_pem());
  EXPECT_FALSE(key.verify(Algorithm::Es256, "text", std::string(64, '\0')));
  EXPECT_EQ(ERR_peek_error(), 0U);
  EXPECT_FALSE(PublicKey::read_pem(KeyType::Rsa, "nothing"));
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(PublicKey, ServesSeveralThreadsAtOnce) {
  struct Case {
    PublicKey key;
    Algorithm algorithm;
    std::string good;
  };
  const std::string text = "what is signed";
  std::vector<Case> cases;
  const auto add = [&](KeyType type, const TestKey& pair, Algorithm algorithm) {
    cases.push_back({key_of(type, pair.public_pem()), algorithm, pair.sign(algorithm, text)});
  };
  add(KeyType::Rsa, TestKey::rsa(2048), Algorithm::Ps256);
  add(KeyType::Ecdsa, TestKey::p256(), Algorithm::Es256);
  add(KeyType::Ed25519, TestKey::named("ED25519"), Algorithm::EdDsa);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        for (const Case& one : cases) {
          std::string bad = one.good;
          bad[5] = static_cast<char>(bad[5] ^ 4);
          if (!one.key.verify(one.algorithm, text, one.good)) ++wrong;
          if (one.key.verify(one.algorithm, text, bad)) ++wrong;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace sanjay::auth
