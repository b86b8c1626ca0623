// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/assert.h"
#include "protocol/protobuf_wire.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace sanjay::protocol {

constexpr std::size_t varint_bytes(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

/// Adds up how many bytes a ProtobufWriter would write. Both take the same calls, so a message is
/// described once, as a function over either. Fields that are empty, 0 or false are left out, as
/// proto3 has it; message() and always_text() always write.
class ProtobufSizer {
 public:
  void number(std::uint32_t field, std::uint64_t value) {
    if (value != 0) bytes_ += tag_bytes(field) + varint_bytes(value);
  }
  void number(std::uint32_t field, std::int64_t value) {
    number(field, static_cast<std::uint64_t>(value));
  }
  void flag(std::uint32_t field, bool value) {
    if (value) bytes_ += tag_bytes(field) + 1;
  }
  void text(std::uint32_t field, std::string_view value) {
    if (!value.empty()) always_text(field, value);
  }
  void always_text(std::uint32_t field, std::string_view value) {
    bytes_ += tag_bytes(field) + varint_bytes(value.size()) + value.size();
  }
  template <class Describe>
  void message(std::uint32_t field, const Describe& describe) {
    ProtobufSizer body;
    describe(body);
    bytes_ += tag_bytes(field) + varint_bytes(body.bytes_) + body.bytes_;
  }

  std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t tag_bytes(std::uint32_t field) { return varint_bytes(field << 3); }

  std::size_t bytes_ = 0;
};

/// Writes fields to memory that has room for them: ProtobufSizer said how much. The length of an
/// inner message stands before it and is sized anew at every level above; the levels are few.
class ProtobufWriter {
 public:
  explicit ProtobufWriter(char* at) : at_(at) {}

  void number(std::uint32_t field, std::uint64_t value) {
    if (value == 0) return;
    tag(field, WireType::Varint);
    varint(value);
  }
  void number(std::uint32_t field, std::int64_t value) {
    number(field, static_cast<std::uint64_t>(value));
  }
  void flag(std::uint32_t field, bool value) { number(field, std::uint64_t{value}); }
  void text(std::uint32_t field, std::string_view value) {
    if (!value.empty()) always_text(field, value);
  }
  void always_text(std::uint32_t field, std::string_view value) {
    tag(field, WireType::Bytes);
    varint(value.size());
    if (!value.empty()) std::memcpy(at_, value.data(), value.size());
    at_ += value.size();
  }
  template <class Describe>
  void message(std::uint32_t field, const Describe& describe) {
    ProtobufSizer body;
    describe(body);
    tag(field, WireType::Bytes);
    varint(body.bytes());
    describe(*this);
  }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) *at_++ = static_cast<char>(value | 0x80);
    *at_++ = static_cast<char>(value);
  }

  const char* at() const { return at_; }

 private:
  void tag(std::uint32_t field, WireType type) {
    varint(field << 3 | static_cast<std::uint32_t>(type));
  }

  char* at_;
};

/// Appends the message that `describe` gives to `out`, behind its length. Allocates only what `out`
/// has no room for.
template <class Describe>
void append_delimited(std::string& out, const Describe& describe) {
  ProtobufSizer body;
  describe(body);
  const std::size_t before = out.size();
  const std::size_t after = before + varint_bytes(body.bytes()) + body.bytes();
  // libstdc++ 12 passes the capacity for the size when it has to grow, so the size is not taken.
  out.resize_and_overwrite(after, [&](char* bytes, std::size_t) {
    ProtobufWriter writer(bytes + before);
    writer.varint(body.bytes());
    describe(writer);
    ASSERT(writer.at() == bytes + after);
    return after;
  });
}

}  // namespace sanjay::protocol
