// SPDX-License-Identifier: Apache-2.0
#include "protocol/json_encoder.h"

#include "protocol/json_scanner.h"
#include "protocol/json_string.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace sanjay::protocol {
namespace {

/// What `append(out, arguments...)` appends, checked to be one line of JSON.
template <class Append, class... Arguments>
std::string encoded(Append append, const Arguments&... arguments) {
  std::string out = "before\n";
  append(out, arguments...);
  const std::string json = out.substr(7);
  std::string scratch;
  const auto compact = compact_json(json, scratch);
  EXPECT_TRUE(compact && *compact == json) << json;
  return json;
}

Publication publication(std::string_view data, std::uint64_t offset = 0) {
  Publication result;
  result.data = data;
  result.offset = offset;
  return result;
}

TEST(JsonEncoder, EncodesConnectReply) {
  ConnectResult result;
  result.client = "5a3e";
  result.version = "6.9.1 OSS";
  result.expires = true;
  result.ttl_s = 3599;
  result.ping_s = 25;
  result.pong = true;
  EXPECT_EQ(encoded(append_connect_reply, 1u, result),
            R"({"id":1,"connect":{"client":"5a3e","version":"6.9.1 OSS","expires":true,"ttl":3599,)"
            R"("ping":25,"pong":true}})");
}

TEST(JsonEncoder, EncodesConnectReplyWithEverything) {
  ServerSubscription sub{"#42", {}};
  sub.result.recoverable = true;
  sub.result.epoch = "e";
  sub.result.offset = 7;
  sub.result.positioned = true;
  const std::vector<ServerSubscription> subs{sub, {"\"q\"", {}}};
  ConnectResult result;
  result.client = "c";
  result.data = R"({"a":1})";
  result.subs = subs;
  result.session = "S";
  result.node = "N";
  result.time_ms = 1790000000000;
  EXPECT_EQ(encoded(append_connect_reply, 1u, result),
            R"({"id":1,"connect":{"client":"c","data":{"a":1},"subs":{)"
            R"("#42":{"recoverable":true,"epoch":"e","offset":7,"positioned":true},"\"q\"":{}},)"
            R"("session":"S","node":"N","time":1790000000000}})");
}

TEST(JsonEncoder, EncodesSubscribeReplies) {
  EXPECT_EQ(encoded(append_subscribe_reply, 2u, SubscribeResult{}), R"({"id":2,"subscribe":{}})");

  const std::vector<Publication> missed{publication(R"({"n":42})", 42)};
  SubscribeResult recovered;
  recovered.recoverable = true;
  recovered.epoch = "xyzw";
  recovered.publications = missed;
  recovered.recovered = true;
  recovered.offset = 41;
  recovered.positioned = true;
  recovered.was_recovering = true;
  EXPECT_EQ(encoded(append_subscribe_reply, 3u, recovered),
            R"({"id":3,"subscribe":{"recoverable":true,"epoch":"xyzw",)"
            R"("publications":[{"data":{"n":42},"offset":42}],"recovered":true,"offset":41,)"
            R"("positioned":true,"was_recovering":true}})");

  SubscribeResult lost;
  lost.recoverable = true;
  lost.epoch = "abcd";
  lost.offset = 5;
  lost.positioned = true;
  lost.was_recovering = true;
  EXPECT_EQ(encoded(append_subscribe_reply, 8u, lost),
            R"({"id":8,"subscribe":{"recoverable":true,"epoch":"abcd","offset":5,)"
            R"("positioned":true,"was_recovering":true}})");

  SubscribeResult rest;
  rest.expires = true;
  rest.ttl_s = 60;
  rest.data = "[1]";
  rest.delta = true;
  EXPECT_EQ(encoded(append_subscribe_reply, 9u, rest),
            R"({"id":9,"subscribe":{"expires":true,"ttl":60,"data":[1],"delta":true}})");
}

TEST(JsonEncoder, EncodesPublicationPushes) {
  EXPECT_EQ(encoded(append_publication_push, "news", publication(R"({"n":43})", 43)),
            R"({"push":{"channel":"news","pub":{"data":{"n":43},"offset":43}}})");

  Publication from_client = publication(R"({"t":"hi"})");
  from_client.info = ClientInfo{"42", "9b", {}, {}};
  EXPECT_EQ(encoded(append_publication_push, "chat:index", from_client),
            R"({"push":{"channel":"chat:index","pub":{"data":{"t":"hi"},)"
            R"("info":{"user":"42","client":"9b"}}}})");

  const std::vector<Tag> tags{{"k\n", "v"}, {"l", ""}};
  Publication full = publication("1", std::numeric_limits<std::uint64_t>::max());
  full.info = ClientInfo{"", "c", R"({"n":"A"})", "2"};
  full.tags = tags;
  full.delta = true;
  full.time_ms = std::numeric_limits<std::int64_t>::min();
  full.epoch = "e";
  EXPECT_EQ(encoded(append_publication_push, "a", full),
            R"({"push":{"channel":"a","pub":{"data":1,"info":{"user":"","client":"c",)"
            R"("conn_info":{"n":"A"},"chan_info":2},"offset":18446744073709551615,)"
            R"("tags":{"k\n":"v","l":""},"delta":true,"time":-9223372036854775808,"epoch":"e"}}})");
}

TEST(JsonEncoder, EncodesDeltaPublicationsAsStrings) {
  std::string patch;
  append_json_string(patch, "m\nB@0,1:1a@C,3rHTAY;");
  Publication delta = publication(patch, 2);
  delta.delta = true;
  EXPECT_EQ(encoded(append_publication_push, "m", delta),
            R"({"push":{"channel":"m","pub":{"data":"m\nB@0,1:1a@C,3rHTAY;","offset":2,)"
            R"("delta":true}}})");
}

TEST(JsonEncoder, WritesEmptyResultsUnderTheirKey) {
  EXPECT_EQ(encoded(append_empty_reply, 4u, EmptyResult::Publish), R"({"id":4,"publish":{}})");
  EXPECT_EQ(encoded(append_empty_reply, 5u, EmptyResult::Unsubscribe),
            R"({"id":5,"unsubscribe":{}})");
  EXPECT_EQ(encoded(append_rpc_reply, 6u, RpcResult{}), R"({"id":6,"rpc":{}})");
  EXPECT_EQ(encoded(append_rpc_reply, 6u, RpcResult{R"({"x":1})"}),
            R"({"id":6,"rpc":{"data":{"x":1}}})");
  EXPECT_EQ(encoded(append_refresh_reply, 7u, RefreshResult{}), R"({"id":7,"refresh":{}})");
  EXPECT_EQ(encoded(append_sub_refresh_reply, 7u, RefreshResult{true, 60}),
            R"({"id":7,"sub_refresh":{"expires":true,"ttl":60}})");
}

TEST(JsonEncoder, AlwaysWritesTheKeysThatSdksIndex) {
  EXPECT_EQ(encoded(append_presence_reply, 1u, PresenceResult{}),
            R"({"id":1,"presence":{"presence":{}}})");
  EXPECT_EQ(encoded(append_presence_stats_reply, 1u, PresenceStatsResult{}),
            R"({"id":1,"presence_stats":{"num_clients":0,"num_users":0}})");
  EXPECT_EQ(encoded(append_history_reply, 1u, HistoryResult{}),
            R"({"id":1,"history":{"publications":[],"epoch":"","offset":0}})");
  EXPECT_EQ(encoded(append_error_reply, 1u, Error{400, ""}),
            R"({"id":1,"error":{"code":400,"message":""}})");
  EXPECT_EQ(encoded(append_unsubscribe_push, "a", Unsubscribe{}),
            R"({"push":{"channel":"a","unsubscribe":{"code":0,"reason":""}}})");
  EXPECT_EQ(encoded(append_join_push, "a", ClientInfo{}),
            R"({"push":{"channel":"a","join":{"info":{"user":"","client":""}}}})");
}

TEST(JsonEncoder, EncodesPresenceAndHistory) {
  const std::vector<ClientInfo> clients{{"42", "c1", {}, {}}, {"", "c2", "{}", {}}};
  EXPECT_EQ(encoded(append_presence_reply, 6u, PresenceResult{clients}),
            R"({"id":6,"presence":{"presence":{"c1":{"user":"42","client":"c1"},)"
            R"("c2":{"user":"","client":"c2","conn_info":{}}}}})");
  EXPECT_EQ(encoded(append_presence_stats_reply, 6u, PresenceStatsResult{2, 1}),
            R"({"id":6,"presence_stats":{"num_clients":2,"num_users":1}})");
  const std::vector<Publication> publications{publication(R"({"n":41})", 41),
                                              publication(R"({"n":42})", 42)};
  EXPECT_EQ(encoded(append_history_reply, 5u, HistoryResult{publications, "xyzw", 43}),
            R"({"id":5,"history":{"publications":[{"data":{"n":41},"offset":41},)"
            R"({"data":{"n":42},"offset":42}],"epoch":"xyzw","offset":43}})");
}

TEST(JsonEncoder, EncodesErrors) {
  EXPECT_EQ(encoded(append_error_reply, 7u, kErrorMethodNotFound),
            R"({"id":7,"error":{"code":104,"message":"method not found"}})");
  EXPECT_EQ(encoded(append_error_reply, 7u, kErrorInternal),
            R"({"id":7,"error":{"code":100,"message":"internal server error","temporary":true}})");
}

TEST(JsonEncoder, EncodesTheOtherPushes) {
  EXPECT_EQ(encoded(append_unsubscribe_push, "news", kUnsubscribeInsufficient),
            R"({"push":{"channel":"news","unsubscribe":{"code":2500,)"
            R"("reason":"insufficient state"}}})");
  EXPECT_EQ(encoded(append_leave_push, "a", ClientInfo{"42", "c", "1", "2"}),
            R"({"push":{"channel":"a","leave":{"info":{"user":"42","client":"c",)"
            R"("conn_info":1,"chan_info":2}}}})");
  EXPECT_EQ(encoded(append_subscribe_push, "a", SubscribePush{true, "e", 5, true, "{}"}),
            R"({"push":{"channel":"a","subscribe":{"recoverable":true,"epoch":"e","offset":5,)"
            R"("positioned":true,"data":{}}}})");
  EXPECT_EQ(encoded(append_refresh_push, RefreshResult{true, 300}),
            R"({"push":{"refresh":{"expires":true,"ttl":300}}})");
  Publication publication;
  publication.data = "1";
  publication.version = 7;
  EXPECT_EQ(encoded(append_publication_push, "a", publication),
            R"({"push":{"channel":"a","pub":{"data":1,"version":7}}})");
  EXPECT_EQ(encoded(append_disconnect_push, kDisconnectBadRequest),
            R"({"push":{"disconnect":{"code":3501,"reason":"bad request"}}})");
  EXPECT_EQ(encoded(append_ping), "{}");
}

std::string json_string(std::string_view text) { return encoded(append_json_string, text); }

TEST(JsonString, EscapesWhatJsonDemands) {
  EXPECT_EQ(json_string(""), R"("")");
  EXPECT_EQ(json_string("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(json_string(std::string_view("\0\x01\x1F\b\f\n\r\t\x7F", 9)),
            "\"\\u0000\\u0001\\u001f\\u0008\\u000c\\n\\r\\t\x7F\"");
  EXPECT_EQ(json_string("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"),
            "\"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"");
}

TEST(JsonString, EscapesAtEveryAlignment) {
  for (std::size_t before = 0; before < 20; ++before) {
    for (std::size_t after = 0; after < 20; ++after) {
      const std::string head(before, 'x');
      const std::string tail(after, 'y');
      EXPECT_EQ(json_string(head + "\"" + tail), "\"" + head + "\\\"" + tail + "\"");
      EXPECT_EQ(json_string(head + "\xFF" + tail), "\"" + head + "\xEF\xBF\xBD" + tail + "\"");
      EXPECT_EQ(json_string(head + "\xC3\xA9" + tail), "\"" + head + "\xC3\xA9" + tail + "\"");
    }
  }
}

TEST(JsonString, ReplacesEachInvalidByte) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(json_string("\x80"), "\"" + r + "\"");
  EXPECT_EQ(json_string("\xC0\xAF"), "\"" + r + r + "\"");
  EXPECT_EQ(json_string("\xE0\x9F\xBF"), "\"" + r + r + r + "\"");
  EXPECT_EQ(json_string("\xED\xA0\x80"), "\"" + r + r + r + "\"");
  EXPECT_EQ(json_string("\xF0\x8F\xBF\xBF"), "\"" + r + r + r + r + "\"");
  EXPECT_EQ(json_string("\xF4\x90\x80\x80"), "\"" + r + r + r + r + "\"");
  EXPECT_EQ(json_string("\xF5\x80\x80\x80"), "\"" + r + r + r + r + "\"");
  EXPECT_EQ(json_string("\xE2\x82z"), "\"" + r + r + "z\"");
  EXPECT_EQ(json_string("\xF0\x9F\x98"), "\"" + r + r + r + "\"");
}

TEST(JsonString, AcceptsTheFirstAndLastCharacterOfEachLength) {
  for (const std::string_view text :
       {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(json_string(text), "\"" + std::string(text) + "\"");
  }
}

}  // namespace
}  // namespace sanjay::protocol
