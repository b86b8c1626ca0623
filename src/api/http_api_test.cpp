// SPDX-License-Identifier: Apache-2.0
#include "api/http_api.h"

#include "api/fakes_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::api {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

constexpr std::string_view kKey = "a key of the tests";
constexpr std::string_view kDone = "{\"result\":{}}";
constexpr std::string_view kBusyError =
    "{\"error\":{\"code\":111,\"message\":\"too many requests\"}}";

// Publications are accepted at once, except to channels that begin with "t".
class HttpApiTest : public testing::Test {
 protected:
  HttpApiTest() { channels_.otherwise = hub::Published{}; }

  std::optional<std::string> ask(std::string_view path, std::string_view body,
                                 core::ConnectionId connection = kConnection) {
    http::RequestHead head;
    head.method = method_;
    head.path = path;
    head.query = query_;
    head.headers = headers_;
    head.keep_alive = keep_alive_;
    return api_.respond(head, body, connection, {});
  }
  /// The whole answer, which has to be there at once.
  std::string answer(std::string_view path, std::string_view body) {
    return ask(path, body).value_or("nothing yet");
  }
  static std::string body_of(std::string_view response) {
    return std::string(response.substr(response.find("\r\n\r\n") + 4));
  }
  static int status_of(std::string_view response) {
    return std::stoi(std::string(response.substr(response.find(' ') + 1, 3)));
  }
  /// The answer to the oldest publication that waits for one.
  void decide(hub::Answer answer) {
    ASSERT_FALSE(channels_.asked.empty());
    const std::uint32_t request = channels_.asked.front().reply_to.request;
    channels_.asked.pop_front();
    auto response = api_.on_answer(request, std::move(answer));
    if (response) late_.push_back(*std::move(response));
  }
  static std::string list_of(const std::vector<std::string>& channels) {
    std::string list = "{\"data\":1,\"channels\":[";
    for (const std::string& channel : channels) {
      list.append(list.back() == '[' ? "\"" : ",\"").append(channel).append("\"");
    }
    return list + "]}";
  }
  void expect_error(std::string_view path, std::string_view body, int code) {
    const std::string response = answer(path, body);
    EXPECT_EQ(status_of(response), 200) << path << body;
    EXPECT_THAT(response, HasSubstr("Content-Type: application/json\r\n"));
    EXPECT_THAT(body_of(response), StartsWith("{\"error\":{\"code\":" + std::to_string(code)))
        << path << body;
  }

  static constexpr core::ConnectionId kConnection{3, 1, 0};

  HttpApiOptions options_{std::string(kKey), true, 255, 10, ErrorMode::Body};
  FakeNode node_;
  FakeChannels channels_;
  HttpApi api_{options_, channels_, node_};
  std::vector<std::string> late_;  // responses that came later
  std::string_view method_ = "POST";
  std::string_view query_;
  http::Headers headers_;
  bool keep_alive_ = true;
};

TEST_F(HttpApiTest, OnlyPostIsAnswered) {
  for (const std::string_view method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
    method_ = method;
    const std::string response = answer("/api/publish", "{\"channel\":\"news\",\"data\":1}");
    EXPECT_EQ(status_of(response), 405);
    EXPECT_THAT(response, HasSubstr("Allow: POST\r\n"));
  }
  EXPECT_THAT(channels_.all, IsEmpty());
}

TEST_F(HttpApiTest, UnknownMethodsAreNotFound) {
  for (const std::string_view path :
       {"/api/", "/api/unknown", "/api/publish/", "/api/publish/more", "/api/Publish"}) {
    EXPECT_EQ(status_of(answer(path, "{}")), 404) << path;
  }
}

TEST_F(HttpApiTest, TheKeyMayStandInThreePlaces) {
  options_.insecure = false;
  const std::string bearer = "ApiKey " + std::string(kKey);
  headers_.add("x-api-key", kKey);
  EXPECT_EQ(status_of(answer("/api/info", "{}")), 200);
  headers_ = {};
  headers_.add("Authorization", bearer);
  EXPECT_EQ(status_of(answer("/api/info", "{}")), 200);
  headers_ = {};
  query_ = "a=b&api_key=a+key%20of+the+tests";
  EXPECT_EQ(status_of(answer("/api/info", "{}")), 200);
  EXPECT_EQ(api_.stats().unauthorized.value(), 0U);
}

TEST_F(HttpApiTest, AWrongKeyOpensNothing) {
  options_.insecure = false;
  const std::string longer = std::string(kKey) + "x";
  const std::string bearer = "Bearer " + std::string(kKey);
  const std::vector<std::pair<std::string_view, std::string_view>> wrong{
      {"X-API-Key", ""},
      {"X-API-Key", "wrong"},
      {"X-API-Key", "A key of the tests"},
      {"X-API-Key", kKey.substr(1)},
      {"X-API-Key", kKey.substr(0, kKey.size() - 1)},
      {"X-API-Key", longer},
      {"Authorization", ""},
      {"Authorization", kKey},
      {"Authorization", bearer},
      {"Authorization", "apikey "},
      {"Authorization", "apikey wrong"},
      {"Cookie", kKey},
  };
  for (const auto& [name, value] : wrong) {
    headers_ = {};
    headers_.add(name, value);
    for (const std::string_view method : kMethodNames) {
      const std::string response =
          answer(std::string(HttpApi::kPrefix) + std::string(method), "{\"user\":\"ann\"}");
      EXPECT_EQ(status_of(response), 401) << name << ": " << value;
      EXPECT_EQ(body_of(response), "");
    }
  }
  headers_ = {};
  for (const std::string_view query : {"", "api_key=", "api_key=wrong", "api_key", "key=x"}) {
    query_ = query;
    EXPECT_EQ(status_of(answer("/api/disconnect", "{\"user\":\"ann\"}")), 401) << query;
  }
  EXPECT_THAT(node_.asked, IsEmpty());
  EXPECT_EQ(api_.stats().unauthorized.value(), wrong.size() * kMethodNames.size() + 5);
  for (const auto& calls : api_.stats().calls) EXPECT_EQ(calls.value(), 0U);
  // Whoever has no key does not even learn which methods there are.
  EXPECT_EQ(status_of(answer("/api/unknown", "{}")), 401);
}

TEST_F(HttpApiTest, TheFirstPlaceThatHoldsAnythingDecides) {
  options_.insecure = false;
  const std::string scheme = "apikey " + std::string(kKey);
  headers_.add("X-API-Key", "wrong");
  headers_.add("Authorization", scheme);
  query_ = "api_key=a+key+of+the+tests";
  EXPECT_EQ(status_of(answer("/api/info", "{}")), 401);
  headers_ = {};
  headers_.add("Authorization", "apikey wrong");
  EXPECT_EQ(status_of(answer("/api/info", "{}")), 401);
}

TEST_F(HttpApiTest, WithoutAKeyItIsClosedToAll) {
  options_ = {};
  for (const std::string_view key : {"", "x"}) {
    headers_ = {};
    headers_.add("X-API-Key", key);
    EXPECT_EQ(status_of(answer("/api/info", "{}")), 401);
  }
  headers_ = {};
  query_ = "api_key=";
  EXPECT_EQ(status_of(answer("/api/info", "{}")), 401);
}

TEST_F(HttpApiTest, ANewKeyTakesTheOldOnesPlace) {
  HttpApiOptions other;
  other.key = "another";
  api_.set_options(other);
  headers_.add("X-API-Key", kKey);
  EXPECT_EQ(status_of(answer("/api/info", "{}")), 401);
  headers_ = {};
  headers_.add("X-API-Key", "another");
  EXPECT_EQ(status_of(answer("/api/info", "{}")), 200);
}

TEST_F(HttpApiTest, BodiesThatAreNoRequestAreRefusedWithAReason) {
  for (const std::string_view method : kMethodNames) {
    const std::string path = std::string(HttpApi::kPrefix) + std::string(method);
    for (const std::string_view body : {"", "{", "[1]", "{} x", "null", "{\"a\":tru}"}) {
      const std::string response = answer(path, body);
      EXPECT_EQ(status_of(response), 400) << path << " " << body;
      EXPECT_THAT(response, HasSubstr("Content-Type: text/plain"));
      EXPECT_GT(body_of(response).size(), 1U) << path << " " << body;
    }
  }
  const std::vector<std::pair<std::string_view, std::string_view>> wrong{
      {"/api/publish", R"({"channel":1,"data":1})"},
      {"/api/broadcast", R"({"channels":"a","data":1})"},
      {"/api/broadcast", R"({"channels":["a",1],"data":1})"},
      {"/api/unsubscribe", R"({"user":1})"},
      {"/api/disconnect", R"({"user":"ann","disconnect":3000})"},
      {"/api/disconnect", R"({"user":"ann","disconnect":{"code":"3000"}})"},
      {"/api/disconnect", R"({"user":"ann","disconnect":{"code":-1}})"},
      {"/api/disconnect", R"({"user":"ann","whitelist":"x"})"},
      {"/api/channels", R"({"pattern":[]})"},
  };
  for (const auto& [path, body] : wrong) EXPECT_EQ(status_of(answer(path, body)), 400) << body;
  EXPECT_THAT(node_.asked, IsEmpty());
}

TEST_F(HttpApiTest, RequestsThatMeanNothingAreErrors) {
  const std::string long_name = "\"" + std::string(256, 'x') + "\"";
  const std::string long_reason = "\"" + std::string(124, 'x') + "\"";
  expect_error("/api/publish", R"({"data":1})", 107);
  expect_error("/api/publish", R"({"channel":"","data":1})", 107);
  expect_error("/api/publish", R"({"channel":"news"})", 107);
  expect_error("/api/publish", R"({"channel":"news","b64data":"?"})", 107);
  expect_error("/api/publish", "{\"data\":1,\"channel\":" + long_name + "}", 107);
  expect_error("/api/publish", R"({"channel":"no:such","data":1})", 102);
  expect_error("/api/broadcast", R"({"data":1})", 107);
  expect_error("/api/broadcast", R"({"channels":[],"data":1})", 107);
  expect_error("/api/unsubscribe", R"({"channel":"news"})", 107);
  expect_error("/api/disconnect", "{}", 107);
  for (const std::string_view code : {"1", "1000", "2999", "5000", "4294967295"}) {
    expect_error("/api/disconnect",
                 "{\"user\":\"ann\",\"disconnect\":{\"code\":" + std::string(code) + "}}", 107);
  }
  expect_error("/api/disconnect",
               "{\"user\":\"ann\",\"disconnect\":{\"code\":4000,\"reason\":" + long_reason + "}}",
               107);
  EXPECT_THAT(node_.asked, IsEmpty());
  EXPECT_THAT(channels_.all, IsEmpty());
}

TEST_F(HttpApiTest, PublishesAtOnce) {
  const std::string response = answer("/api/publish", R"({"channel":"here","data":{ "n" : 1 }})");
  EXPECT_EQ(status_of(response), 200);
  EXPECT_THAT(response, HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_EQ(body_of(response), kDone);
  EXPECT_EQ(channels_.last.channel, "here");
  EXPECT_EQ(channels_.last.data, "{ \"n\" : 1 }");
}

TEST_F(HttpApiTest, NullMayBePublished) {
  EXPECT_EQ(body_of(answer("/api/publish", R"({"channel":"here","data":null})")), kDone);
  EXPECT_EQ(channels_.last.data, "null");
}

TEST_F(HttpApiTest, TheConnectionEndsIfTheClientWantsItTo) {
  keep_alive_ = false;
  EXPECT_THAT(answer("/api/info", "{}"), HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer("/api/publish", "{"), HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer("/api/publish", "{}"), HasSubstr("Connection: close\r\n"));
}

TEST_F(HttpApiTest, AnswersLateWhenItIsDecidedLate) {
  const std::string body = R"({"channel":"there","data":1})";
  EXPECT_FALSE(ask("/api/publish", body));
  EXPECT_THAT(late_, IsEmpty());
  decide(hub::Published{});
  ASSERT_THAT(late_, SizeIs(1));
  EXPECT_EQ(status_of(late_[0]), 200);
  EXPECT_EQ(body_of(late_[0]), kDone);

  EXPECT_FALSE(ask("/api/publish", body));
  decide(hub::Busy{});
  ASSERT_THAT(late_, SizeIs(2));
  EXPECT_EQ(status_of(late_[1]), 429);
  EXPECT_THAT(late_[1], HasSubstr("Retry-After: 1\r\n"));
}

TEST_F(HttpApiTest, FullQueuesAre429) {
  constexpr std::string_view kBody = R"({"channel":"here","data":1})";
  for (const hub::Answer& full :
       {hub::Answer(hub::Busy{}), hub::Answer(hub::Failure::Overloaded)}) {
    channels_.at_once = {full};
    const std::string refused = answer("/api/publish", kBody);
    EXPECT_EQ(status_of(refused), 429);
    EXPECT_THAT(refused, HasSubstr("Retry-After: 1\r\n"));
  }
  EXPECT_EQ(status_of(answer("/api/publish", kBody)), 200);
}

TEST_F(HttpApiTest, BroadcastAnswersForEachChannelInItsPlace) {
  EXPECT_FALSE(ask("/api/broadcast", list_of({"there", "no:such", "here", "", "there"})));
  ASSERT_THAT(channels_.asked, SizeIs(2));
  EXPECT_EQ(channels_.asked[0].data, "1");
  decide(hub::Busy{});
  EXPECT_THAT(late_, IsEmpty());
  decide(hub::Published{});
  ASSERT_THAT(late_, SizeIs(1));
  EXPECT_EQ(body_of(late_[0]), "{\"result\":{\"responses\":[" + std::string(kBusyError) +
                                   ",{\"error\":{\"code\":102,\"message\":\"unknown channel\"}}," +
                                   std::string(kDone) +
                                   ",{\"error\":{\"code\":107,\"message\":\"bad request\"}}," +
                                   std::string(kDone) + "]}}");
  EXPECT_THAT(channels_.all, ElementsAre("publish there", "publish here", "publish there"));
}

TEST_F(HttpApiTest, ABroadcastThatNeedsNobodyElseIsAnsweredAtOnce) {
  const std::string body = list_of({"a", "b"});
  EXPECT_EQ(body_of(answer("/api/broadcast", body)),
            "{\"result\":{\"responses\":[{\"result\":{}},{\"result\":{}}]}}");
  EXPECT_THAT(channels_.all, SizeIs(2));
}

TEST_F(HttpApiTest, ABroadcastAsksOnlyAWindowOfThemAtATime) {
  constexpr std::size_t kChannels = 3 * Commands::kWindow + 7;
  std::vector<std::string> channels;
  for (std::size_t i = 0; i < kChannels; ++i) channels.push_back("t" + std::to_string(i));
  EXPECT_FALSE(ask("/api/broadcast", list_of(channels)));
  std::size_t decided = 0;
  for (; late_.empty(); ++decided) {
    ASSERT_LE(channels_.asked.size(), Commands::kWindow);
    ASSERT_FALSE(channels_.asked.empty());
    EXPECT_EQ(channels_.asked.front().channel, channels[decided]);
    const bool last = decided == kChannels - 1;
    decide(last ? hub::Answer(hub::Busy{}) : hub::Answer(hub::Published{}));
  }
  EXPECT_EQ(decided, kChannels);
  ASSERT_THAT(late_, SizeIs(1));
  std::string expected = "{\"result\":{\"responses\":[";
  for (std::size_t i = 0; i + 1 < kChannels; ++i) expected.append(kDone).append(",");
  EXPECT_EQ(body_of(late_[0]), expected + std::string(kBusyError) + "]}}");
}

TEST_F(HttpApiTest, ABroadcastWhoseConnectionIsGoneIsForgotten) {
  const std::string there = "there";
  EXPECT_FALSE(ask("/api/broadcast", list_of({there, there})));
  decide(hub::Published{});
  api_.forget(kConnection);

  // The slot's next tenant does the same; what was decided for the first is not its own.
  const core::ConnectionId next{kConnection.slot, kConnection.generation + 1, 0};
  EXPECT_FALSE(ask("/api/broadcast", list_of({there, there}), next));
  decide(hub::Busy{});  // of the connection that is gone
  EXPECT_THAT(late_, IsEmpty());
  decide(hub::Published{});
  EXPECT_THAT(late_, IsEmpty());
  decide(hub::Published{});
  ASSERT_THAT(late_, SizeIs(1));
  EXPECT_EQ(body_of(late_[0]), "{\"result\":{\"responses\":[{\"result\":{}},{\"result\":{}}]}}");
}

TEST_F(HttpApiTest, DisconnectAsksEveryShardAndAnswersOnceAllHave) {
  EXPECT_FALSE(ask("/api/disconnect", R"({"user":"ann","client":"c-1","whitelist":["c-2"]})"));
  ASSERT_THAT(node_.asked, SizeIs(1));
  const auto& [task, number] = node_.asked[0];
  const auto& disconnect = std::get<DisconnectClients>(task);
  EXPECT_EQ(disconnect.clients.user, "ann");
  EXPECT_EQ(disconnect.clients.client, "c-1");
  EXPECT_THAT(disconnect.clients.whitelist, ElementsAre("c-2"));
  EXPECT_EQ(disconnect.code, 3503);
  EXPECT_EQ(disconnect.reason, "force disconnect");

  EXPECT_FALSE(api_.on_shard_answer(number, {}));
  EXPECT_FALSE(api_.on_shard_answer(number + 1, {}));  // of nobody's task
  const auto done = api_.on_shard_answer(number, {});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->connection, kConnection);
  EXPECT_EQ(body_of(done->response), kDone);
  EXPECT_FALSE(api_.on_shard_answer(number, {}));
}

TEST_F(HttpApiTest, DisconnectTakesTheCodesAnApplicationMayUse) {
  for (const std::string_view code : {"3000", "3500", "4000", "4999"}) {
    EXPECT_FALSE(
        ask("/api/disconnect", "{\"user\":\"ann\",\"disconnect\":{\"code\":" + std::string(code) +
                                   ",\"reason\":\"" + std::string(123, 'x') + "\"}}"));
    const auto& disconnect = std::get<DisconnectClients>(node_.asked.back().first);
    EXPECT_EQ(std::to_string(disconnect.code), code);
    EXPECT_EQ(disconnect.reason, std::string(123, 'x'));
  }
}

TEST_F(HttpApiTest, UnsubscribeNamesOneChannelOrAll) {
  EXPECT_FALSE(ask("/api/unsubscribe", R"({"user":"ann","channel":"news"})"));
  EXPECT_FALSE(ask("/api/unsubscribe", R"({"client":"c-1"})"));
  ASSERT_THAT(node_.asked, SizeIs(2));
  const auto& one = std::get<UnsubscribeClients>(node_.asked[0].first);
  EXPECT_EQ(one.clients.user, "ann");
  EXPECT_EQ(one.channel, "news");
  const auto& all = std::get<UnsubscribeClients>(node_.asked[1].first);
  EXPECT_EQ(all.clients.client, "c-1");
  EXPECT_EQ(all.channel, "");
}

TEST_F(HttpApiTest, TasksUnderWayAreToldApart) {
  const core::ConnectionId other{4, 1, 0};
  EXPECT_FALSE(ask("/api/disconnect", R"({"user":"ann"})"));
  EXPECT_FALSE(ask("/api/channels", "{}", other));
  const std::uint32_t first = node_.asked[0].second;
  const std::uint32_t second = node_.asked[1].second;
  EXPECT_NE(first, second);
  EXPECT_FALSE(api_.on_shard_answer(second, {{{"news", 1}}}));
  EXPECT_FALSE(api_.on_shard_answer(first, {}));
  const auto listed = api_.on_shard_answer(second, {});
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->connection, other);
  EXPECT_EQ(body_of(listed->response),
            "{\"result\":{\"channels\":{\"news\":{\"num_clients\":1}}}}");
  EXPECT_EQ(body_of(api_.on_shard_answer(first, {})->response), kDone);
}

TEST_F(HttpApiTest, TooManyTasksUnderWayAre429) {
  node_.answers = 0;
  for (const std::string_view path : {"/api/disconnect", "/api/unsubscribe", "/api/channels"}) {
    const std::string response = answer(path, "{\"user\":\"ann\"}");
    EXPECT_EQ(status_of(response), 429) << path;
    EXPECT_THAT(response, HasSubstr("Retry-After: 1\r\n"));
  }
  node_.answers = 1;
  EXPECT_FALSE(ask("/api/channels", "{}"));
}

TEST_F(HttpApiTest, ChannelsAreMergedOverTheShards) {
  EXPECT_FALSE(ask("/api/channels", R"({"pattern":"n*"})"));
  const auto& list = std::get<ListChannels>(node_.asked[0].first);
  EXPECT_EQ(list.pattern, "n*");
  EXPECT_EQ(list.channels_max, options_.channels_max);
  const std::uint32_t number = node_.asked[0].second;
  EXPECT_FALSE(api_.on_shard_answer(number, {{{"news", 2}, {"n\"1\"", 1}}}));
  const auto done = api_.on_shard_answer(number, {{{"news", 3}, {"nights", 4}}});
  ASSERT_TRUE(done);
  EXPECT_EQ(body_of(done->response),
            R"({"result":{"channels":{"n\"1\"":{"num_clients":1},"news":{"num_clients":5},)"
            R"("nights":{"num_clients":4}}}})");
}

TEST_F(HttpApiTest, NoChannelsAreAnEmptyList) {
  node_.answers = 1;
  EXPECT_FALSE(ask("/api/channels", "{}"));
  EXPECT_EQ(body_of(api_.on_shard_answer(node_.asked[0].second, {})->response),
            "{\"result\":{\"channels\":{}}}");
}

TEST_F(HttpApiTest, MoreChannelsThanAllowedAreError106) {
  const auto list = [&](std::size_t channels, bool truncated) {
    EXPECT_FALSE(ask("/api/channels", "{}"));
    const std::uint32_t number = node_.asked.back().second;
    ShardAnswer one;
    ShardAnswer two;
    one.truncated = truncated;
    for (std::size_t i = 0; i < channels; ++i) {
      (i % 2 == 0 ? one : two).channels["c" + std::to_string(i)] = 1;
    }
    EXPECT_FALSE(api_.on_shard_answer(number, std::move(one)));
    return body_of(api_.on_shard_answer(number, std::move(two))->response);
  };
  const std::string error = "{\"error\":{\"code\":106,\"message\":\"limit exceeded\"}}";
  EXPECT_THAT(list(options_.channels_max, false), StartsWith("{\"result\":"));
  EXPECT_EQ(list(options_.channels_max + 1, false), error);
  EXPECT_EQ(list(2, true), error);
}

// The golden vectors of the HTTP API, in both error modes.

TEST_F(HttpApiTest, ErrorsStandInTheBodyUnlessTheCallerWantsTheStatus) {
  const std::string publish = R"({"channel":"no:such","data":1})";
  EXPECT_EQ(status_of(answer("/api/publish", publish)), 200);
  EXPECT_EQ(body_of(answer("/api/publish", publish)),
            R"({"error":{"code":102,"message":"unknown channel"}})");
  headers_.add("x-centrifugo-error-mode", "transport");
  const std::string response = answer("/api/publish", publish);
  EXPECT_EQ(status_of(response), 404);
  EXPECT_THAT(response, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_EQ(body_of(response), R"({"code":102,"message":"unknown channel"})");
  EXPECT_EQ(status_of(answer("/api/rpc", R"({"method":"x"})")), 404);
  EXPECT_EQ(status_of(answer("/api/publish", "{}")), 400);
  EXPECT_EQ(body_of(answer("/api/publish", "{}")), R"({"code":107,"message":"bad request"})");
  EXPECT_EQ(body_of(answer("/api/presence", R"({"channel":"a"})")),
            R"({"code":108,"message":"not available"})");
  EXPECT_EQ(status_of(answer("/api/presence", R"({"channel":"a"})")), 400);
  EXPECT_EQ(body_of(answer("/api/publish", R"({"channel":"here","data":1})")), kDone);
}

TEST_F(HttpApiTest, TheErrorModeMayBeAnOption) {
  headers_.add("X-Centrifugo-Error-Mode", "anything else");
  EXPECT_EQ(status_of(answer("/api/publish", "{}")), 200);
  HttpApiOptions other = options_;
  other.error_mode = ErrorMode::Transport;
  api_.set_options(other);
  EXPECT_EQ(status_of(answer("/api/publish", "{}")), 400);
}

TEST_F(HttpApiTest, ErrorsThatComeLaterHaveTheirStatusToo) {
  headers_.add("X-Centrifugo-Error-Mode", "transport");
  EXPECT_FALSE(ask("/api/channels", "{}"));
  const std::uint32_t number = node_.asked[0].second;
  EXPECT_FALSE(api_.on_shard_answer(number, {.truncated = true}));
  const auto done = api_.on_shard_answer(number, {});
  ASSERT_TRUE(done);
  EXPECT_EQ(status_of(done->response), 400);
  EXPECT_EQ(body_of(done->response), R"({"code":106,"message":"limit exceeded"})");

  EXPECT_FALSE(ask("/api/publish", R"({"channel":"there","data":1})"));
  decide(hub::Busy{});
  ASSERT_THAT(late_, SizeIs(1));
  EXPECT_EQ(status_of(late_[0]), 429);
}

TEST_F(HttpApiTest, BatchHasNoEnvelope) {
  constexpr std::string_view body =
      R"({"commands":[{"publish":{"channel":"a","data":{}}},{"presence":{"channel":"a"}},)"
      R"({"broadcast":{"channels":["a","nope:b"],"data":{}}},{}]})";
  const std::string expected =
      R"({"replies":[{"publish":{}},{"error":{"code":108,"message":"not available"}},)"
      R"({"broadcast":{"responses":[{"result":{}},)"
      R"({"error":{"code":102,"message":"unknown channel"}}]}},)"
      R"({"error":{"code":104,"message":"not found"}}]})";
  EXPECT_EQ(body_of(answer("/api/batch", body)), expected);
  headers_.add("X-Centrifugo-Error-Mode", "transport");
  const std::string response = answer("/api/batch", body);
  EXPECT_EQ(status_of(response), 200);  // the errors are the commands', not the batch's
  EXPECT_EQ(body_of(response), expected);
  EXPECT_EQ(body_of(answer("/api/batch", "{}")), "{}");
  EXPECT_EQ(api_.stats().calls.back().value(), 3U);
  EXPECT_EQ(api_.stats().calls[0].value(), 2U);
}

TEST_F(HttpApiTest, BatchWaitsForAllOfIt) {
  const std::string there = "there";
  const std::string publish = "{\"publish\":{\"channel\":\"" + there + "\",\"data\":1}}";
  EXPECT_FALSE(ask("/api/batch", "{\"parallel\":true,\"commands\":[" + publish + "," + publish +
                                     ",{\"disconnect\":{\"user\":\"ann\"}}]}"));
  ASSERT_THAT(channels_.asked, SizeIs(2));
  decide(hub::Busy{});
  decide(hub::Published{});
  EXPECT_THAT(late_, IsEmpty());
  const std::uint32_t number = node_.asked.at(0).second;
  EXPECT_FALSE(api_.on_shard_answer(number, {}));
  const auto done = api_.on_shard_answer(number, {});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->connection, kConnection);
  EXPECT_EQ(body_of(done->response),
            "{\"replies\":[" + std::string(kBusyError) + R"(,{"publish":{}},{"disconnect":{}}]})");
}

TEST_F(HttpApiTest, AStreamOfCommandsIsAnsweredLineByLine) {
  const std::string here = "here";
  const std::string response =
      answer("/api", "{\"id\":7,\"method\":\"publish\",\"params\":{\"channel\":\"" + here +
                         "\",\"data\":1}}\n{\"method\":\"PRESENCE\",\"params\":{\"channel\":\"" +
                         here + "\"}}{\"id\":9,\"method\":\"none\"}");
  EXPECT_EQ(status_of(response), 200);
  EXPECT_THAT(response, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_EQ(body_of(response),
            "{\"id\":7,\"result\":{}}\n"
            "{\"error\":{\"code\":108,\"message\":\"not available\"}}\n"
            "{\"id\":9,\"error\":{\"code\":104,\"message\":\"not found\"}}");
  EXPECT_EQ(status_of(answer("/api", "")), 400);
  EXPECT_EQ(status_of(answer("/api", "{} x")), 400);
  options_.insecure = false;
  EXPECT_EQ(status_of(answer("/api", "{}")), 401);
}

TEST_F(HttpApiTest, NothingOfABatchIsDoneThatCannotBeReadAsAWhole) {
  const std::string here = "here";
  const std::string publish = "{\"publish\":{\"channel\":\"" + here + "\",\"data\":1}}";
  EXPECT_EQ(status_of(answer("/api/batch", "{\"commands\":[" + publish + ",1]}")), 400);
  EXPECT_EQ(status_of(answer("/api", "{\"method\":\"publish\",\"params\":{\"channel\":\"" + here +
                                         "\",\"data\":1}} 1")),
            400);
  std::string many = "{\"commands\":[" + publish;
  for (std::size_t i = 0; i < protocol::kApiCommandsMax; ++i) many += "," + publish;
  const std::string response = answer("/api/batch", many + "]}");
  EXPECT_EQ(status_of(response), 400);
  EXPECT_EQ(body_of(response), "more than 1000 commands\n");
  EXPECT_THAT(channels_.all, IsEmpty());
}

TEST_F(HttpApiTest, AConnectionThatIsGoneLeavesNothing) {
  const std::string there = "there";
  EXPECT_FALSE(ask("/api/batch", "{\"parallel\":true,\"commands\":[{\"publish\":{\"channel\":\"" +
                                     there + "\",\"data\":1}},{\"channels\":{}}]}"));
  EXPECT_EQ(api_.calls_under_way(), 1U);
  api_.forget(kConnection);
  EXPECT_EQ(api_.calls_under_way(), 0U);
  decide(hub::Published{});
  const std::uint32_t number = node_.asked.at(0).second;
  EXPECT_FALSE(api_.on_shard_answer(number, {}));
  EXPECT_FALSE(api_.on_shard_answer(number, {}));
  EXPECT_THAT(late_, IsEmpty());
}

TEST_F(HttpApiTest, InfoShowsTheNode) {
  EXPECT_EQ(body_of(answer("/api/info", "{\"ignored\":1}")),
            R"({"result":{"nodes":[{"uid":"uid-1","name":"node \"one\"","version":"1.2.3",)"
            R"("num_clients":10,"num_users":7,"num_channels":4,"uptime":3600,"num_subs":20,)"
            R"("process":{"rss":123456}}]}})");
}

TEST_F(HttpApiTest, CountsTheCallsOfEachMethod) {
  for (std::size_t i = 0; i < kMethodNames.size(); ++i) {
    const std::string path = std::string(HttpApi::kPrefix) + std::string(kMethodNames[i]);
    for (std::size_t n = 0; n <= i; ++n) ask(path, "{}");
  }
  answer("/api/unknown", "{}");
  for (std::size_t i = 0; i < kMethodNames.size(); ++i) {
    EXPECT_EQ(api_.stats().calls[i].value(), i + 1) << kMethodNames[i];
  }
}

}  // namespace
}  // namespace sanjay::api
