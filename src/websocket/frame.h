// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

/// The frame header of RFC 6455 §5.2:
///   FIN:1 RSV1:1 RSV2:1 RSV3:1 opcode:4 | MASK:1 length:7 | length:0/16/64 | masking key:0/32
/// Lengths and keys are big-endian. Pure functions and plain values.
namespace sanjay::websocket {

enum class Opcode : std::uint8_t {
  Continuation = 0,
  Text = 1,
  Binary = 2,
  Close = 8,
  Ping = 9,
  Pong = 10,
};

constexpr bool is_control(Opcode opcode) { return opcode >= Opcode::Close; }

/// Who we are. A server demands masked frames, a client unmasked ones (RFC 6455 §5.1).
enum class Role : std::uint8_t { Server, Client };

/// What has been agreed on in the opening handshake.
enum class Extension : std::uint8_t { None, PermessageDeflate };

/// How a message's payload is written: as it is, or compressed, which RSV1 of its first frame says
/// (RFC 7692 §6).
enum class Coding : std::uint8_t { Plain, Deflated };

inline constexpr std::size_t kHeaderBytesMax = 14;
inline constexpr std::size_t kControlPayloadBytesMax = 125;

/// Close codes this module chooses itself (RFC 6455 §7.4.1).
inline constexpr std::uint16_t kCloseProtocolError = 1002;
inline constexpr std::uint16_t kCloseNoCode = 1005;  // stands for "no code received"; never sent
inline constexpr std::uint16_t kCloseInvalidPayload = 1007;
inline constexpr std::uint16_t kClosePolicyViolation = 1008;
inline constexpr std::uint16_t kCloseMessageTooBig = 1009;

/// The peer broke the protocol: the code to close with, and why in words (static storage).
struct ProtocolError {
  std::uint16_t close_code;
  std::string_view reason;
};

struct FrameHeader {
  Opcode opcode = Opcode::Continuation;
  bool fin = true;
  std::uint8_t header_bytes = 0;
  Coding coding = Coding::Plain;
  std::uint32_t mask = 0;  // the key as a big-endian number; 0 when unmasked, which changes nothing
  std::uint64_t payload_bytes = 0;
};

/// Reads the header at the start of `bytes`; empty while more bytes are needed. Every fault is
/// reported as soon as its octet is there, so the answer does not depend on where input was cut.
/// Faults of sequence (continuations, message size) are the Decoder's.
core::Result<std::optional<FrameHeader>, ProtocolError> parse_header(
    std::string_view bytes, Role role, Extension extension = Extension::None);

}  // namespace sanjay::websocket
