// SPDX-License-Identifier: Apache-2.0
#include "websocket/encoder.h"

#include "core/assert.h"
#include "websocket/mask.h"

namespace sanjay::websocket {
namespace {

void put_big_endian(std::span<char> out, std::uint64_t value) {
  for (std::size_t i = out.size(); i-- > 0; value >>= 8) out[i] = static_cast<char>(value);
}

}  // namespace

std::size_t encode_header(std::span<char, kHeaderBytesMax> out, Opcode opcode,
                          std::uint64_t payload_bytes, std::optional<std::uint32_t> mask,
                          Coding coding) {
  const bool deflated = coding == Coding::Deflated;
  ASSERT(!is_control(opcode) || (payload_bytes <= kControlPayloadBytesMax && !deflated));
  const unsigned mask_bit = mask ? 0x80 : 0;
  out[0] = static_cast<char>(0x80 | (deflated ? 0x40 : 0) | static_cast<unsigned>(opcode));
  std::size_t at = 2;
  if (payload_bytes < 126) {
    out[1] = static_cast<char>(mask_bit | static_cast<unsigned>(payload_bytes));
  } else if (payload_bytes <= 0xffff) {
    out[1] = static_cast<char>(mask_bit | 126);
    put_big_endian(out.subspan(at, 2), payload_bytes);
    at += 2;
  } else {
    out[1] = static_cast<char>(mask_bit | 127);
    put_big_endian(out.subspan(at, 8), payload_bytes);
    at += 8;
  }
  if (mask) {
    put_big_endian(out.subspan(at, 4), *mask);
    at += 4;
  }
  return at;
}

core::SegmentRef make_frame(Opcode opcode, std::string_view payload, Coding coding) {
  std::array<char, kHeaderBytesMax> header;
  const std::size_t header_bytes = encode_header(header, opcode, payload.size(), {}, coding);
  core::SegmentBuilder builder(header_bytes + payload.size());
  builder.append({header.data(), header_bytes});
  builder.append(payload);
  return builder.finish();
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload, Coding coding) {
  std::array<char, kHeaderBytesMax> header;
  out.append(header.data(), encode_header(header, opcode, payload.size(), {}, coding));
  out.append(payload);
}

void append_masked_frame(std::string& out, Opcode opcode, std::string_view payload,
                         std::uint32_t mask, Coding coding) {
  std::array<char, kHeaderBytesMax> header;
  out.append(header.data(), encode_header(header, opcode, payload.size(), mask, coding));
  const std::size_t start = out.size();
  out.append(payload);
  apply_mask(std::span(out).subspan(start), mask);
}

bool is_close_code(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

ClosePayload encode_close_payload(std::uint16_t code, std::string_view reason) {
  ASSERT(is_close_code(code));
  ClosePayload payload;
  constexpr std::size_t kCodeBytes = 2;
  constexpr std::size_t kReasonBytesMax = kControlPayloadBytesMax - kCodeBytes;
  std::size_t reason_bytes = reason.size();
  if (reason_bytes > kReasonBytesMax) {
    // A cut before a continuation octet (10xxxxxx) would fall within a character.
    reason_bytes = kReasonBytesMax;
    while (reason_bytes > 0 && (static_cast<unsigned char>(reason[reason_bytes]) & 0xc0) == 0x80) {
      --reason_bytes;
    }
  }
  put_big_endian(std::span(payload.bytes).first(kCodeBytes), code);
  reason.copy(payload.bytes.data() + kCodeBytes, reason_bytes);
  payload.size = kCodeBytes + reason_bytes;
  return payload;
}

core::SegmentRef make_close_frame(std::uint16_t code, std::string_view reason) {
  return make_frame(Opcode::Close, encode_close_payload(code, reason).view());
}

core::SegmentRef make_close_answer(std::uint16_t code) {
  return code == kCloseNoCode ? make_frame(Opcode::Close, {}) : make_close_frame(code, {});
}

}  // namespace sanjay::websocket
