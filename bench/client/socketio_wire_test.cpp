// SPDX-License-Identifier: Apache-2.0
#include "bench/client/wire.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sanjay::bench {
namespace {

const Wire& socketio() { return wire_of(Protocol::SocketIo); }

Line take_all(std::string_view message) {
  const Line line = socketio().take(message);
  EXPECT_TRUE(message.empty()) << "a message is one packet";
  EXPECT_FALSE(line.text.empty());
  return line;
}

TEST(SocketIoWire, TellsPacketsApart) {
  const std::string_view hello = R"(0{"sid":"x","upgrades":[],"pingInterval":25000})";
  EXPECT_EQ(take_all(hello).kind, Line::Kind::Hello);
  EXPECT_EQ(take_all(R"(40{"sid":"x"})").kind, Line::Kind::Reply);
  EXPECT_EQ(take_all(R"(40{"sid":"x"})").id, 1U);
  EXPECT_EQ(take_all(R"(44{"message":"no"})").kind, Line::Kind::ErrorReply);
  EXPECT_EQ(take_all("2").kind, Line::Kind::Ping);
  const Line push = take_all(R"(42["m",{"a":"line\n"}])");
  EXPECT_EQ(push.kind, Line::Kind::Push);
  EXPECT_EQ(push.text, R"(42["m",{"a":"line\n"}])");
}

TEST(SocketIoWire, KnowsNoOtherPackets) {
  // Engine.IO close and probe; Socket.IO disconnect, acknowledgement, binary event.
  for (const char* packet : {"1", "2probe", "41", "43[]", "451-[]", "{}", "0", "40", "422[]"}) {
    EXPECT_EQ(take_all(packet).kind, Line::Kind::Unknown) << packet;
  }
}

TEST(SocketIoWire, ConnectsAfterTheHello) {
  EXPECT_TRUE(socketio().awaits_hello());
  EXPECT_FALSE(wire_of(Protocol::Centrifuge).awaits_hello());
  EXPECT_FALSE(wire_of(Protocol::Protobuf).awaits_hello());
  std::string out = "old";
  socketio().write_connect(out, 1, "");
  EXPECT_EQ(out, "40");
  socketio().write_connect(out, 1, "t");
  EXPECT_EQ(out, R"(40{"token":"t"})");
}

TEST(SocketIoWire, PublishesOneEvent) {
  std::string out = "old";
  socketio().write_publish(out, 2, "ignored", R"({"x":1})");
  EXPECT_EQ(out, R"(42["m",{"x":1}])");
  EXPECT_EQ(socketio().opcode(), websocket::Opcode::Text);
}

TEST(SocketIoWire, AnswersPings) {
  EXPECT_TRUE(socketio().wants_pong(R"(40{"sid":"x"})"));
  EXPECT_EQ(socketio().pong(), "3");
}

}  // namespace
}  // namespace sanjay::bench
