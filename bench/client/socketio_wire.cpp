// SPDX-License-Identifier: Apache-2.0
#include "bench/client/socketio_wire.h"

#include "core/assert.h"

#include <string>
#include <utility>

namespace sanjay::bench {
namespace {

/// A message is one packet: Engine.IO's type, and after its "4" (message) Socket.IO's type.
class SocketIoWire final : public Wire {
 public:
  Line take(std::string_view& message) const override {
    const std::string_view text = std::exchange(message, {});
    Line line{.text = text};
    if (text.starts_with("42[")) {
      line.kind = Line::Kind::Push;
    } else if (text == "2") {
      line.kind = Line::Kind::Ping;
    } else if (text.starts_with("0{")) {
      line.kind = Line::Kind::Hello;
    } else if (text.starts_with("40{")) {
      line.kind = Line::Kind::Reply;
      line.id = kConnectId;
    } else if (text.starts_with("44")) {
      line.kind = Line::Kind::ErrorReply;
      line.id = kConnectId;
    }
    return line;
  }
  bool awaits_hello() const override { return true; }
  bool wants_pong(std::string_view) const override { return true; }
  void write_connect(std::string& out, std::uint32_t, std::string_view token) const override {
    out = "40";
    if (!token.empty()) out.append(R"({"token":")").append(token).append(R"("})");
  }
  void write_subscribe(std::string&, std::uint32_t, std::string_view) const override {
    ASSERT(!"Socket.IO has no subscribe");
  }
  void write_publish(std::string& out, std::uint32_t, std::string_view,
                     std::string_view data) const override {
    out.assign(R"(42["m",)").append(data).append("]");
  }
  void write_rpc(std::string&, std::uint32_t, std::string_view, std::string_view) const override {
    ASSERT(!"the generator asks Socket.IO for no acknowledgement");
  }
  std::string_view pong() const override { return "3"; }
  websocket::Opcode opcode() const override { return websocket::Opcode::Text; }
  std::string_view query() const override { return {}; }

 private:
  static constexpr std::uint32_t kConnectId = 1;  // the first and only command with an answer
};

}  // namespace

const Wire& socketio_wire() {
  static const SocketIoWire wire;
  return wire;
}

}  // namespace sanjay::bench
