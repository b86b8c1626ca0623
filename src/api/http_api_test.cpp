// SPDX-License-Identifier: Apache-2.0
#include "api/http_api.h"

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

constexpr core::ShardIndex kOther = 1;
constexpr std::string_view kKey = "a key of the tests";
constexpr std::string_view kDone = "{\"result\":{}}";
constexpr std::string_view kBusyError =
    "{\"error\":{\"code\":111,\"message\":\"too many requests\"}}";

/// The shards' work, done when the test says so.
class FakeNode final : public Node {
 public:
  std::size_t ask_shards(ShardTask task, std::uint32_t number) override {
    if (answers == 0) return 0;
    asked.emplace_back(std::move(task), number);
    return answers;
  }
  NodeInfo info() const override {
    return {"uid-1", "node \"one\"", "1.2.3", 10, 7, 4, 20, 3600, 123456};
  }

  std::size_t answers = 2;
  std::vector<std::pair<ShardTask, std::uint32_t>> asked;
};

// The API of shard 0 of two. What goes to the other shard waits in requests_ for the test.
class HttpApiTest : public testing::Test,
                    public hub::PublicationEncoder,
                    public hub::MailCarrier,
                    public hub::DeliverySink,
                    public hub::HubEvents {
 protected:
  HttpApiTest() { start({}); }

  void start(hub::HubOptions options) {
    options.shards = 2;
    options.key = {1, 2};
    hub_ = std::make_unique<hub::Hub>(options, flow_, *this, *this, *this, *this);
    api_ = std::make_unique<HttpApi>(options_, *hub_, node_);
  }

  bool encode(hub::Encoding, std::string_view channel, const hub::Publication& publication,
              std::string& out) override {
    out.append(channel).append("=").append(publication.data);
    return true;
  }
  bool send(core::ShardIndex, hub::Mail&& mail) override {
    if (auto* request = std::get_if<std::unique_ptr<hub::PublishRequest>>(&mail)) {
      requests_.push_back(std::move(*request));
    }
    return true;
  }
  void deliver(std::uint32_t, const core::SegmentRef& bytes, hub::Reach) override {
    delivered_.emplace_back(bytes.bytes());
  }
  void on_subscribed(core::ConnectionId, hub::SubscriptionNumber) override {}
  void on_published(const hub::ReplyTo& to, hub::PublishOutcome outcome) override {
    auto response = api_->on_published(to.connection, to.request, outcome, true);
    if (response) late_.push_back(*std::move(response));
  }

  /// Some channel whose home is that shard.
  std::string channel_at(core::ShardIndex home, int number = 0) const {
    std::string channel;
    for (int i = 0; number >= 0; ++i) {
      channel = "c" + std::to_string(i);
      if (hub_->home_of(channel) == home) --number;
    }
    return channel;
  }
  std::optional<std::string> ask(std::string_view path, std::string_view body,
                                 core::ConnectionId connection = kConnection) {
    http::RequestHead head;
    head.method = method_;
    head.path = path;
    head.query = query_;
    head.headers = headers_;
    head.keep_alive = keep_alive_;
    return api_->respond(head, body, connection, {});
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
  /// The other shard's answer to the oldest request that has none.
  void decide(hub::PublishOutcome outcome) {
    ASSERT_FALSE(requests_.empty());
    const hub::ReplyTo to = requests_.front()->reply_to;
    requests_.pop_front();
    hub_->on_mail(kOther, hub::PublishResult{to, outcome});
  }
  void settle() {
    hub_->hand_over({});
    while (hub_->run(1000)) continue;
  }
  std::string list_of(const std::vector<std::string>& channels) const {
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

  HttpApiOptions options_{std::string(kKey), true, 255, 10};
  hub::FlowMeter flow_{2};
  FakeNode node_;
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<HttpApi> api_;
  std::deque<std::unique_ptr<hub::PublishRequest>> requests_;
  std::vector<std::string> delivered_;
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
  EXPECT_EQ(hub_->stats().publications.value(), 0U);
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
  EXPECT_EQ(api_->stats().unauthorized.value(), 0U);
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
  EXPECT_EQ(api_->stats().unauthorized.value(), wrong.size() * kMethodNames.size() + 5);
  for (const auto& calls : api_->stats().calls) EXPECT_EQ(calls.value(), 0U);
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
  api_->set_options(other);
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
      {"/api/publish", R"({"channel":"a","b64data":"?"})"},
      {"/api/broadcast", R"({"channels":"a","data":1})"},
      {"/api/broadcast", R"({"channels":["a",1],"data":1})"},
      {"/api/broadcast", R"({"channels":["a"],"b64data":"?"})"},
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
  expect_error("/api/publish", R"({"channel":"news","data":null})", 107);
  expect_error("/api/publish", R"({"channel":"news","b64data":"AAAA"})", 107);
  expect_error("/api/publish", "{\"data\":1,\"channel\":" + long_name + "}", 107);
  expect_error("/api/publish", R"({"channel":"no:such","data":1})", 102);
  expect_error("/api/broadcast", R"({"data":1})", 107);
  expect_error("/api/broadcast", R"({"channels":[],"data":1})", 107);
  expect_error("/api/broadcast", R"({"channels":["news"]})", 107);
  expect_error("/api/broadcast", R"({"channels":["news"],"b64data":"AAAA"})", 107);
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
  EXPECT_EQ(hub_->stats().publications.value(), 0U);
}

TEST_F(HttpApiTest, PublishesAtHomeAtOnce) {
  const std::string channel = channel_at(0);
  ASSERT_TRUE(hub_->subscribe({9, 1, 0}, channel, hub::Encoding::JsonWebSocket));
  const std::string response =
      answer("/api/publish", "{\"channel\":\"" + channel + "\",\"data\":{ \"n\" : 1 }}");
  EXPECT_EQ(status_of(response), 200);
  EXPECT_THAT(response, HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_EQ(body_of(response), kDone);
  settle();
  ASSERT_THAT(delivered_, SizeIs(1));
  EXPECT_THAT(delivered_[0], StartsWith(channel + "={"));
}

TEST_F(HttpApiTest, TheConnectionEndsIfTheClientWantsItTo) {
  keep_alive_ = false;
  EXPECT_THAT(answer("/api/info", "{}"), HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer("/api/publish", "{"), HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer("/api/publish", "{}"), HasSubstr("Connection: close\r\n"));
}

TEST_F(HttpApiTest, PublishesElsewhereAndAnswersWhenThatIsDecided) {
  const std::string body = "{\"channel\":\"" + channel_at(kOther) + "\",\"data\":1}";
  EXPECT_FALSE(ask("/api/publish", body));
  EXPECT_THAT(late_, IsEmpty());
  decide(hub::PublishOutcome::Accepted);
  ASSERT_THAT(late_, SizeIs(1));
  EXPECT_EQ(status_of(late_[0]), 200);
  EXPECT_EQ(body_of(late_[0]), kDone);

  EXPECT_FALSE(ask("/api/publish", body));
  decide(hub::PublishOutcome::Busy);
  ASSERT_THAT(late_, SizeIs(2));
  EXPECT_EQ(status_of(late_[1]), 429);
  EXPECT_THAT(late_[1], HasSubstr("Retry-After: 1\r\n"));
}

TEST_F(HttpApiTest, FullQueuesAre429AtHomeToo) {
  hub::HubOptions options;
  options.home.pending_bytes_max = 100;
  start(options);
  const std::string channel = channel_at(0);
  ASSERT_TRUE(hub_->subscribe({9, 1, 0}, channel, hub::Encoding::JsonWebSocket));
  const std::string body =
      "{\"channel\":\"" + channel + "\",\"data\":\"" + std::string(100, 'x') + "\"}";
  EXPECT_EQ(status_of(answer("/api/publish", body)), 200);
  const std::string refused = answer("/api/publish", body);
  EXPECT_EQ(status_of(refused), 429);
  EXPECT_THAT(refused, HasSubstr("Retry-After: 1\r\n"));
  settle();
  EXPECT_EQ(status_of(answer("/api/publish", body)), 200);
}

TEST_F(HttpApiTest, BroadcastAnswersForEachChannelInItsPlace) {
  const std::string here = channel_at(0);
  const std::string there = channel_at(kOther);
  ASSERT_TRUE(hub_->subscribe({9, 1, 0}, here, hub::Encoding::JsonWebSocket));
  EXPECT_FALSE(ask("/api/broadcast", list_of({there, "no:such", here, "", there})));
  ASSERT_THAT(requests_, SizeIs(2));
  EXPECT_EQ(requests_[0]->channel, there);
  EXPECT_EQ(requests_[0]->data, "1");
  decide(hub::PublishOutcome::Busy);
  EXPECT_THAT(late_, IsEmpty());
  decide(hub::PublishOutcome::Accepted);
  ASSERT_THAT(late_, SizeIs(1));
  EXPECT_EQ(body_of(late_[0]), "{\"result\":{\"responses\":[" + std::string(kBusyError) +
                                   ",{\"error\":{\"code\":102,\"message\":\"unknown channel\"}}," +
                                   std::string(kDone) +
                                   ",{\"error\":{\"code\":107,\"message\":\"bad request\"}}," +
                                   std::string(kDone) + "]}}");
  settle();
  EXPECT_THAT(delivered_, ElementsAre(here + "=1"));
}

TEST_F(HttpApiTest, ABroadcastThatNeedsNobodyElseIsAnsweredAtOnce) {
  const std::string body = list_of({channel_at(0, 0), channel_at(0, 1)});
  EXPECT_EQ(body_of(answer("/api/broadcast", body)),
            "{\"result\":{\"responses\":[{\"result\":{}},{\"result\":{}}]}}");
  EXPECT_EQ(hub_->stats().publications.value(), 2U);
}

TEST_F(HttpApiTest, ABroadcastAsksOnlyAWindowOfThemAtATime) {
  constexpr std::size_t kChannels = 3 * Broadcast::kWindow + 7;
  std::vector<std::string> channels;
  for (int i = 0; channels.size() < kChannels; ++i) {
    std::string channel = "c" + std::to_string(i);
    if (hub_->home_of(channel) == kOther) channels.push_back(std::move(channel));
  }
  EXPECT_FALSE(ask("/api/broadcast", list_of(channels)));
  std::size_t decided = 0;
  for (; late_.empty(); ++decided) {
    ASSERT_LE(requests_.size(), Broadcast::kWindow);
    ASSERT_FALSE(requests_.empty());
    EXPECT_EQ(requests_.front()->channel, channels[decided]);
    decide(decided == kChannels - 1 ? hub::PublishOutcome::Busy : hub::PublishOutcome::Accepted);
  }
  EXPECT_EQ(decided, kChannels);
  ASSERT_THAT(late_, SizeIs(1));
  std::string expected = "{\"result\":{\"responses\":[";
  for (std::size_t i = 0; i + 1 < kChannels; ++i) expected.append(kDone).append(",");
  EXPECT_EQ(body_of(late_[0]), expected + std::string(kBusyError) + "]}}");
}

TEST_F(HttpApiTest, ABroadcastWhoseConnectionIsGoneIsForgotten) {
  const std::string there = channel_at(kOther);
  EXPECT_FALSE(ask("/api/broadcast", list_of({there, there})));
  decide(hub::PublishOutcome::Accepted);
  api_->forget(kConnection);

  // The slot's next tenant does the same; what was decided for the first is not its own.
  const core::ConnectionId next{kConnection.slot, kConnection.generation + 1, 0};
  EXPECT_FALSE(ask("/api/broadcast", list_of({there, there}), next));
  decide(hub::PublishOutcome::Busy);  // of the connection that is gone
  EXPECT_THAT(late_, IsEmpty());
  decide(hub::PublishOutcome::Accepted);
  EXPECT_THAT(late_, IsEmpty());
  decide(hub::PublishOutcome::Accepted);
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

  EXPECT_FALSE(api_->on_shard_answer(number, {}));
  EXPECT_FALSE(api_->on_shard_answer(number + 1, {}));  // of nobody's task
  const auto done = api_->on_shard_answer(number, {});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->connection, kConnection);
  EXPECT_EQ(done->body, kDone);
  EXPECT_FALSE(api_->on_shard_answer(number, {}));
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
  EXPECT_FALSE(api_->on_shard_answer(second, {{{"news", 1}}}));
  EXPECT_FALSE(api_->on_shard_answer(first, {}));
  const auto listed = api_->on_shard_answer(second, {});
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->connection, other);
  EXPECT_EQ(listed->body, "{\"result\":{\"channels\":{\"news\":{\"num_clients\":1}}}}");
  EXPECT_EQ(api_->on_shard_answer(first, {})->body, kDone);
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
  EXPECT_FALSE(api_->on_shard_answer(number, {{{"news", 2}, {"n\"1\"", 1}}}));
  const auto done = api_->on_shard_answer(number, {{{"news", 3}, {"nights", 4}}});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->body,
            R"({"result":{"channels":{"n\"1\"":{"num_clients":1},"news":{"num_clients":5},)"
            R"("nights":{"num_clients":4}}}})");
}

TEST_F(HttpApiTest, NoChannelsAreAnEmptyList) {
  node_.answers = 1;
  EXPECT_FALSE(ask("/api/channels", "{}"));
  EXPECT_EQ(api_->on_shard_answer(node_.asked[0].second, {})->body,
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
    EXPECT_FALSE(api_->on_shard_answer(number, std::move(one)));
    return api_->on_shard_answer(number, std::move(two))->body;
  };
  const std::string error = "{\"error\":{\"code\":106,\"message\":\"limit exceeded\"}}";
  EXPECT_THAT(list(options_.channels_max, false), StartsWith("{\"result\":"));
  EXPECT_EQ(list(options_.channels_max + 1, false), error);
  EXPECT_EQ(list(2, true), error);
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
    EXPECT_EQ(api_->stats().calls[i].value(), i + 1) << kMethodNames[i];
  }
}

}  // namespace
}  // namespace sanjay::api
