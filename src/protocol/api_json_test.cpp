// SPDX-License-Identifier: Apache-2.0
#include "protocol/api_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sanjay::protocol {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::size_t index_of(std::string_view name) {
  return static_cast<std::size_t>(std::ranges::find(kApiMethodNames, name) -
                                  kApiMethodNames.begin());
}

template <class Request>
core::Result<Request> decode(std::string_view name, std::string_view body,
                             const JsonOptions& options = {}) {
  auto request = decode_api_request(index_of(name), body, options);
  if (!request) return std::unexpected(request.error());
  return std::get<Request>(*std::move(request));
}

core::Result<ApiPublishRequest> publish(std::string_view body, const JsonOptions& options = {}) {
  return decode<ApiPublishRequest>("publish", body, options);
}

std::string error_of(const auto& result) {
  return result ? std::string("none") : result.error().message;
}

TEST(ApiRequests, EachMethodHasItsName) {
  for (std::size_t method = 0; method < kApiMethodNames.size(); ++method) {
    const auto request = decode_api_request(method, "{}");
    ASSERT_TRUE(request);
    EXPECT_EQ(request->index(), method);
  }
  EXPECT_TRUE(decode<ApiPublishRequest>("publish", "{}"));
  EXPECT_TRUE(decode<ApiBroadcastRequest>("broadcast", "{}"));
  EXPECT_TRUE(decode<ApiSubscribeRequest>("subscribe", "{}"));
  EXPECT_TRUE(decode<ApiUnsubscribeRequest>("unsubscribe", "{}"));
  EXPECT_TRUE(decode<ApiDisconnectRequest>("disconnect", "{}"));
  EXPECT_TRUE(decode<ApiHistoryRequest>("history", "{}"));
  EXPECT_TRUE(decode<ApiHistoryRemoveRequest>("history_remove", "{}"));
  EXPECT_TRUE(decode<ApiPresenceRequest>("presence", "{}"));
  EXPECT_TRUE(decode<ApiPresenceStatsRequest>("presence_stats", "{}"));
  EXPECT_TRUE(decode<ApiInfoRequest>("info", "{}"));
  EXPECT_TRUE(decode<ApiRpcRequest>("rpc", "{}"));
  EXPECT_TRUE(decode<ApiRefreshRequest>("refresh", "{}"));
  EXPECT_TRUE(decode<ApiChannelsRequest>("channels", "{}"));
}

TEST(ApiRequests, RefuseBodiesThatAreNoObject) {
  for (std::size_t method = 0; method < kApiMethodNames.size(); ++method) {
    for (const std::string_view body :
         {"", "[]", "null", "{", "{}{}", "{} x", "{\"a\":tru}", "1"}) {
      const auto request = decode_api_request(method, body);
      ASSERT_FALSE(request) << kApiMethodNames[method] << body;
      EXPECT_NE(request.error().message, "");
    }
  }
}

TEST(ApiPublish, ReadsEveryField) {
  const auto request = publish(
      R"({"channel":"chat:\u0069ndex","data":{"t":"hi"},"idempotency_key":"m-1","delta":true,)"
      R"("skip_history":true,"tags":{"a":"b","\u0063":""},"version":18446744073709551615,)"
      R"("version_epoch":"e","unknown":1})");
  ASSERT_TRUE(request);
  const ApiPublication& publication = request->publication;
  EXPECT_EQ(request->channel, "chat:index");
  EXPECT_EQ(publication.data.bytes, R"({"t":"hi"})");
  EXPECT_TRUE(publication.data.is_json);
  EXPECT_TRUE(publication.skip_history);
  EXPECT_TRUE(publication.delta);
  EXPECT_EQ(publication.idempotency_key, "m-1");
  EXPECT_EQ(publication.version, 18446744073709551615U);
  EXPECT_EQ(publication.version_epoch, "e");
  ASSERT_THAT(publication.tags, SizeIs(2));
  EXPECT_EQ(publication.tags[0].key, "a");
  EXPECT_EQ(publication.tags[0].value, "b");
  EXPECT_EQ(publication.tags[1].key, "c");
  EXPECT_EQ(publication.tags[1].value, "");
}

TEST(ApiPublish, ATagThatStandsTwiceCountsWithItsLastValue) {
  const auto request = publish(R"({"tags":{"a":"1","b":"2","a":"3","c":null}})");
  ASSERT_TRUE(request);
  const auto& tags = request->publication.tags;
  ASSERT_THAT(tags, SizeIs(2));
  EXPECT_EQ(tags[0].key + tags[0].value + tags[1].key + tags[1].value, "a3b2");
}

TEST(ApiPublish, PutsDataOnOneLine) {
  const auto request =
      publish("{\n  \"channel\": \"a\",\n  \"data\": {\n    \"x\": \"\\n\"\n  }\r\n}\n");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->publication.data.bytes, R"({    "x": "\n"  })");
}

TEST(ApiPublish, LeavesMissingFieldsEmpty) {
  const auto request = publish(R"({"b64data":"","tags":null})");
  ASSERT_TRUE(request);
  const ApiPublication& publication = request->publication;
  EXPECT_EQ(request->channel, "");
  EXPECT_EQ(publication.data.bytes, "");
  EXPECT_FALSE(publication.data.malformed);
  EXPECT_FALSE(publication.skip_history);
  EXPECT_FALSE(publication.delta);
  EXPECT_EQ(publication.version, 0U);
  EXPECT_THAT(publication.tags, IsEmpty());
}

TEST(ApiPublish, Base64WinsUnlessItIsEmpty) {
  const auto data_of = [](std::string_view body) { return publish(body)->publication.data; };
  const ApiPayload bytes = data_of(R"({"channel":"a","b64data":"AAEC/w==","data":1})");
  EXPECT_EQ(bytes.bytes, std::string_view("\0\1\2\xFF", 4));
  EXPECT_FALSE(bytes.is_json);
  EXPECT_EQ(data_of(R"({"b64data":"","data":1})").bytes, "1");
  const ApiPayload broken = data_of(R"({"b64data":"Zg","data":1})");
  EXPECT_TRUE(broken.malformed);
  EXPECT_EQ(broken.bytes, "");
}

TEST(ApiPublish, BytesThatAreJsonOnOneLineAreJson) {
  const auto is_json = [](std::string_view base64) {
    return publish("{\"b64data\":\"" + std::string(base64) + "\"}")->publication.data.is_json;
  };
  EXPECT_TRUE(is_json("eyJhIjoxfQ=="));   // {"a":1}
  EXPECT_FALSE(is_json("eyJhIjoKMX0="));  // the same over two lines
  EXPECT_FALSE(is_json("IHsiYSI6MX0="));  // with a blank before it
  EXPECT_FALSE(is_json("eyJhIjp0cnV9"));  // {"a":tru}
}

TEST(ApiPublish, RefusesBodiesThatAreNotTheRequest) {
  for (const std::string_view body :
       {"{\"channel\":1}", "{\"skip_history\":\"yes\"}", "{\"data\":nul}", "{\"tags\":[]}",
        "{\"idempotency_key\":{}}", "{\"b64data\":[]}", "{\"data\":\"\xFF\"}", "{\"delta\":1}",
        "{\"tags\":{\"a\":1}}", "{\"version\":-1}", "{\"version\":18446744073709551616}",
        "{\"version\":1.0}", "{\"version_epoch\":1}", "{\"tags\":{\"a\":{}}}"}) {
    EXPECT_FALSE(publish(body)) << body;
  }
}

TEST(ApiPublish, TakesLimitsFromTheOptions) {
  const std::string body = R"({"data":[[[1]]]})";
  EXPECT_TRUE(publish(body, {.depth_max = 4}));
  EXPECT_FALSE(publish(body, {.depth_max = 3}));
}

TEST(ApiBroadcast, ReadsChannelsAndTheirPublication) {
  const auto request = decode<ApiBroadcastRequest>(
      "broadcast",
      R"({"channels":["a","b","a"],"data":{"n":1},"skip_history":true,"tags":{"x":"y"},)"
      R"("idempotency_key":"k","delta":true,"version":3,"version_epoch":"e","x":[]})");
  ASSERT_TRUE(request);
  EXPECT_THAT(request->channels, ElementsAre("a", "b", "a"));
  const ApiPublication& publication = request->publication;
  EXPECT_EQ(publication.data.bytes, R"({"n":1})");
  EXPECT_TRUE(publication.skip_history && publication.delta);
  EXPECT_THAT(publication.tags, SizeIs(1));
  EXPECT_EQ(publication.idempotency_key, "k");
  EXPECT_EQ(publication.version, 3U);
  EXPECT_EQ(publication.version_epoch, "e");
  EXPECT_FALSE(decode<ApiBroadcastRequest>("broadcast", R"({"channels":"a","data":1})"));
  EXPECT_FALSE(decode<ApiBroadcastRequest>("broadcast", R"({"channels":[1],"data":1})"));
}

std::string list_of(std::size_t names) {
  std::string list = "[\"\"";
  for (std::size_t i = 1; i < names; ++i) list += ",\"\"";
  return list + "]";
}

TEST(ApiBounds, ListsHoldSoManyNamesInAll) {
  const std::string most = list_of(kApiNamesMax);
  const auto accepted = decode<ApiBroadcastRequest>("broadcast", "{\"channels\":" + most + "}");
  ASSERT_TRUE(accepted) << error_of(accepted);
  EXPECT_EQ(accepted->channels.size(), kApiNamesMax);
  // A list that takes the place of another gives back what that one took.
  EXPECT_TRUE(decode<ApiBroadcastRequest>("broadcast",
                                          "{\"channels\":" + most + ",\"channels\":" + most + "}"));
  const std::string more = list_of(kApiNamesMax + 1);
  EXPECT_EQ(error_of(decode<ApiBroadcastRequest>("broadcast", "{\"channels\":" + more + "}")),
            "more than 65536 names in lists");
  EXPECT_EQ(error_of(decode<ApiDisconnectRequest>("disconnect", "{\"whitelist\":" + more + "}")),
            "more than 65536 names in lists");

  const auto two = [](std::size_t first, std::size_t second) {
    return decode_api_batch("{\"commands\":[{\"broadcast\":{\"channels\":" + list_of(first) +
                            "}},{\"disconnect\":{\"whitelist\":" + list_of(second) + "}}]}");
  };
  EXPECT_TRUE(two(kApiNamesMax / 2, kApiNamesMax / 2));
  EXPECT_EQ(error_of(two(kApiNamesMax / 2, kApiNamesMax / 2 + 1)),
            "more than 65536 names in lists");
}

TEST(ApiSubscribe, ReadsEveryField) {
  const auto request = decode<ApiSubscribeRequest>(
      "subscribe",
      R"({"channel":"news","user":"42","client":"c","session":"s","expire_at":1900000000,)"
      R"("info":{"i":1},"data":[2],"recover_since":{"offset":7,"epoch":"e","x":1},)"
      R"("override":{"presence":{"value":true},"join_leave":{"value":false},)"
      R"("force_recovery":{},"force_positioning":{"value":true,"x":0},"unknown":{"value":1}},)"
      R"("all_users":false})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->channel, "news");
  EXPECT_EQ(request->clients.user + request->clients.client + request->clients.session, "42cs");
  EXPECT_EQ(request->expire_at, 1900000000);
  EXPECT_EQ(request->info.bytes, R"({"i":1})");
  EXPECT_EQ(request->data.bytes, "[2]");
  ASSERT_TRUE(request->recover_since);
  EXPECT_EQ(request->recover_since->offset, 7U);
  EXPECT_EQ(request->recover_since->epoch, "e");
  EXPECT_EQ(request->overrides.presence, true);
  EXPECT_EQ(request->overrides.join_leave, false);
  EXPECT_EQ(request->overrides.force_recovery, false);
  EXPECT_EQ(request->overrides.force_positioning, true);
  EXPECT_EQ(request->overrides.force_push_join_leave, std::nullopt);
}

TEST(ApiSubscribe, InfoAndDataMayBeBytes) {
  const auto request = decode<ApiSubscribeRequest>(
      "subscribe", R"({"info":1,"b64info":"AP8=","data":1,"b64data":"?"})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->info.bytes, std::string_view("\0\xFF", 2));
  EXPECT_FALSE(request->info.is_json);
  EXPECT_TRUE(request->data.malformed);
  EXPECT_FALSE(request->recover_since);
  for (const std::string_view body :
       {R"({"override":{"presence":true}})", R"({"override":[]})", R"({"recover_since":7})",
        R"({"recover_since":{"offset":-1}})", R"({"expire_at":"1"})", R"({"session":1})"}) {
    EXPECT_FALSE(decode<ApiSubscribeRequest>("subscribe", body)) << body;
  }
}

TEST(ApiUnsubscribe, ReadsWhomAndWhere) {
  const auto request = decode<ApiUnsubscribeRequest>(
      "unsubscribe", R"({"user":"42","channel":"news","session":"s"})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->clients.user, "42");
  EXPECT_EQ(request->clients.client, "");
  EXPECT_EQ(request->clients.session, "s");
  EXPECT_EQ(request->channel, "news");
}

TEST(ApiDisconnect, ReadsWhomAndHow) {
  const auto request = decode<ApiDisconnectRequest>(
      "disconnect", R"({"user":"42","client":"c","whitelist":["d","e"],)"
                    R"("disconnect":{"code":4501,"reason":"banned","reconnect":false}})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->clients.user, "42");
  EXPECT_EQ(request->clients.client, "c");
  EXPECT_THAT(request->whitelist, ElementsAre("d", "e"));
  EXPECT_EQ(request->code, 4501U);
  EXPECT_EQ(request->reason, "banned");
  for (const std::string_view body :
       {R"({"user":"42","disconnect":{"code":-1}})", R"({"user":42})",
        R"({"user":"ann","disconnect":3000})", R"({"user":"ann","disconnect":{"code":"3000"}})",
        R"({"user":"ann","whitelist":"x"})"}) {
    EXPECT_FALSE(decode<ApiDisconnectRequest>("disconnect", body)) << body;
  }
}

TEST(ApiRefresh, ReadsEveryField) {
  const auto request = decode<ApiRefreshRequest>(
      "refresh", R"({"user":"42","client":"c","session":"s","expired":true,)"
                 R"("expire_at":9,"info":{"n":"A"}})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->clients.user + request->clients.client + request->clients.session, "42cs");
  EXPECT_TRUE(request->expired);
  EXPECT_EQ(request->expire_at, 9);
  EXPECT_EQ(request->info.bytes, R"({"n":"A"})");
}

TEST(ApiHistory, ReadsEveryField) {
  const auto request = decode<ApiHistoryRequest>(
      "history", R"({"channel":"a","limit":-1,"since":{"offset":3,"epoch":"xyz"},"reverse":true})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->channel, "a");
  EXPECT_EQ(request->limit, -1);
  ASSERT_TRUE(request->since);
  EXPECT_EQ(request->since->offset, 3U);
  EXPECT_EQ(request->since->epoch, "xyz");
  EXPECT_TRUE(request->reverse);
  EXPECT_FALSE(decode<ApiHistoryRequest>("history", R"({"channel":"a","limit":0})")->since);
  EXPECT_FALSE(decode<ApiHistoryRequest>("history", R"({"limit":2147483648})"));
  EXPECT_FALSE(decode<ApiHistoryRequest>("history", R"({"since":{"offset":1.5}})"));
}

TEST(ApiChannelMethods, ReadTheChannel) {
  constexpr std::string_view kBody = R"({"channel":"a","x":{}})";
  EXPECT_EQ(decode<ApiPresenceRequest>("presence", kBody)->channel, "a");
  EXPECT_EQ(decode<ApiPresenceStatsRequest>("presence_stats", kBody)->channel, "a");
  EXPECT_EQ(decode<ApiHistoryRemoveRequest>("history_remove", kBody)->channel, "a");
}

TEST(ApiRpc, ReadsMethodAndParameters) {
  const auto request = decode<ApiRpcRequest>("rpc", R"({"method":"m","params":{"x":[1]}})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "m");
  EXPECT_EQ(request->params.bytes, R"({"x":[1]})");
}

TEST(ApiChannels, ReadsThePattern) {
  EXPECT_EQ(decode<ApiChannelsRequest>("channels", R"({"pattern":"n*"})")->pattern, "n*");
  EXPECT_EQ(decode<ApiChannelsRequest>("channels", "{}")->pattern, "");
  EXPECT_FALSE(decode<ApiChannelsRequest>("channels", R"({"pattern":[]})"));
}

}  // namespace
}  // namespace sanjay::protocol
