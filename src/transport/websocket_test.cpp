// SPDX-License-Identifier: Apache-2.0

// WebSockets as such, and the echo endpoint.

#include "transport/transport_fixture.h"

namespace sanjay::transport {
namespace {

TEST_F(TransportTest, EchoesAtEveryChunkingWithTheUpgradeInTheSameBytes) {
  start();
  const std::string input = upgrade_request("/echo") + text("hello") +
                            masked(websocket::Opcode::Ping, "p") +
                            masked(websocket::Opcode::Binary, std::string(300, '\x01'));
  const std::string expected = frame(websocket::Opcode::Text, "hello") +
                               frame(websocket::Opcode::Pong, "p") +
                               frame(websocket::Opcode::Binary, std::string(300, '\x01'));
  core::for_each_split(input, 5, [&](std::span<const std::string_view> pieces) {
    Peer& peer = driver_.add_peer();
    std::string output;
    for (const auto piece : pieces) output += say(peer, piece);
    EXPECT_EQ(output.substr(output.find("\r\n\r\n") + 4), expected);
    peer.finished = true;
    turns();
  });
}

TEST_F(TransportTest, AnswersACloseWithItsCodeAndEnds) {
  start();
  const std::vector<std::pair<std::string, std::string>> cases{
      {std::string("\x03\xe8", 2), close_frame(1000, "")},
      {std::string("\x0f\xa0", 2) + "bye", close_frame(4000, "")},
      {"", frame(websocket::Opcode::Close, "")}};
  for (const auto& [payload, answer] : cases) {
    Peer& peer = open_websocket("/echo");
    EXPECT_EQ(say(peer, masked(websocket::Opcode::Close, payload)), answer);
    EXPECT_TRUE(peer.shard_finished);
    peer.finished = true;
    turns();
    EXPECT_TRUE(peer.released);
  }
}

TEST_F(TransportTest, ViolationsCloseWithTheirCodeAndLaterInputIsIgnored) {
  start();
  Peer& peer = open_websocket("/echo");
  const std::string answer = say(peer, frame(websocket::Opcode::Text, "unmasked") + text("more"));
  EXPECT_EQ(answer.substr(2, 2), std::string("\x03\xea", 2)) << "1002";
  EXPECT_EQ(say(peer, text("even more")), "");
}

TEST_F(TransportTest, ControlFramesBeyondTheBurstAreClosedWith1008) {
  start();
  for (const auto opcode : {websocket::Opcode::Ping, websocket::Opcode::Pong}) {
    Peer& peer = open_websocket("/echo");
    Peer& good = open_websocket("/echo");
    const std::string one = masked(opcode, "x");
    for (int i = 0; i < 200; ++i) peer.to_shard += one;
    drain(peer);
    EXPECT_FALSE(peer.shard_finished) << "the burst is allowed";
    EXPECT_EQ(say(peer, one + text("late")), close_frame(1008, "too many control frames"));
    EXPECT_TRUE(peer.shard_finished);
    EXPECT_EQ(say(good, text("hi")), frame(websocket::Opcode::Text, "hi"));
  }
}

TEST_F(TransportTest, ControlFramesAtTheAllowedRateGoOnForEver) {
  start();
  Peer& peer = open_websocket("/echo");
  const std::string ping = masked(websocket::Opcode::Ping, "x");
  for (int i = 0; i < 200; ++i) say(peer, ping);
  for (int i = 0; i < 1000; ++i) {
    pass(milliseconds(10));
    ASSERT_EQ(say(peer, ping), frame(websocket::Opcode::Pong, "x")) << i;
  }
  EXPECT_TRUE(say(peer, ping).starts_with(close_frame(1008, "too many control frames")));
}

TEST_F(TransportTest, OfManyPingsInOneReadOnlyTheNewestIsAnswered) {
  driver_.receive_bytes_max = 1 << 16;
  start();
  Peer& peer = open_websocket("/echo");
  std::string pings;
  std::string first_pongs;
  for (int i = 0; i < 150; ++i) {
    pings += masked(websocket::Opcode::Ping, std::to_string(i));
    if (i < 16) first_pongs += frame(websocket::Opcode::Pong, std::to_string(i));
  }
  const std::string echo = frame(websocket::Opcode::Text, "behind");
  EXPECT_EQ(say(peer, pings + text("behind")),
            first_pongs + echo + frame(websocket::Opcode::Pong, "149"));
}

TEST_F(TransportTest, EchoTakesNothingInWhileThePeerDoesNotRead) {
  start();
  Peer& peer = open_websocket("/echo");
  peer.room = 100;
  const std::string big = masked(websocket::Opcode::Binary, std::string(100'000, 'x'));
  for (int i = 0; i < 8; ++i) peer.to_shard += big;
  turns(1000);
  EXPECT_GT(peer.to_shard.size(), 300'000u) << "reading went on";
  peer.room = SIZE_MAX;
  drain(peer);
  turns(2000);
  const std::string one = frame(websocket::Opcode::Binary, std::string(100'000, 'x'));
  EXPECT_EQ(peer.from_shard.size(), 8 * one.size());
}

TEST_F(TransportTest, TheEchoEndpointTakesNothingBeyond256KiBThatWereNotRead) {
  driver_.receive_bytes_max = 1 << 20;
  start();
  constexpr std::size_t kHeader = 10;  // of a frame of this size
  for (const std::size_t beyond : {0, 1}) {
    Peer& peer = open_websocket("/echo");
    const auto& messages_in = services_->stats.of(TransportKind::WebSocket).messages_in;
    const std::uint64_t before = messages_in.value();
    peer.room = 0;
    const std::string payload(256 * 1024 - kHeader + beyond, 'x');
    peer.to_shard = masked(websocket::Opcode::Binary, payload) + text("next") + text("last");
    turns();
    EXPECT_EQ(messages_in.value() - before, beyond == 0 ? 2u : 1u);
    peer.room = SIZE_MAX;
    drain(peer);
    EXPECT_EQ(peer.from_shard.size(), kHeader + payload.size() + 6 + 6) << "nothing is lost";
  }
}

TEST_F(TransportTest, TheEchoEndpointHasLimitsOfItsOwn) {
  driver_.receive_bytes_max = 1 << 20;
  start();
  const auto header = [](std::uint32_t payload_bytes) {  // a masked binary frame's
    std::string out("\x82\xff\0\0\0\0", 6);
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(payload_bytes >> shift);
    return out + "mask";
  };
  Peer& largest = open_websocket("/echo");
  EXPECT_EQ(say(largest, header(16 << 20)), "");
  EXPECT_FALSE(largest.shard_finished);
  EXPECT_EQ(say(open_websocket("/echo"), header((16 << 20) + 1)),
            close_frame(1009, "message too big"));

  const auto in_fragments = [](int count) {
    std::string wire("\x02\x80mask", 6);
    for (int i = 2; i < count; ++i) wire += std::string("\x00\x80mask", 6);
    return wire + std::string("\x80\x80mask", 6);
  };
  EXPECT_EQ(say(open_websocket("/echo"), in_fragments(65'536)),
            frame(websocket::Opcode::Binary, ""));
  EXPECT_EQ(say(open_websocket("/echo"), in_fragments(65'537)),
            close_frame(1008, "too many fragments"));
}

TEST_F(TransportTest, TheEchoEndpointsQueueIsBoundedToo) {
  options_.echo_queue_bytes_max = 1000;
  start();
  const std::string fits = frame(websocket::Opcode::Binary, std::string(996, 'x'));
  ASSERT_EQ(fits.size(), 1000u);
  Peer& peer = open_websocket("/echo");
  EXPECT_EQ(say(peer, masked(websocket::Opcode::Binary, std::string(996, 'x'))), fits);
  EXPECT_EQ(say(peer, masked(websocket::Opcode::Binary, std::string(997, 'x'))),
            close_frame(1013, "slow"));
  EXPECT_EQ(TransportOptions().echo_queue_bytes_max, 64u << 20);
}

}  // namespace
}  // namespace sanjay::transport
