// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/claims.h"
#include "core/result.h"
#include "core/time.h"

#include <simdjson.h>

#include <cstddef>
#include <memory>
#include <string>

namespace re2 {
class RE2;
}

namespace sanjay::auth {

/// What a verifier demands of the claims, whoever signed them. Empty or null: nothing.
struct ClaimRules {
  std::string audience{};
  std::string issuer{};
  std::shared_ptr<const re2::RE2> audience_regex{};
  std::shared_ptr<const re2::RE2> issuer_regex{};
  std::string user_id_claim{};  // empty: `sub`
  core::Duration leeway{0};
  core::Duration ttl_max{0};
  std::size_t json_depth_max = 0;  // of JSON within b64info and b64data
};

/// The claims of a token whose signature is good. `object` need only live as long as the call.
core::Result<ConnectClaims, TokenError> read_connect_claims(const simdjson::dom::object& object,
                                                            const ClaimRules& rules,
                                                            core::WallTime now);
core::Result<SubscribeClaims, TokenError> read_subscribe_claims(const simdjson::dom::object& object,
                                                                const ClaimRules& rules,
                                                                core::WallTime now);

}  // namespace sanjay::auth
