// SPDX-License-Identifier: Apache-2.0
#include "protocol/emulation.h"

#include "protocol/json_decoder.h"
#include "protocol/reply_encoding.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sanjay::protocol {
namespace {

TEST(Emulation, ReadsCommandsOutOfAJsonString) {
  std::string scratch;
  const auto request = decode_json_emulation(
      R"( {"session":"S\u0041","node":"N","more":[{}],"data":"{\"id\":2}\n{\"id\":3}"} )", scratch);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->session, "SA");
  EXPECT_EQ(request->node, "N");
  EXPECT_EQ(request->data, "{\"id\":2}\n{\"id\":3}");
  const auto empty = decode_json_emulation("{}", scratch);
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->session, "");
  EXPECT_EQ(empty->data, "");
  for (const std::string_view bad :
       {"", "{", "[]", "null", R"({"session":1})", R"({"node":{}})", R"({"data":{}})",
        R"({"data":"\ud800"})", "{}x", "{\"data\":\"\xff\"}"}) {
    EXPECT_FALSE(decode_json_emulation(bad, scratch)) << bad;
  }
}

TEST(Emulation, ReadsBytesOutOfAProtobufMessage) {
  const std::string message("\x0a\x01N\x12\x01S\x1a\x03\x00\xff\x01\x22\x00", 13);
  const auto request = decode_protobuf_emulation(message);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->node, "N");
  EXPECT_EQ(request->session, "S");
  EXPECT_EQ(request->data, std::string_view("\x00\xff\x01", 3));
  EXPECT_TRUE(decode_protobuf_emulation(""));
  for (const std::string_view bad :
       {std::string_view("\x0a"), std::string_view("\x0a\x02N"), std::string_view("\x0a\x01\xff"),
        std::string_view("\x08\x01"), std::string_view("{}")}) {
    EXPECT_FALSE(decode_protobuf_emulation(bad)) << bad;
  }
}

TEST(JsonDecoder, ReadsAConnectRequestThatStandsForItself) {
  JsonDecoder decoder;
  decoder.begin_connect("{\n \"token\": \"T\",\n \"subs\": {\"a\": {\"recover\": true}}\n}\n");
  EXPECT_FALSE(decoder.rest().empty()) << "it can be kept and begun with again";
  const auto command = decoder.next();
  ASSERT_TRUE(command && *command);
  const auto& request = std::get<ConnectRequest>((*command)->request);
  EXPECT_EQ(request.token, "T");
  ASSERT_EQ(request.subs.size(), 1u);
  EXPECT_EQ(request.subs[0].channel, "a");
  EXPECT_TRUE(request.subs[0].recover);
  EXPECT_TRUE(decoder.rest().empty());
  EXPECT_FALSE(decoder.next());
  for (const std::string_view bad : {"", "null", "[]", "{}\n{}", "{}x", R"({"token":1})"}) {
    decoder.begin_connect(bad);
    const auto refused = decoder.next();
    EXPECT_TRUE(refused && !*refused) << bad;
  }
  decoder.begin("{}\n{}");
  EXPECT_TRUE(decoder.next() && decoder.next()) << "the next message is one of commands again";
}

TEST(JsonPushes, AreThePushesOfRepliesWithoutTheReply) {
  const auto compare = [](auto append) {
    std::string reply, push;
    append(kJsonReplies, reply);
    append(kJsonPushes, push);
    EXPECT_EQ(reply, "{\"push\":" + push + "}");
  };
  const ClientInfo info{"42", "c", "", "1"};
  Publication publication;
  publication.data = "1";
  publication.info = info;
  compare([&](auto& e, std::string& out) { e.publication_push(out, "a\"", publication); });
  compare([&](auto& e, std::string& out) { e.join_push(out, "a", info); });
  compare([&](auto& e, std::string& out) { e.leave_push(out, "a", info); });
  compare([&](auto& e, std::string& out) { e.unsubscribe_push(out, "a", kUnsubscribeServer); });
  const SubscribePush subscribed{true, "e", 7, true, "1"};
  compare([&](auto& e, std::string& out) { e.subscribe_push(out, "a", subscribed); });
  compare([&](auto& e, std::string& out) { e.refresh_push(out, {true, 7}); });
  compare([&](auto& e, std::string& out) { e.disconnect_push(out, kDisconnectShutdown); });
  std::string connect, ping;
  ConnectResult result;
  result.client = "c";
  kJsonPushes.connect(connect, 1, result);
  EXPECT_EQ(connect, R"({"connect":{"client":"c"}})");
  kJsonPushes.ping(ping);
  EXPECT_EQ(ping, "{}");
}

}  // namespace
}  // namespace sanjay::protocol
