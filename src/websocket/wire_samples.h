// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "websocket/decoder.h"
#include "websocket/inflater.h"
#include "websocket/mask.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// For tests and fuzzers only: frames written octet by octet, right or wrong, and the events that
/// a decoder makes of them.
namespace sanjay::websocket {

/// A frame with any first octet (FIN, RSV, opcode), its length in the shortest form.
inline std::string wire_frame(unsigned first_octet, std::string_view payload, Role receiver) {
  constexpr std::uint32_t kMask = 0x37fa213d;
  const unsigned mask_bit = receiver == Role::Server ? 0x80 : 0;
  std::string out(1, static_cast<char>(first_octet));
  const std::size_t size = payload.size();
  if (size < 126) {
    out += static_cast<char>(mask_bit | static_cast<unsigned>(size));
  } else if (size < 65536) {
    out += static_cast<char>(mask_bit | 126);
    out += static_cast<char>(size >> 8);
    out += static_cast<char>(size);
  } else {
    out += static_cast<char>(mask_bit | 127);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
  }
  if (receiver == Role::Client) return out.append(payload);
  out += "\x37\xfa\x21\x3d";
  const std::size_t start = out.size();
  out += payload;
  apply_mask(std::span(out).subspan(start), kMask);
  return out;
}

/// Header octets and a payload masked with a key of zeros, so that it reads as it is written.
inline std::string with_zero_mask(std::string_view header, std::string_view payload) {
  return std::string(header).append(4, '\0').append(payload);
}

/// An event in words: "text abc", "close 1000 bye", "violation 1002".
inline std::string describe(const Event& event) {
  const std::string payload(event.payload);
  switch (event.type) {
    case Event::Type::NeedMore:
      return "need more";
    case Event::Type::Message:
      return (event.opcode == Opcode::Text ? "text " : "binary ") + payload;
    case Event::Type::Ping:
      return "ping " + payload;
    case Event::Type::Pong:
      return "pong " + payload;
    case Event::Type::Close:
      return "close " + std::to_string(event.close_code) + " " + payload;
    case Event::Type::Violation:
      return "violation " + std::to_string(event.close_code);
  }
  return "unknown";
}

/// The events of `pieces` fed one after the other. Each piece gets memory of its own, exactly as
/// large as it is, so that a sanitizer sees every step beside it. With an inflater,
/// permessage-deflate is agreed on.
inline std::vector<std::string> events_of(std::span<const std::string_view> pieces, Role role,
                                          const Limits& limits, Inflater* inflater = nullptr) {
  std::vector<std::string> events;
  ScratchBuffer scratch;
  Decoder decoder(role, limits,
                  inflater == nullptr ? Extension::None : Extension::PermessageDeflate);
  for (const std::string_view piece : pieces) {
    const auto memory = std::make_unique<char[]>(piece.size());
    piece.copy(memory.get(), piece.size());
    decoder.feed({memory.get(), piece.size()});
    for (;;) {
      Event event = decoder.next();
      if (event.type == Event::Type::NeedMore) break;
      if (event.coding == Coding::Deflated) {
        event = inflated(event, *inflater, limits.inflated_bytes_max, scratch);
      }
      events.push_back(describe(event));
      if (event.type == Event::Type::Violation) return events;
    }
  }
  return events;
}

}  // namespace sanjay::websocket
