// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/hmac.h"
#include "core/result.h"

#include <string>
#include <string_view>

namespace sanjay::auth {

/// A compact JWS (RFC 7515 §3.1) with a header such as {"alg":"HS256","typ":"JWT"} over
/// `claims_json`, which is taken as it is. Fails for an empty secret.
core::Result<std::string> sign_hmac(HmacAlgorithm algorithm, std::string_view claims_json,
                                    std::string_view secret);
core::Result<std::string> sign_hs256(std::string_view claims_json, std::string_view secret);

/// "HS256", "HS384" or "HS512".
std::string_view name_of(HmacAlgorithm algorithm);

}  // namespace sanjay::auth
