// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "protocol/messages.h"
#include "protocol/protobuf_wire.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sanjay::protocol {

/// Limits of what is accepted as Protobuf; beyond them bytes are refused like malformed ones.
struct ProtobufOptions {
  /// The most that `websocket.message_size_limit` can be set to; what bounds a message in practice.
  std::size_t message_bytes_max = std::size_t{1} << 30;
  std::uint32_t commands_max = 4096;  // of one begin()
  std::uint32_t depth_max = 32;       // messages inside each other, the command being the first
  std::uint32_t entries_max = 256;    // of one map or repeated field
  std::uint32_t command_entries_max = 4096;  // of all maps and repeated fields of a command
};

/// Reads one Protobuf message (proto3) from front to back in a single pass, without copying: the
/// caller asks for the values it expects, and what it skips must be well-formed as far as its
/// lengths go. A known field of a wire type other than its own is an error, and so is a number
/// beyond its field's range; a group is one everywhere. Text must be UTF-8, bytes may be anything.
///
/// The first error sticks: every later call returns at once with an empty value, so callers check
/// failed() once, at the end. Views point into `bytes`.
class ProtobufReader {
 public:
  ProtobufReader(std::string_view bytes, const ProtobufOptions& options);

  /// for (auto message = in.enter(); in.next_field(message);) reads or skips message.field. The
  /// first enter() enters the whole; a later one the message that is the current field's value.
  struct Message {
    const char* outer_end = nullptr;
    std::uint32_t field = 0;
  };
  Message enter();
  bool next_field(Message& message);

  std::string_view read_string();
  std::string_view read_bytes();
  bool read_bool();
  std::uint32_t read_uint32();
  std::uint64_t read_uint64();
  std::int32_t read_int32();
  std::int64_t read_int64();
  void skip_field();

  /// To be asked before an entry is kept, with how many its map or repeated field has already.
  /// False, and an error, when that is as many as may be.
  bool admits_entry(std::size_t entries);

  bool failed() const { return !error_.empty(); }
  /// Static text; empty while nothing failed.
  std::string_view error() const { return error_; }

 private:
  void fail(std::string_view reason);
  bool expect(WireType wanted);
  std::uint64_t read_varint(std::size_t bytes_max);
  std::string_view take(std::uint64_t bytes);

  const char* at_;
  const char* end_;  // of the message being read
  const ProtobufOptions& options_;
  std::string_view error_;
  std::uint32_t depth_ = 0;
  std::uint32_t entries_ = 0;
  WireType type_ = WireType::Bytes;
};

/// Takes the length that stands in front of a message off `stream`, and the message after it;
/// an error when the length has more than 5 bytes or goes beyond the end.
core::Result<std::string_view, DecodeError> take_delimited(std::string_view& stream);

}  // namespace sanjay::protocol
