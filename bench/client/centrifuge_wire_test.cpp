// SPDX-License-Identifier: Apache-2.0
#include "bench/client/wire.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sanjay::bench {
namespace {

using namespace std::string_view_literals;

const Wire& json() { return wire_of(Protocol::Centrifuge); }
const Wire& protobuf() { return wire_of(Protocol::Protobuf); }

TEST(CentrifugeWire, TakesTheLinesOfAJsonMessageApart) {
  std::string_view message =
      "{\"id\":12,\"publish\":{}}\n{}\n{\"push\":{\"channel\":\"c\",\"pub\":{}}}\n"
      "{\"id\":3,\"error\":{\"code\":103}}\n{\"other\":1}";
  Line line = json().take(message);
  EXPECT_EQ(line.kind, Line::Kind::Reply);
  EXPECT_EQ(line.id, 12U);
  EXPECT_EQ(json().take(message).kind, Line::Kind::Ping);
  EXPECT_EQ(json().take(message).kind, Line::Kind::Push);
  line = json().take(message);
  EXPECT_EQ(line.kind, Line::Kind::ErrorReply);
  EXPECT_EQ(line.id, 3U);
  EXPECT_EQ(line.text, "{\"id\":3,\"error\":{\"code\":103}}");
  EXPECT_EQ(json().take(message).kind, Line::Kind::Unknown);
  EXPECT_TRUE(message.empty());
}

TEST(CentrifugeWire, TakesTheRepliesOfAProtobufMessageApart) {
  // publish{} to 300, a ping, push{"a"}, error{103} to 2, and a length beyond the end.
  std::string_view message =
      "\x05\x08\xAC\x02\x42\x00\x00\x05\x22\x03\x12\x01\x61"
      "\x06\x08\x02\x12\x02\x08\x67\x09\x08"sv;
  Line line = protobuf().take(message);
  EXPECT_EQ(line.kind, Line::Kind::Reply);
  EXPECT_EQ(line.id, 300U);
  EXPECT_EQ(protobuf().take(message).kind, Line::Kind::Ping);
  EXPECT_EQ(protobuf().take(message).kind, Line::Kind::Push);
  line = protobuf().take(message);
  EXPECT_EQ(line.kind, Line::Kind::ErrorReply);
  EXPECT_EQ(line.id, 2U);
  EXPECT_EQ(protobuf().take(message).kind, Line::Kind::Unknown);
  EXPECT_TRUE(message.empty());
}

TEST(CentrifugeWire, WritesJsonCommands) {
  std::string out = "old";
  json().write_connect(out, 1, "t");
  EXPECT_EQ(out, R"({"id":1,"connect":{"token":"t","name":"bench"}})");
  json().write_connect(out, 1, "");
  EXPECT_EQ(out, R"({"id":1,"connect":{"name":"bench"}})");
  json().write_subscribe(out, 2, "a:b");
  EXPECT_EQ(out, R"({"id":2,"subscribe":{"channel":"a:b"}})");
  json().write_publish(out, 3, "c", R"({"x":1})");
  EXPECT_EQ(out, R"({"id":3,"publish":{"channel":"c","data":{"x":1}}})");
  json().write_rpc(out, 4, "m", "{}");
  EXPECT_EQ(out, R"({"id":4,"rpc":{"method":"m","data":{}}})");
}

TEST(CentrifugeWire, WritesProtobufCommands) {
  std::string out = "old";
  protobuf().write_connect(out, 1, "T");
  EXPECT_EQ(out,
            "\x0e\x08\x01\x22\x0a\x0a\x01T\x22\x05"
            "bench"sv);
  protobuf().write_subscribe(out, 2, "chat:index");
  EXPECT_EQ(out,
            "\x10\x08\x02\x2a\x0c\x0a\x0a"
            "chat:index"sv);
  protobuf().write_publish(out, 3, "a", "{}");
  EXPECT_EQ(out,
            "\x0b\x08\x03\x3a\x07\x0a\x01"
            "a\x12\x02{}"sv);
  protobuf().write_rpc(out, 4, "m", "{}");
  EXPECT_EQ(out, "\x0b\x08\x04\x6a\x07\x0a\x02{}\x12\x01m"sv);
}

TEST(CentrifugeWire, SeesWhetherPongsAreWanted) {
  EXPECT_TRUE(json().wants_pong(R"({"id":1,"connect":{"client":"x","ping":25,"pong":true}})"));
  EXPECT_FALSE(json().wants_pong(R"({"id":1,"connect":{"client":"x"}})"));
  EXPECT_TRUE(
      protobuf().wants_pong("\x08\x01\x2a\x0b\x0a\x02"
                            "c1\x12\x01x\x38\x19\x40\x01"sv));
  EXPECT_FALSE(
      protobuf().wants_pong("\x08\x01\x2a\x07\x0a\x02"
                            "c1\x12\x01x"sv));
}

}  // namespace
}  // namespace sanjay::bench
