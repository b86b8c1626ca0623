// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/segment.h"
#include "websocket/frame.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Builds the frames we send (RFC 6455 §5.2, §5.5). We never fragment, so every frame is final. A
/// control payload above 125 bytes is our own bug (ASSERT). Text must be valid UTF-8 already.
namespace sanjay::websocket {

/// Writes the header of a frame with `payload_bytes` to the start of `out` and returns its size.
/// With a mask (RFC 6455 §5.3) the payload that follows must be masked with the same key.
std::size_t encode_header(std::span<char, kHeaderBytesMax> out, Opcode opcode,
                          std::uint64_t payload_bytes, std::optional<std::uint32_t> mask = {},
                          Coding coding = Coding::Plain);

/// A server's frame in one allocation, ready for a write queue. A payload that is already
/// compressed says so with its coding.
core::SegmentRef make_frame(Opcode opcode, std::string_view payload, Coding coding = Coding::Plain);

/// A server's frame behind whatever `out` already holds.
void append_frame(std::string& out, Opcode opcode, std::string_view payload,
                  Coding coding = Coding::Plain);

/// A client's frame. Masks must be unpredictable to whoever chose the payload (§10.3).
void append_masked_frame(std::string& out, Opcode opcode, std::string_view payload,
                         std::uint32_t mask, Coding coding = Coding::Plain);

/// Whether a Close frame may carry `code`: 1000-1003, 1007-1014, 3000-4999 (§7.4).
bool is_close_code(std::uint16_t code);

/// The payload of a Close frame; its bytes are at `bytes.data()`, its size is `size`.
struct ClosePayload {
  std::array<char, kControlPayloadBytesMax> bytes;
  std::size_t size = 0;

  std::string_view view() const { return {bytes.data(), size}; }
};

/// The code, then the reason cut to 123 bytes between two characters. Codes that must not be sent
/// (1005, 1006, 1015 and the undefined ones) are our own bug.
ClosePayload encode_close_payload(std::uint16_t code, std::string_view reason);

/// A server's Close frame with that payload.
core::SegmentRef make_close_frame(std::uint16_t code, std::string_view reason);

/// A server's answer to the peer's Close frame (§5.5.1): repeats the code the Decoder gave, and is
/// empty where there was none.
core::SegmentRef make_close_answer(std::uint16_t code);

}  // namespace sanjay::websocket
