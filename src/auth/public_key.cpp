// SPDX-License-Identifier: Apache-2.0
#include "auth/public_key.h"

#include "core/failpoint.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <climits>
#include <optional>
#include <string>

namespace sanjay::auth {
namespace {

/// An OpenSSL object with one owner.
template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

void free_memory(void* memory) { OPENSSL_free(memory); }

using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;
using BigNumber = std::unique_ptr<BIGNUM, Freed<BN_free>>;
template <class T>
using Memory = std::unique_ptr<T, Freed<free_memory>>;

struct Curve {
  std::string_view name;      // as OpenSSL calls it
  std::string_view jwk_name;  // RFC 7518 §6.2.1.1
  SignatureAlgorithm algorithm;
  const char* digest;
  std::size_t part_bytes;
};

constexpr std::array<Curve, 3> kCurves{{
    {"prime256v1", "P-256", SignatureAlgorithm::Es256, "SHA256", 32},
    {"secp384r1", "P-384", SignatureAlgorithm::Es384, "SHA384", 48},
    {"secp521r1", "P-521", SignatureAlgorithm::Es512, "SHA512", 66},
}};

std::string_view openssl_name(KeyType type) {
  switch (type) {
    case KeyType::Rsa:
      return "RSA";
    case KeyType::Ecdsa:
      return "EC";
    case KeyType::Ed25519:
      break;
  }
  return "ED25519";
}

std::string expectation(KeyType type) {
  switch (type) {
    case KeyType::Rsa:
      return "an RSA public key of " + std::to_string(kRsaBitsMin) + " to " +
             std::to_string(kRsaBitsMax) + " bits in PEM";
    case KeyType::Ecdsa:
      return "an ECDSA public key on P-256, P-384 or P-521 in PEM";
    case KeyType::Ed25519:
      break;
  }
  return "an Ed25519 public key in PEM";
}

std::unexpected<core::Error> unfit(KeyType type, const std::string& got) {
  return core::failure("expected " + expectation(type) + ", got " + got);
}

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// The key of one PEM block, or null.
Key decode_block(std::string_view name, std::string_view der) {
  const unsigned char* at = octets(der);
  const auto size = static_cast<long>(der.size());
  Key key;
  if (name == PEM_STRING_PUBLIC) {
    key.reset(d2i_PUBKEY(nullptr, &at, size));
  } else if (name == PEM_STRING_RSA_PUBLIC) {
    key.reset(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, size));
  } else if (const Certificate certificate(d2i_X509(nullptr, &at, size)); certificate) {
    key.reset(X509_get_pubkey(certificate.get()));
  }
  if (at != octets(der) + der.size()) key.reset();
  return key;
}

/// A key of `type` made of numbers, or null. The builder must outlive what it builds.
Key key_of(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return Key(key);
}

bool is_sound(EVP_PKEY* key) {
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  return context && EVP_PKEY_public_check(context.get()) == 1;
}

/// Null unless the key's curve is one of ours, and named: a key that spells out its parameters may
/// have chosen its own generator.
const Curve* curve_of(EVP_PKEY* key) {
  int is_explicit = 1;
  static_cast<void>(
      EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit));
  if (is_explicit != 0 && !FAILPOINT("auth.named_curve")) return nullptr;
  std::array<char, 64> name{};
  std::size_t size = 0;
  if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1) return nullptr;
  for (const Curve& curve : kCurves) {
    if (curve.name == std::string_view(name.data(), size)) return &curve;
  }
  return nullptr;
}

/// R || S as the DER structure that OpenSSL reads. That both are in range, it checks itself.
std::optional<std::string> ecdsa_der(std::string_view raw, std::size_t part_bytes) {
  if (raw.size() != 2 * part_bytes && !FAILPOINT("auth.signature_length")) return std::nullopt;
  const auto half = static_cast<int>(raw.size() / 2);
  BigNumber r(BN_bin2bn(octets(raw), half, nullptr));
  BigNumber s(BN_bin2bn(octets(raw) + half, half, nullptr));
  const EcdsaSignature signature(ECDSA_SIG_new());
  if (!r || !s || !signature || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) {
    return std::nullopt;
  }
  static_cast<void>(r.release());  // the signature owns them now
  static_cast<void>(s.release());
  const int size = i2d_ECDSA_SIG(signature.get(), nullptr);
  if (size <= 0) return std::nullopt;
  std::string der(static_cast<std::size_t>(size), '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  if (i2d_ECDSA_SIG(signature.get(), &out) != size) return std::nullopt;
  return der;
}

bool is_pss(SignatureAlgorithm algorithm) {
  return algorithm == SignatureAlgorithm::Ps256 || algorithm == SignatureAlgorithm::Ps384 ||
         algorithm == SignatureAlgorithm::Ps512;
}

/// What OpenSSL says about a failure goes to a queue of the thread, where another user of the
/// library would take it for his own.
struct ErrorQueue {
  ErrorQueue() = default;
  ErrorQueue(const ErrorQueue&) = delete;
  ErrorQueue& operator=(const ErrorQueue&) = delete;
  ~ErrorQueue() { ERR_clear_error(); }

  static bool says_no_more_blocks() {
    const unsigned long last = ERR_peek_last_error();
    return ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  }
};

}  // namespace

core::Result<std::vector<PublicKey>> PublicKey::read_pem(KeyType type, std::string_view pem) {
  const ErrorQueue errors;
  if (pem.size() > INT_MAX) return unfit(type, "a text that is too long");
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return core::failure("OpenSSL is out of memory");
  std::vector<PublicKey> keys;
  for (;;) {
    char* name_out = nullptr;
    char* header_out = nullptr;
    unsigned char* data_out = nullptr;
    long size = 0;
    const int is_read = PEM_read_bio(bio.get(), &name_out, &header_out, &data_out, &size);
    const Memory<char> name_memory(name_out);
    const Memory<char> header_memory(header_out);
    const Memory<unsigned char> data_memory(data_out);
    if (is_read != 1) {
      if (!ErrorQueue::says_no_more_blocks()) return unfit(type, "a damaged PEM block");
      break;
    }
    const std::string_view name = name_out;
    if (name.ends_with("PRIVATE KEY")) {
      return unfit(type, "a private key, which does not belong on this server");
    }
    if (name != PEM_STRING_PUBLIC && name != PEM_STRING_RSA_PUBLIC && name != PEM_STRING_X509) {
      return unfit(type, "a PEM block of another kind");
    }
    if (keys.size() == kPublicKeysMax) {
      return unfit(type, "more than " + std::to_string(kPublicKeysMax) + " of them");
    }
    const Key key = decode_block(
        name, {reinterpret_cast<const char*>(data_out), static_cast<std::size_t>(size)});
    if (!key) return unfit(type, "a damaged PEM block");
    SANJAY_TRY(PublicKey created, create(type, key.get()));
    keys.push_back(std::move(created));
  }
  if (keys.empty()) return unfit(type, "no PEM block");
  return keys;
}

core::Result<PublicKey> PublicKey::rsa(std::string_view modulus, std::string_view exponent) {
  const ErrorQueue errors;
  constexpr std::size_t kBytesMax = kRsaBitsMax / 8;
  if (modulus.size() > kBytesMax || exponent.size() > kBytesMax) {
    return unfit(KeyType::Rsa, "a longer number");
  }
  const auto number = [](std::string_view octets_of_it) {
    return BigNumber(
        BN_bin2bn(octets(octets_of_it), static_cast<int>(octets_of_it.size()), nullptr));
  };
  const BigNumber n = number(modulus);
  const BigNumber e = number(exponent);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return core::failure("OpenSSL is out of memory");
  }
  const Key key = key_of("RSA", builder.get());
  if (!key) return unfit(KeyType::Rsa, "numbers that are no key");
  return create(KeyType::Rsa, key.get());
}

core::Result<PublicKey> PublicKey::ecdsa(std::string_view curve, std::string_view x,
                                         std::string_view y) {
  const ErrorQueue errors;
  const auto* found = std::ranges::find(kCurves, curve, &Curve::jwk_name);
  if (found == kCurves.end()) return unfit(KeyType::Ecdsa, "one on another curve");
  if (x.size() != found->part_bytes || y.size() != found->part_bytes) {
    return unfit(KeyType::Ecdsa, "coordinates of another length");
  }
  std::string point = "\x04";  // uncompressed (SEC 1 §2.3.3)
  point.append(x).append(y);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, found->name.data(),
                                      found->name.size()) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1) {
    return core::failure("OpenSSL is out of memory");
  }
  const Key key = key_of("EC", builder.get());
  if (!key) return unfit(KeyType::Ecdsa, "a point that is not on the curve");
  return create(KeyType::Ecdsa, key.get());
}

core::Result<PublicKey> PublicKey::ed25519(std::string_view x) {
  const ErrorQueue errors;
  const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(x), x.size()));
  if (!key) return unfit(KeyType::Ed25519, "one of another length");
  return create(KeyType::Ed25519, key.get());
}

core::Result<PublicKey> PublicKey::create(KeyType type, EVP_PKEY* key) {
  const char* name = EVP_PKEY_get0_type_name(key);
  if (name == nullptr || name != openssl_name(type)) {
    return unfit(type, std::string("a key of type ") + (name != nullptr ? name : "unknown"));
  }
  PublicKey created;
  core::Status status;
  const auto add = [&](SignatureAlgorithm algorithm, const char* digest) {
    if (status) status = created.prepare(algorithm, digest, key);
  };
  if (type == KeyType::Rsa) {
    const int bits = EVP_PKEY_get_bits(key);
    if ((bits < kRsaBitsMin || bits > kRsaBitsMax) && !FAILPOINT("auth.rsa_bits")) {
      return unfit(type, "one of " + std::to_string(bits) + " bits");
    }
    add(SignatureAlgorithm::Rs256, "SHA256");
    add(SignatureAlgorithm::Rs384, "SHA384");
    add(SignatureAlgorithm::Rs512, "SHA512");
    add(SignatureAlgorithm::Ps256, "SHA256");
    add(SignatureAlgorithm::Ps384, "SHA384");
    add(SignatureAlgorithm::Ps512, "SHA512");
  } else if (type == KeyType::Ecdsa) {
    const Curve* curve = curve_of(key);
    if (curve == nullptr) return unfit(type, "one on another curve");
    created.ecdsa_part_bytes_ = curve->part_bytes;
    add(curve->algorithm, curve->digest);
  } else {
    add(SignatureAlgorithm::EdDsa, nullptr);
  }
  if (!is_sound(key) && !FAILPOINT("auth.sound_key"))
    return unfit(type, "numbers that are not a sound key");
  if (status) status = created.take_thumbprint(key);
  if (!status) return std::unexpected(std::move(status).error());
  return created;
}

core::Status PublicKey::take_thumbprint(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  const Memory<unsigned char> memory(der);
  if (size <= 0 || EVP_Digest(der, static_cast<std::size_t>(size), thumbprint_.data(), nullptr,
                              EVP_sha256(), nullptr) != 1) {
    return core::failure("OpenSSL is out of memory");
  }
  return {};
}

core::Status PublicKey::prepare(SignatureAlgorithm algorithm, const char* digest, EVP_PKEY* key) {
  const std::shared_ptr<EVP_MD_CTX> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_PKEY_CTX* parameters = nullptr;  // belongs to the context
  if (!context || EVP_DigestVerifyInit_ex(context.get(), &parameters, digest, nullptr, nullptr, key,
                                          nullptr) != 1) {
    return core::failure("OpenSSL offers no verification with this kind of key");
  }
  if (is_pss(algorithm) &&
      (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) != 1 ||
       EVP_PKEY_CTX_set_rsa_pss_saltlen(
           parameters, FAILPOINT("auth.salt") ? RSA_PSS_SALTLEN_AUTO : RSA_PSS_SALTLEN_DIGEST) !=
           1)) {
    return core::failure("OpenSSL offers no RSASSA-PSS");
  }
  prepared_.push_back({algorithm, context});
  return {};
}

const PublicKey::Prepared* PublicKey::prepared_for(SignatureAlgorithm algorithm) const {
  for (const Prepared& prepared : prepared_) {
    if (prepared.algorithm == algorithm || FAILPOINT("auth.algorithm")) return &prepared;
  }
  return nullptr;
}

bool PublicKey::serves(SignatureAlgorithm algorithm) const {
  return prepared_for(algorithm) != nullptr;
}

bool PublicKey::verify(SignatureAlgorithm algorithm, std::string_view message,
                       std::string_view signature) const {
  const Prepared* prepared = prepared_for(algorithm);
  if (prepared == nullptr) return false;
  std::optional<std::string> der;
  if (ecdsa_part_bytes_ != 0) {
    der = ecdsa_der(signature, ecdsa_part_bytes_);
    if (!der) return false;
    signature = *der;
  }
  const ErrorQueue errors;
  const std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  return context && EVP_MD_CTX_copy_ex(context.get(), prepared->context.get()) == 1 &&
         EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(message),
                          message.size()) == 1;
}

}  // namespace sanjay::auth
