// SPDX-License-Identifier: Apache-2.0

// HTTP-stream and SSE: what goes down the stream, and how it ends.

#include "core/chunking.h"
#include "transport/framing.h"
#include "transport/stream_fixture.h"

namespace sanjay::transport {
namespace {

constexpr std::string_view kStream = "/connection/http_stream";
constexpr std::string_view kSse = "/connection/sse";
constexpr std::string_view kBadRequest =
    R"({"push":{"disconnect":{"code":3501,"reason":"bad request"}}})";

TEST_F(StreamTest, AnHttpStreamBringsLinesOfReplies) {
  start();
  Peer& peer = driver_.add_peer();
  const std::string commands =
      std::string(kConnect) + "\n" + R"({"id":2,"subscribe":{"channel":"chat"}})";
  const std::string body = open(peer, post(kStream, commands));
  EXPECT_EQ(head_,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "X-Content-Type-Options: nosniff\r\nX-Accel-Buffering: no\r\n"
            "Cache-Control: private, no-cache, no-store, must-revalidate, max-age=0\r\n"
            "Pragma: no-cache\r\nExpire: 0\r\nVary: Origin\r\nTransfer-Encoding: chunked\r\n"
            "Connection: close\r\n\r\n");
  EXPECT_TRUE(body.starts_with(R"({"id":1,"connect":{"client":")")) << body;
  EXPECT_EQ(value_of(body, "node"), "node-1");
  EXPECT_EQ(value_of(body, "session").size(), 56u) << body;
  EXPECT_NE(body.find(R"("ping":25,"pong":true)"), body.npos) << body;
  EXPECT_TRUE(body.ends_with("\n{\"id\":2,\"subscribe\":{}}\n")) << body;
  publish("chat", "1");
  EXPECT_EQ(hear(peer), "{\"push\":{\"channel\":\"chat\",\"pub\":{\"data\":1}}}\n");
  EXPECT_FALSE(peer.shard_finished);
  EXPECT_EQ(services_->stats.of(TransportKind::HttpStream).clients.value(), 1u);
  EXPECT_EQ(services_->stats.of(TransportKind::HttpStream).messages_in.value(), 1u);
  peer.finished = true;
  turns();
  EXPECT_TRUE(peer.released) << "his FIN means that he has gone";
  EXPECT_EQ(hub_->subscription_count(), 0u);
  EXPECT_EQ(services_->stats.of(TransportKind::HttpStream).clients.value(), 0u);
}

TEST_F(StreamTest, SseBringsAnEventForEachLine) {
  start();
  const std::string commands =
      std::string(kConnect) + "\n" + R"({"id":2,"subscribe":{"channel":"chat"}})";
  Peer& posted = driver_.add_peer();
  Peer& got = driver_.add_peer();
  const std::string escaped =
      "%7B%22id%22%3A1%2C%22connect%22%3A%7B%7D%7D%0A%7B%22id%22:2,%22subscribe%22:"
      "%7B%22channel%22:%22chat%22%7D%7D";
  for (const auto& [peer, request] : {std::pair<Peer*, std::string>(&posted, post(kSse, commands)),
                                      {&got, get(std::string(kSse) + "?cf_connect=" + escaped)}}) {
    const std::string body = open(*peer, request);
    EXPECT_NE(head_.find("\r\nContent-Type: text/event-stream; charset=utf-8\r\n"), head_.npos);
    EXPECT_TRUE(body.starts_with("\r\ndata: {\"id\":1,\"connect\":{\"client\":\"")) << body;
    EXPECT_TRUE(body.ends_with("\n\ndata: {\"id\":2,\"subscribe\":{}}\n\n")) << body;
    EXPECT_NE(value_of(body, "session"), "");
  }
  publish("chat", "1");
  const std::string event = "data: {\"push\":{\"channel\":\"chat\",\"pub\":{\"data\":1}}}\n\n";
  EXPECT_EQ(hear(posted), event);
  EXPECT_EQ(hear(got), event);
  EXPECT_EQ(services_->stats.of(TransportKind::Sse).clients.value(), 2u);
  EXPECT_EQ(status_of(say(driver_.add_peer(), get(kSse))), "400") << "without a command";
  EXPECT_EQ(open(driver_.add_peer(), post(kSse, "")),
            "\r\ndata: " + std::string(kBadRequest) + "\n\n+end");
}

TEST_F(StreamTest, AProtobufStreamBringsMessagesBehindTheirLengths) {
  start();
  Peer& peer = driver_.add_peer();
  const std::string connect("\x04\x08\x01\x22\x00", 5);
  const std::string subscribe(
      "\x07\x08\x02\x2a\x03\x0a\x01"
      "a",
      8);
  const std::string body = open(
      peer,
      post(kStream, connect + subscribe, "Content-Type: Application/Octet-Stream; charset=x\r\n"));
  EXPECT_NE(head_.find("\r\nContent-Type: application/octet-stream\r\n"), head_.npos);
  EXPECT_TRUE(body.ends_with(std::string("\x04\x08\x02\x32\x00", 5)));
  EXPECT_NE(body.find("node-1"), body.npos);
  publish("a", "1");
  EXPECT_EQ(hear(peer), std::string("\x0a\x22\x08\x12\x01"
                                    "a\x22\x03\x22\x01"
                                    "1",
                                    11));
  shut_down_all();
  const std::string end = hear(peer);
  EXPECT_NE(end.find("shutdown"), end.npos);
  EXPECT_TRUE(end.ends_with("+end"));
}

TEST_F(StreamTest, OfHttp10ABodyHasNoChunksAndEndsWithTheConnection) {
  start();
  const std::string commands =
      std::string(kConnect) + "\n" + R"({"id":2,"subscribe":{"channel":"chat"}})";
  Peer& lines = driver_.add_peer();
  const std::string response = say(lines, post(kStream, commands, "", "1.0"));
  EXPECT_EQ(response.find("Transfer-Encoding"), response.npos);
  EXPECT_NE(response.find("\r\nConnection: close\r\n\r\n{\"id\":1,"), response.npos) << response;
  Peer& events = driver_.add_peer();
  EXPECT_NE(say(events, post(kSse, commands, "", "1.0")).find("\r\n\r\n\r\ndata: {\"id\":1,"),
            response.npos);
  events.from_shard.clear();
  publish("chat", "1");
  publish("chat", "2");
  const auto push = [](std::string_view data) {
    return R"({"push":{"channel":"chat","pub":{"data":)" + std::string(data) + "}}}";
  };
  EXPECT_EQ(std::exchange(lines.from_shard, {}), push("1") + "\n" + push("2") + "\n");
  EXPECT_EQ(std::exchange(events.from_shard, {}),
            "data: " + push("1") + "\n\ndata: " + push("2") + "\n\n");
  shut_down_all();
  EXPECT_EQ(lines.from_shard,
            "{\"push\":{\"disconnect\":{\"code\":3001,\"reason\":\"shutdown\"}}}\n");
  EXPECT_TRUE(lines.shard_finished);
}

TEST_F(StreamTest, ARequestMayBeCutAnywhere) {
  start();
  const std::string request = post(
      kStream, std::string(kConnect) + "\n" + R"({"id":2,"subscribe":{"channel":"chat"}})" + "\n");
  core::for_each_split(request, 3, [&](std::span<const std::string_view> pieces) {
    Peer& peer = driver_.add_peer();
    for (const std::string_view piece : pieces) {
      peer.to_shard += piece;
      drain(peer);
    }
    const std::string response = std::exchange(peer.from_shard, {});
    EXPECT_EQ(status_of(response), "200");
    const std::string body = data_of(std::string_view(response).substr(head_of(response).size()));
    EXPECT_TRUE(body.ends_with("\n{\"id\":2,\"subscribe\":{}}\n")) << body;
    peer.finished = true;
    turns();
  });
}

TEST_F(StreamTest, AnEndIsToldThenTheBodyEndsThenTheConnection) {
  start();
  Peer& lines = driver_.add_peer();
  EXPECT_EQ(open(lines, post(kStream, "nonsense")), std::string(kBadRequest) + "\n+end");
  EXPECT_TRUE(lines.shard_finished);
  Peer& events = driver_.add_peer();
  EXPECT_EQ(open(events, get("/connection/sse?cf_connect=%7B%7D")),
            "\r\ndata: " + std::string(kBadRequest) + "\n\n+end");
  EXPECT_TRUE(events.shard_finished);
  Client client = open_stream_client();
  shut_down_all();
  EXPECT_EQ(hear(client.peer),
            "{\"push\":{\"disconnect\":{\"code\":3001,\"reason\":\"shutdown\"}}}\n+end");
  std::map<std::string, std::uint64_t> ends;
  services_->ends.for_each([&](std::string_view transport, const std::string& code,
                               std::uint64_t n) { ends[std::string(transport) + code] = n; });
  EXPECT_EQ(ends, (std::map<std::string, std::uint64_t>{
                      {"http_stream3501", 1}, {"sse3501", 1}, {"http_stream3001", 1}}));
  EXPECT_NE(log_.lines.at(0).find(" transport=http_stream "), std::string::npos);
  EXPECT_EQ(log_.lines.at(2).find(client.session), std::string::npos) << "it is a secret";
  pass(seconds(5));
  EXPECT_EQ(shard_->streams().size(), 0u);
}

TEST_F(StreamTest, WhatComesBehindTheRequestIsPassedOverUpToABound) {
  start();
  Peer& peer = driver_.add_peer();
  open(peer, post(kStream, kConnect) + std::string(1000, 'x'));
  EXPECT_EQ(data_of(say(peer, std::string(ResponseConnection::kExcessBytesMax - 1000, 'y'))), "");
  EXPECT_FALSE(peer.shard_finished);
  EXPECT_EQ(data_of(say(peer, "z")), std::string(kBadRequest) + "\n+end");
  EXPECT_TRUE(peer.shard_finished);
}

TEST_F(StreamTest, WhoDoesNotReadIsDisconnectedAsSlow) {
  start();
  Client slow = open_stream_client();
  emulate(slow.session, R"({"id":2,"subscribe":{"channel":"chat"}})");
  slow.peer.from_shard.clear();
  slow.peer.room = 0;
  const std::string data = "\"" + std::string(998, 'x') + "\"";
  for (int i = 0; i < 20; ++i) publish("chat", data);
  slow.peer.room = SIZE_MAX;
  drain(slow.peer);
  const std::string heard = hear(slow.peer);
  EXPECT_TRUE(
      heard.ends_with("{\"push\":{\"disconnect\":{\"code\":3008,\"reason\":\"slow\"}}}\n+end"))
      << heard;
  EXPECT_LT(heard.size(), 3000u) << "the rest of the queue was dropped";
  EXPECT_EQ(services_->stats.slow_disconnects.value(), 1u);
  EXPECT_EQ(hub_->subscription_count(), 0u);

  Client stuck = open_stream_client();
  stuck.peer.room = 0;
  emulate(stuck.session, R"({"id":2,"unsubscribe":{"channel":"z"}})");
  pass(milliseconds(9'999));
  EXPECT_FALSE(stuck.peer.released);
  pass(milliseconds(1));
  EXPECT_TRUE(stuck.peer.released);
}

TEST_F(StreamTest, PingsComeDownAndPongsByEmulation) {
  start();
  Client client = open_stream_client();
  const auto await_ping = [&] {
    client.peer.from_shard.clear();
    for (int i = 0; i < 120 && client.peer.from_shard.empty(); ++i) pass(milliseconds(250));
    EXPECT_EQ(hear(client.peer), "{}\n");
  };
  await_ping();
  EXPECT_EQ(emulate(client.session, "{}"), "204");
  await_ping();
  pass(session_options_.pong_timeout);
  EXPECT_EQ(hear(client.peer),
            "{\"push\":{\"disconnect\":{\"code\":3012,\"reason\":\"no pong\"}}}\n+end");
  pass(milliseconds(500));
  EXPECT_TRUE(client.peer.released);
}

TEST_F(StreamTest, AConnectWithoutCredentialsEndsTheStream) {
  session_options_.insecure = false;
  start();
  Peer& peer = driver_.add_peer();
  EXPECT_EQ(open(peer, post(kStream, kConnect)), std::string(kBadRequest) + "\n+end");
}

TEST_F(StreamTest, TheFullServerAndTheRateOfNewConnectionsRefuseStreams) {
  admission_options_.rate_max = 1;
  start();
  open_stream_client();
  const std::string refused = say(driver_.add_peer(), post(kStream, kConnect));
  EXPECT_EQ(status_of(refused), "503") << refused;
  EXPECT_GE(retry_after(refused), 1);
  EXPECT_EQ(services_->stats.refused_rate_limit.value(), 1u);
  pass(seconds(1));
  full_ = true;
  EXPECT_EQ(status_of(say(driver_.add_peer(), post(kStream, kConnect))), "503");
  EXPECT_EQ(services_->stats.refused_connection_limit.value(), 1u);
  EXPECT_EQ(emulate("nobody", "{}"), "204") << "but commands for those who are there are taken";
}

TEST_F(StreamTest, AClientsQueueHasItsOwnBoundWhateverWasAnsweredBefore) {
  start();
  Peer& peer = driver_.add_peer();
  say(peer, post("/x", std::string(50'000, 'x')));
  peer.from_shard.clear();
  open(peer, post(kStream, kConnect));
  shard_->streams().for_each([&](runtime::Stream& stream) {
    EXPECT_EQ(stream.queue_bytes_max(), shard_options_.streams.queue_bytes_max);
  });
}

TEST_F(StreamTest, EndpointsThatAreOffAreNotThere) {
  options_ = TransportOptions();
  start();
  for (const auto path :
       {kStream, kSse, std::string_view("/emulation"), std::string_view("/connection/init")}) {
    EXPECT_TRUE(say(driver_.add_peer(), post(path, "{}")).starts_with("[/")) << path;
  }
}

TEST(Framing, WhatIsFramedInChunksIsTheMessageAgainWithoutThem) {
  using hub::Encoding;
  for (const std::size_t size : {1u, 15u, 16u, 255u, 256u, 70'000u}) {
    const std::string message(size, 'm');
    for (const auto& [encoding, wanted] : {std::pair(Encoding::JsonStream, message + "\n"),
                                           {Encoding::ProtobufStream, message},
                                           {Encoding::JsonSse, "data: " + message + "\n\n"},
                                           {Encoding::UniJsonStream, message + "\n"},
                                           {Encoding::UniJsonSse, "data: " + message + "\n\n"}}) {
      std::string bytes;
      append_framed(bytes, encoding, message);
      append_framed(bytes, encoding, message);
      EXPECT_EQ(without_chunks(bytes), wanted + wanted);
      http::ChunkedDecoder decoder(SIZE_MAX, 0);
      std::string data;
      decoder.feed(bytes, data);
      EXPECT_EQ(data, wanted + wanted);
    }
  }
}

}  // namespace
}  // namespace sanjay::transport
