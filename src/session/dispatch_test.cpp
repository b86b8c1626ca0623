// SPDX-License-Identifier: Apache-2.0

// How commands are taken: what a connection may say when, and what ends it.

#include "session/session_fixture.h"

namespace sanjay::session {
namespace {

class DispatchTest : public SessionTest {
 protected:
  Client& open_insecure() {
    options_.insecure = true;
    start();
    Client& client = connect();
    client.take();
    return client;
  }
};
INSTANTIATE_TEST_SUITE_P(Both, DispatchTest, both_encodings(), encoding_name);

class JsonDispatchTest : public SessionFixture {};

TEST_P(DispatchTest, FirstCommandMustBeConnect) {
  for (const std::string_view command :
       {R"({"id":1,"subscribe":{"channel":"a"}})", R"({"id":1,"unsubscribe":{"channel":"a"}})",
        R"({"id":1,"publish":{"channel":"a","data":1}})", R"({"id":1,"presence":{"channel":"a"}})",
        R"({"id":1,"presence_stats":{"channel":"a"}})", R"({"id":1,"history":{"channel":"a"}})",
        R"({"id":1,"rpc":{"method":"m"}})", R"({"send":{"data":1}})",
        R"({"id":1,"refresh":{"token":"t"}})",
        R"({"id":1,"sub_refresh":{"channel":"a","token":"t"}})", "{}"}) {
    options_.insecure = true;
    start();
    Client& client = add_client();
    say(client, command);
    EXPECT_EQ(client.end_code(), 3501) << command;
    EXPECT_EQ(client.take(), "") << command;
  }
}

TEST_P(DispatchTest, SecondConnectEndsTheConnection) {
  Client& client = open_insecure();
  say(client, R"({"id":2,"connect":{}})");
  EXPECT_EQ(client.end_code(), 3501);
}

TEST_F(JsonDispatchTest, BrokenJsonBlankLineAndEmptyMessageEndTheConnection) {
  options_.insecure = true;
  for (const std::string_view bad :
       {"{", "{\"id\":2,\"unsubscribe\":{\"channel\":\"a\"}}\n\n{}", "", "[]", "null", "\n"}) {
    start();
    Client& client = connect();
    say_raw(client, bad);
    EXPECT_EQ(client.end_code(), 3501) << bad;
  }
}

TEST_F(JsonDispatchTest, BrokenProtobufAndAnEmptyMessageEndTheConnection) {
  options_.insecure = true;
  // Empty, cut, a field of the wrong type, a length beyond the end, an endless length.
  for (const std::string& bad :
       {std::string(), std::string("\x04\x08\x01\x22", 4), std::string("\x02\x0a\x00", 3),
        std::string("\x7f\x08\x01", 3), std::string(11, '\xff')}) {
    start();
    Client& client = connect(hub::Encoding::ProtobufWebSocket);
    say_raw(client, bad);
    EXPECT_EQ(client.end_code(), 3501) << bad.size();
  }
}

TEST_P(DispatchTest, RepliesBeforeTheErrorStillLeave) {
  Client& client = open_insecure();
  say_raw(client,
          is_json() ? "{\"id\":2,\"unsubscribe\":{\"channel\":\"a\"}}\nbroken"
                    : *protocol::to_protobuf(R"({"id":2,"unsubscribe":{"channel":"a"}})") + "\x05");
  EXPECT_EQ(client.take(), R"({"id":2,"unsubscribe":{}})");
  EXPECT_EQ(client.end_code(), 3501);
}

TEST_P(DispatchTest, SeveralCommandsOfOneMessageAreAnsweredInOne) {
  Client& client = open_insecure();
  say(client,
      "{\"id\":2,\"subscribe\":{\"channel\":\"a\"}}\n"
      "{\"id\":3,\"unsubscribe\":{\"channel\":\"a\"}}\n");
  ASSERT_EQ(client.received.size(), 1u);
  EXPECT_EQ(client.take(), "{\"id\":2,\"subscribe\":{}}\n{\"id\":3,\"unsubscribe\":{}}");
}

TEST_P(DispatchTest, TheSameIdMayComeAgainAndInAnyOrder) {
  Client& client = open_insecure();
  for (const char* id : {"7", "3", "7", "4294967295"}) {
    EXPECT_EQ(ask(client, R"({"id":)" + std::string(id) + R"(,"unsubscribe":{"channel":"a"}})"),
              R"({"id":)" + std::string(id) + R"(,"unsubscribe":{}})");
  }
}

TEST_F(JsonDispatchTest, OfSeveralRequestsInOneCommandTheFirstInOrderIsDone) {
  options_.insecure = true;
  start();
  Client& client = connect();
  EXPECT_EQ(ask(client, R"({"id":2,"publish":{"channel":"a","data":1},)"
                        R"("unsubscribe":{"channel":"a"}})"),
            R"({"id":2,"unsubscribe":{}})");
  EXPECT_EQ(ask(client, R"({"id":3,"rpc":{"method":"m"},"publish":{"channel":"a","data":1}})"),
            R"({"id":3,"publish":{}})");
}

TEST_F(JsonDispatchTest, WhatIsNoRequestEndsTheConnection) {
  options_.insecure = true;
  for (const std::string_view command :
       {R"({"id":2})",                                 // nothing asked
        R"({"subscribe":{"channel":"a"}})",            // no id
        R"({"id":2,"ping":{}})",                       // there is no ping of the client's
        R"({"ping":{}})", R"({"id":2,"unheard":{}})",  // the only key is unknown
        R"({"id":-1,"subscribe":{"channel":"a"}})"}) {
    start();
    Client& client = connect();
    say_raw(client, command);
    EXPECT_EQ(client.end_code(), 3501) << command;
  }
}

TEST_F(JsonDispatchTest, UnknownKeysAreIgnored) {
  options_.insecure = true;
  start();
  Client& client = connect();
  EXPECT_EQ(ask(client, R"({"id":2,"new":1,"unsubscribe":{"channel":"a","newer":[{}]}})"),
            R"({"id":2,"unsubscribe":{}})");
}

TEST_F(JsonDispatchTest, JsonMayBeNestedToItsBound) {
  options_.insecure = true;
  for (const auto& [depth, code] : {std::pair(30, 0), std::pair(31, 3501)}) {
    start();
    Client& client = connect();
    // The command and its request are the first two of 32 levels.
    say_raw(client, R"({"id":2,"publish":{"channel":"a","data":)" +
                        std::string(std::size_t(depth), '[') +
                        std::string(std::size_t(depth), ']') + "}}");
    EXPECT_EQ(client.end_code(), code) << depth;
  }
}

TEST_P(DispatchTest, EmptyChannelsEndTheConnection) {
  for (const std::string_view command :
       {R"({"id":2,"subscribe":{}})", R"({"id":2,"unsubscribe":{}})",
        R"({"id":2,"publish":{"data":1}})", R"({"id":2,"presence":{}})",
        R"({"id":2,"presence_stats":{}})", R"({"id":2,"history":{}})",
        R"({"id":2,"sub_refresh":{"token":"t"}})"}) {
    Client& client = open_insecure();
    say(client, command);
    EXPECT_EQ(client.end_code(), 3501) << command;
  }
}

TEST_P(DispatchTest, RpcAndSendAreNotAvailable) {
  Client& client = open_insecure();
  EXPECT_EQ(ask(client, R"({"id":2,"rpc":{"method":"getX","data":{}}})"),
            R"({"id":2,"error":{"code":108,"message":"not available"}})");
  EXPECT_FALSE(client.ended);
  say(client, R"({"send":{"data":{}}})");
  EXPECT_EQ(client.end_code(), 3508);
}

TEST_P(DispatchTest, PongWithoutPingAndSecondPongEndTheConnection) {
  Client& early = open_insecure();
  say(early, "{}");
  EXPECT_EQ(early.end_code(), 3501);
  Client& client = open_insecure();
  pass(client.session->deadline() - now_.instant);
  say(client, "{}");
  EXPECT_FALSE(client.ended);
  say(client, "{}");
  EXPECT_EQ(client.end_code(), 3501);
}

TEST_P(DispatchTest, CommandAfterRefusedConnectEndsTheConnection) {
  use_tokens();
  start();
  Client& client = connect(R"("token":")" + token(R"({"sub":"42","exp":1600000000})") + "\"");
  EXPECT_FALSE(client.ended);
  say(client, R"({"id":2,"subscribe":{"channel":"a"}})");
  EXPECT_EQ(client.end_code(), 3501);
}

TEST_P(DispatchTest, EveryCommandIsCountedOnceHoweverOftenItIsTried) {
  hub_options_.home.channels.pending_bytes_max = 64;
  Client& client = open_insecure();
  say(client, R"({"id":2,"subscribe":{"channel":"a"}})");
  const std::string big =
      R"({"id":3,"publish":{"channel":"a","data":")" + std::string(100, 'x') + R"("}})";
  say(client, big);
  say(client, big);
  for (int i = 0; i < 5; ++i) resume();
  EXPECT_TRUE(client.session->blocked());
  settle();
  EXPECT_FALSE(client.session->blocked());
  std::map<std::string, std::uint64_t> counted;
  for (std::size_t i = 0; i < kCommandNames.size(); ++i) {
    if (const auto count = context_->stats.commands[i].value()) {
      counted[std::string(kCommandNames[i])] = count;
    }
  }
  EXPECT_EQ(counted, (std::map<std::string, std::uint64_t>{
                         {"connect", 1}, {"subscribe", 1}, {"publish", 2}}));
}

}  // namespace
}  // namespace sanjay::session
