// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/hmac.h"
#include "auth/public_key.h"

#include <optional>
#include <string_view>
#include <variant>

namespace sanjay::auth {

using Algorithm = std::variant<HmacAlgorithm, SignatureAlgorithm>;

/// The algorithm that a JWS header or a JWK calls `name` (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864
/// §2.2), case being significant. Nothing for all that is not served, "none" among it.
std::optional<Algorithm> algorithm_named(std::string_view name);

/// The same, of public keys only.
std::optional<SignatureAlgorithm> signature_algorithm(std::string_view name);

}  // namespace sanjay::auth
