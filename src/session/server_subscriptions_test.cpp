// SPDX-License-Identifier: Apache-2.0

// Subscriptions that the server makes: in a connect, and by its API.

#include "session/session_fixture.h"

namespace sanjay::session {
namespace {

class ServerSubscriptionTest : public SessionTest {
 protected:
  ServerSubscriptionTest() {
    use_tokens();
    channels::ChannelOptions& news = add_namespace("news");
    news.history.size = 5;
    news.history.ttl = seconds(60);
    news.force_recovery = true;
    add_namespace("open").allow_subscribe_for_client = true;
    add_namespace("closed");
  }
  static std::string with_token(std::string_view claims) {
    return R"("token":")" + token(claims) + "\"";
  }
  /// The subscriptions that the reply to connect names.
  static std::string subs_of(Client& client) {
    const std::string answer = client.take();
    const auto at = answer.find(R"("subs":)");
    return at == answer.npos ? "" : answer.substr(at, answer.find(R"(,"ping")") - at);
  }
};
INSTANTIATE_TEST_SUITE_P(Both, ServerSubscriptionTest, both_encodings(), encoding_name);

TEST_P(ServerSubscriptionTest, ATokenBringsChannels) {
  start();
  Client& client = connect(with_token(R"({"sub":"42","channels":["closed:a","b","b"]})"));
  EXPECT_EQ(subs_of(client),
            is_json() ? R"("subs":{"closed:a":{},"b":{}})" : R"("subs":{"b":{},"closed:a":{}})");
  publish("closed:a", "1");
  settle();
  EXPECT_EQ(client.take(), R"({"push":{"channel":"closed:a","pub":{"data":1}}})");
  EXPECT_EQ(client.session->subscription_count(), 2u);
}

TEST_P(ServerSubscriptionTest, ATokensSubsComeBeforeItsChannelsAndHaveOptions) {
  names_.without_namespace.presence = true;
  names_.without_namespace.allow_presence_for_subscriber = true;
  start();
  Client& client = connect(
      with_token(R"({"sub":"42","channels":["z"],"subs":{"a":{"data":{"x":1},"info":{"r":1}},)"
                 R"("b":{"override":{"presence":{"value":false}}}}})"));
  EXPECT_EQ(subs_of(client), is_json() ? R"("subs":{"b":{},"a":{"data":{"x":1}}})"
                                       : R"("subs":{"a":{"data":{"x":1}},"b":{}})");
  EXPECT_EQ(ask(client, R"({"id":2,"presence":{"channel":"a"}})"),
            replaced(R"({"id":2,"presence":{"presence":{"ID":{"user":"42","client":"ID",)"
                     R"("chan_info":{"r":1}}}}})",
                     {{"ID", id_of(client)}}));
  EXPECT_EQ(ask(client, R"({"id":3,"presence_stats":{"channel":"b"}})"),
            R"({"id":3,"presence_stats":{"num_clients":0,"num_users":0}})");
}

TEST_P(ServerSubscriptionTest, AUserMayHaveAPersonalChannel) {
  names_.personal.enabled = true;
  start();
  Client& client = connect(with_token(R"({"sub":"42"})"));
  EXPECT_EQ(subs_of(client), R"("subs":{"#42":{}})");
  Client& anonymous = connect(with_token(R"({"sub":""})"));
  EXPECT_EQ(subs_of(anonymous), "");
}

TEST_P(ServerSubscriptionTest, OneConnectionOfAUserIsLeftWhereHeMayHaveOne) {
  names_.personal.enabled = names_.personal.single_connection = true;
  start();
  Client& client = connect(with_token(R"({"sub":"42"})"));
  connect(with_token(R"({"sub":""})"));
  connect(with_token(R"({"sub":"43","exp":1600000000})"));  // refused
  // Its shard tells all shards to end the others, with 3504.
  ASSERT_EQ(context_->single_connections.size(), 1u);
  EXPECT_EQ(context_->single_connections[0].first, "42");
  const auto id = context_->single_connections[0].second.text();
  EXPECT_EQ(view(id), id_of(client));
}

TEST_P(ServerSubscriptionTest, WishesAreFulfilledWhereTheClientMightSubscribeItself) {
  names_.without_namespace.allow_user_limited_channels = true;
  start();
  Client& client = connect(
      with_token(R"({"sub":"42"})") +
      R"(,"subs":{"open:a":{},"closed:a":{},"$b":{},"c#42":{},"c#43":{},"open:\u00e9":{}})");
  EXPECT_EQ(subs_of(client),
            is_json() ? R"("subs":{"open:a":{},"c#42":{}})" : R"("subs":{"c#42":{},"open:a":{}})");
  EXPECT_FALSE(client.ended);
  EXPECT_EQ(connect(with_token(R"({"sub":"42"})") + R"(,"subs":{"nope:a":{}})").end_code(), 3501);
}

TEST_P(ServerSubscriptionTest, AChannelOfNoNamespaceFailsTheConnect) {
  start();
  for (const std::string_view claims :
       {R"({"sub":"42","channels":["nope:a"]})", R"({"sub":"42","subs":{"nope:a":{}}})"}) {
    Client& client = connect(with_token(claims));
    EXPECT_EQ(client.take(), R"({"id":1,"error":{"code":102,"message":"unknown channel"}})");
    EXPECT_FALSE(client.ended);
    EXPECT_FALSE(client.session->connected());
    EXPECT_EQ(client.session->subscription_count(), 0u);
  }
  EXPECT_EQ(context_->stats.clients.value(), 0u);
}

TEST_P(ServerSubscriptionTest, InfoThatIsNoJsonMakesTheTokenInvalid) {
  start();
  EXPECT_EQ(connect(with_token(R"({"sub":"42","subs":{"a":{"b64info":"/w=="}}})")).end_code(),
            3500);
}

TEST_P(ServerSubscriptionTest, TheyAreBoundedAsAConnectionsOthers) {
  options_.subscriptions_max = 2;
  start();
  Client& two = connect(with_token(R"({"sub":"42","channels":["a","b"]})"));
  EXPECT_FALSE(two.ended);
  EXPECT_EQ(connect(with_token(R"({"sub":"42","channels":["a","b","c"]})")).end_code(), 3505);
  EXPECT_EQ(connect(with_token(R"({"sub":"42","channels":["a","b"]})") + R"(,"subs":{"open:a":{}})")
                .end_code(),
            3505);
  two.session->subscribe_by_server({.channel = "c"}, now_);
  EXPECT_EQ(two.session->subscription_count(), 2u);
  EXPECT_EQ(hub().subscription_count(), 2u);
}

TEST_P(ServerSubscriptionTest, AShardWithoutRoomEndsTheConnection) {
  hub_options_.channels_max = 1;
  start();
  Client& client = connect(with_token(R"({"sub":"42","channels":["a","b","c"]})"));
  EXPECT_EQ(client.end_code(), 3505);
  EXPECT_EQ(hub().subscription_count(), 0u);
}

TEST_P(ServerSubscriptionTest, PositionsOfAConnectAreRecovered) {
  start();
  for (int i = 1; i <= 3; ++i) publish("news:a", std::to_string(i));
  settle();
  const std::string epoch = epoch_of("news:a");
  const std::string first = R"({"recoverable":true,"epoch":")" + epoch + "\",";
  const auto connect_from = [&](std::string_view position) {
    return subs_of(connect(with_token(R"({"sub":"42","channels":["news:a"]})") +
                           R"(,"subs":{"news:a":{)" + std::string(position) + "}}"));
  };
  EXPECT_EQ(connect_from(""), R"("subs":{"news:a":)" + first + R"("offset":3,"positioned":true}})");
  EXPECT_EQ(connect_from(R"("recover":true,"offset":2,"epoch":")" + epoch + "\""),
            R"("subs":{"news:a":)" + first +
                R"("publications":[{"data":3,"offset":3}],"recovered":true,"offset":2,)"
                R"("positioned":true,"was_recovering":true}})");
  EXPECT_EQ(
      connect_from(R"("recover":true,"offset":2,"epoch":"old")"),
      R"("subs":{"news:a":)" + first + R"("offset":3,"positioned":true,"was_recovering":true}})");
}

TEST_P(ServerSubscriptionTest, DataThatTheClientCannotReadEndsIt) {
  start();
  Client& client = connect(with_token(R"({"sub":"42","subs":{"a":{"b64data":"AQI="}}})"));
  EXPECT_EQ(client.end_code(), is_json() ? 3506 : 0);
  EXPECT_EQ(hub().subscription_count(), is_json() ? 0u : 1u);
}

TEST_P(ServerSubscriptionTest, TheConnectWaitsForAllOfThemAndComesBeforeTheirPublications) {
  start(2);
  const std::string away = channel(false), here = channel(true);
  Client& client = add_client();
  say(client, R"({"id":1,"connect":{)" +
                  with_token(R"({"sub":"42","channels":[")" + here + "\",\"" + away + "\"]}") +
                  "}}\n" + R"({"id":2,"unsubscribe":{"channel":"z"}})");
  EXPECT_TRUE(client.session->blocked());
  publish(here, R"("early")");
  shards_[0].hub->hand_over(now_.instant);
  while (hub().run(100)) {
  }
  EXPECT_EQ(client.take(), "") << "not before the reply";
  EXPECT_EQ(client.held.size(), 1u);
  settle();
  ASSERT_EQ(client.received.size(), 3u);
  EXPECT_TRUE(client.received[0].starts_with(R"({"id":1,"connect":{)")) << client.received[0];
  EXPECT_EQ(client.received[1], R"({"push":{"channel":")" + here + R"(","pub":{"data":"early"}}})");
  EXPECT_EQ(client.received[2], R"({"id":2,"unsubscribe":{}})");
  client.take();
  publish(here, "1");
  publish(away, "2");
  settle();
  EXPECT_EQ(client.received.size(), 2u) << "nothing is held any more";
}

TEST_P(ServerSubscriptionTest, AHomeThatDoesNotAnswerEndsTheConnect) {
  start(2);
  Client& client = add_client();
  say(client, R"({"id":1,"connect":{)" +
                  with_token(R"({"sub":"42","channels":[")" + channel(true) + "\",\"" +
                             channel(false) + "\"]}") +
                  "}}");
  shards_[0].mail_out.clear();
  turn();
  pass(seconds(10));
  turn();
  EXPECT_EQ(client.end_code(), 3004);
  EXPECT_EQ(hub().subscription_count(), 0u);
}

// What the server does to a client that is still connecting.
TEST_P(ServerSubscriptionTest, WhoIsConnectingIsTreatedAsConnected) {
  start(2);
  const std::string away = channel(false), here = channel(true);
  const std::string claims =
      R"({"sub":"42","exp":1700000100,"channels":[")" + here + "\",\"" + away + "\"]}";
  const auto begin = [&]() -> Client& {
    Client& client = add_client();
    say(client, R"({"id":1,"connect":{)" + with_token(claims) + "}}");
    EXPECT_TRUE(client.session->blocked());
    return client;
  };
  Client& ended = begin();
  EXPECT_EQ(context_->users.sessions_of("42").size(), 1u);
  ended.session->disconnect_by_server(protocol::kDisconnectForced);
  settle();
  EXPECT_EQ(ended.end_code(), 3503);
  EXPECT_EQ(hub().subscription_count(), 0u);

  Client& left = begin();
  left.session->unsubscribe_by_server(here, protocol::kUnsubscribeServer);
  EXPECT_EQ(left.take(), "") << "nothing before the reply to connect";
  settle();
  EXPECT_EQ(subs_of(left), R"("subs":{")" + away + R"(":{}})");
  left.session->close();

  Client& left_all = begin();
  left_all.session->unsubscribe_from_all_by_server(protocol::kUnsubscribeServer);
  settle();
  EXPECT_EQ(subs_of(left_all), "");
  EXPECT_EQ(hub().subscription_count(), 0u);
  EXPECT_FALSE(left_all.ended);

  Client& more = begin();
  more.session->subscribe_by_server({.channel = "open:x"}, now_);
  more.session->subscribe_by_server({.channel = here}, now_);  // he has that already
  EXPECT_EQ(more.take(), "");
  settle();
  EXPECT_NE(subs_of(more).find(R"("open:x":{})"), std::string::npos);
  EXPECT_EQ(more.session->subscription_count(), 3u);
  more.session->close();
  settle();

  Client& refreshed = begin();
  refreshed.session->refresh_by_server(now_.wall + seconds(7), "", now_);
  settle();
  EXPECT_NE(refreshed.take().find(R"("expires":true,"ttl":7,)"), std::string::npos);
}

TEST_P(ServerSubscriptionTest, TheApiSubscribesAndTheClientIsTold) {
  start();
  Client& client = connect_with(R"({"sub":"42"})");
  client.session->subscribe_by_server({.channel = "closed:a", .data = {R"({"x":1})"}}, now_);
  settle();
  EXPECT_EQ(client.take(), R"({"push":{"channel":"closed:a","subscribe":{"data":{"x":1}}}})");
  client.session->subscribe_by_server({.channel = "closed:a"}, now_);
  client.session->subscribe_by_server({.channel = "nope:a"}, now_);
  client.session->subscribe_by_server({.channel = ""}, now_);
  settle();
  EXPECT_EQ(client.take(), "");
  publish("closed:a", "1");
  settle();
  EXPECT_EQ(client.take(), R"({"push":{"channel":"closed:a","pub":{"data":1}}})");
  client.session->unsubscribe_by_server("closed:b", protocol::kUnsubscribeServer);
  client.session->unsubscribe_by_server("closed:a", protocol::kUnsubscribeServer);
  EXPECT_EQ(client.take(), R"({"push":{"channel":"closed:a","unsubscribe":)"
                           R"({"code":2000,"reason":"server unsubscribe"}}})");
  EXPECT_EQ(hub().subscription_count(), 0u);
}

TEST_P(ServerSubscriptionTest, TheApiMayBeginWhereTheClientWas) {
  start();
  Client& client = connect_with(R"({"sub":"42"})");
  for (int i = 1; i <= 3; ++i) publish("news:a", std::to_string(i));
  settle();
  const std::string epoch = epoch_of("news:a");
  client.session->subscribe_by_server(
      {.channel = "news:a", .recover_since = hub::StreamPosition{1, epoch}}, now_);
  settle();
  publish("news:a", "4");
  settle();
  const std::string push = R"({"push":{"channel":"news:a",)";
  EXPECT_EQ(client.take(), push + R"("subscribe":{"recoverable":true,"epoch":")" + epoch +
                               R"(","offset":1,"positioned":true}}})" + "\n" + push +
                               R"("pub":{"data":2,"offset":2}}})" + "\n" + push +
                               R"("pub":{"data":3,"offset":3}}})" + "\n" + push +
                               R"("pub":{"data":4,"offset":4}}})");
  Client& other = connect_with(R"({"sub":"43"})");
  other.session->subscribe_by_server(
      {.channel = "news:a", .recover_since = hub::StreamPosition{1, "old"}}, now_);
  settle();
  EXPECT_EQ(other.take(), push + R"("subscribe":{"recoverable":true,"epoch":")" + epoch +
                              R"(","offset":4,"positioned":true}}})");
}

TEST_P(ServerSubscriptionTest, WhatTheApiSendsMustBeReadable) {
  start();
  Client& client = connect_with(R"({"sub":"42"})");
  client.session->subscribe_by_server({.channel = "a", .data = {"\x01", false}}, now_);
  settle();
  EXPECT_EQ(client.end_code(), is_json() ? 3506 : 0);
}

TEST_P(ServerSubscriptionTest, AClientMayLeaveOrBeLedOutBeforeTheApisSubscriptionIsMade) {
  start(2);
  Client& client = connect_with(R"({"sub":"42"})");
  const std::string away = channel(false, "open:");
  // The number of what he left is taken again at once: its new holder must get his own answer.
  client.session->subscribe_by_server({.channel = away}, now_);
  say(client, R"({"id":2,"unsubscribe":{"channel":")" + away + R"("}})");
  EXPECT_EQ(client.take(), R"({"id":2,"unsubscribe":{}})");
  say(client, R"({"id":3,"subscribe":{"channel":")" + away + R"("}})");
  settle();
  EXPECT_EQ(client.take(), R"({"id":3,"subscribe":{}})");
  EXPECT_FALSE(client.session->blocked());
  ask(client, R"({"id":4,"unsubscribe":{"channel":")" + away + R"("}})");

  client.session->subscribe_by_server({.channel = away}, now_);
  client.session->unsubscribe_by_server(away, protocol::kUnsubscribeServer);
  settle();
  EXPECT_EQ(client.take(), "") << "he was told of neither";
  EXPECT_EQ(hub().subscription_count(), 0u);
}

TEST_P(ServerSubscriptionTest, WhenTheyExpireTheConnectionEnds) {
  start();
  Client& client = connect_with(R"({"sub":"42"})");
  client.session->subscribe_by_server({.channel = "a", .expire_at = now_.wall + seconds(10)}, now_);
  settle();
  client.take();
  live(client, seconds(34));
  EXPECT_FALSE(client.ended);
  pass(seconds(1));
  EXPECT_EQ(client.end_code(), 3006);
}

}  // namespace
}  // namespace sanjay::session
