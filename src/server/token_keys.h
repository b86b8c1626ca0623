// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/token_verifier.h"
#include "core/result.h"
#include "server/config.h"
#include "server/jwks_endpoints.h"

#include <memory>
#include <string_view>

namespace sanjay::server {

/// The verifier that one section of the configuration describes; null when it names no key. A
/// public key is a PEM text or else the path of a file with one, read here, at most 1 MiB. Fetched
/// keys come from `endpoints`, which must then be there. Fails with every problem, one a line, each
/// beginning with the name of its setting; quotes paths and URLs, never keys.
core::Result<std::shared_ptr<const auth::TokenVerifier>> make_token_verifier(
    const Config::Client::Token& token, std::string_view section = "client.token",
    JwksEndpoints* endpoints = nullptr);

/// One for each kind of token; the same one twice unless client.subscription_token is enabled.
struct TokenVerifiers {
  std::shared_ptr<const auth::TokenVerifier> connection;    // null: no token is valid
  std::shared_ptr<const auth::TokenVerifier> subscription;  // the same
};
core::Result<TokenVerifiers> make_token_verifiers(const Config::Client& client,
                                                  JwksEndpoints* endpoints);

/// Whether make_token_verifiers() would find anything wrong, without fetching a key.
core::Status check_token_keys(const Config::Client& client);

}  // namespace sanjay::server
