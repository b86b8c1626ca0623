// SPDX-License-Identifier: Apache-2.0

// Connecting, credentials and their renewal.

#include "session/session_fixture.h"

namespace sanjay::session {
namespace {

class ConnectTest : public SessionTest {
 protected:
  Client& connect_with_token(std::string_view signed_token) {
    return connect(R"("token":")" + std::string(signed_token) + "\"");
  }
  std::string refresh(Client& client, std::string_view signed_token) {
    return ask(client, R"({"id":2,"refresh":{"token":")" + std::string(signed_token) + R"("}})");
  }
};
INSTANTIATE_TEST_SUITE_P(Both, ConnectTest, both_encodings(), encoding_name);

TEST_P(ConnectTest, AnswersWithClientIdPingAndPong) {
  options_.insecure = true;
  options_.server_version = "sanjay 1";
  start();
  Client& client = connect(R"("name":"js","version":"5","data":{"a":1},"headers":{"h":"v"})");
  EXPECT_EQ(client.take(), R"({"id":1,"connect":{"client":")" + id_of(client) +
                               R"(","version":"sanjay 1","ping":25,"pong":true}})");
  EXPECT_FALSE(client.ended);
}

TEST(ClientIds, AreDistinctVersion4Uuids) {
  core::Random random(1);
  const ClientId first(random), second(random);
  const ClientId::Text text = first.text();
  EXPECT_NE(view(text), view(second.text()));
  EXPECT_EQ(text[8], '-');
  EXPECT_EQ(text[14], '4');
  EXPECT_NE(std::string_view("89ab").find(text[19]), std::string_view::npos);
}

TEST_P(ConnectTest, WithoutCredentialsTheConnectionIsABadRequest) {
  start();
  EXPECT_EQ(connect().end_code(), 3501);
}

TEST_P(ConnectTest, AnonymousConnectCanBeAllowed) {
  options_.allow_anonymous_connect_without_token = true;
  start();
  Client& client = connect();
  EXPECT_NE(client.take().find("\"client\""), std::string::npos);
  EXPECT_EQ(client.session->user(), "");
}

TEST_P(ConnectTest, TokenNamesTheUserAndItsExpiry) {
  use_tokens();
  start();
  Client& client = connect_with_token(token(R"({"sub":"42","exp":1700000060})"));
  EXPECT_NE(client.take().find(R"("expires":true,"ttl":60)"), std::string::npos);
  EXPECT_EQ(client.session->user(), "42");
}

TEST_P(ConnectTest, ExpiryIsToldOnlyWhereTheClientIsToRefresh) {
  use_tokens();
  start();
  EXPECT_EQ(connect_with_token(token(R"({"sub":"42"})")).take().find("expires"), std::string::npos);
  EXPECT_EQ(connect_with_token(token(R"({"sub":"42","exp":1700000060,"expire_at":0})"))
                .take()
                .find("expires"),
            std::string::npos)
      << "the connection does not expire with the token";
  options_.insecure = true;
  Client& insecure = connect_with_token(token(R"({"sub":"42","exp":1700000060})"));
  EXPECT_EQ(insecure.take().find("expires"), std::string::npos);
}

TEST_P(ConnectTest, ExpiredTokenIsAnErrorAndTheConnectionUnusable) {
  use_tokens();
  start();
  Client& client = connect_with_token(token(R"({"sub":"42","exp":1600000000})"));
  EXPECT_EQ(client.take(), R"({"id":1,"error":{"code":109,"message":"token expired"}})");
  EXPECT_FALSE(client.ended);
  pass(seconds(10));
  EXPECT_EQ(client.end_code(), 3502) << "the stale timer goes on";
}

TEST_P(ConnectTest, AConnectionThatWouldBeOverAlreadyNeedsANewToken) {
  use_tokens();
  start();
  Client& client =
      connect_with_token(token(R"({"sub":"42","exp":1700000060,"expire_at":1699999999})"));
  EXPECT_EQ(client.take(), R"({"id":1,"error":{"code":109,"message":"token expired"}})");
  EXPECT_FALSE(client.ended);
}

TEST_P(ConnectTest, ForeignTokensAreInvalid) {
  use_tokens();
  start();
  const std::string foreign =
      auth::sign_hs256(R"({"sub":"42"})", "the secret of somebody else, quite long").value();
  const std::string for_a_subscription = token(R"({"sub":"42","channel":"a"})");
  const std::string binary_info = token(R"({"sub":"42","b64info":"/w=="})");
  for (const std::string& bad :
       {foreign, for_a_subscription, binary_info, std::string("a.b.c"), std::string("garbage")}) {
    Client& client = connect_with_token(bad);
    EXPECT_EQ(client.end_code(), 3500) << bad;
    EXPECT_EQ(client.take(), "");
  }
}

TEST_P(ConnectTest, TokenWithoutAnyKeyConfiguredIsInvalid) {
  start();
  EXPECT_EQ(connect_with_token("a.b.c").end_code(), 3500);
}

TEST_P(ConnectTest, CredentialsExpireAfterTheCloseDelay) {
  use_tokens();
  start();
  Client& client = connect_with_token(token(R"({"sub":"42","exp":1700000010})"));
  client.take();
  live(client, seconds(34));
  EXPECT_FALSE(client.ended);
  pass(milliseconds(999));
  EXPECT_FALSE(client.ended);
  pass(milliseconds(1));
  EXPECT_EQ(client.end_code(), 3005);
}

TEST_P(ConnectTest, RefreshProlongsTheConnection) {
  use_tokens();
  start();
  Client& client = connect_with(R"({"sub":"42","exp":1700000010})");
  EXPECT_EQ(refresh(client, token(R"({"sub":"42","exp":1700000300})")),
            R"({"id":2,"refresh":{"expires":true,"ttl":300}})");
  live(client, seconds(40));
  EXPECT_FALSE(client.ended);
  EXPECT_EQ(refresh(client, token(R"({"sub":"42"})")), R"({"id":2,"refresh":{}})");
  live(client, seconds(400));
  EXPECT_FALSE(client.ended) << "it does not expire any more";
}

TEST_P(ConnectTest, RefreshRefusesOtherUsersAndBadTokens) {
  use_tokens();
  const std::vector<std::pair<std::string, std::uint16_t>> cases{
      {token(R"({"sub":"43","exp":1700000300})"), 3500},
      {token(R"({"sub":"42","exp":1700000300,"channel":"a"})"), 3500},
      {token(R"({"sub":"42","exp":1700000300,"b64info":"/w=="})"), 3500},
      {token(R"({"sub":"42","exp":1600000000})"), 3005},
      {token(R"({"sub":"42","exp":1700000300,"expire_at":1699999999})"), 3005},
      {"garbage", 3500},
      {"", 3501},
      {token(R"({"sub":"42","exp":1700000300,"channels":["a","b"]})"), 0},
      {token(R"({"sub":"42","exp":1700000300,"channels":["b","a"]})"), 0},
      {token(R"({"sub":"42","exp":1700000300,"subs":{"a":{},"b":{}}})"), 0},
      {token(R"({"sub":"42","exp":1700000300,"channels":["a"]})"), 3010},
      {token(R"({"sub":"42","exp":1700000300,"channels":["a","c"]})"), 3010},
      {token(R"({"sub":"42","exp":1700000300})"), 3010}};
  for (const auto& [refreshed, code] : cases) {
    start();
    const bool has_channels = &refreshed >= &cases[7].first;
    Client& client =
        connect_with(has_channels ? R"({"sub":"42","exp":1700000010,"channels":["a","b"]})"
                                  : R"({"sub":"42","exp":1700000010})");
    const std::string answer = refresh(client, refreshed);
    EXPECT_EQ(client.end_code(), code) << refreshed;
    EXPECT_EQ(answer.empty(), code != 0) << answer;
  }
}

TEST_P(ConnectTest, RefreshWithoutAVerifierIsInvalid) {
  options_.insecure = true;
  start();
  Client& client = connect();
  client.take();
  EXPECT_EQ(refresh(client, "a.b.c"), "");
  EXPECT_EQ(client.end_code(), 3500);
}

TEST_P(ConnectTest, WhatARefreshSaysOfTheClientIsWhatOthersSeeFromThenOn) {
  use_tokens();
  names_.without_namespace.presence = true;
  names_.without_namespace.allow_publish_for_client = true;
  names_.without_namespace.allow_subscribe_for_client = true;
  start();
  Client& client = connect_with(R"({"sub":"42","exp":1700000010,"info":{"n":1}})");
  ask(client, R"({"id":2,"subscribe":{"channel":"a"}})");
  // Line breaks in it must not end the message of a JSON client.
  refresh(client, token(R"({"sub":"42","exp":1700000300,"b64info":"ewoibiI6Mgp9"})"));
  EXPECT_EQ(ask(client, R"({"id":3,"publish":{"channel":"a","data":1}})"),
            R"({"id":3,"publish":{}})"
            "\n"
            R"({"push":{"channel":"a","pub":{"data":1,"info":{"user":"42","client":")" +
                id_of(client) + R"(","conn_info":{"n":2}}}}})");
}

TEST_P(ConnectTest, TheServerRefreshesAConnectionOrEndsIt) {
  use_tokens();
  start();
  Client& client = connect_with(R"({"sub":"42","exp":1700000010})");
  client.session->refresh_by_server(now_.wall + seconds(100), "", now_);
  if (is_json()) {
    EXPECT_EQ(client.take(), R"({"push":{"refresh":{"expires":true,"ttl":100}}})");
  }
  live(client, seconds(120));
  EXPECT_FALSE(client.ended);
  client.session->refresh_by_server(std::nullopt, "", now_);
  live(client, seconds(120));
  EXPECT_FALSE(client.ended) << "nothing expires";
  client.session->refresh_by_server(now_.wall, "", now_);
  EXPECT_EQ(client.end_code(), 3005);
}

TEST_P(ConnectTest, ConnectionsAreCountedAndFoundByTheirUser) {
  use_tokens();
  start();
  Client& ann = connect_with(R"({"sub":"ann"})");
  Client& again = connect_with(R"({"sub":"ann"})");
  Client& nobody = connect_with(R"({"sub":""})");
  EXPECT_EQ(context_->stats.clients.value(), 3U);
  EXPECT_EQ(context_->stats.users.value(), 2U);
  EXPECT_EQ(context_->users.sessions_of("ann"),
            (std::vector<Session*>{ann.session.get(), again.session.get()}));
  EXPECT_EQ(context_->users.sessions_of(""), std::vector<Session*>{nobody.session.get()});
  ann.session->disconnect_by_server(protocol::kDisconnectForced);
  EXPECT_EQ(ann.end_code(), 3503);
  ann.session->disconnect_by_server(protocol::kDisconnectForced);
  EXPECT_EQ(context_->users.sessions_of("ann"), std::vector<Session*>{again.session.get()});
  again.session->close();
  nobody.session->close();
  EXPECT_EQ(context_->users.user_count(), 0U);
  EXPECT_EQ(context_->stats.clients.value(), 0U);
  EXPECT_EQ(context_->stats.users.value(), 0U);
}

}  // namespace
}  // namespace sanjay::session
