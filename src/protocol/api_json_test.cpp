// SPDX-License-Identifier: Apache-2.0
#include "protocol/api_json.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sanjay::protocol {
namespace {

TEST(ApiPublish, DecodesTheBody) {
  const auto request = decode_api_publish(
      R"({"channel":"chat:\u0069ndex","data":{"t":"hi"},"idempotency_key":"m-1",)"
      R"("skip_history":true,"tags":{"a":"b"},"unknown":1})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->channel, "chat:index");
  EXPECT_EQ(request->data, R"({"t":"hi"})");
  EXPECT_TRUE(request->data_is_json);
  EXPECT_TRUE(request->skip_history);
  EXPECT_EQ(request->idempotency_key, "m-1");
}

TEST(ApiPublish, PutsDataOnOneLine) {
  const auto request =
      decode_api_publish("{\n  \"channel\": \"a\",\n  \"data\": {\n    \"x\": \"\\n\"\n  }\r\n}\n");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->data, R"({    "x": "\n"  })");
}

TEST(ApiPublish, LeavesMissingFieldsEmpty) {
  const auto request = decode_api_publish(R"({"data":null,"b64data":""})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->channel, "");
  EXPECT_EQ(request->data, "");
  EXPECT_FALSE(request->skip_history);
}

TEST(ApiPublish, PrefersBase64Data) {
  const auto request = decode_api_publish(R"({"channel":"a","b64data":"AAEC/w==","data":1})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->data, std::string_view("\0\1\2\xFF", 4));
  EXPECT_FALSE(request->data_is_json);
}

TEST(ApiPublish, DecodesBase64OfEachPadding) {
  const auto data_of = [](std::string_view base64) {
    const auto request = decode_api_publish("{\"b64data\":\"" + std::string(base64) + "\"}");
    return request ? request->data : "error: " + request.error().message;
  };
  EXPECT_EQ(data_of("Zg=="), "f");
  EXPECT_EQ(data_of("Zm8="), "fo");
  EXPECT_EQ(data_of("Zm9v"), "foo");
  EXPECT_EQ(data_of("Zm9vYmFy"), "foobar");
  EXPECT_EQ(data_of("+/+/"), "\xFB\xFF\xBF");
  for (const std::string_view broken :
       {"Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zm=v", "Zm9v=", "Zm 9", "-_-_", "Zm9v\\n"}) {
    EXPECT_EQ(data_of(broken), "error: b64data is not base64") << broken;
  }
}

TEST(ApiPublish, RefusesBodiesThatAreNotTheRequest) {
  for (const std::string_view body :
       {"", "[]", "null", "{", "{\"channel\":1}", "{\"skip_history\":\"yes\"}", "{\"data\":nul}",
        "{\"idempotency_key\":{}}", "{\"b64data\":[]}", "{}{}", "{\"data\":\"\xFF\"}"}) {
    const auto request = decode_api_publish(body);
    ASSERT_FALSE(request) << body;
    EXPECT_NE(request.error().message, "");
  }
}

TEST(ApiPublish, TakesLimitsFromTheOptions) {
  const std::string body = R"({"data":[[[1]]]})";
  EXPECT_TRUE(decode_api_publish(body, {.depth_max = 4}));
  EXPECT_FALSE(decode_api_publish(body, {.depth_max = 3}));
}

TEST(ApiBroadcast, ReadsChannelsAndTheirPublication) {
  const auto request = decode_api_broadcast(
      R"({"channels":["a","b","a"],"data":{"n":1},"skip_history":true,"x":[]})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->channels, (std::vector<std::string>{"a", "b", "a"}));
  EXPECT_EQ(request->publication.data, R"({"n":1})");
  EXPECT_TRUE(request->publication.skip_history);
  EXPECT_FALSE(decode_api_broadcast(R"({"channels":"a","data":1})"));
  EXPECT_FALSE(decode_api_broadcast(R"({"channels":[1],"data":1})"));
  EXPECT_FALSE(decode_api_broadcast(R"({"channels":["a"],"b64data":"?"})"));
}

TEST(ApiDisconnect, ReadsWhomAndHow) {
  const auto request =
      decode_api_disconnect(R"({"user":"42","client":"c","whitelist":["d","e"],)"
                            R"("disconnect":{"code":4501,"reason":"banned","reconnect":false}})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->clients.user, "42");
  EXPECT_EQ(request->clients.client, "c");
  EXPECT_EQ(request->whitelist, (std::vector<std::string>{"d", "e"}));
  EXPECT_EQ(request->code, 4501U);
  EXPECT_EQ(request->reason, "banned");
  EXPECT_FALSE(decode_api_disconnect(R"({"user":"42","disconnect":{"code":-1}})"));
  EXPECT_FALSE(decode_api_disconnect(R"({"user":42})"));
}

TEST(ApiUnsubscribe, ReadsUserClientAndChannel) {
  const auto request = decode_api_unsubscribe(R"({"user":"42","channel":"news"})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->clients.user, "42");
  EXPECT_EQ(request->channel, "news");
  EXPECT_EQ(request->clients.client, "");
}

TEST(ApiChannels, ReadsThePattern) {
  EXPECT_EQ(decode_api_channels(R"({"pattern":"n*"})")->pattern, "n*");
  EXPECT_EQ(decode_api_channels("{}")->pattern, "");
  EXPECT_FALSE(decode_api_channels("[]"));
}

TEST(ApiEmpty, WantsAnObject) {
  EXPECT_TRUE(check_api_empty("{}"));
  EXPECT_TRUE(check_api_empty(R"({"anything":[1]})"));
  EXPECT_FALSE(check_api_empty(""));
  EXPECT_FALSE(check_api_empty("{} x"));
}

}  // namespace
}  // namespace sanjay::protocol
