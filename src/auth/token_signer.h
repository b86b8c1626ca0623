// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <string>
#include <string_view>

namespace sanjay::auth {

/// A compact JWS (RFC 7515 §3.1) with the header {"alg":"HS256","typ":"JWT"} over `claims_json`,
/// which is taken as it is. Fails for an empty secret.
core::Result<std::string> sign_hs256(std::string_view claims_json, std::string_view secret);

}  // namespace sanjay::auth
