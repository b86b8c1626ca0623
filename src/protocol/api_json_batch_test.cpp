// SPDX-License-Identifier: Apache-2.0
#include "protocol/api_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>

namespace sanjay::protocol {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

template <class Request>
const Request& as(const ApiRequest& request) {
  return std::get<Request>(request);
}

Error refusal_of(const ApiRequest& request) {
  const auto* refused = std::get_if<ApiRefusedRequest>(&request);
  return refused == nullptr ? Error{} : refused->error;
}

TEST(ApiBatch, ReadsCommandsOfEachMethod) {
  const auto batch = decode_api_batch(
      R"({"commands":[{"publish":{"channel":"a","data":{}}},{"broadcast":{"channels":["b"]}},)"
      R"({"subscribe":{"channel":"c"}},{"unsubscribe":{"channel":"d"}},)"
      R"({"disconnect":{"user":"e"}},{"history":{"channel":"f"}},)"
      R"({"history_remove":{"channel":"g"}},{"presence":{"channel":"h"}},)"
      R"({"presence_stats":{"channel":"i"}},{"info":{}},{"rpc":{"method":"j"}},)"
      R"({"refresh":{"user":"k"}},{"channels":{"pattern":"l"}}],"parallel":true,"x":[]})");
  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->parallel);
  const auto& commands = batch->commands;
  ASSERT_THAT(commands, SizeIs(kApiMethodNames.size()));
  for (std::size_t i = 0; i < commands.size(); ++i) EXPECT_EQ(commands[i].index(), i);
  EXPECT_EQ(as<ApiPublishRequest>(commands[0]).channel, "a");
  EXPECT_THAT(as<ApiBroadcastRequest>(commands[1]).channels, ElementsAre("b"));
  EXPECT_EQ(as<ApiSubscribeRequest>(commands[2]).channel, "c");
  EXPECT_EQ(as<ApiUnsubscribeRequest>(commands[3]).channel, "d");
  EXPECT_EQ(as<ApiDisconnectRequest>(commands[4]).clients.user, "e");
  EXPECT_EQ(as<ApiHistoryRequest>(commands[5]).channel, "f");
  EXPECT_EQ(as<ApiHistoryRemoveRequest>(commands[6]).channel, "g");
  EXPECT_EQ(as<ApiPresenceRequest>(commands[7]).channel, "h");
  EXPECT_EQ(as<ApiPresenceStatsRequest>(commands[8]).channel, "i");
  EXPECT_EQ(as<ApiRpcRequest>(commands[10]).method, "j");
  EXPECT_EQ(as<ApiRefreshRequest>(commands[11]).clients.user, "k");
  EXPECT_EQ(as<ApiChannelsRequest>(commands[12]).pattern, "l");
}

TEST(ApiBatch, MayBeEmpty) {
  for (const std::string_view body :
       {"{}", R"({"commands":[]})", R"({"commands":null,"parallel":null})"}) {
    const auto batch = decode_api_batch(body);
    ASSERT_TRUE(batch) << body;
    EXPECT_THAT(batch->commands, IsEmpty());
    EXPECT_FALSE(batch->parallel);
  }
}

TEST(ApiBatch, ACommandWithoutAKnownMethodIsRefusedAlone) {
  const auto batch =
      decode_api_batch(R"({"commands":[{},{"map_publish":{}},{"publish":null},{"info":{}}]})");
  ASSERT_TRUE(batch);
  ASSERT_THAT(batch->commands, SizeIs(4));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(refusal_of(batch->commands[i]), kApiErrorNotFound) << i;
  }
  EXPECT_TRUE(std::holds_alternative<ApiInfoRequest>(batch->commands[3]));
}

TEST(ApiBatch, OfSeveralMethodsInOneCommandTheEarlierInTheirOrderCounts) {
  const auto method_of = [](std::string_view command) {
    const auto batch = decode_api_batch("{\"commands\":[" + std::string(command) + "]}");
    return kApiMethodNames[batch->commands.at(0).index()];
  };
  EXPECT_EQ(method_of(R"({"info":{},"publish":{}})"), "publish");
  EXPECT_EQ(method_of(R"({"publish":{},"info":{}})"), "publish");
  EXPECT_EQ(method_of(R"({"refresh":{},"x":1,"presence":{}})"), "presence");
  const auto twice =
      decode_api_batch(R"({"commands":[{"publish":{"channel":"a"},"publish":{"channel":"b"}}]})");
  EXPECT_EQ(as<ApiPublishRequest>(twice->commands[0]).channel, "b");
}

TEST(ApiBatch, RefusesBodiesThatAreNone) {
  for (const std::string_view body :
       {"", "[]", R"({"commands":{}})", R"({"commands":[1]})", R"({"commands":[null]})",
        R"({"parallel":1})", R"({"commands":[{"publish":[]}]})", R"({"commands":[{}]}x)",
        R"({"commands":[{"publish":{"channel":1}}]})", R"({"commands":[{"publish":{},}]})"}) {
    const auto batch = decode_api_batch(body);
    ASSERT_FALSE(batch) << body;
    EXPECT_NE(batch.error().message, "");
  }
}

std::string repeated(std::string_view one, std::string_view between, std::size_t count) {
  std::string text(one);
  for (std::size_t i = 1; i < count; ++i) text.append(between).append(one);
  return text;
}

TEST(ApiBounds, ABatchHasSoManyCommands) {
  const auto batch_of = [](std::size_t commands) {
    return decode_api_batch("{\"commands\":[" + repeated("{}", ",", commands) + "]}");
  };
  ASSERT_TRUE(batch_of(kApiCommandsMax));
  EXPECT_THAT(batch_of(kApiCommandsMax)->commands, SizeIs(1000));
  ASSERT_FALSE(batch_of(kApiCommandsMax + 1));
  EXPECT_EQ(batch_of(kApiCommandsMax + 1).error().message, "more than 1000 commands");
}

TEST(ApiBounds, AStreamHasSoManyCommands) {
  ASSERT_TRUE(decode_api_stream(repeated("{}", "\n", kApiCommandsMax)));
  EXPECT_THAT(*decode_api_stream(repeated("{}", "", kApiCommandsMax)), SizeIs(1000));
  const auto more = decode_api_stream(repeated("{}", "\n", kApiCommandsMax + 1));
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().message, "more than 1000 commands");
}

TEST(ApiStream, ReadsCommandsOneBehindTheOther) {
  const auto stream = decode_api_stream(
      "{\"id\":7,\"method\":\"publish\",\"params\":{\"channel\":\"a\",\"data\":1}}\n"
      "{\"params\":{\"user\":\"ann\"},\"method\":\"DISCONNECT\"}{\"method\":\"info\"} \r\n");
  ASSERT_TRUE(stream) << stream.error().message;
  ASSERT_THAT(*stream, SizeIs(3));
  EXPECT_EQ((*stream)[0].id, 7U);
  EXPECT_EQ(as<ApiPublishRequest>((*stream)[0].request).channel, "a");
  EXPECT_EQ((*stream)[1].id, 0U);
  EXPECT_EQ(as<ApiDisconnectRequest>((*stream)[1].request).clients.user, "ann");
  EXPECT_TRUE(std::holds_alternative<ApiInfoRequest>((*stream)[2].request));
}

TEST(ApiStream, WrongMethodsAndParametersRefuseTheirCommandOnly) {
  const auto stream = decode_api_stream(
      R"({"method":"batch"}{}{"method":"publish","params":[1]}{"method":"publish",)"
      R"("params":{"channel":1}}{"method":"info","params":{"x":1}})");
  ASSERT_TRUE(stream) << stream.error().message;
  ASSERT_THAT(*stream, SizeIs(5));
  EXPECT_EQ(refusal_of((*stream)[0].request), kApiErrorNotFound);
  EXPECT_EQ(refusal_of((*stream)[1].request), kApiErrorNotFound);
  EXPECT_EQ(refusal_of((*stream)[2].request), kErrorBadRequest);
  EXPECT_EQ(refusal_of((*stream)[3].request), kErrorBadRequest);
  EXPECT_TRUE(std::holds_alternative<ApiInfoRequest>((*stream)[4].request));
}

TEST(ApiStream, RefusesBodiesThatAreNone) {
  for (const std::string_view body :
       {"", " \n", "[]", "{} x", "{},{}", "{\"id\":-1}", "{\"method\":1}", "{\"params\":{}",
        "{\"method\":\"publish\",\"params\":tru}", "{\"x\":\"\xFF\"}"}) {
    const auto stream = decode_api_stream(body);
    ASSERT_FALSE(stream) << body;
    EXPECT_NE(stream.error().message, "");
  }
}

}  // namespace
}  // namespace sanjay::protocol
