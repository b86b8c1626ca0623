// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "http/request_parser.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sanjay::http {

struct UpgradeAccepted {
  std::string response;                    // the bytes of the 101 answer
  std::optional<std::size_t> subprotocol;  // index into the offered list; none was agreed on
};

/// The server's side of the opening handshake (RFC 6455 §4.2): checks the request and makes the
/// answer. `subprotocols` are ours; the first one the client names wins, and our own spelling of it
/// is sent, never the client's bytes. On failure the status is 400, 405 (not GET) or 426 (another
/// protocol version). The origin is judged by an OriginPolicy, before or after. `extension` is what
/// was agreed on of the client's Sec-WebSocket-Extensions; without it every offer is declined
/// (§9.1).
core::Result<UpgradeAccepted, RequestError> accept_upgrade(
    const RequestHead& head, std::span<const std::string_view> subprotocols,
    std::string_view extension = {});

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 §4.2.2 step 5.4).
std::string accept_key(std::string_view key);

/// Sec-WebSocket-Key from 16 random bytes.
std::string make_key(std::span<const unsigned char, 16> nonce);

}  // namespace sanjay::http
