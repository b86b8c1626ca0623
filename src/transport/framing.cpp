// SPDX-License-Identifier: Apache-2.0
#include "transport/framing.h"

#include "core/assert.h"
#include "websocket/encoder.h"

#include <charconv>
#include <cstddef>
#include <cstdint>

namespace sanjay::transport {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kDataField = "data: ";

template <class Visit>
void for_each_line(std::string_view message, Visit&& visit) {
  while (true) {
    const std::size_t end = message.find('\n');
    visit(message.substr(0, end));
    if (end == std::string_view::npos) return;
    message.remove_prefix(end + 1);
  }
}

void begin_chunk(std::string& out, std::size_t bytes) {
  char digits[2 * sizeof bytes];
  const auto [end, problem] = std::to_chars(digits, digits + sizeof digits, bytes, 16);
  out.append(digits, end).append(kLineEnd);
}

void append_line_chunk(std::string& out, std::string_view message) {
  begin_chunk(out, message.size() + 1);
  out.append(message).append("\n").append(kLineEnd);
}

void append_event_chunk(std::string& out, std::string_view message) {
  std::size_t bytes = 0;
  for_each_line(message,
                [&](std::string_view line) { bytes += kDataField.size() + line.size() + 2; });
  begin_chunk(out, bytes);
  for_each_line(message,
                [&](std::string_view line) { out.append(kDataField).append(line).append("\n\n"); });
  out.append(kLineEnd);
}

}  // namespace

void append_framed(std::string& out, hub::Encoding encoding, std::string_view message) {
  using hub::Encoding;
  switch (encoding) {
    case Encoding::JsonWebSocket:
    case Encoding::JsonWebSocketDeflate:  // a message need not be compressed
      return websocket::append_frame(out, websocket::Opcode::Text, message);
    case Encoding::ProtobufWebSocket:
    case Encoding::ProtobufWebSocketDeflate:
      return websocket::append_frame(out, websocket::Opcode::Binary, message);
    case Encoding::UniJsonWebSocket:
      return for_each_line(message, [&](std::string_view push) {
        websocket::append_frame(out, websocket::Opcode::Text, push);
      });
    case Encoding::JsonStream:
    case Encoding::UniJsonStream:
      return append_line_chunk(out, message);
    case Encoding::ProtobufStream:
      begin_chunk(out, message.size());
      out.append(message).append(kLineEnd);
      return;
    case Encoding::JsonSse:
    case Encoding::UniJsonSse:
      return append_event_chunk(out, message);
  }
}

core::SegmentRef make_framed(hub::Encoding encoding, std::string_view message) {
  std::string bytes;
  append_framed(bytes, encoding, message);
  return core::SegmentRef::copy_of(bytes);
}

std::string without_chunks(std::string_view chunks) {
  std::string data;
  while (!chunks.empty()) {
    std::size_t bytes = 0;
    const char* const begin = chunks.data();
    const auto [end, problem] = std::from_chars(begin, begin + chunks.size(), bytes, 16);
    const auto head = static_cast<std::size_t>(end - begin) + kLineEnd.size();
    ASSERT(problem == std::errc{} && chunks.size() >= head + bytes + kLineEnd.size());
    data.append(chunks.substr(head, bytes));
    chunks.remove_prefix(head + bytes + kLineEnd.size());
  }
  return data;
}

}  // namespace sanjay::transport
