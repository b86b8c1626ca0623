// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sanjay::bench {

/// A blocking TCP listener on 127.0.0.1, announced on stdout.
core::Result<int> open_floor_listener(std::uint16_t port);

/// Tells whoever started the floor server, by one line on stdout, where it listens.
void announce_floor(std::uint16_t port);

/// The constant answer to the generator's constant upgrade request.
inline constexpr std::string_view kFloorUpgradeAnswer =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// What take_frames() made of some received bytes.
struct FloorFrames {
  std::size_t bytes = 0;     // now at the start: unmasked frames, ready to be sent
  std::size_t consumed = 0;  // of the input; the rest is the beginning of a further frame
};

/// Turns the whole masked frames at the start of `bytes`, in place, into the unmasked frames that a
/// server sends. Nothing if they are no frames.
std::optional<FloorFrames> take_frames(std::span<char> bytes);

}  // namespace sanjay::bench
