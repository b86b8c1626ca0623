// SPDX-License-Identifier: Apache-2.0

// Clients that only listen, and those whose commands come by requests of their own.

#include "session/session_fixture.h"

namespace sanjay::session {
namespace {

class UnidirectionalTest : public SessionFixture {
 protected:
  UnidirectionalTest() { encoding_ = hub::Encoding::UniJsonStream; }
  void start_with_tokens() {
    use_tokens();
    names_.without_namespace.allow_subscribe_for_client = true;
    start();
  }
  /// What a client hears who connects with these claims.
  std::string heard_with(Client& client, std::string_view claims) {
    return ask(client, R"({"token":")" + token(claims) + R"("})");
  }
};

TEST_F(UnidirectionalTest, HearsPushesThatStandForThemselves) {
  start_with_tokens();
  Client& client = add_client();
  const std::string heard = heard_with(client, R"({"sub":"42","channels":["news"]})");
  EXPECT_TRUE(heard.starts_with(R"({"connect":{"client":")")) << heard;
  EXPECT_NE(heard.find(R"("subs":{"news":{}},"ping":25,"session":")"), heard.npos) << heard;
  EXPECT_EQ(heard.find("pong"), heard.npos);
  EXPECT_EQ(heard.find("node"), heard.npos);
  EXPECT_EQ(client.session->user(), "42");
  publish("news", R"({"n":1})");
  settle();
  EXPECT_EQ(client.take(), R"({"channel":"news","pub":{"data":{"n":1}}})");
  client.session->unsubscribe_by_server("news", protocol::kUnsubscribeServer);
  client.session->subscribe_by_server({.channel = "other"}, now_);
  client.session->refresh_by_server(now_.wall + seconds(60), "", now_);
  settle();
  EXPECT_EQ(client.take(),
            "{\"channel\":\"news\",\"unsubscribe\":{\"code\":2000,\"reason\":\"server "
            "unsubscribe\"}}\n{\"channel\":\"other\",\"subscribe\":{}}\n"
            "{\"refresh\":{\"expires\":true,\"ttl\":60}}");
}

TEST_F(UnidirectionalTest, WhatItSaysAfterConnectIsPassedOver) {
  start_with_tokens();
  Client& client = add_client();
  heard_with(client, R"({"sub":"42"})");
  for (const std::string_view said :
       {R"({"id":2,"subscribe":{"channel":"news"}})", "{}", "nonsense", ""}) {
    EXPECT_EQ(ask(client, said), "") << said;
  }
  EXPECT_FALSE(client.ended);
  EXPECT_EQ(client.session->subscription_count(), 0u);
}

TEST_F(UnidirectionalTest, ACommandIsNoConnectRequest) {
  start_with_tokens();
  Client& client = add_client();
  ask(client, R"({"id":1,"connect":{"token":")" + token(R"({"sub":"42"})") + R"("}})");
  EXPECT_EQ(client.end_code(), 3501) << "without a token of its own it has no credentials";
  for (const std::string_view said : {"", "[]", "{}{}", R"({"token":1})", "null"}) {
    Client& other = add_client();
    ask(other, said);
    EXPECT_EQ(other.end_code(), 3501) << said;
  }
}

TEST_F(UnidirectionalTest, ErrorsOfAConnectBecomeCodes) {
  start_with_tokens();
  const auto code = [&](std::string_view claims) {
    Client& client = add_client();
    EXPECT_EQ(heard_with(client, claims), "");
    EXPECT_EQ(client.session->subscription_count(), 0u);
    return client.end_code();
  };
  EXPECT_EQ(code(R"({"sub":"42","exp":1600000000})"), 3005) << "109, token expired";
  EXPECT_EQ(code(R"({"sub":"42","expire_at":1600000000})"), 3005) << "the same";
  EXPECT_EQ(code(R"({"sub":"42","channels":["unknown:a"]})"), 3004) << "102, unknown channel";
  EXPECT_EQ(context_->stats.errors[9].value(), 2u);
  Client& client = add_client();
  ask(client, R"({"token":"nonsense"})");
  EXPECT_EQ(client.end_code(), 3500);
}

TEST_F(UnidirectionalTest, IsPingedWithoutAnAnswer) {
  start_with_tokens();
  Client& client = add_client();
  heard_with(client, R"({"sub":"42"})");
  for (int i = 0; i < 5; ++i) {
    now_.instant = client.session->deadline();
    client.session->on_deadline(now_);
    EXPECT_EQ(client.take(), "{}");
    EXPECT_EQ(client.pings, 0);
  }
  EXPECT_FALSE(client.ended);
}

TEST_F(UnidirectionalTest, AnswersTheTransportsPingsWhereItHasSome) {
  transport_pings_ = true;
  encoding_ = hub::Encoding::UniJsonWebSocket;
  start_with_tokens();
  Client& client = add_client();
  EXPECT_NE(heard_with(client, R"({"sub":"42"})").find(R"("ping":25)"), std::string::npos);
  const auto beat = [&] {
    now_.instant = client.session->deadline();
    client.session->on_deadline(now_);
  };
  beat();
  EXPECT_EQ(client.take(), "{}");
  EXPECT_EQ(client.pings, 1);
  client.session->on_transport_pong();
  beat();
  EXPECT_EQ(client.pings, 2);
  beat();
  EXPECT_EQ(client.end_code(), 3012);
}

TEST_F(UnidirectionalTest, GoesWithItsToken) {
  start_with_tokens();
  Client& client = add_client();
  const std::string heard = heard_with(client, R"({"sub":"42","exp":1700000060})");
  EXPECT_NE(heard.find(R"("expires":true,"ttl":60,)"), heard.npos) << heard;
  for (int i = 0; i < 20 && !client.ended; ++i) {
    now_.instant = client.session->deadline();
    client.session->on_deadline(now_);
  }
  EXPECT_EQ(client.end_code(), 3005);
  EXPECT_EQ(now_.instant, kStart.instant + seconds(60) + options_.expired_close_delay);
}

TEST_F(UnidirectionalTest, AnEmulatedClientIsToldItsSessionAndItsNode) {
  options_.insecure = true;
  start();
  for (const auto encoding :
       {hub::Encoding::JsonStream, hub::Encoding::JsonSse, hub::Encoding::ProtobufStream}) {
    Client& client = add_client(encoding);
    const std::string reply = ask(client, R"({"id":1,"connect":{}})");
    const std::string name = session_ids_->name_of(client.session->connection());
    EXPECT_NE(reply.find(R"("session":")" + name + "\""), reply.npos) << reply;
    EXPECT_NE(reply.find(R"("node":"node-1")"), reply.npos);
    EXPECT_EQ(ask(client, R"({"id":2,"subscribe":{"channel":"a"}})"), R"({"id":2,"subscribe":{}})");
    EXPECT_EQ(ask(client, R"({"id":3,"publish":{"channel":"a","data":{}}})").substr(0, 21),
              R"({"id":3,"publish":{}})");
  }
  Client& other = add_client(hub::Encoding::JsonWebSocket);
  EXPECT_EQ(ask(other, R"({"id":1,"connect":{}})").find("session"), std::string::npos);
}

TEST_F(UnidirectionalTest, WhatATransportFramesAnewIsAlwaysHeld) {
  options_.insecure = true;
  start();
  Client& client = add_client(hub::Encoding::JsonStream);
  client.session = std::make_unique<Session>(
      *context_, client, client.session->connection(),
      Session::Form{.encoding = hub::Encoding::JsonStream, .always_held = true}, now_);
  ask(client, R"({"id":1,"connect":{}})");
  ask(client, R"({"id":2,"subscribe":{"channel":"a"}})");
  publish("a", "1");
  settle();
  EXPECT_EQ(client.take(), "");
  client.send_held();
  EXPECT_EQ(client.take(), R"({"push":{"channel":"a","pub":{"data":1}}})");
}

}  // namespace
}  // namespace sanjay::session
