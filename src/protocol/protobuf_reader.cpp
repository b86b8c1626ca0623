// SPDX-License-Identifier: Apache-2.0
#include "protocol/protobuf_reader.h"

#include "core/failpoint.h"

#include <simdjson.h>

#include <limits>

namespace sanjay::protocol {

namespace {

constexpr std::string_view kTruncated = "message is cut off";
constexpr std::string_view kBadVarint = "varint is too long";
constexpr std::string_view kOutOfRange = "number is out of range";

/// Reads a varint of at most `bytes_max` bytes and moves `at` behind it; the reason why not, empty
/// if none. A longer form than necessary is valid: some writers pad lengths to patch them later.
std::string_view parse_varint(const char*& at, const char* end, std::size_t bytes_max,
                              std::uint64_t& value) {
  value = 0;
  for (std::size_t i = 0; i < bytes_max; ++i) {
    if (at == end) return kTruncated;
    const auto byte = static_cast<unsigned char>(*at++);
    // The tenth byte has room for one bit of 64.
    if (i == kVarintBytesMax - 1 && byte > 1) return kBadVarint;
    value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) return {};
  }
  return kBadVarint;
}

}  // namespace

ProtobufReader::ProtobufReader(std::string_view bytes, const ProtobufOptions& options)
    : at_(bytes.data()), end_(bytes.data() + bytes.size()), options_(options) {}

void ProtobufReader::fail(std::string_view reason) {
  if (error_.empty()) error_ = reason;
}

ProtobufReader::Message ProtobufReader::enter() {
  Message message{end_};
  if (depth_ > 0) {
    const std::string_view body = read_bytes();
    if (failed()) return message;
    at_ = body.data();
    end_ = body.data() + body.size();
  }
  if (++depth_ > options_.depth_max && !FAILPOINT("protobuf.depth")) fail("nested too deeply");
  return message;
}

bool ProtobufReader::next_field(Message& message) {
  if (failed()) return false;
  if (at_ == end_) {
    end_ = message.outer_end;
    --depth_;
    return false;
  }
  const std::uint64_t tag = read_varint(kVarint32BytesMax);
  if (failed()) return false;
  message.field = static_cast<std::uint32_t>(tag >> 3);
  const auto type = static_cast<std::uint8_t>(tag & 7);
  if (tag > std::numeric_limits<std::uint32_t>::max() || message.field == 0) {
    fail("invalid field number");
  } else if (type > static_cast<std::uint8_t>(WireType::Fixed32)) {
    fail("unknown wire type");
  }
  type_ = static_cast<WireType>(type);
  if (type_ == WireType::GroupStart || type_ == WireType::GroupEnd) fail("groups are refused");
  return !failed();
}

std::string_view ProtobufReader::read_string() {
  const std::string_view text = read_bytes();
  if (!simdjson::validate_utf8(text.data(), text.size()) && !FAILPOINT("protobuf.utf8")) {
    fail("text is not UTF-8");
    return {};
  }
  return text;
}

std::string_view ProtobufReader::read_bytes() {
  if (!expect(WireType::Bytes)) return {};
  const std::uint64_t length = read_varint(kVarint32BytesMax);
  return failed() ? std::string_view{} : take(length);
}

bool ProtobufReader::read_bool() { return read_uint64() != 0; }

std::uint32_t ProtobufReader::read_uint32() {
  const std::uint64_t value = read_uint64();
  if (value > std::numeric_limits<std::uint32_t>::max() && !FAILPOINT("protobuf.range")) {
    fail(kOutOfRange);
    return 0;
  }
  return static_cast<std::uint32_t>(value);
}

std::uint64_t ProtobufReader::read_uint64() {
  return expect(WireType::Varint) ? read_varint(kVarintBytesMax) : 0;
}

std::int32_t ProtobufReader::read_int32() {
  const std::int64_t value = read_int64();
  if (value < std::numeric_limits<std::int32_t>::min() ||
      value > std::numeric_limits<std::int32_t>::max()) {
    fail(kOutOfRange);
    return 0;
  }
  return static_cast<std::int32_t>(value);
}

std::int64_t ProtobufReader::read_int64() { return static_cast<std::int64_t>(read_uint64()); }

void ProtobufReader::skip_field() {
  if (failed()) return;
  switch (type_) {
    case WireType::Varint:
      read_varint(kVarintBytesMax);
      break;
    case WireType::Fixed64:
      take(8);
      break;
    case WireType::Fixed32:
      take(4);
      break;
    case WireType::Bytes:
      read_bytes();
      break;
    case WireType::GroupStart:
    case WireType::GroupEnd:
      break;  // refused by next_field()
  }
}

bool ProtobufReader::admits_entry(std::size_t entries) {
  if (failed()) return false;
  const bool list_full = entries >= options_.entries_max && !FAILPOINT("protobuf.entries");
  const bool command_full =
      entries_ >= options_.command_entries_max && !FAILPOINT("protobuf.command_entries");
  if (list_full || command_full) {
    fail("too many entries");
    return false;
  }
  ++entries_;
  return true;
}

bool ProtobufReader::expect(WireType wanted) {
  if (failed()) return false;
  if (type_ != wanted) fail("field has the wrong wire type");
  return type_ == wanted;
}

std::uint64_t ProtobufReader::read_varint(std::size_t bytes_max) {
  std::uint64_t value = 0;
  if (const std::string_view reason = parse_varint(at_, end_, bytes_max, value); !reason.empty()) {
    fail(reason);
    return 0;
  }
  return value;
}

std::string_view ProtobufReader::take(std::uint64_t bytes) {
  if (bytes > static_cast<std::size_t>(end_ - at_)) {
    fail(kTruncated);
    return {};
  }
  const std::string_view taken(at_, static_cast<std::size_t>(bytes));
  at_ += bytes;
  return taken;
}

core::Result<std::string_view, DecodeError> take_delimited(std::string_view& stream) {
  const char* at = stream.data();
  const char* const end = at + stream.size();
  std::uint64_t length = 0;
  const std::string_view reason = parse_varint(at, end, kVarint32BytesMax, length);
  if (!reason.empty()) return std::unexpected(DecodeError{reason});
  if (length > static_cast<std::size_t>(end - at)) return std::unexpected(DecodeError{kTruncated});
  const std::string_view message(at, static_cast<std::size_t>(length));
  stream = std::string_view(message.data() + message.size(), end);
  return message;
}

}  // namespace sanjay::protocol
