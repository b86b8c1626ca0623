// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/token_verifier.h"
#include "core/result.h"
#include "server/config.h"

#include <memory>

namespace sanjay::server {

/// The verifier of connection tokens that the configuration describes; null when it names no key.
/// A public key is a PEM text or else the path of a file with one, read here, at most 1 MiB. Fails
/// with every problem, one a line, each beginning with the name of its setting; quotes paths, never
/// keys.
core::Result<std::shared_ptr<const auth::TokenVerifier>> make_token_verifier(
    const Config::Client::Token& token);

}  // namespace sanjay::server
