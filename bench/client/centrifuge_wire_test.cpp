// SPDX-License-Identifier: Apache-2.0
#include "bench/client/centrifuge_wire.h"

#include <gtest/gtest.h>

namespace sanjay::bench {
namespace {

TEST(CentrifugeWire, TakesTheLinesOfAMessageApart) {
  std::string_view message =
      "{\"id\":12,\"publish\":{}}\n{}\n{\"push\":{\"channel\":\"c\",\"pub\":{}}}\n"
      "{\"id\":3,\"error\":{\"code\":103}}\n{\"other\":1}";
  Line line = take_line(message);
  EXPECT_EQ(line.kind, Line::Kind::Reply);
  EXPECT_EQ(line.id, 12U);
  EXPECT_EQ(take_line(message).kind, Line::Kind::Ping);
  EXPECT_EQ(take_line(message).kind, Line::Kind::Push);
  line = take_line(message);
  EXPECT_EQ(line.kind, Line::Kind::ErrorReply);
  EXPECT_EQ(line.id, 3U);
  EXPECT_EQ(line.text, "{\"id\":3,\"error\":{\"code\":103}}");
  EXPECT_EQ(take_line(message).kind, Line::Kind::Unknown);
  EXPECT_TRUE(message.empty());
}

TEST(CentrifugeWire, WritesCommands) {
  EXPECT_EQ(connect_command(1, "t"), R"({"id":1,"connect":{"token":"t","name":"bench"}})");
  EXPECT_EQ(connect_command(1, ""), R"({"id":1,"connect":{"name":"bench"}})");
  EXPECT_EQ(subscribe_command(2, "a:b"), R"({"id":2,"subscribe":{"channel":"a:b"}})");
  std::string out = "old";
  write_publish(out, 3, "c", R"({"x":1})");
  EXPECT_EQ(out, R"({"id":3,"publish":{"channel":"c","data":{"x":1}}})");
  write_rpc(out, 4, "m", "{}");
  EXPECT_EQ(out, R"({"id":4,"rpc":{"method":"m","data":{}}})");
}

TEST(CentrifugeWire, SeesWhetherPongsAreWanted) {
  EXPECT_TRUE(wants_pong(R"({"id":1,"connect":{"client":"x","ping":25,"pong":true}})"));
  EXPECT_FALSE(wants_pong(R"({"id":1,"connect":{"client":"x"}})"));
}

}  // namespace
}  // namespace sanjay::bench
