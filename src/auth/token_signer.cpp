// SPDX-License-Identifier: Apache-2.0
#include "auth/token_signer.h"

#include "auth/base64url.h"
#include "auth/hmac.h"

namespace sanjay::auth {

core::Result<std::string> sign_hs256(std::string_view claims_json, std::string_view secret) {
  SANJAY_TRY(const HmacKey key, HmacKey::create(secret));
  std::string token = base64url_encode(R"({"alg":"HS256","typ":"JWT"})");
  token += '.';
  token += base64url_encode(claims_json);
  SANJAY_TRY(const Mac mac, key.sign(HmacAlgorithm::Hs256, token));
  token += '.';
  token += base64url_encode(mac.view());
  return token;
}

}  // namespace sanjay::auth
