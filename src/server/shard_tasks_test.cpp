// SPDX-License-Identifier: Apache-2.0

// What the server API asks of all shards, from the request to the clients that notice.

#include "server/shard_tasks.h"

#include "auth/token_signer.h"
#include "server/server_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sanjay::server {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr core::ShardIndex kShards = 3;
constexpr std::string_view kSecret = "a secret of the tests, 32 bytes long";
constexpr std::string_view kDone = "{\"result\":{}}";

class ShardTasksTest : public testing::Test {
 protected:
  struct Client {
    MemoryServer::Peer* peer;
    std::string id;
  };

  Client connect(core::ShardIndex shard, const std::string& user) {
    MemoryServer::Peer& peer = server_.upgrade(shard);
    const auto token = auth::sign_hs256("{\"sub\":\"" + user + "\"}", kSecret);
    const std::string reply = server_.say(
        peer, MemoryServer::message("{\"id\":1,\"connect\":{\"token\":\"" + *token + "\"}}"));
    EXPECT_THAT(reply, HasSubstr("\"client\""));
    return {&peer, MemoryServer::client_id_in(reply)};
  }
  void subscribe(const Client& client, const std::string& channel) {
    const std::string reply =
        server_.say(*client.peer, MemoryServer::message("{\"id\":2,\"subscribe\":{\"channel\":\"" +
                                                        channel + "\"}}"));
    EXPECT_THAT(reply, HasSubstr("\"subscribe\":{"));
  }
  /// What the client has received since it was last asked, and whether the server has closed.
  static std::string news(const Client& client) { return MemoryServer::take(*client.peer); }
  static bool is_closed(const Client& client) { return client.peer->shard_finished; }
  static std::string close_reason(std::uint16_t code, std::string_view reason) {
    std::string text{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
    return text.append(reason);
  }

  MemoryServer server_{kShards, [](Config& config) {
                         config.client.token.hmac_secret_key = kSecret;
                         config.client.channel_limit = 20'000;
                       }};
};

TEST_F(ShardTasksTest, DisconnectEndsAllConnectionsOfTheUserOnEveryShard) {
  std::vector<Client> anns;
  std::vector<Client> bobs;
  for (core::ShardIndex shard = 0; shard < kShards; ++shard) {
    anns.push_back(connect(shard, "ann"));
    anns.push_back(connect(shard, "ann"));
    bobs.push_back(connect(shard, "bob"));
  }
  EXPECT_EQ(server_.call(1, "disconnect", R"({"user":"ann"})"), kDone);
  for (const Client& ann : anns) {
    EXPECT_THAT(news(ann), HasSubstr(close_reason(3503, "force disconnect")));
    EXPECT_TRUE(is_closed(ann));
  }
  for (const Client& bob : bobs) {
    EXPECT_THAT(news(bob), IsEmpty());
    EXPECT_FALSE(is_closed(bob));
  }
}

TEST_F(ShardTasksTest, DisconnectSendsTheCodeAndReasonAskedFor) {
  const Client ann = connect(2, "ann");
  EXPECT_EQ(server_.call(0, "disconnect",
                         R"({"user":"ann","disconnect":{"code":4501,"reason":"banned"}})"),
            kDone);
  EXPECT_THAT(news(ann), HasSubstr(close_reason(4501, "banned")));
}

TEST_F(ShardTasksTest, DisconnectByClientIdTakesThatOneAlone) {
  const Client one = connect(0, "ann");
  const Client two = connect(1, "ann");
  EXPECT_EQ(server_.call(2, "disconnect", R"({"user":"ann","client":")" + one.id + "\"}"), kDone);
  EXPECT_TRUE(is_closed(one));
  EXPECT_FALSE(is_closed(two));
  // The user counts too: nobody's id opens somebody else's connection.
  EXPECT_EQ(server_.call(2, "disconnect", R"({"user":"bob","client":")" + two.id + "\"}"), kDone);
  EXPECT_FALSE(is_closed(two));
}

TEST_F(ShardTasksTest, DisconnectLeavesTheWhitelistAlone) {
  const Client one = connect(0, "ann");
  const Client two = connect(0, "ann");
  const Client three = connect(2, "ann");
  EXPECT_EQ(server_.call(1, "disconnect",
                         R"({"user":"ann","whitelist":[")" + three.id + R"(","x",")" + one.id +
                             "\"]}"),
            kDone);
  EXPECT_FALSE(is_closed(one));
  EXPECT_TRUE(is_closed(two));
  EXPECT_FALSE(is_closed(three));
}

TEST_F(ShardTasksTest, AnAnonymousClientIsNamedByItsIdAlone) {
  const Client one = connect(1, "");
  const Client two = connect(1, "");
  const Client ann = connect(1, "ann");
  EXPECT_EQ(server_.call(0, "disconnect", R"({"client":")" + two.id + "\"}"), kDone);
  EXPECT_FALSE(is_closed(one));
  EXPECT_TRUE(is_closed(two));
  EXPECT_FALSE(is_closed(ann));
}

TEST_F(ShardTasksTest, UnsubscribeEndsOneChannelOfTheUserAndLeavesTheRest) {
  const Client one = connect(0, "ann");
  const Client two = connect(2, "ann");
  const Client bob = connect(2, "bob");
  for (const Client& client : {one, two, bob}) {
    subscribe(client, "news");
    subscribe(client, "chat");
  }
  EXPECT_EQ(server_.call(0, "unsubscribe", R"({"user":"ann","channel":"news"})"), kDone);
  for (const Client& client : {one, two}) {
    EXPECT_THAT(news(client), AllOf(HasSubstr("\"channel\":\"news\""), HasSubstr("\"code\":2000"),
                                    Not(HasSubstr("chat"))));
  }
  EXPECT_THAT(news(bob), IsEmpty());
  EXPECT_EQ(server_.call(0, "broadcast", R"({"channels":["news","chat"],"data":1})"),
            "{\"result\":{\"responses\":[{\"result\":{}},{\"result\":{}}]}}");
  for (const Client& client : {one, two}) {
    EXPECT_THAT(news(client), AllOf(HasSubstr("chat"), Not(HasSubstr("news"))));
  }
  EXPECT_THAT(news(bob), AllOf(HasSubstr("chat"), HasSubstr("news")));
}

TEST_F(ShardTasksTest, UnsubscribeWithoutAChannelEndsThemAll) {
  const Client one = connect(0, "ann");
  const Client two = connect(1, "ann");
  for (const Client& client : {one, two}) {
    for (const char* channel : {"a", "b", "c"}) subscribe(client, channel);
  }
  EXPECT_EQ(server_.call(2, "unsubscribe", R"({"user":"ann","client":")" + one.id + "\"}"), kDone);
  const std::string told = news(one);
  for (const char* channel : {"a", "b", "c"}) {
    EXPECT_THAT(told, HasSubstr("\"channel\":\"" + std::string(channel) + "\""));
  }
  EXPECT_THAT(news(two), IsEmpty());
  EXPECT_FALSE(is_closed(one));
  server_.call(2, "broadcast", R"({"channels":["a","b","c"],"data":1})");
  EXPECT_THAT(news(one), IsEmpty());
  EXPECT_THAT(news(two), Not(IsEmpty()));
}

TEST_F(ShardTasksTest, ChannelsAreListedWithTheirSubscribersOfAllShards) {
  for (core::ShardIndex shard = 0; shard < kShards; ++shard) {
    const Client client = connect(shard, "ann");
    subscribe(client, "news");
    if (shard == 1) subscribe(client, "chat-1");
    if (shard == 2) subscribe(client, "chat-2");
  }
  EXPECT_EQ(server_.call(0, "channels", "{}"),
            R"({"result":{"channels":{"chat-1":{"num_clients":1},"chat-2":{"num_clients":1},)"
            R"("news":{"num_clients":3}}}})");
  EXPECT_EQ(server_.call(1, "channels", R"({"pattern":"*-?"})"),
            R"({"result":{"channels":{"chat-1":{"num_clients":1},"chat-2":{"num_clients":1}}}})");
  EXPECT_EQ(server_.call(2, "channels", R"({"pattern":"none*"})"),
            R"({"result":{"channels":{}}})");
}

TEST_F(ShardTasksTest, InfoCountsOverAllShards) {
  for (core::ShardIndex shard = 0; shard < kShards; ++shard) {
    subscribe(connect(shard, "user-" + std::to_string(shard)), "news");
  }
  server_.clock().advance(std::chrono::seconds(7));
  const std::string info = server_.call(1, "info", "{}");
  EXPECT_THAT(info, AllOf(HasSubstr("\"uid\":\"node-1\",\"name\":\"memory\""),
                          HasSubstr("\"num_clients\":3,\"num_users\":3,\"num_channels\":1,"),
                          HasSubstr("\"uptime\":7,\"num_subs\":3")));
}

/// One shard, so that turns can be counted.
class ChannelListingTest : public testing::Test {
 protected:
  void subscribe(int first, int count) {
    if (peer_ == nullptr) {
      peer_ = &server_.upgrade(0);
      server_.say(*peer_, MemoryServer::message(R"({"id":1,"connect":{}})"));
    }
    for (int i = first; i < first + count; ++i) {
      peer_->to_shard +=
          MemoryServer::message("{\"id\":" + std::to_string(i + 2) +
                                ",\"subscribe\":{\"channel\":\"c" + std::to_string(i) + "\"}}");
    }
    EXPECT_THAT(server_.say(*peer_, ""), Not(HasSubstr("\"error\"")));
  }
  /// Turns until the list is there.
  int list(std::string& response) {
    MemoryServer::Peer& peer = server_.connect(0);
    peer.to_shard = MemoryServer::post("channels", "{}");
    int turns = 0;
    while (peer.from_shard.empty() && turns < 1000) {
      server_.turns(1);
      ++turns;
    }
    response = MemoryServer::take(peer);
    return turns;
  }

  MemoryServer server_{1,
                       [](Config& config) {
                         config.client.channel_limit = 20'000;
                         config.client.queue_max_size = 1 << 24;
                       },
                       [](Wiring& wiring) { wiring.api.channels_max = 9'000; }};
  MemoryServer::Peer* peer_ = nullptr;
};

TEST_F(ChannelListingTest, ALongListTakesMoreTurnsThanOneAndIsWhole) {
  std::string response;
  subscribe(0, 10);
  const int turns_for_few = list(response);
  EXPECT_THAT(response, HasSubstr("\"c9\":{\"num_clients\":1}"));
  subscribe(10, 8'990);
  EXPECT_GE(list(response), turns_for_few + 2);  // 4096 channels a turn
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 "));
  for (int i = 0; i < 9'000; ++i) {
    ASSERT_NE(response.find("\"c" + std::to_string(i) + "\":{\"num_clients\":1}"),
              std::string::npos)
        << i;
  }
}

TEST_F(ChannelListingTest, MoreThanTheAnswerMayHoldIsError106) {
  subscribe(0, 9'001);
  std::string response;
  list(response);
  EXPECT_THAT(response, HasSubstr("{\"error\":{\"code\":106,"));
}

TEST_F(ChannelListingTest, TooManyListsAtATimeAre429AndAllOthersAreAnswered) {
  std::vector<MemoryServer::Peer*> peers;
  for (std::size_t i = 0; i < SharedState::kTasksMax + 3; ++i) {
    peers.push_back(&server_.connect(0));
    peers.back()->to_shard = MemoryServer::post("channels", "{}");
  }
  server_.turns(100);
  std::size_t answered = 0;
  std::size_t refused = 0;
  for (MemoryServer::Peer* peer : peers) {
    const std::string response = MemoryServer::take(*peer);
    answered += response.starts_with("HTTP/1.1 200 ") ? 1 : 0;
    refused += response.starts_with("HTTP/1.1 429 ") ? 1 : 0;
  }
  EXPECT_EQ(answered, SharedState::kTasksMax);
  EXPECT_EQ(refused, 3U);
  EXPECT_EQ(server_.call(0, "channels", "{}"), R"({"result":{"channels":{}}})");
}

TEST_F(ChannelListingTest, WhoAskedAndLeftIsNotAnswered) {
  subscribe(0, 5'000);
  MemoryServer::Peer& peer = server_.connect(0);
  peer.to_shard = MemoryServer::post("channels", "{}");
  server_.turns(1);
  peer.finished = true;
  server_.turns(20);
  MemoryServer::Peer& next = server_.connect(0);  // perhaps in the same slot
  server_.turns(20);
  EXPECT_THAT(next.from_shard, IsEmpty());
  EXPECT_EQ(server_.call(0, "channels", R"({"pattern":"c4999"})"),
            R"({"result":{"channels":{"c4999":{"num_clients":1}}}})");
}

}  // namespace
}  // namespace sanjay::server
