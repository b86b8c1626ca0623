// SPDX-License-Identifier: Apache-2.0
#include "bench/client/centrifuge_wire.h"

#include "protocol/protobuf_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

namespace sanjay::bench {
namespace {

class JsonWire final : public Wire {
 public:
  Line take(std::string_view& message) const override {
    const std::string_view text = message.substr(0, message.find('\n'));
    message.remove_prefix(std::min(text.size() + 1, message.size()));
    return classify(text);
  }
  bool awaits_hello() const override { return false; }
  bool wants_pong(std::string_view connect_reply) const override {
    return connect_reply.find("\"pong\":true") != std::string_view::npos;
  }
  void write_connect(std::string& out, std::uint32_t id, std::string_view token) const override {
    const std::string with = token.empty() ? std::string() : fmt::format(R"("token":"{}",)", token);
    out = fmt::format(R"({{"id":{},"connect":{{{}"name":"bench"}}}})", id, with);
  }
  void write_subscribe(std::string& out, std::uint32_t id,
                       std::string_view channel) const override {
    out = fmt::format(R"({{"id":{},"subscribe":{{"channel":"{}"}}}})", id, channel);
  }
  void write_publish(std::string& out, std::uint32_t id, std::string_view channel,
                     std::string_view data) const override {
    out.clear();
    fmt::format_to(std::back_inserter(out), R"({{"id":{},"publish":{{"channel":"{}","data":{}}}}})",
                   id, channel, data);
  }
  void write_rpc(std::string& out, std::uint32_t id, std::string_view method,
                 std::string_view data) const override {
    out.clear();
    fmt::format_to(std::back_inserter(out), R"({{"id":{},"rpc":{{"method":"{}","data":{}}}}})", id,
                   method, data);
  }
  std::string_view pong() const override { return "{}"; }
  websocket::Opcode opcode() const override { return websocket::Opcode::Text; }
  std::string_view query() const override { return {}; }

 private:
  static constexpr std::string_view kIdPrefix = "{\"id\":";
  static constexpr std::string_view kPushPrefix = "{\"push\":";
  static constexpr std::string_view kErrorMember = ",\"error\":";

  static Line classify(std::string_view text) {
    Line line{.text = text};
    if (text == "{}") {
      line.kind = Line::Kind::Ping;
    } else if (text.starts_with(kPushPrefix)) {
      line.kind = Line::Kind::Push;
    } else if (text.starts_with(kIdPrefix)) {
      const char* digits = text.data() + kIdPrefix.size();
      const auto [end, error] = std::from_chars(digits, text.data() + text.size(), line.id);
      if (error != std::errc()) return line;
      text.remove_prefix(static_cast<std::size_t>(end - text.data()));
      line.kind = text.starts_with(kErrorMember) ? Line::Kind::ErrorReply : Line::Kind::Reply;
    }
    return line;
  }
};

/// The field numbers are those of src/protocol/client.proto.
class ProtobufWire final : public Wire {
 public:
  Line take(std::string_view& message) const override {
    const auto length = take_varint(message);
    if (!length || *length > message.size()) return std::exchange(message, {}), Line{};
    const std::string_view text = message.substr(0, *length);
    message.remove_prefix(*length);
    Line line{.text = text};
    std::string_view rest = text;
    if (rest.empty()) {
      line.kind = Line::Kind::Ping;
    } else if (rest.front() == kPushTag) {
      line.kind = Line::Kind::Push;
    } else if (rest.front() == kIdTag) {
      rest.remove_prefix(1);
      const auto id = take_varint(rest);
      if (!id) return line;
      line.id = static_cast<std::uint32_t>(*id);
      const bool failed = !rest.empty() && rest.front() == kErrorTag;
      line.kind = failed ? Line::Kind::ErrorReply : Line::Kind::Reply;
    }
    return line;
  }
  bool awaits_hello() const override { return false; }
  /// The connect result's field 8 is its last one here, and true.
  bool wants_pong(std::string_view connect_reply) const override {
    return connect_reply.ends_with("\x40\x01");
  }
  void write_connect(std::string& out, std::uint32_t id, std::string_view token) const override {
    command(out, id, 4, [&](auto& fields) {
      fields.text(1, token);
      fields.text(4, "bench");
    });
  }
  void write_subscribe(std::string& out, std::uint32_t id,
                       std::string_view channel) const override {
    command(out, id, 5, [&](auto& fields) { fields.text(1, channel); });
  }
  void write_publish(std::string& out, std::uint32_t id, std::string_view channel,
                     std::string_view data) const override {
    command(out, id, 7, [&](auto& fields) {
      fields.text(1, channel);
      fields.text(2, data);
    });
  }
  void write_rpc(std::string& out, std::uint32_t id, std::string_view method,
                 std::string_view data) const override {
    command(out, id, 13, [&](auto& fields) {
      fields.text(1, data);
      fields.text(2, method);
    });
  }
  std::string_view pong() const override { return {"\0", 1}; }
  websocket::Opcode opcode() const override { return websocket::Opcode::Binary; }
  std::string_view query() const override { return "?cf_protocol=protobuf"; }

 private:
  static constexpr char kIdTag = 0x08;     // field 1, a number
  static constexpr char kErrorTag = 0x12;  // field 2, a message
  static constexpr char kPushTag = 0x22;   // field 4, a message

  static std::optional<std::size_t> take_varint(std::string_view& bytes) {
    std::size_t value = 0;
    for (unsigned shift = 0; shift < 35 && !bytes.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      value |= static_cast<std::size_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  template <class Describe>
  static void command(std::string& out, std::uint32_t id, std::uint32_t request,
                      const Describe& describe) {
    out.clear();
    protocol::append_delimited(out, [&](auto& fields) {
      fields.number(1, std::uint64_t{id});
      fields.message(request, describe);
    });
  }
};

}  // namespace

const Wire& json_wire() {
  static const JsonWire wire;
  return wire;
}

const Wire& protobuf_wire() {
  static const ProtobufWire wire;
  return wire;
}

}  // namespace sanjay::bench
