// SPDX-License-Identifier: Apache-2.0
#include "auth/token_signer.h"

#include "auth/base64url.h"
#include "auth/hmac.h"

namespace sanjay::auth {

std::string_view name_of(HmacAlgorithm algorithm) {
  switch (algorithm) {
    case HmacAlgorithm::Hs256:
      return "HS256";
    case HmacAlgorithm::Hs384:
      return "HS384";
    case HmacAlgorithm::Hs512:
      break;
  }
  return "HS512";
}

core::Result<std::string> sign_hmac(HmacAlgorithm algorithm, std::string_view claims_json,
                                    std::string_view secret) {
  SANJAY_TRY(const HmacKey key, HmacKey::create(secret));
  std::string header = R"({"alg":")";
  header.append(name_of(algorithm)).append(R"(","typ":"JWT"})");
  std::string token = base64url_encode(header);
  token += '.';
  token += base64url_encode(claims_json);
  SANJAY_TRY(const Mac mac, key.sign(algorithm, token));
  token += '.';
  token += base64url_encode(mac.view());
  return token;
}

core::Result<std::string> sign_hs256(std::string_view claims_json, std::string_view secret) {
  return sign_hmac(HmacAlgorithm::Hs256, claims_json, secret);
}

}  // namespace sanjay::auth
