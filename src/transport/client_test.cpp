// SPDX-License-Identifier: Apache-2.0

// Clients of the protocol over WebSocket.

#include "transport/transport_fixture.h"

namespace sanjay::transport {
namespace {

TEST_F(TransportTest, RefusesForeignOriginsAndSpeaksBothEncodings) {
  const std::vector<std::string> allowed{"https://good.example"};
  options_.origins = http::OriginPolicy::parse(allowed).value();
  start();
  const auto status = [&](std::string_view path, std::string_view headers) {
    return say(driver_.add_peer(), upgrade_request(path, headers)).substr(9, 3);
  };
  EXPECT_EQ(status("/connection/websocket", "Origin: https://good.example\r\n"), "101");
  EXPECT_EQ(status("/connection/websocket", "Origin: https://evil.example\r\n"), "403");
  EXPECT_EQ(status("/echo", "Origin: https://evil.example\r\n"), "403");
  EXPECT_EQ(status("/connection/websocket?cf_protocol=protobuf", ""), "101");
  EXPECT_EQ(status("/connection/websocket?format=protobuf", ""), "101");
  EXPECT_EQ(status("/connection/websocket?cf_protocol=xml", ""), "400");
  EXPECT_EQ(status("/connection/websocket?cf_protocol=json", ""), "101");
  EXPECT_EQ(status("/connection/websocket", "Sec-WebSocket-Protocol: centrifuge-protobuf\r\n"),
            "101");
  EXPECT_EQ(status("/connection/websocket", "Sec-WebSocket-Protocol: centrifuge-json\r\n"), "101");
}

TEST_F(TransportTest, EndsAreCountedByCodeAndLoggedWithoutWhatTheClientSaid) {
  start();
  Peer& good = open_client();
  good.finished = true;
  turns();
  Peer& wrong = open_client();
  say(wrong, text("secret words"));
  std::map<std::string, std::uint64_t> ends;
  services_->ends.for_each(
      [&](std::string_view, const std::string& code, std::uint64_t n) { ends[code] = n; });
  EXPECT_EQ(ends, (std::map<std::string, std::uint64_t>{{"3000", 1}, {"3501", 1}}));
  ASSERT_EQ(log_.lines.size(), 2u);
  EXPECT_TRUE(log_.lines[0].starts_with(
      "1 connection ended connection=0-0-1 transport=websocket peer=192.0.2.1:"));
  EXPECT_NE(log_.lines[0].find(" code=3000 reason=connection closed"), std::string::npos);
  EXPECT_TRUE(log_.lines[1].starts_with("2 connection ended"));
  EXPECT_NE(log_.lines[1].find(" code=3501 reason=bad request"), std::string::npos);
  EXPECT_EQ(log_.lines[1].find("secret"), std::string::npos);
}

TEST_F(TransportTest, ACrowdOfFaultsDoesNotFillTheLog) {
  start();
  for (int i = 0; i < 300; ++i) say(open_websocket("/connection/websocket"), text("{"));
  EXPECT_EQ(log_.lines.size(), 200u);
  pass(seconds(1));
  say(open_websocket("/connection/websocket"), text("{"));
  ASSERT_EQ(log_.lines.size(), 201u);
  EXPECT_TRUE(log_.lines.back().ends_with(" suppressed=100")) << log_.lines.back();
  for (int i = 0; i < 60; ++i) say(open_websocket("/connection/websocket"), text("{"));
  EXPECT_EQ(log_.lines.size(), 250u) << "a second's worth";
}

TEST_F(TransportTest, AHalfOpenPeerIsNotWaitedFor) {
  start();
  Peer& peer = open_client();
  peer.from_shard.clear();
  while (peer.from_shard.empty()) pass(milliseconds(250));  // the ping
  peer.from_shard.clear();
  pass(session_options_.pong_timeout - milliseconds(250));
  EXPECT_EQ(peer.from_shard, "");
  pass(milliseconds(250));
  EXPECT_EQ(peer.from_shard, close_frame(3012, "no pong"));
  pass(milliseconds(499));
  EXPECT_FALSE(peer.released);
  pass(milliseconds(1));
  EXPECT_TRUE(peer.released);
}

TEST_F(TransportTest, ClientSubscribesPublishesAndReceives) {
  start();
  Peer& peer = open_client();
  EXPECT_EQ(say(peer, text(R"({"id":2,"subscribe":{"channel":"chat"}})")),
            frame(websocket::Opcode::Text, R"({"id":2,"subscribe":{}})"));
  const std::string answer = say(peer, text(R"({"id":3,"publish":{"channel":"chat","data":{}}})"));
  EXPECT_TRUE(answer.starts_with(frame(websocket::Opcode::Text, R"({"id":3,"publish":{}})")));
  EXPECT_NE(answer.find(R"({"push":{"channel":"chat","pub":{"data":{},"info":{"user":"")"),
            std::string::npos)
      << answer;
}

TEST_F(TransportTest, AProtobufClientIsSentBinaryFrames) {
  start();
  for (const std::string_view path :
       {"/connection/websocket?cf_protocol=protobuf", "/connection/websocket?format=protobuf"}) {
    Peer& peer = open_websocket(path);
    const auto bytes = [](std::string_view content) {
      return masked(websocket::Opcode::Binary, content);
    };
    const std::string connected = say(peer, bytes(std::string("\x04\x08\x01\x22\x00", 5)));
    EXPECT_EQ(connected.substr(0, 1), "\x82") << "a binary frame";
    EXPECT_EQ(say(peer, bytes("\x07\x08\x02\x2a\x03\x0a\x01"
                              "a")),
              frame(websocket::Opcode::Binary, std::string("\x04\x08\x02\x32\x00", 5)));
    const std::string published = say(peer, bytes("\x0b\x08\x03\x3a\x07\x0a\x01"
                                                  "a\x12\x02{}"));
    EXPECT_TRUE(published.starts_with(
        frame(websocket::Opcode::Binary, std::string("\x04\x08\x03\x42\x00", 5))));
    EXPECT_NE(published.find("\x22\x02{}"), published.npos) << "and the publication";
    EXPECT_EQ(published.find('\x81'), published.npos) << "no text frame";
  }
}

TEST_F(TransportTest, WhatAConnectHoldsBackIsBoundedAsTheQueueIs) {
  session_options_.allow_anonymous_connect_without_token = true;
  channels::NamespacesConfig names;
  names.without_namespace.allow_subscribe_for_client = true;
  names.without_namespace.allow_subscribe_for_anonymous = true;
  session_options_.namespaces = std::make_shared<const channels::Namespaces>(
      channels::Namespaces::create(std::move(names)).value());
  start(2);
  std::string away, here;
  for (int i = 0; away.empty() || here.empty(); ++i) {
    const std::string name = "c" + std::to_string(i);
    (hub_->home_of(name) == 1 ? away : here) = name;
  }
  const std::string command =
      R"({"id":1,"connect":{"subs":{")" + here + R"(":{},")" + away + R"(":{}}}})";
  const auto publish = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const std::string data = "\"" + std::string(1000, 'x') + "\"";
      hub::Publication publication;
      publication.data = data;
      hub_->publish(here, publication, {}, {});
      turns(1);
    }
  };
  // In time: all of it comes behind the reply.
  Peer& patient = open_websocket("/connection/websocket");
  EXPECT_EQ(say(patient, text(command)), "");
  publish(5);
  EXPECT_EQ(patient.from_shard, "");
  const auto interest = std::get<hub::Interest>(mails_.at(0));
  hub_->on_mail(1, hub::InterestConfirmed{interest.local_channel, 1, interest.forms});
  drain(patient);
  const std::size_t reply = patient.from_shard.find("\"connect\"");
  const std::size_t publication = patient.from_shard.find("\"pub\"");
  ASSERT_NE(publication, std::string::npos);
  EXPECT_LT(reply, publication);
  EXPECT_GT(patient.from_shard.size(), 5000u);
  patient.finished = true;
  turns();
  // Too much: slow, and nobody else is.
  Peer& slow = open_websocket("/connection/websocket");
  Peer& other = open_websocket("/echo");
  EXPECT_EQ(say(slow, text(command)), "");
  publish(12);
  EXPECT_EQ(slow.from_shard, close_frame(3008, "slow"));
  EXPECT_EQ(hub_->subscription_count(), 0u);
  EXPECT_EQ(services_->stats.slow_disconnects.value(), 1u);
  EXPECT_EQ(say(other, text("hi")), frame(websocket::Opcode::Text, "hi"));
}

TEST_F(TransportTest, AClientMayAskForPingsOfTheTransport) {
  start();
  Peer& peer = open_websocket("/connection/websocket?cf_ws_frame_ping_pong=true");
  EXPECT_EQ(say(peer, text(R"({"id":1,"connect":{}})")).find("\"ping\""), std::string::npos);
  peer.from_shard.clear();
  for (int i = 0; i < 120 && peer.from_shard.empty(); ++i) pass(milliseconds(250));
  EXPECT_EQ(peer.from_shard, frame(websocket::Opcode::Ping, ""));
  say(peer, masked(websocket::Opcode::Pong, ""));
  for (int i = 0; i < 10; ++i) pass(seconds(1));
  EXPECT_FALSE(peer.shard_finished);
}

TEST_F(TransportTest, MessagesBehindASubscribeThatWaitsAreHeldBackAndReadingPauses) {
  start(2);
  Peer& peer = open_client();
  std::string away;
  for (int i = 0; away.empty(); ++i) {
    const std::string name = "c" + std::to_string(i);
    if (hub_->home_of(name) == 1) away = name;
  }
  const std::string behind = text(R"({"id":3,"unsubscribe":{"channel":"z"}})");
  EXPECT_EQ(say(peer, text(R"({"id":2,"subscribe":{"channel":")" + away + R"("}})") + behind), "");
  peer.to_shard = behind + behind;
  turns();
  EXPECT_EQ(peer.to_shard.size(), 2 * behind.size()) << "reading has paused";
  const auto interest = std::get<hub::Interest>(mails_.at(0));
  hub_->on_mail(1, hub::InterestConfirmed{interest.local_channel, 1, interest.forms});
  drain(peer);
  const std::string answer = frame(websocket::Opcode::Text, R"({"id":3,"unsubscribe":{}})");
  EXPECT_EQ(peer.from_shard, frame(websocket::Opcode::Text, R"({"id":2,"subscribe":{}})") + answer +
                                 answer + answer);
}

TEST_F(TransportTest, SlowClientIsClosedWith3008AndItsQueueDropped) {
  start();
  Peer& slow = open_client();
  Peer& publisher = open_client();
  say(slow, text(R"({"id":2,"subscribe":{"channel":"chat"}})"));
  slow.room = 10;
  for (int i = 0; i < 20; ++i) {
    say(publisher, text(R"({"id":3,"publish":{"channel":"chat","data":")" + std::string(1000, 'x') +
                        R"("}})"));
  }
  slow.from_shard.clear();
  slow.room = SIZE_MAX;
  drain(slow);
  EXPECT_TRUE(slow.from_shard.ends_with(close_frame(3008, "slow")));
  EXPECT_LT(slow.from_shard.size(), 2000u) << "the rest of the queue was dropped";
  EXPECT_TRUE(slow.shard_finished);
  EXPECT_EQ(services_->stats.slow_disconnects.value(), 1u);
  EXPECT_FALSE(publisher.shard_finished) << "nobody else is disturbed";
}

TEST_F(TransportTest, AClientsQueueHoldsItsBoundAndNotAByteMore) {
  start();
  const auto publish = [&](std::size_t bytes_beyond) {
    Peer& slow = open_client();
    say(slow, text(R"({"id":2,"subscribe":{"channel":"chat"}})"));
    auto& stream = shard_->streams().at(0);
    shard_->streams().for_each([&](runtime::Stream& s) { EXPECT_EQ(s.id().slot, 0u); });
    slow.room = 0;
    const auto bytes = static_cast<std::size_t>(stream.queue_bytes_max()) + bytes_beyond;
    stream.send(core::SegmentRef::copy_of(std::string(bytes, 'x')));
    turns();
    slow.room = SIZE_MAX;
    drain(slow);
    slow.finished = true;
    turns();
    return slow.from_shard;
  };
  EXPECT_TRUE(publish(0).ends_with(std::string(shard_options_.streams.queue_bytes_max, 'x')));
  EXPECT_TRUE(publish(1).ends_with(close_frame(3008, "slow")));
}

TEST_F(TransportTest, ClientThatTakesNothingIsCutAfterTheWriteBound) {
  start();
  Peer& peer = open_client();
  peer.room = 0;
  peer.to_shard = text(R"({"id":2,"unsubscribe":{"channel":"z"}})");
  drain(peer);
  pass(milliseconds(9'999));
  EXPECT_FALSE(peer.released);
  EXPECT_EQ(services_->stats.slow_disconnects.value(), 0u);
  pass(milliseconds(1));
  EXPECT_TRUE(peer.released);
  EXPECT_EQ(services_->stats.slow_disconnects.value(), 1u);
}

TEST_F(TransportTest, StaleAndSilentClientsAreClosedWithTheirCodes) {
  start();
  Peer& stale = open_websocket("/connection/websocket");
  Peer& silent = open_client();
  stale.from_shard.clear();
  pass(seconds(10));
  EXPECT_EQ(stale.from_shard, close_frame(3502, "stale"));
  for (int i = 0; i < 40; ++i) pass(seconds(1));
  EXPECT_TRUE(silent.from_shard.ends_with(close_frame(3012, "no pong"))) << silent.from_shard;
}

TEST_F(TransportTest, ShutDownClosesClientsWith3001AndFinishesOpenRequests) {
  start();
  Peer& client = open_client();
  Peer& request = driver_.add_peer();
  say(request, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  shard_->streams().for_each(
      [](runtime::Stream& stream) { static_cast<Connection*>(stream.handler())->shut_down(); });
  turns();
  EXPECT_TRUE(client.from_shard.ends_with(close_frame(3001, "shutdown")));
  EXPECT_FALSE(request.shard_finished);
  on_answer({http_.asked, 0}, hub::Published{});
  turns();
  EXPECT_EQ(request.from_shard, "[answer]");
  EXPECT_TRUE(request.shard_finished);
}

TEST_F(TransportTest, ClientsLeaveTheirChannelsWhateverTheirEnd) {
  start();
  Peer& fin = open_client();
  Peer& close = open_client();
  Peer& bad = open_client();
  for (Peer* peer : {&fin, &close, &bad}) {
    say(*peer, text(R"({"id":2,"subscribe":{"channel":"chat"}})"));
  }
  EXPECT_EQ(hub_->subscription_count(), 3u);
  EXPECT_EQ(services_->stats.of(TransportKind::WebSocket).clients.value(), 3u);
  fin.finished = true;
  close.to_shard = masked(websocket::Opcode::Close, "");
  bad.to_shard = text("{");
  turns();
  pass(seconds(5));
  EXPECT_EQ(hub_->subscription_count(), 0u);
  EXPECT_EQ(services_->stats.of(TransportKind::WebSocket).clients.value(), 0u);
  EXPECT_EQ(shard_->streams().size(), 0u);
}

}  // namespace
}  // namespace sanjay::transport
