// SPDX-License-Identifier: Apache-2.0
#include "api/commands.h"

#include "api/fakes_test.h"
#include "api/json_replies.h"
#include "protocol/api_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sanjay::api {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr core::ConnectionId kConnection{3, 1, 0};
constexpr std::string_view kBadRequest = R"({"error":{"code":107,"message":"bad request"}})";
constexpr std::string_view kNotAvailable = R"({"error":{"code":108,"message":"not available"}})";
constexpr std::string_view kUnknown = R"({"error":{"code":102,"message":"unknown channel"}})";
constexpr std::string_view kBusy = R"({"error":{"code":111,"message":"too many requests"}})";
constexpr std::string_view kDone = R"({"result":{}})";

using Order = Commands::Order;

std::string text_of(const Commands::Replies& replies) {
  std::string text;
  for (const Reply& reply : replies) {
    if (!text.empty()) text += '\n';
    append_reply(text, reply);
  }
  return text;
}

class CommandsTest : public testing::Test {
 protected:
  /// The commands as a batch has them: their replies, one a line, or "" if they are to come.
  std::string start(std::string_view commands, Order order = Order::Sequential) {
    auto batch = protocol::decode_api_batch("{\"commands\":[" + std::string(commands) + "]}");
    if (!batch) return batch.error().message;
    auto started = commands_.start(std::move(batch->commands), order, kConnection, {});
    if (const auto* replies = std::get_if<Commands::Replies>(&started)) return text_of(*replies);
    call_ = std::get<Commands::CallNumber>(started);
    return "";
  }
  std::string one(std::string_view method, std::string_view body) {
    return start("{\"" + std::string(method) + "\":" + std::string(body) + "}");
  }
  std::string text_of_finished(std::optional<Commands::Finished>&& finished) {
    if (!finished) return "";
    EXPECT_EQ(finished->connection, kConnection);
    return text_of(finished->replies);
  }
  /// Answers the oldest question: what that decides.
  std::string answer(hub::Answer&& answer, std::size_t which = 0) {
    if (which >= channels_.asked.size()) return "nobody asked";
    const auto number = channels_.asked[which].reply_to.request;
    EXPECT_EQ(channels_.asked[which].reply_to.connection, kConnection);
    channels_.asked.erase(channels_.asked.begin() + static_cast<std::ptrdiff_t>(which));
    return text_of_finished(commands_.on_answer(number, std::move(answer)));
  }
  std::string answer_task(std::size_t which, const ShardAnswer& answer = {}) {
    const std::uint32_t number = node_.asked.at(which).second;
    for (std::size_t i = 1; i < node_.answers; ++i) {
      EXPECT_FALSE(commands_.on_shard_answer(number, ShardAnswer{answer}));
    }
    ++node_.answered;
    return text_of_finished(commands_.on_shard_answer(number, ShardAnswer{answer}));
  }
  template <class Task>
  const Task& task() const {
    return std::get<Task>(node_.asked.back().first);
  }

  FakeChannels channels_;
  FakeNode node_;
  Commands commands_{{}, channels_, node_};
  Commands::CallNumber call_ = 0;
};

using ChannelCommands = CommandsTest;
using ClientCommands = CommandsTest;
using Batches = CommandsTest;

TEST_F(ChannelCommands, PublishHandsOnEveryField) {
  channels_.at_once = {hub::Published{{12, "xyzw"}}};
  EXPECT_EQ(
      one("publish", R"({"channel":"h1","data":{"n":1},"tags":{"a":"b","c":""},)"
                     R"("idempotency_key":"k","version":7,"version_epoch":"e","delta":true})"),
      R"({"result":{"offset":12,"epoch":"xyzw"}})");
  const FakeChannels::Asked& asked = channels_.last;
  EXPECT_EQ(asked.channel, "h1");
  EXPECT_EQ(asked.data, R"({"n":1})");
  EXPECT_TRUE(asked.data_is_json && asked.history);
  EXPECT_EQ(asked.tags, "a=b;c=;");
  EXPECT_EQ(asked.idempotency_key, "k");
  EXPECT_EQ(asked.version, "7e");
  EXPECT_TRUE(asked.delta);
}

TEST_F(ChannelCommands, WhatMayBeSentAsADifferenceTheCallerOrTheNamespaceSays) {
  channels_.at_once = {hub::Published{}, hub::Published{}};
  EXPECT_EQ(one("publish", R"({"channel":"a","data":1})"), kDone);
  EXPECT_FALSE(channels_.last.delta);
  EXPECT_EQ(one("publish", R"({"channel":"d","data":1})"), kDone);
  EXPECT_TRUE(channels_.last.delta);
}

TEST_F(ChannelCommands, PublishSkipsHistoryWhereToldTo) {
  channels_.at_once = {hub::Published{}, hub::Published{}};
  EXPECT_EQ(one("publish", R"({"channel":"h1","data":1,"skip_history":true})"), kDone);
  EXPECT_FALSE(channels_.last.history);
  EXPECT_EQ(one("publish", R"({"channel":"a","data":1})"), kDone);
  EXPECT_FALSE(channels_.last.history);
}

TEST_F(ChannelCommands, PublishTakesBytes) {
  channels_.at_once = {hub::Published{}, hub::Published{}};
  EXPECT_EQ(one("publish", R"({"channel":"a","b64data":"AP8="})"), kDone);
  EXPECT_EQ(channels_.last.data, std::string_view("\0\xFF", 2));
  EXPECT_FALSE(channels_.last.data_is_json);
  EXPECT_EQ(one("publish", R"({"channel":"a","b64data":"eyJhIjoxfQ=="})"), kDone);
  EXPECT_TRUE(channels_.last.data_is_json);
}

TEST_F(ChannelCommands, PublishIsRefusedForTheFirstReasonThereIs) {
  EXPECT_EQ(one("publish", R"({"data":1})"), kBadRequest);
  EXPECT_EQ(one("publish", R"({"channel":"a"})"), kBadRequest);
  EXPECT_EQ(one("publish", R"({"channel":"a","b64data":"?"})"), kBadRequest);
  EXPECT_EQ(one("publish", R"({"channel":"x1","data":1})"), kUnknown);
  EXPECT_THAT(channels_.all, IsEmpty());
  channels_.at_once = {hub::Published{}};
  EXPECT_EQ(one("publish", R"({"channel":"b1"})"), kDone);
}

TEST_F(ChannelCommands, NamesHaveABound) {
  const auto publish_to = [&](std::size_t bytes) {
    return one("publish", "{\"data\":1,\"channel\":\"" + std::string(bytes, 'a') + "\"}");
  };
  channels_.at_once = {hub::Published{}};
  EXPECT_EQ(publish_to(255), kDone);
  EXPECT_EQ(publish_to(256), kBadRequest);
  for (const std::string_view method :
       {"history", "presence", "presence_stats", "history_remove"}) {
    EXPECT_EQ(one(method, "{\"channel\":\"" + std::string(256, 'a') + "\"}"), kBadRequest);
    EXPECT_EQ(one(method, "{}"), kBadRequest) << method;
    EXPECT_EQ(one(method, R"({"channel":"x"})"), kUnknown) << method;
  }
}

std::string tags_of(std::size_t count, std::size_t key_bytes, std::size_t value_bytes) {
  std::string tags;
  for (std::size_t i = 0; i < count; ++i) {
    std::string key = std::to_string(i);
    key.resize(key_bytes, 'k');
    tags.append(tags.empty() ? "\"" : ",\"").append(key).append("\":\"");
    tags.append(value_bytes, 'v').append("\"");
  }
  return "{\"channel\":\"a\",\"channels\":[\"a\"],\"data\":1,\"tags\":{" + tags + "}}";
}

TEST_F(ChannelCommands, TagsHaveBounds) {
  channels_.at_once.assign(3, hub::Published{});
  EXPECT_EQ(one("publish", tags_of(64, 3, 1)), kDone);
  EXPECT_EQ(one("publish", tags_of(65, 3, 1)), kBadRequest);
  EXPECT_EQ(one("publish", tags_of(1, 255, 4096)), kDone);
  EXPECT_EQ(one("publish", tags_of(1, 256, 1)), kBadRequest);
  EXPECT_EQ(one("publish", tags_of(1, 1, 4097)), kBadRequest);
  EXPECT_EQ(one("broadcast", tags_of(64, 3, 1)), R"({"result":{"responses":[{"result":{}}]}})");
  EXPECT_EQ(one("broadcast", tags_of(65, 3, 1)), kBadRequest);
}

TEST_F(ChannelCommands, KeyAndEpochHaveBounds) {
  const auto publish_with = [&](std::string_view field, std::size_t bytes) {
    return one("publish", "{\"channel\":\"a\",\"data\":1,\"" + std::string(field) + "\":\"" +
                              std::string(bytes, 'k') + "\"}");
  };
  channels_.at_once.assign(2, hub::Published{});
  for (const std::string_view field : {"idempotency_key", "version_epoch"}) {
    EXPECT_EQ(publish_with(field, 255), kDone) << field;
    EXPECT_EQ(publish_with(field, 256), kBadRequest) << field;
  }
}

TEST_F(ChannelCommands, WhatWentWrongHasItsError) {
  const std::string body = R"({"channel":"a","data":1})";
  const auto outcome = [&](hub::Answer answer) {
    channels_.at_once = {std::move(answer)};
    return one("publish", body);
  };
  constexpr std::string_view kInternal =
      R"({"error":{"code":100,"message":"internal server error"}})";
  EXPECT_EQ(outcome(hub::Busy{}), kBusy);
  EXPECT_EQ(outcome(hub::Failure::Overloaded), kBusy);
  EXPECT_EQ(outcome(hub::Failure::Unavailable), kInternal);
  EXPECT_EQ(outcome(hub::Failure::Timeout), kInternal);
}

TEST_F(ChannelCommands, BroadcastAnswersForEachChannelInItsPlace) {
  channels_.at_once = {hub::Published{{3, "e"}}, hub::Busy{}};
  EXPECT_EQ(one("broadcast", R"({"channels":["h1","x1","a","","b1"],"data":1,"tags":{"t":"1"}})"),
            "");
  EXPECT_THAT(channels_.all, ElementsAre("publish h1", "publish a", "publish b1"));
  EXPECT_EQ(channels_.asked.front().tags, "t=1;");
  const std::string expected = R"({"result":{"responses":[{"result":{"offset":3,"epoch":"e"}},)" +
                               std::string(kUnknown) + "," + std::string(kBusy) + "," +
                               std::string(kBadRequest) + R"(,{"result":{}}]}})";
  EXPECT_EQ(answer(hub::Published{}), expected);
}

TEST_F(ChannelCommands, BroadcastLooksAtItsDataOncePerFormat) {
  channels_.otherwise = hub::Published{};
  EXPECT_THAT(one("broadcast", R"({"channels":["a","b1","c","d","b2","e","h1"],"data":1})"),
              testing::HasSubstr("\"responses\""));
  EXPECT_THAT(channels_.all, SizeIs(7));
  EXPECT_EQ(channels_.data_checks, 2);
}

TEST_F(ChannelCommands, BroadcastIsRefusedWithoutChannelsAndForDataThatIsBroken) {
  EXPECT_EQ(one("broadcast", R"({"data":1})"), kBadRequest);
  EXPECT_EQ(one("broadcast", R"({"channels":[],"data":1})"), kBadRequest);
  EXPECT_EQ(one("broadcast", R"({"channels":["a"],"b64data":"?"})"), kBadRequest);
  EXPECT_THAT(channels_.all, IsEmpty());
}

TEST_F(ChannelCommands, HistoryAsksForWhatIsWanted) {
  EXPECT_EQ(one("history", R"({"channel":"h1","limit":-1,"since":{"offset":3,"epoch":"e"}})"), "");
  const hub::HistoryQuery& query = channels_.asked.front().query;
  EXPECT_EQ(query.limit, hub::HistoryQuery::kAll);
  EXPECT_TRUE(query.has_since);
  EXPECT_EQ(query.since, (hub::StreamPosition{3, "e"}));
  EXPECT_FALSE(query.reverse);
  EXPECT_EQ(query.meta_ttl, std::chrono::hours(1));
  EXPECT_EQ(answer(hub::History{{stored("{\"n\":4}", 4), stored("5", 5)}, {5, "e"}}),
            R"({"result":{"publications":[{"data":{"n":4},"offset":4},{"data":5,"offset":5}],)"
            R"("epoch":"e","offset":5}})");
}

TEST_F(ChannelCommands, HistoryWithoutALimitIsThePosition) {
  EXPECT_EQ(one("history", R"({"channel":"h1"})"), "");
  EXPECT_EQ(channels_.asked.front().query.limit, 0);
  EXPECT_FALSE(channels_.asked.front().query.has_since);
  EXPECT_EQ(answer(hub::History{{}, {0, "e"}}),
            R"({"result":{"publications":[],"epoch":"e","offset":0}})");
  // The API is not held to what a client may read at once.
  EXPECT_EQ(one("history", R"({"channel":"h1","limit":100000,"reverse":true})"), "");
  EXPECT_EQ(channels_.asked.front().query.limit, 100000);
  EXPECT_TRUE(channels_.asked.front().query.reverse);
}

TEST_F(ChannelCommands, HistoryOfAnotherEpochIsError112) {
  channels_.at_once = {hub::History{{}, {5, "new"}, false}};
  EXPECT_EQ(one("history", R"({"channel":"h1","limit":1,"since":{"offset":3,"epoch":"old"}})"),
            R"({"error":{"code":112,"message":"unrecoverable position"}})");
}

TEST_F(ChannelCommands, HistoryIsRefusedForWhatMeansNothing) {
  EXPECT_EQ(one("history", R"({"channel":"a","limit":1})"), kNotAvailable);
  EXPECT_EQ(one("history_remove", R"({"channel":"a"})"), kNotAvailable);
  EXPECT_EQ(one("history", R"({"channel":"h1","limit":-2})"), kBadRequest);
  EXPECT_EQ(one("history", R"({"channel":"h1","limit":1,"reverse":true,"since":{"epoch":"e"}})"),
            kBadRequest);
  EXPECT_THAT(channels_.all, IsEmpty());
}

TEST_F(ChannelCommands, HistoryRemoveSaysWhenItIsDone) {
  EXPECT_EQ(one("history_remove", R"({"channel":"h1"})"), "");
  EXPECT_THAT(channels_.all, ElementsAre("remove_history h1"));
  EXPECT_EQ(answer(hub::Done{}), kDone);
}

TEST_F(ChannelCommands, PresenceListsClients) {
  hub::Presence presence;
  presence.clients.push_back(hub::OwnedClientInfo({"c1", "u", "{\"n\":1}", ""}));
  presence.clients.push_back(hub::OwnedClientInfo({"c2", "", "", "[1]"}));
  channels_.at_once = {presence, hub::Presence{}};
  EXPECT_EQ(one("presence", R"({"channel":"p1"})"),
            R"({"result":{"presence":{"c1":{"user":"u","client":"c1","conn_info":{"n":1}},)"
            R"("c2":{"user":"","client":"c2","chan_info":[1]}}}})");
  EXPECT_EQ(one("presence", R"({"channel":"p1"})"), R"({"result":{"presence":{}}})");
  EXPECT_EQ(one("presence", R"({"channel":"a"})"), kNotAvailable);
}

TEST_F(ChannelCommands, PresenceStatsCount) {
  channels_.at_once = {hub::PresenceStats{3, 2}, hub::PresenceStats{}};
  EXPECT_EQ(one("presence_stats", R"({"channel":"p1"})"),
            R"({"result":{"num_clients":3,"num_users":2}})");
  EXPECT_EQ(one("presence_stats", R"({"channel":"p1"})"),
            R"({"result":{"num_clients":0,"num_users":0}})");
  EXPECT_EQ(one("presence_stats", R"({"channel":"a"})"), kNotAvailable);
}

TEST_F(ClientCommands, SubscribeHandsOnEveryField) {
  EXPECT_EQ(one("subscribe",
                R"({"channel":"a","user":"ann","client":"c","expire_at":1900000000,"info":{"i":1},)"
                R"("b64data":"AP8=","recover_since":{"offset":7,"epoch":"e"},"override":)"
                R"({"presence":{"value":true},"join_leave":{"value":false},"force_recovery":)"
                R"({"value":true},"force_positioning":{}}})"),
            "");
  const auto& asked = task<SubscribeClients>();
  EXPECT_EQ(asked.clients.user, "ann");
  EXPECT_EQ(asked.clients.client, "c");
  EXPECT_EQ(asked.channel, "a");
  EXPECT_EQ(asked.expire_at_s, 1900000000);
  EXPECT_EQ(asked.info.bytes, "{\"i\":1}");
  EXPECT_TRUE(asked.info.is_json);
  EXPECT_EQ(asked.data.bytes, std::string_view("\0\xFF", 2));
  EXPECT_FALSE(asked.data.is_json);
  EXPECT_EQ(asked.overrides.presence, true);
  EXPECT_EQ(asked.overrides.join_leave, false);
  EXPECT_EQ(asked.overrides.force_recovery, true);
  EXPECT_EQ(asked.overrides.force_positioning, false);
  EXPECT_EQ(asked.overrides.force_push_join_leave, std::nullopt);
  EXPECT_EQ(asked.recover_since, (hub::StreamPosition{7, "e"}));
  EXPECT_EQ(answer_task(0), kDone);
}

TEST_F(ClientCommands, SubscribeIsRefusedForWhatMeansNothing) {
  EXPECT_EQ(one("subscribe", R"({"user":"ann"})"), kBadRequest);
  EXPECT_EQ(one("subscribe", R"({"channel":"a"})"), kBadRequest);
  EXPECT_EQ(one("subscribe", R"({"channel":"x1","user":"ann"})"), kUnknown);
  EXPECT_EQ(one("subscribe", R"({"channel":"a","user":"ann","expire_at":-1})"), kBadRequest);
  EXPECT_EQ(one("subscribe", R"({"channel":"a","user":"ann","b64info":"?"})"), kBadRequest);
  EXPECT_EQ(one("subscribe", R"({"channel":"a","user":"ann","b64data":"?"})"), kBadRequest);
  EXPECT_EQ(one("subscribe", "{\"user\":\"ann\",\"channel\":\"" + std::string(256, 'a') + "\"}"),
            kBadRequest);
  EXPECT_THAT(node_.asked, IsEmpty());
}

TEST_F(ClientCommands, RefreshHandsOnEveryField) {
  EXPECT_EQ(one("refresh", R"({"user":"ann","client":"c","expired":true,"expire_at":9,)"
                           R"("info":{"n":"A"}})"),
            "");
  const auto& asked = task<RefreshClients>();
  EXPECT_EQ(asked.clients.user + asked.clients.client, "annc");
  EXPECT_TRUE(asked.expired);
  EXPECT_EQ(asked.expire_at_s, 9);
  EXPECT_EQ(asked.info.bytes, "{\"n\":\"A\"}");
  EXPECT_EQ(answer_task(0), kDone);
  EXPECT_EQ(one("refresh", R"({"user":"ann","expire_at":-1})"), kBadRequest);
  EXPECT_EQ(one("refresh", "{}"), kBadRequest);
}

TEST_F(ClientCommands, UnsubscribeKnowsItsNamespace) {
  EXPECT_EQ(one("unsubscribe", R"({"user":"ann","channel":"x1"})"), kUnknown);
  EXPECT_EQ(one("unsubscribe", R"({"user":"ann"})"), "");
  EXPECT_EQ(task<UnsubscribeClients>().channel, "");
}

TEST_F(ClientCommands, WhoNamesASessionReachesNobodyElse) {
  const std::string body = R"({"channel":"a","user":"ann","session":"s"})";
  for (const std::string_view method : {"subscribe", "unsubscribe", "disconnect", "refresh"}) {
    EXPECT_EQ(one(method, body), kNotAvailable) << method;
  }
  EXPECT_THAT(node_.asked, IsEmpty());
}

TEST_F(ClientCommands, RpcHasNoMethods) {
  EXPECT_EQ(one("rpc", R"({"method":"getX","params":{}})"),
            R"({"error":{"code":104,"message":"not found"}})");
  EXPECT_EQ(one("rpc", "{}"), kBadRequest);
}

TEST_F(Batches, AreDoneInSequence) {
  channels_.at_once = {hub::Published{}};
  EXPECT_EQ(start(R"({"publish":{"channel":"a","data":1}},{"publish":{"channel":"b","data":1}},)"
                  R"({"history_remove":{"channel":"h"}},{"info":{}},{"unknown":{}},)"
                  R"({"presence_stats":{"channel":"p"}})"),
            "");
  EXPECT_THAT(channels_.all, ElementsAre("publish a", "publish b"));
  EXPECT_EQ(answer(hub::Busy{}), "");
  EXPECT_THAT(channels_.all, ElementsAre("publish a", "publish b", "remove_history h"));
  EXPECT_EQ(answer(hub::Done{}), "");
  const std::string replies = answer(hub::PresenceStats{2, 1});
  EXPECT_THAT(replies, testing::StartsWith(std::string(kDone) + "\n" + std::string(kBusy) + "\n" +
                                           std::string(kDone) + "\n{\"result\":{\"nodes\":[{"));
  EXPECT_THAT(replies, testing::EndsWith("\n{\"error\":{\"code\":104,\"message\":\"not found\"}}\n"
                                         "{\"result\":{\"num_clients\":2,\"num_users\":1}}"));
  EXPECT_EQ(commands_.calls_under_way(), 0U);
}

TEST_F(Batches, AnEmptyOneIsDoneAtOnce) {
  auto started = commands_.start({}, Order::Sequential, kConnection, {});
  ASSERT_TRUE(std::holds_alternative<Commands::Replies>(started));
  EXPECT_THAT(std::get<Commands::Replies>(started), IsEmpty());
}

TEST_F(Batches, InParallelEverythingBeginsAndRepliesKeepTheirPlaces) {
  EXPECT_EQ(start(R"({"publish":{"channel":"a","data":1}},{"broadcast":{"channels":["b","c"],)"
                  R"("data":1}},{"disconnect":{"user":"ann"}},{"presence":{"channel":"q"}},)"
                  R"({"publish":{"channel":"h","data":1}})",
                  Order::Parallel),
            "");
  EXPECT_THAT(channels_.all, ElementsAre("publish a", "publish b", "publish c", "publish h"));
  EXPECT_THAT(node_.asked, SizeIs(1));
  EXPECT_EQ(answer(hub::Published{{4, "e"}}, 3), "");
  EXPECT_EQ(answer(hub::Busy{}, 2), "");
  EXPECT_EQ(answer_task(0), "");
  EXPECT_EQ(answer(hub::Published{}, 0), "");
  EXPECT_EQ(answer(hub::Published{}, 0),
            std::string(kDone) + "\n{\"result\":{\"responses\":[{\"result\":{}}," +
                std::string(kBusy) + "]}}\n" + std::string(kDone) + "\n" +
                std::string(kNotAvailable) + "\n{\"result\":{\"offset\":4,\"epoch\":\"e\"}}");
  EXPECT_EQ(commands_.operations_under_way(), 0U);
}

std::string publishes(std::size_t count) {
  std::string commands;
  for (std::size_t i = 0; i < count; ++i) {
    commands.append(i == 0 ? "" : ",")
        .append("{\"publish\":{\"data\":1,\"channel\":\"a")
        .append(std::to_string(i))
        .append("\"}}");
  }
  return commands;
}

TEST_F(Batches, InParallelOnlyAWindowIsUnderWay) {
  constexpr std::size_t kCommands = 3 * Commands::kWindow;
  EXPECT_EQ(start(publishes(kCommands), Order::Parallel), "");
  std::string replies;
  std::size_t answered = 0;
  for (; replies.empty() && answered < kCommands; ++answered) {
    ASSERT_EQ(channels_.asked.size(), std::min(Commands::kWindow, kCommands - answered));
    replies = answer(hub::Published{}, channels_.asked.size() / 2);
  }
  EXPECT_EQ(answered, kCommands);
  EXPECT_EQ(std::ranges::count(replies, '\n'), static_cast<std::ptrdiff_t>(kCommands - 1));
}

TEST_F(Batches, ABroadcastSharesTheWindowOfItsBatch) {
  std::string channels;
  for (std::size_t i = 0; i < 2 * Commands::kWindow; ++i) {
    channels.append(i == 0 ? "\"a" : ",\"a").append(std::to_string(i)).append("\"");
  }
  const std::string broadcast = "{\"broadcast\":{\"data\":1,\"channels\":[" + channels + "]}}";
  EXPECT_EQ(start(publishes(10) + "," + broadcast + "," + broadcast, Order::Parallel), "");
  std::size_t answered = 0;
  for (std::string replies; replies.empty(); ++answered) {
    ASSERT_LE(channels_.asked.size(), Commands::kWindow);
    ASSERT_FALSE(channels_.asked.empty());
    replies = answer(hub::Published{});
  }
  EXPECT_EQ(answered, 10 + 4 * Commands::kWindow);
  EXPECT_THAT(channels_.all, SizeIs(10 + 4 * Commands::kWindow));
}

TEST_F(Batches, InSequenceABroadcastStillHasItsWindow) {
  EXPECT_EQ(start(R"({"broadcast":{"data":1,"channels":["a","b"]}},{"info":{}})"), "");
  EXPECT_THAT(channels_.asked, SizeIs(2));
}

TEST_F(Batches, TasksBeyondWhatTheNodeTakesWaitForThoseOfTheSameCall) {
  node_.tasks_max = 2;
  const std::string disconnect = R"({"disconnect":{"user":"ann"}})";
  EXPECT_EQ(start(disconnect + "," + disconnect + "," + disconnect, Order::Parallel), "");
  EXPECT_THAT(node_.asked, SizeIs(2));
  EXPECT_EQ(answer_task(1), "");
  ASSERT_THAT(node_.asked, SizeIs(3));
  EXPECT_EQ(std::get<DisconnectClients>(node_.asked[2].first).clients.user, "ann");
  EXPECT_EQ(answer_task(0), "");
  EXPECT_EQ(answer_task(2),
            std::string(kDone) + "\n" + std::string(kDone) + "\n" + std::string(kDone));
}

TEST_F(Batches, TasksThatOthersHaveTheRoomOfAreRefused) {
  node_.tasks_max = 0;
  const std::string disconnect = R"({"disconnect":{"user":"ann"}})";
  EXPECT_EQ(start(disconnect + "," + disconnect, Order::Parallel),
            std::string(kBusy) + "\n" + std::string(kBusy));
}

TEST_F(Batches, CommandsBehindTooLargeRepliesAreRefused) {
  CommandLimits limits;
  limits.reply_bytes_max = 10'000;
  commands_.set_limits(limits);
  const std::string history = R"({"history":{"channel":"h","limit":-1}})";
  const hub::PublicationRef large = stored("\"" + std::string(10'000, 'x') + "\"", 1);
  channels_.at_once = {hub::History{{}, {1, "e"}}, hub::History{{large}, {1, "e"}}};
  const std::string replies = start(history + "," + history + "," + history + ",{\"info\":{}}");
  constexpr std::string_view kLimit = R"({"error":{"code":106,"message":"limit exceeded"}})";
  EXPECT_THAT(channels_.all, SizeIs(2));
  EXPECT_THAT(replies, testing::EndsWith("\n" + std::string(kLimit) + "\n" + std::string(kLimit)));
}

TEST_F(Batches, ACancelledCallLeavesNothingAndBeginsNothing) {
  EXPECT_EQ(start(publishes(Commands::kWindow) + R"(,{"disconnect":{"user":"ann"}})" + "," +
                      publishes(10),
                  Order::Parallel),
            "");
  EXPECT_EQ(answer(hub::Published{}), "");
  ASSERT_THAT(node_.asked, SizeIs(1));
  commands_.cancel(call_);
  EXPECT_EQ(commands_.calls_under_way(), 0U);
  EXPECT_EQ(commands_.operations_under_way(), 0U);
  const std::size_t begun = channels_.all.size();
  while (!channels_.asked.empty()) EXPECT_EQ(answer(hub::Published{}), "");
  EXPECT_EQ(answer_task(0), "");
  EXPECT_THAT(channels_.all, SizeIs(begun));
  commands_.cancel(call_);  // twice does no harm
}

TEST_F(Batches, AnswersToNobodysQuestionAreNobodys) {
  EXPECT_EQ(start(publishes(1)), "");
  const std::uint32_t number = channels_.asked[0].reply_to.request;
  EXPECT_FALSE(commands_.on_answer(number + 1, hub::Published{}));
  EXPECT_TRUE(commands_.on_answer(number, hub::Published{}));
  EXPECT_FALSE(commands_.on_answer(number, hub::Published{}));
}

}  // namespace
}  // namespace sanjay::api
