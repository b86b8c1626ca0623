// SPDX-License-Identifier: Apache-2.0

// Clients that only listen: over HTTP-stream, SSE and WebSocket.

#include "transport/stream_fixture.h"

namespace sanjay::transport {
namespace {

using websocket::Opcode;

constexpr std::string_view kWish = R"({"subs":{"chat":{}}})";
constexpr std::string_view kWishEscaped = "%7B%22subs%22%3A%7B%22chat%22%3A%7B%7D%7D%7D";
constexpr std::string_view kPush = R"({"channel":"chat","pub":{"data":1}})";
constexpr std::string_view kShutdown = R"({"disconnect":{"code":3001,"reason":"shutdown"}})";

TEST_F(StreamTest, AUnidirectionalStreamBringsBarePushes) {
  allow_wishes();
  start();
  Peer& lines = driver_.add_peer();
  const std::string body = open(lines, post("/connection/uni_http_stream", kWish));
  EXPECT_TRUE(body.starts_with(R"({"connect":{"client":")")) << body;
  EXPECT_NE(body.find(R"("subs":{"chat":{}},"ping":25,"session":")"), body.npos) << body;
  EXPECT_EQ(body.find("node"), body.npos);
  EXPECT_TRUE(body.ends_with("\"}}\n")) << body;
  Peer& events = driver_.add_peer();
  const std::string target = "/connection/uni_sse?cf_connect=" + std::string(kWishEscaped);
  EXPECT_TRUE(open(events, get(target)).starts_with("\r\ndata: {\"connect\":{\"client\":\""));
  Peer& posted = driver_.add_peer();
  open(posted, post("/connection/uni_sse", " {\n \"subs\": {\"chat\": {}}\n}\n"));
  publish("chat", "1");
  EXPECT_EQ(hear(lines), std::string(kPush) + "\n");
  EXPECT_EQ(hear(events), "data: " + std::string(kPush) + "\n\n");
  EXPECT_EQ(hear(posted), "data: " + std::string(kPush) + "\n\n");
  EXPECT_EQ(emulate(value_of(body, "session"), "nonsense"), "204");
  EXPECT_EQ(hear(lines), "") << "he has no commands";
  shut_down_all();
  EXPECT_EQ(hear(lines), std::string(kShutdown) + "\n+end");
  EXPECT_EQ(hear(events), "data: " + std::string(kShutdown) + "\n\n+end");
}

TEST_F(StreamTest, AUnidirectionalClientIsPingedAndNeedNotAnswer) {
  start();
  Peer& peer = driver_.add_peer();
  open(peer, get("/connection/uni_sse"));  // whoever he is
  std::string heard;
  for (int i = 0; i < 90; ++i) pass(seconds(1));
  heard = hear(peer);
  EXPECT_GE(heard.size(), 3 * std::string_view("data: {}\n\n").size()) << heard;
  EXPECT_EQ(heard.find("disconnect"), heard.npos);
  EXPECT_FALSE(peer.shard_finished);
}

TEST_F(StreamTest, AUnidirectionalConnectThatIsNoneIsABadRequest) {
  session_options_.insecure = false;
  start();
  for (const std::string_view body : {"", "{", "[]", "1", "{}{}", R"({"token":1})"}) {
    EXPECT_EQ(status_of(say(driver_.add_peer(), post("/connection/uni_http_stream", body))), "400")
        << body;
  }
  const auto sse = [&](std::string_view query) {
    return status_of(say(driver_.add_peer(), get("/connection/uni_sse" + std::string(query))));
  };
  EXPECT_EQ(sse("?cf_connect=%7B"), "400");
  EXPECT_EQ(status_of(say(driver_.add_peer(),
                          upgrade_request("/connection/uni_websocket?cf_connect=%7B"))),
            "400");
  Peer& refused = driver_.add_peer();
  EXPECT_EQ(open(refused, get("/connection/uni_sse")),
            "\r\ndata: {\"disconnect\":{\"code\":3501,\"reason\":\"bad request\"}}\n\n+end")
      << "he has no credentials";
}

TEST_F(StreamTest, AUnidirectionalWebSocketBringsBarePushes) {
  allow_wishes();
  start();
  Peer& first = open_websocket("/connection/uni_websocket");
  const std::string connected = say(first, text(kWish));
  EXPECT_NE(connected.find(R"({"connect":{"client":")"), connected.npos) << connected;
  Peer& queried = driver_.add_peer();
  const std::string answer = say(queried, upgrade_request("/connection/uni_websocket?cf_connect=" +
                                                          std::string(kWishEscaped)));
  EXPECT_NE(answer.find(R"({"connect":{"client":")"), answer.npos) << answer;
  publish("chat", "1");
  EXPECT_EQ(std::exchange(first.from_shard, {}), frame(Opcode::Text, kPush));
  EXPECT_EQ(std::exchange(queried.from_shard, {}), frame(Opcode::Text, kPush));
  EXPECT_EQ(say(first, text(R"({"id":2,"publish":{"channel":"chat","data":1}})") + text("x")), "")
      << "what else he says is passed over";
  EXPECT_EQ(services_->stats.of(TransportKind::UniWebSocket).clients.value(), 2u);
  shut_down_all();
  const std::string end = frame(Opcode::Text, kShutdown) + close_frame(3001, "shutdown");
  EXPECT_EQ(first.from_shard, end);
  EXPECT_EQ(queried.from_shard, end);

  options_.uni_websocket.disconnect_push = false;
  Peer& bare = open_websocket("/connection/uni_websocket");
  say(bare, text("{}"));
  shut_down_all();
  EXPECT_EQ(bare.from_shard, close_frame(3001, "shutdown"));
}

TEST_F(StreamTest, AUnidirectionalWebSocketMayJoinPushes) {
  start();
  const auto pushes = [&] {
    Peer& peer = open_websocket("/connection/uni_websocket");
    say(peer, text("{}"));
    session::Session& session = *session_->users.sessions_of("").at(0);
    session.subscribe_by_server({.channel = "a"}, services_->now());
    session.subscribe_by_server({.channel = "b"}, services_->now());
    turns();
    peer.from_shard.clear();
    session.unsubscribe_from_all_by_server(protocol::kUnsubscribeServer);
    turns();
    peer.finished = true;
    const std::string heard = std::exchange(peer.from_shard, {});
    turns();
    return heard;
  };
  const std::string what = R"("unsubscribe":{"code":2000,"reason":"server unsubscribe"}})";
  const std::string a = R"({"channel":"a",)" + what;
  const std::string b = R"({"channel":"b",)" + what;
  EXPECT_EQ(pushes(), frame(Opcode::Text, a) + frame(Opcode::Text, b));
  options_.uni_websocket.join_push_messages = true;
  EXPECT_EQ(pushes(), frame(Opcode::Text, a + "\n" + b));
}

TEST_F(StreamTest, AUnidirectionalWebSocketAnswersTheTransportsPings) {
  start();
  Peer& peer = open_websocket("/connection/uni_websocket");
  say(peer, text("{}"));
  const auto await_ping = [&] {
    peer.from_shard.clear();
    for (int i = 0; i < 120 && peer.from_shard.empty(); ++i) pass(milliseconds(250));
    EXPECT_EQ(std::exchange(peer.from_shard, {}),
              frame(Opcode::Ping, "") + frame(Opcode::Text, "{}"));
  };
  await_ping();
  say(peer, masked(Opcode::Pong, ""));
  await_ping();
  pass(session_options_.pong_timeout);
  EXPECT_EQ(peer.from_shard,
            frame(Opcode::Text, R"({"disconnect":{"code":3012,"reason":"no pong"}})") +
                close_frame(3012, "no pong"));
}

TEST_F(StreamTest, WhoNeverConnectsOverAUnidirectionalWebSocketIsStale) {
  start();
  Peer& peer = open_websocket("/connection/uni_websocket");
  pass(session_options_.stale_close_delay);
  EXPECT_TRUE(peer.from_shard.ends_with(close_frame(3502, "stale"))) << peer.from_shard;
}

TEST_F(StreamTest, AUnidirectionalWebSocketsMessagesAreBounded) {
  options_.uni_websocket.limits.message_bytes_max = 100;
  start();
  const std::string at_limit = "{}" + std::string(98, ' ');
  Peer& good = open_websocket("/connection/uni_websocket");
  EXPECT_NE(say(good, text(at_limit)).find("connect"), std::string::npos);
  Peer& bad = open_websocket("/connection/uni_websocket");
  EXPECT_NE(say(bad, text(at_limit + " ")).find("\x03\xf1"), std::string::npos) << "1009";
}

TEST_F(StreamTest, TheInitEndpointAnswersWithNothing) {
  start();
  const std::string answer = say(driver_.add_peer(), get("/connection/init"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n{}"));
  EXPECT_EQ(status_of(say(driver_.add_peer(), post("/connection/init", "{}"))), "405");
}

}  // namespace
}  // namespace sanjay::transport
