// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/segment.h"
#include "hub/publication.h"

#include <string>
#include <string_view>

/// How each encoding puts messages of the protocol on the wire:
///   WebSocket       a frame with the message; unidirectional: one for each push
///   JSON stream     a chunk (RFC 9112 §7.1) with the message and a line break
///   Protobuf stream a chunk with the message, which has its lengths in it
///   SSE             a chunk with an event "data: <line>" for each line of the message
namespace sanjay::transport {

/// Appends the finished bytes for one message.
void append_framed(std::string& out, hub::Encoding encoding, std::string_view message);

/// The same, ready for a write queue.
core::SegmentRef make_framed(hub::Encoding encoding, std::string_view message);

/// Ends a body of chunks.
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

/// The data of whole chunks as append_framed() makes them, for a body that has none.
std::string without_chunks(std::string_view chunks);

}  // namespace sanjay::transport
