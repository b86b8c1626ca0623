// SPDX-License-Identifier: Apache-2.0
#include "websocket/frame.h"

#include <expected>

namespace sanjay::websocket {
namespace {

constexpr unsigned kFin = 0x80;
constexpr unsigned kRsv1 = 0x40;
constexpr unsigned kRsv2 = 0x20;
constexpr unsigned kRsv3 = 0x10;
constexpr unsigned kOpcodeBits = 0x0f;
constexpr unsigned kMasked = 0x80;
constexpr unsigned kLengthBits = 0x7f;
constexpr unsigned kLength16 = 126;
constexpr unsigned kLength64 = 127;

constexpr unsigned kReservedBits = kRsv1 | kRsv2 | kRsv3;

// permessage-deflate gives RSV1 a meaning, on the first frame of a message alone (RFC 7692 §6).
constexpr unsigned allowed_reserved_bits(unsigned opcode, Extension extension) {
  const bool begins_message = opcode == 1 || opcode == 2;
  return extension == Extension::PermessageDeflate && begins_message ? kRsv1 : 0;
}

constexpr bool is_defined(unsigned opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = (value << 8) | static_cast<unsigned char>(byte);
  return value;
}

std::unexpected<ProtocolError> violation(std::string_view reason) {
  return std::unexpected(ProtocolError{kCloseProtocolError, reason});
}

}  // namespace

core::Result<std::optional<FrameHeader>, ProtocolError> parse_header(std::string_view bytes,
                                                                     Role role,
                                                                     Extension extension) {
  const std::optional<FrameHeader> need_more;
  if (bytes.empty()) return need_more;
  const unsigned first = static_cast<unsigned char>(bytes[0]);
  const unsigned reserved = first & kReservedBits;
  if ((reserved & ~allowed_reserved_bits(first & kOpcodeBits, extension)) != 0) {
    return violation("reserved bit set");
  }
  if (!is_defined(first & kOpcodeBits)) return violation("reserved opcode");
  FrameHeader header;
  header.opcode = static_cast<Opcode>(first & kOpcodeBits);
  header.fin = (first & kFin) != 0;
  if (reserved != 0) header.coding = Coding::Deflated;
  if (is_control(header.opcode) && !header.fin) return violation("fragmented control frame");

  if (bytes.size() < 2) return need_more;
  const unsigned second = static_cast<unsigned char>(bytes[1]);
  const bool masked = (second & kMasked) != 0;
  if (masked && role == Role::Client) return violation("masked frame from a server");
  if (!masked && role == Role::Server) return violation("unmasked frame from a client");
  const unsigned length = second & kLengthBits;
  if (is_control(header.opcode) && length > kControlPayloadBytesMax) {
    return violation("control frame too long");
  }

  std::size_t at = 2;
  header.payload_bytes = length;
  if (length >= kLength16) {
    const std::size_t octets = length == kLength16 ? 2 : 8;
    if (bytes.size() < at + octets) return need_more;
    header.payload_bytes = big_endian(bytes.substr(at, octets));
    at += octets;
    const std::uint64_t least = length == kLength64 ? 0x10000 : kLength16;
    if (header.payload_bytes < least) return violation("length not in its shortest form");
    if (header.payload_bytes >> 63 != 0) return violation("length with its top bit set");
  }
  if (masked) {
    if (bytes.size() < at + 4) return need_more;
    header.mask = static_cast<std::uint32_t>(big_endian(bytes.substr(at, 4)));
    at += 4;
  }
  header.header_bytes = static_cast<std::uint8_t>(at);
  return header;
}

}  // namespace sanjay::websocket
