// SPDX-License-Identifier: Apache-2.0
#include "protocol/json_decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::protocol {
namespace {

/// Holds the decoder a single command's views point into.
struct Decoded {
  explicit Decoded(std::string_view text) : message(text) {
    decoder.begin(message);
    auto result = decoder.next();
    if (result && *result) {
      command = *std::move(*result);
    } else {
      error = result ? std::string(result->error().reason) : "no command";
    }
  }

  template <class T>
  const T& as() const {
    EXPECT_TRUE(std::holds_alternative<T>(command.request)) << message << ": " << error;
    return std::get<T>(command.request);
  }

  std::string message;
  JsonDecoder decoder;
  Command command;
  std::string error;
};

using Outline = std::vector<std::string>;

constexpr std::string_view kNoCommand = "no command";

/// The next command's id, the reason of an error, or kNoCommand.
std::string next_id(JsonDecoder& decoder) {
  const auto command = decoder.next();
  if (!command) return std::string(kNoCommand);
  return *command ? std::to_string((*command)->id) : std::string(command->error().reason);
}

/// The ids of the commands in `message`, and at its end the reason of an error.
Outline outline(JsonDecoder& decoder, std::string_view message) {
  Outline seen;
  decoder.begin(message);
  for (auto id = next_id(decoder); id != kNoCommand; id = next_id(decoder)) seen.push_back(id);
  return seen;
}

TEST(JsonDecoder, DecodesConnect) {
  const Decoded d(
      R"({"id":1,"connect":{"token":"a.b.c","name":"js","version":"1.0","data":{"x": 1},)"
      R"("subs":{"#42":{"recover":true,"offset":7,"epoch":"e"},"n\u0065ws":{}},)"
      R"("headers":{"X-User":"42"},"flag":1}})");
  const auto& connect = d.as<ConnectRequest>();
  EXPECT_EQ(d.command.id, 1u);
  EXPECT_EQ(connect.token, "a.b.c");
  EXPECT_EQ(connect.name, "js");
  EXPECT_EQ(connect.version, "1.0");
  EXPECT_EQ(connect.data, R"({"x": 1})");
  ASSERT_EQ(connect.subs.size(), 2u);
  EXPECT_EQ(connect.subs[0].channel, "#42");
  EXPECT_TRUE(connect.subs[0].recover);
  EXPECT_EQ(connect.subs[0].offset, 7u);
  EXPECT_EQ(connect.subs[0].epoch, "e");
  EXPECT_EQ(connect.subs[1].channel, "news");
  ASSERT_EQ(connect.headers.size(), 1u);
  EXPECT_EQ(connect.headers[0].name, "X-User");
  EXPECT_EQ(connect.headers[0].value, "42");
}

TEST(JsonDecoder, DecodesAnEmptyConnect) {
  const Decoded d(R"({"id":1,"connect":{}})");
  const auto& connect = d.as<ConnectRequest>();
  EXPECT_TRUE(connect.token.empty() && connect.data.empty() && connect.subs.empty());
}

TEST(JsonDecoder, DecodesSubscribeWithEveryField) {
  const Decoded d(
      R"({"id":3,"subscribe":{"channel":"news","token":"t","recover":true,"epoch":"xyzw",)"
      R"("offset":18446744073709551615,"data":[1],"positioned":true,"recoverable":true,)"
      R"("join_leave":true,"delta":"fossil","flag":2,"type":4,"tf":{"op":"or","nodes":[)"
      R"({"key":"k","cmp":"in","vals":["a","\u0062"]},{"key":"l","cmp":"eq","val":"v"}]}}})");
  const auto& subscribe = d.as<SubscribeRequest>();
  EXPECT_EQ(d.command.id, 3u);
  EXPECT_EQ(subscribe.channel, "news");
  EXPECT_EQ(subscribe.token, "t");
  EXPECT_TRUE(subscribe.recover && subscribe.positioned && subscribe.recoverable &&
              subscribe.join_leave);
  EXPECT_EQ(subscribe.epoch, "xyzw");
  EXPECT_EQ(subscribe.offset, 18446744073709551615u);
  EXPECT_EQ(subscribe.data, "[1]");
  EXPECT_EQ(subscribe.delta, "fossil");
  EXPECT_EQ(subscribe.flags, kFlagRejectUnrecovered);
  EXPECT_EQ(subscribe.type, 4);
  ASSERT_TRUE(subscribe.tags_filter);
  EXPECT_EQ(subscribe.tags_filter->op, "or");
  ASSERT_EQ(subscribe.tags_filter->nodes.size(), 2u);
  EXPECT_EQ(subscribe.tags_filter->nodes[0].key, "k");
  EXPECT_EQ(subscribe.tags_filter->nodes[0].compare, "in");
  EXPECT_EQ(subscribe.tags_filter->nodes[0].values, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(subscribe.tags_filter->nodes[1].value, "v");
}

TEST(JsonDecoder, DecodesTheOtherRequests) {
  EXPECT_EQ(Decoded(R"({"id":8,"unsubscribe":{"channel":"a"}})").as<UnsubscribeRequest>().channel,
            "a");
  EXPECT_EQ(Decoded(R"({"id":8,"presence":{"channel":"b"}})").as<PresenceRequest>().channel, "b");
  EXPECT_EQ(
      Decoded(R"({"id":6,"presence_stats":{"channel":"c"}})").as<PresenceStatsRequest>().channel,
      "c");
  EXPECT_EQ(Decoded(R"({"id":9,"refresh":{"token":"t"}})").as<RefreshRequest>().token, "t");
  EXPECT_EQ(Decoded(R"({"send":{"data":{"a":1}}})").as<SendRequest>().data, R"({"a":1})");

  const Decoded publish(
      R"({"id":4,"publish":{"channel":"chat:index","data":{"t":"yo"},"type":1}})");
  EXPECT_EQ(publish.as<PublishRequest>().channel, "chat:index");
  EXPECT_EQ(publish.as<PublishRequest>().data, R"({"t":"yo"})");
  EXPECT_EQ(publish.as<PublishRequest>().type, 1);

  const Decoded rpc(R"({"id":7,"rpc":{"method":"getX","data":{}}})");
  EXPECT_EQ(rpc.as<RpcRequest>().method, "getX");
  EXPECT_EQ(rpc.as<RpcRequest>().data, "{}");

  const Decoded sub_refresh(R"({"id":7,"sub_refresh":{"channel":"a","token":"t","type":2}})");
  EXPECT_EQ(sub_refresh.as<SubRefreshRequest>().channel, "a");
  EXPECT_EQ(sub_refresh.as<SubRefreshRequest>().token, "t");
  EXPECT_EQ(sub_refresh.as<SubRefreshRequest>().type, 2);
}

TEST(JsonDecoder, DecodesHistory) {
  const Decoded since(
      R"({"id":5,"history":{"channel":"news","limit":2,"since":{"offset":40,"epoch":"xyzw"}}})");
  const auto& history = since.as<HistoryRequest>();
  EXPECT_EQ(history.channel, "news");
  EXPECT_EQ(history.limit, 2);
  EXPECT_TRUE(history.has_since);
  EXPECT_EQ(history.since_offset, 40u);
  EXPECT_EQ(history.since_epoch, "xyzw");
  EXPECT_FALSE(history.reverse);

  const Decoded all(R"({"id":5,"history":{"channel":"news","limit":-1,"reverse":true}})");
  EXPECT_EQ(all.as<HistoryRequest>().limit, -1);
  EXPECT_TRUE(all.as<HistoryRequest>().reverse);
  EXPECT_FALSE(all.as<HistoryRequest>().has_since);
}

TEST(JsonDecoder, TakesAnEmptyCommandForPong) {
  EXPECT_EQ(Decoded("{}").error, "");
  EXPECT_TRUE(std::holds_alternative<Pong>(Decoded("{}").command.request));
  EXPECT_TRUE(std::holds_alternative<Pong>(Decoded(R"({"id":0})").command.request));
  EXPECT_EQ(Decoded(R"({"unknown":[1]})").error, "");
}

TEST(JsonDecoder, RunsTheFirstRequestInDispatchOrder) {
  EXPECT_EQ(Decoded(R"({"id":1,"publish":{"channel":"p"},"subscribe":{"channel":"s"},"rpc":{}})")
                .as<SubscribeRequest>()
                .channel,
            "s");
  EXPECT_EQ(Decoded(R"({"sub_refresh":{},"id":1,"refresh":{},"send":{},"rpc":{"method":"m"}})")
                .as<RpcRequest>()
                .method,
            "m");
  EXPECT_EQ(Decoded(R"({"id":1,"ping":{},"connect":{"name":"js"}})").as<ConnectRequest>().name,
            "js");
}

TEST(JsonDecoder, RefusesWhatNoClientMaySend) {
  EXPECT_EQ(Decoded(R"({"id":1})").error, "command without request");
  EXPECT_EQ(Decoded(R"({"id":1,"unknown":{}})").error, "command without request");
  EXPECT_EQ(Decoded(R"({"id":1,"publish":null})").error, "command without request");
  EXPECT_EQ(Decoded(R"({"id":1,"ping":{}})").error, "ping is not a client command");
  EXPECT_EQ(Decoded(R"({"ping":{}})").error, "ping is not a client command");
  EXPECT_EQ(Decoded(R"({"id":1,"ping":{},"rpc":{}})").error, "ping is not a client command");
  EXPECT_EQ(Decoded(R"({"publish":{"channel":"a","data":1}})").error, "request without id");
}

TEST(JsonDecoder, RefusesWrongTypesOfKnownKeys) {
  for (const std::string_view message : {R"({"id":"1","connect":{}})",
                                         R"({"id":-1,"connect":{}})",
                                         R"({"id":4294967296,"rpc":{}})",
                                         R"({"id":1.0,"connect":{}})",
                                         R"({"id":1,"connect":[]})",
                                         R"({"id":1,"connect":""})",
                                         R"({"id":1,"connect":{"token":1}})",
                                         R"({"id":1,"connect":{"subs":[]}})",
                                         R"({"id":1,"connect":{"subs":{"a":1}}})",
                                         R"({"id":1,"connect":{"headers":{"a":1}}})",
                                         R"({"id":1,"subscribe":{"channel":{}}})",
                                         R"({"id":1,"subscribe":{"recover":1}})",
                                         R"({"id":1,"subscribe":{"offset":-1}})",
                                         R"({"id":1,"subscribe":{"offset":"1"}})",
                                         R"({"id":1,"subscribe":{"offset":18446744073709551616}})",
                                         R"({"id":1,"subscribe":{"tf":[]}})",
                                         R"({"id":1,"subscribe":{"tf":{"vals":"a"}}})",
                                         R"({"id":1,"subscribe":{"tf":{"nodes":[1]}}})",
                                         R"({"id":1,"history":{"since":1}})",
                                         R"({"id":1,"history":{"limit":2147483648}})",
                                         R"({"id":1,"history":{"reverse":"yes"}})",
                                         R"({"id":1,"unsubscribe":{"channel":1}})",
                                         R"({"id":1,"rpc":{"method":true}})",
                                         R"({"id":1,"send":5})",
                                         R"({"id":1,"refresh":{"token":{}}})",
                                         R"({"id":1,"sub_refresh":{"type":"0"}})",
                                         R"({"id":1,"connect":{},"publish":[]})"}) {
    EXPECT_NE(Decoded(message).error, "") << message;
  }
}

TEST(JsonDecoder, IgnoresUnknownKeysAndNullsAtEveryLevel) {
  const Decoded d(
      R"({"x":{"id":9},"id":2,"subscribe":{"y":[{"channel":"no"}],"channel":"a","token":null,)"
      R"("data":{},"tf":null},"publish":null,"z":1e999})");
  EXPECT_EQ(d.as<SubscribeRequest>().channel, "a");
  EXPECT_EQ(d.as<SubscribeRequest>().data, "{}");
  EXPECT_EQ(d.command.id, 2u);
}

TEST(JsonDecoder, LetsTheLastOfRepeatedKeysWin) {
  const Decoded d(R"({"id":1,"id":2,"publish":{"channel":"a","data":1},)"
                  R"("publish":{"channel":"b","channel":"c","data":{"k":1,"k":2}}})");
  EXPECT_EQ(d.command.id, 2u);
  EXPECT_EQ(d.as<PublishRequest>().channel, "c");
  EXPECT_EQ(d.as<PublishRequest>().data, R"({"k":1,"k":2})");
}

TEST(JsonDecoder, StartsARepeatedConnectFromNothing) {
  const Decoded d(
      R"({"id":1,"connect":{"token":"t","subs":{"a":{}},"headers":{"h":"v"}},"connect":{}})");
  EXPECT_EQ(d.as<ConnectRequest>().token, "");
  EXPECT_TRUE(d.as<ConnectRequest>().subs.empty());
  EXPECT_TRUE(d.as<ConnectRequest>().headers.empty());
}

TEST(JsonDecoder, UnescapesStringsAndKeysButNotData) {
  const Decoded d(
      R"({"\u0069d":1,"p\u0075blish":{"channel":"a\u003ab\n\ud83d\ude00","data":"\u0041"}})");
  EXPECT_EQ(d.command.id, 1u);
  EXPECT_EQ(d.as<PublishRequest>().channel, "a:b\n\xF0\x9F\x98\x80");
  EXPECT_EQ(d.as<PublishRequest>().data, R"("\u0041")");
}

TEST(JsonDecoder, RemovesCarriageReturnsFromData) {
  const Decoded d("\r{\"id\":1,\r\"publish\":{\"data\":[1,\r 2]\r,\"channel\":\"\\u0061\"}}\r");
  EXPECT_EQ(d.as<PublishRequest>().data, "[1, 2]");
  EXPECT_EQ(d.as<PublishRequest>().channel, "a");
}

TEST(JsonDecoder, RefusesBrokenJsonInsideData) {
  for (const std::string_view data :
       {"nul", "tru", "01", "1.", "[1 2]", "{\"a\" 1}", "{\"a\":1,}", "\"\\x\"", "\"\\ud83\"",
        "\"\t\"", "[1", "1]", "", "\"\xFF\"", "NaN"}) {
    const std::string message =
        R"({"id":1,"publish":{"channel":"a","data":)" + std::string(data) + "}}";
    EXPECT_NE(Decoded(message).error, "") << message;
  }
}

TEST(JsonDecoder, RefusesMessagesThatAreNoCommands) {
  for (const std::string_view message :
       {"", "\n", " ", "[]", "1", "null", "\"{}\"", "{", "{}{}", "{} {}", "{},", "{}x",
        "\xEF\xBB\xBF{}", "{\"id\":1,\n\"connect\":{}}"}) {
    EXPECT_NE(Decoded(message).error, "") << message;
  }
}

TEST(JsonDecoder, SplitsCommandsAtSingleLineBreaks) {
  JsonDecoder decoder;
  const std::string a = R"({"id":1,"rpc":{}})";
  const std::string b = R"({"id":2,"rpc":{}})";
  EXPECT_EQ(outline(decoder, a + "\n" + b), (Outline{"1", "2"}));
  EXPECT_EQ(outline(decoder, a + "\n" + b + "\n"), (Outline{"1", "2"}));
  EXPECT_EQ(outline(decoder, a + "\r\n" + b), (Outline{"1", "2"}));
  EXPECT_EQ(outline(decoder, a + "\n\n" + b), (Outline{"1", "object expected"}));
  EXPECT_EQ(outline(decoder, a + "\n\n"), (Outline{"1", "object expected"}));
  EXPECT_EQ(outline(decoder, "\n" + a), (Outline{"object expected"}));
  EXPECT_EQ(outline(decoder, a + "\n \n" + b), (Outline{"1", "object expected"}));
}

TEST(JsonDecoder, DropsTheRestAfterAnError) {
  JsonDecoder decoder;
  decoder.begin("{}\n{\n{}");
  EXPECT_EQ(next_id(decoder), "0");
  EXPECT_EQ(next_id(decoder), "string expected");
  EXPECT_EQ(decoder.rest(), "");
  EXPECT_FALSE(decoder.next());
}

TEST(JsonDecoder, HasNothingBeforeTheFirstMessage) {
  JsonDecoder decoder;
  EXPECT_FALSE(decoder.next());
  EXPECT_EQ(decoder.rest(), "");
}

TEST(JsonDecoder, GoesOnFromTheSavedRest) {
  for (const std::string_view end : {"", "\n", "\n\n", "\nx"}) {
    const std::string message =
        "{\"id\":1,\"rpc\":{}}\n{}\n{\"id\":3,\"rpc\":{}}" + std::string(end);
    JsonDecoder reference;
    const Outline expected = outline(reference, message);
    for (std::size_t stop = 1; stop <= 3; ++stop) {
      JsonDecoder decoder;
      Outline seen;
      decoder.begin(message);
      for (std::size_t i = 0; i < stop; ++i) seen.push_back(next_id(decoder));
      const std::string saved(decoder.rest());
      EXPECT_EQ(outline(decoder, "{}"), Outline{"0"}) << "another connection in between";
      if (!saved.empty()) {
        const Outline later = outline(decoder, saved);
        seen.insert(seen.end(), later.begin(), later.end());
      }
      EXPECT_EQ(seen, expected);
    }
  }
}

TEST(JsonDecoder, LimitsDepthAndKeysOfACommand) {
  const auto with_data = [](const std::string& data) {
    return R"({"id":1,"publish":{"channel":"a","data":)" + data + "}}";
  };
  // The command and its request are the first two levels.
  EXPECT_EQ(Decoded(with_data(std::string(30, '[') + std::string(30, ']'))).error, "");
  EXPECT_EQ(Decoded(with_data(std::string(31, '[') + std::string(31, ']'))).error,
            "nested too deep");
  EXPECT_EQ(Decoded(with_data(std::string(10'000, '[') + std::string(10'000, ']'))).error,
            "nested too deep");
  std::string filter = "{}";
  for (int i = 0; i < 10'000; ++i) filter = R"({"nodes":[)" + filter + "]}";
  EXPECT_EQ(Decoded(R"({"id":1,"subscribe":{"tf":)" + filter + "}}").error, "nested too deep");

  std::string subs;
  for (int i = 0; i < 256; ++i) {
    subs += (i == 0 ? "\"c" : ",\"c") + std::to_string(i) + "\":{}";
  }
  EXPECT_EQ(Decoded(R"({"id":1,"connect":{"subs":{)" + subs + "}}}").error, "");
  EXPECT_EQ(Decoded(R"({"id":1,"connect":{"subs":{)" + subs + R"(,"x":{}}}})").error,
            "too many keys in one object");
}

TEST(JsonDecoder, ReadsCommandsOfAnySize) {
  const std::string data = "\"" + std::string(1'000'000, 'x') + "\\n\"";
  const Decoded d(R"({"id":1,"publish":{"channel":"\u0061","data":)" + data + "}}");
  EXPECT_EQ(d.as<PublishRequest>().channel, "a");
  EXPECT_EQ(d.as<PublishRequest>().data, data);
}

}  // namespace
}  // namespace sanjay::protocol
