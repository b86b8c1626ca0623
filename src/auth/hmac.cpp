// SPDX-License-Identifier: Apache-2.0
#include "auth/hmac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <utility>

namespace sanjay::auth {
namespace {

constexpr std::array<const char*, kHmacAlgorithmCount> kDigests{"SHA256", "SHA384", "SHA512"};

struct FreeMac {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
};

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

void HmacKey::FreeContext::operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }

core::Result<HmacKey> HmacKey::create(std::string_view secret) {
  if (secret.empty()) return core::failure("an HMAC secret must not be empty");
  const std::unique_ptr<EVP_MAC, FreeMac> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  if (!mac) return core::failure("OpenSSL offers no HMAC");
  HmacKey key;
  for (std::size_t i = 0; i < kHmacAlgorithmCount; ++i) {
    key.keyed_[i].reset(EVP_MAC_CTX_new(mac.get()));
    // OpenSSL takes the name as char* but does not write to it.
    const std::array<OSSL_PARAM, 2> params{
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(kDigests[i]), 0),
        OSSL_PARAM_construct_end()};
    if (!key.keyed_[i] ||
        EVP_MAC_init(key.keyed_[i].get(), octets(secret), secret.size(), params.data()) != 1) {
      return core::failure(std::string("OpenSSL offers no HMAC with ") + kDigests[i]);
    }
  }
  return key;
}

core::Result<Mac> HmacKey::sign(HmacAlgorithm algorithm, std::string_view message) const {
  const Context context(EVP_MAC_CTX_dup(keyed_[std::to_underlying(algorithm)].get()));
  Mac mac;
  if (!context || EVP_MAC_update(context.get(), octets(message), message.size()) != 1 ||
      EVP_MAC_final(context.get(), mac.bytes.data(), &mac.size, mac.bytes.size()) != 1) {
    return core::failure("OpenSSL could not compute an HMAC");
  }
  return mac;
}

bool HmacKey::verify(HmacAlgorithm algorithm, std::string_view message,
                     std::string_view signature) const {
  const auto mac = sign(algorithm, message);
  return mac && mac->size == signature.size() &&
         CRYPTO_memcmp(mac->bytes.data(), signature.data(), mac->size) == 0;
}

}  // namespace sanjay::auth
