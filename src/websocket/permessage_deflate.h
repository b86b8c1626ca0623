// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// The negotiation of permessage-deflate (RFC 7692 §5, §7.1), the server's side. Pure functions
/// and plain values.
namespace sanjay::websocket {

inline constexpr std::uint8_t kWindowBitsMax = 15;
inline constexpr std::uint8_t kWindowBitsMin = 9;  // zlib compresses with no smaller window

/// What was agreed on for one connection.
struct DeflateTerms {
  bool server_keeps_context = false;
  bool client_keeps_context = false;
  std::uint8_t server_window_bits = kWindowBitsMax;  // the most that we may compress with
  std::uint8_t client_window_bits = kWindowBitsMax;  // the most that the client compresses with

  bool keeps_context() const { return server_keeps_context || client_keeps_context; }
  friend bool operator==(const DeflateTerms&, const DeflateTerms&) = default;
};

/// What we agree to.
struct DeflatePolicy {
  /// Contexts are kept where the client does not forbid it, in windows of at most so many bits. A
  /// client that cannot be told a window size (it did not offer client_max_window_bits) is told to
  /// keep none.
  bool context_takeover = false;
  std::uint8_t takeover_window_bits = 12;
};

struct DeflateAnswer {
  DeflateTerms terms;
  std::string extension;  // for Sec-WebSocket-Extensions
};

/// Answers the client's offers: `values` are the values of all its Sec-WebSocket-Extensions
/// headers, in their order. The first acceptable offer of permessage-deflate wins; nothing is
/// agreed on when there is none. An offer with an unknown, repeated or malformed parameter is
/// declined (§7), and so is one that asks for a window of 8 bits from us. Other extensions are
/// passed over. An error when the header itself is malformed (RFC 6455 §9.1): fail the handshake.
core::Result<std::optional<DeflateAnswer>> answer_offers(std::span<const std::string_view> values,
                                                         const DeflatePolicy& policy);

}  // namespace sanjay::websocket
