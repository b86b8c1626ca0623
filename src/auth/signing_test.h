// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/base64url.h"
#include "auth/public_key.h"
#include "core/assert.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sanjay::auth {

/// A key pair of a test and what its owner signs. Made anew in each process, so that no private key
/// lies in the repository.
class TestKey {
 public:
  static TestKey rsa(int bits) { return TestKey(EVP_RSA_gen(static_cast<unsigned>(bits)), 0); }
  static TestKey p256() { return TestKey(EVP_EC_gen("P-256"), 32); }
  static TestKey p384() { return TestKey(EVP_EC_gen("P-384"), 48); }
  static TestKey p521() { return TestKey(EVP_EC_gen("P-521"), 66); }
  static TestKey named(const char* type) {
    return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, type), 0);
  }
  /// An RSA public key of 2048 bits with an exponent that no one should choose.
  static TestKey rsa_with_exponent(std::uint32_t exponent) {
    const TestKey pair = rsa(2048);
    BIGNUM* modulus = nullptr;
    ASSERT(EVP_PKEY_get_bn_param(pair.get(), OSSL_PKEY_PARAM_RSA_N, &modulus) == 1);
    return rsa_public(modulus, exponent);
  }
  /// An RSA public key whose private half nobody knows: its modulus is a power of two and what it
  /// takes to have no small factor. Made at once, however many bits it has.
  static TestKey rsa_modulus_of(int bits) {
    BIGNUM* modulus = BN_new();
    ASSERT(modulus != nullptr);
    ASSERT(BN_set_bit(modulus, bits - 1) == 1 && BN_add_word(modulus, 1) == 1);
    const auto has_small_factor = [&] {
      for (BN_ULONG factor = 3; factor < 1000; factor += 2) {
        if (BN_mod_word(modulus, factor) == 0) return true;
      }
      return false;
    };
    while (has_small_factor()) ASSERT(BN_add_word(modulus, 2) == 1);
    return rsa_public(modulus, 65537);
  }
  static TestKey on_curve(const char* curve) { return TestKey(EVP_EC_gen(curve), 0); }

  std::string public_pem() const {
    return pem([&](BIO* out) { return PEM_write_bio_PUBKEY(out, key_.get()); });
  }
  std::string private_pem() const {
    return pem([&](BIO* out) {
      return PEM_write_bio_PrivateKey(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  /// The PKCS#1 form of an RSA key.
  std::string rsa_public_pem() const {
    unsigned char* der = nullptr;
    const int size = i2d_PublicKey(key_.get(), &der);
    ASSERT(size > 0);
    const auto text =
        pem([&](BIO* out) { return PEM_write_bio(out, PEM_STRING_RSA_PUBLIC, "", der, size) > 0; });
    OPENSSL_free(der);
    return text;
  }
  std::string certificate_pem() const {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
    ASSERT(X509_set_pubkey(certificate.get(), key_.get()) == 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -2);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), -1);
    ASSERT(X509_sign(certificate.get(), key_.get(), EVP_sha256()) > 0);
    return pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate.get()); });
  }

  /// A JWS signature. `digest`: another than the algorithm's, or null; `salt_bytes`: of PSS.
  std::string sign(SignatureAlgorithm algorithm, std::string_view message,
                   const EVP_MD* digest = nullptr, int salt_bytes = RSA_PSS_SALTLEN_DIGEST) const {
    const auto* text = reinterpret_cast<const unsigned char*>(message.data());
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    EVP_PKEY_CTX* parameters = nullptr;
    ASSERT(EVP_DigestSignInit(context.get(), &parameters,
                              digest != nullptr ? digest : digest_of(algorithm), nullptr,
                              key_.get()) == 1);
    if (algorithm >= SignatureAlgorithm::Ps256 && algorithm <= SignatureAlgorithm::Ps512) {
      ASSERT(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1);
      ASSERT(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, salt_bytes) == 1);
    }
    std::string signature(1024, '\0');
    std::size_t size = signature.size();
    ASSERT(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                          text, message.size()) == 1);
    signature.resize(size);
    return part_bytes_ == 0 ? signature : raw_signature(signature, part_bytes_);
  }

  /// R || S of a DER signature.
  static std::string raw_signature(std::string_view der, int part_bytes) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> parsed(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), ECDSA_SIG_free);
    ASSERT(parsed != nullptr);
    std::string raw(2 * static_cast<std::size_t>(part_bytes), '\0');
    auto* out = reinterpret_cast<unsigned char*>(raw.data());
    ASSERT(BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), out, part_bytes) == part_bytes);
    ASSERT(BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), out + part_bytes, part_bytes) ==
           part_bytes);
    return raw;
  }

  /// A compact JWS with any header and claims.
  std::string token(SignatureAlgorithm algorithm, std::string_view header,
                    std::string_view claims) const {
    std::string text = base64url_encode(header) + "." + base64url_encode(claims);
    return text + "." + base64url_encode(sign(algorithm, text));
  }

  /// The public half as a JWK (RFC 7517), with `more` members first, such as R"("kid":"1",)".
  std::string jwk(const std::string& more = "") const {
    if (EVP_PKEY_is_a(get(), "RSA") == 1) {
      return "{" + more + R"("kty":"RSA","n":")" + number(OSSL_PKEY_PARAM_RSA_N, 0) + R"(","e":")" +
             number(OSSL_PKEY_PARAM_RSA_E, 0) + "\"}";
    }
    if (part_bytes_ == 0) {
      std::array<unsigned char, 57> octets{};
      std::size_t size = octets.size();
      ASSERT(EVP_PKEY_get_raw_public_key(get(), octets.data(), &size) == 1);
      return "{" + more + R"("kty":"OKP","crv":")" + (size == 32 ? "Ed25519" : "Ed448") +
             R"(","x":")" + base64url_encode({reinterpret_cast<const char*>(octets.data()), size}) +
             "\"}";
    }
    const char* curve = part_bytes_ == 32 ? "P-256" : part_bytes_ == 48 ? "P-384" : "P-521";
    return "{" + more + R"("kty":"EC","crv":")" + curve + R"(","x":")" +
           number(OSSL_PKEY_PARAM_EC_PUB_X, part_bytes_) + R"(","y":")" +
           number(OSSL_PKEY_PARAM_EC_PUB_Y, part_bytes_) + "\"}";
  }

  EVP_PKEY* get() const { return key_.get(); }

 private:
  /// A parameter in base64url, padded to so many octets; 0: as many as it has.
  std::string number(const char* name, int octets) const {
    BIGNUM* value = nullptr;
    ASSERT(EVP_PKEY_get_bn_param(get(), name, &value) == 1);
    std::string bytes(static_cast<std::size_t>(octets != 0 ? octets : BN_num_bytes(value)), '\0');
    ASSERT(BN_bn2binpad(value, reinterpret_cast<unsigned char*>(bytes.data()),
                        static_cast<int>(bytes.size())) >= 0);
    BN_free(value);
    return base64url_encode(bytes);
  }

  TestKey(EVP_PKEY* key, int part_bytes) : key_(key, EVP_PKEY_free), part_bytes_(part_bytes) {
    ASSERT(key != nullptr);
  }

  /// Takes the modulus.
  static TestKey rsa_public(BIGNUM* modulus, std::uint32_t exponent) {
    std::string octets(static_cast<std::size_t>(BN_num_bytes(modulus)), '\0');
    auto* bytes = reinterpret_cast<unsigned char*>(octets.data());
    ASSERT(BN_bn2nativepad(modulus, bytes, static_cast<int>(octets.size())) > 0);
    BN_free(modulus);
    std::array<OSSL_PARAM, 3> params{
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, bytes, octets.size()),
        OSSL_PARAM_construct_uint32(OSSL_PKEY_PARAM_RSA_E, &exponent), OSSL_PARAM_construct_end()};
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
        EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr), EVP_PKEY_CTX_free);
    EVP_PKEY* key = nullptr;
    ASSERT(EVP_PKEY_fromdata_init(context.get()) == 1 &&
           EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.data()) == 1);
    return TestKey(key, 0);
  }

  static const EVP_MD* digest_of(SignatureAlgorithm algorithm) {
    switch (algorithm) {
      case SignatureAlgorithm::Rs256:
      case SignatureAlgorithm::Ps256:
      case SignatureAlgorithm::Es256:
        return EVP_sha256();
      case SignatureAlgorithm::Rs384:
      case SignatureAlgorithm::Ps384:
      case SignatureAlgorithm::Es384:
        return EVP_sha384();
      case SignatureAlgorithm::Rs512:
      case SignatureAlgorithm::Ps512:
      case SignatureAlgorithm::Es512:
        return EVP_sha512();
      case SignatureAlgorithm::EdDsa:
        break;
    }
    return nullptr;
  }

  template <class Write>
  static std::string pem(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
    ASSERT(write(out.get()));
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }

  std::shared_ptr<EVP_PKEY> key_;
  int part_bytes_;  // of R and of S; 0: not ECDSA
};

}  // namespace sanjay::auth
