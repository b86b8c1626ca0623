// SPDX-License-Identifier: Apache-2.0

// permessage-deflate over whole connections.

#include "transport/compression.h"

#include "transport/transport_fixture.h"
#include "websocket/wire_samples.h"

namespace sanjay::transport {
namespace {

using websocket::Coding;
using websocket::Context;
using Events = std::vector<std::string>;

constexpr std::string_view kOffer =
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
constexpr std::string_view kClientPath = "/connection/websocket";

const std::string kWords = [] {
  std::string out;
  while (out.size() < 600) out += "what is said again and again ";
  return out;
}();

class CompressionTest : public TransportTest {
 protected:
  CompressionTest() {
    options_.compression.enabled = true;
    driver_.receive_bytes_max = 1 << 20;
    shard_options_.streams.queue_bytes_max = 1 << 20;
  }

  std::string answered(std::string_view path, std::string_view headers = kOffer) {
    return answered(driver_.add_peer(), path, headers);
  }
  /// The value of the answer's Sec-WebSocket-Extensions; "none" without, the status if not 101.
  std::string answered(Peer& peer, std::string_view path, std::string_view headers = kOffer) {
    const std::string response = say(peer, upgrade_request(path, headers));
    constexpr std::string_view kName = "Sec-WebSocket-Extensions: ";
    if (!response.starts_with("HTTP/1.1 101 ")) return response.substr(9, 3);
    const std::size_t at = response.find(kName);
    if (at == response.npos) return "none";
    return response.substr(at + kName.size(), response.find("\r\n", at) - at - kName.size());
  }
  Peer& open(std::string_view path, std::string_view headers = kOffer) {
    Peer& peer = driver_.add_peer();
    EXPECT_TRUE(answered(peer, path, headers).starts_with("permessage-deflate"));
    return peer;
  }
  Peer& open_subscriber(std::string_view headers = kOffer) {
    Peer& peer = driver_.add_peer();
    answered(peer, kClientPath, headers);
    const std::string commands =
        "{\"id\":1,\"connect\":{}}\n"
        "{\"id\":2,\"subscribe\":{\"channel\":\"news\"}}";
    EXPECT_NE(say(peer, text(commands)).find("\"id\":2"), std::string::npos);
    return peer;
  }
  static std::string publish(std::string_view text_of_it) {
    return text(R"({"id":3,"publish":{"channel":"news","data":")" + std::string(text_of_it) +
                "\"}}");
  }
  static std::string compressed(std::string_view message,
                                const websocket::Deflater::Options& o = {}) {
    websocket::Deflater deflater(Context::Reset, o);
    websocket::ScratchBuffer scratch;
    return std::string(deflater.compress(message, scratch));
  }
  static std::string deflated(websocket::Opcode opcode, std::string_view payload) {
    std::string out;
    websocket::append_masked_frame(out, opcode, payload, 0x12345678, Coding::Deflated);
    return out;
  }
  static bool is_deflated(std::string_view frames) {
    return !frames.empty() && (frames[0] & 0x40) != 0;
  }
  /// What a client whose contexts are these reads of the server's frames.
  static Events read(std::string_view frames, websocket::Inflater& inflater) {
    const std::string_view pieces[] = {frames};
    return websocket::events_of(pieces, websocket::Role::Client, {1 << 24, 1024, 1 << 24},
                                &inflater);
  }
  static Events read(std::string_view frames) {
    websocket::Inflater inflater(Context::Reset);
    return read(frames, inflater);
  }
};

TEST_F(CompressionTest, IsOffByDefault) {
  EXPECT_FALSE(TransportOptions().compression.enabled);
  options_.compression = {};
  start();
  EXPECT_EQ(answered("/echo"), "none");
  EXPECT_EQ(answered(kClientPath), "none");
  Peer& peer = open_websocket("/echo");
  EXPECT_EQ(say(peer, deflated(websocket::Opcode::Text, compressed("Hello"))),
            close_frame(1002, "reserved bit set"));
}

TEST_F(CompressionTest, IsAgreedOnByClientsAndTheEchoEndpoint) {
  start();
  for (const std::string_view path : {kClientPath, std::string_view("/echo")}) {
    EXPECT_EQ(answered(path),
              "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    EXPECT_EQ(answered(path, ""), "none");
    EXPECT_EQ(answered(path, "Sec-WebSocket-Extensions: permessage-deflate; turbo\r\n"), "none");
    EXPECT_EQ(answered(path, "Sec-WebSocket-Extensions: permessage-deflate; =\r\n"), "400");
    EXPECT_EQ(answered(path,
                       "sec-websocket-extensions: x\r\n"
                       "SEC-WEBSOCKET-EXTENSIONS: permessage-deflate; "
                       "server_max_window_bits=10\r\n"),
              "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
              "server_max_window_bits=10");
  }
}

TEST_F(CompressionTest, EchoesAtEveryChunking) {
  start();
  const std::string input = upgrade_request("/echo", kOffer) +
                            deflated(websocket::Opcode::Text, compressed(kWords)) +
                            masked(websocket::Opcode::Ping, "p") + text("plain and small") +
                            deflated(websocket::Opcode::Binary, compressed(kWords + "!")) +
                            deflated(websocket::Opcode::Text, compressed(""));
  const Events expected{"text " + kWords, "ping p", "text plain and small",
                        "binary " + kWords + "!", "text "};
  core::for_each_split(input, 5, [&](std::span<const std::string_view> pieces) {
    Peer& peer = driver_.add_peer();
    std::string output;
    for (const auto piece : pieces) output += say(peer, piece);
    output.erase(0, output.find("\r\n\r\n") + 4);
    ASSERT_TRUE(is_deflated(output));
    Events events = read(output);
    for (std::string& event : events) {
      if (event == "pong p") event = "ping p";
    }
    ASSERT_EQ(events, expected);
    peer.finished = true;
    turns();
  });
}

TEST_F(CompressionTest, WhatIsSmallOrGetsNoSmallerIsSentAsItIs) {
  start();
  Peer& peer = open("/echo");
  const std::string below(255, 'x'), at(256, 'x');
  EXPECT_EQ(say(peer, text(below)), frame(websocket::Opcode::Text, below));
  EXPECT_TRUE(is_deflated(say(peer, text(at))));
  std::string noise;
  while (noise.size() < 5000) noise += static_cast<char>(random_.below(256));
  EXPECT_EQ(say(peer, masked(websocket::Opcode::Binary, noise)),
            frame(websocket::Opcode::Binary, noise));
  options_.compression.message_bytes_min = 0;
  compression_.set_options(options_.compression);
  EXPECT_EQ(say(peer, text("")), frame(websocket::Opcode::Text, ""));
  EXPECT_TRUE(is_deflated(say(peer, text("aaaaaaaaaaaaaaaaaaaa"))));
}

TEST_F(CompressionTest, AnotherLevelTakesEffectAtOnce) {
  start();
  Peer& peer = open("/echo");
  std::string message;
  for (int i = 0; i < 3000; ++i) message += std::to_string(random_.below(1000)) + ",";
  const std::size_t fast = say(peer, text(message)).size();
  options_.compression.level = 9;
  compression_.set_options(options_.compression);
  EXPECT_LT(say(peer, text(message)).size(), fast);
}

TEST_F(CompressionTest, PublicationsAreCompressedOnceAndShared) {
  start();
  Peer& one = open_subscriber();
  Peer& other = open_subscriber();
  Peer& plain = open_subscriber("");
  Peer& publisher = open_client();
  say(publisher, publish(kWords) + publish("small"));
  const std::string frames = std::exchange(one.from_shard, {});
  EXPECT_EQ(frames, std::exchange(other.from_shard, {}));
  EXPECT_TRUE(is_deflated(frames));
  const std::string uncompressed = std::exchange(plain.from_shard, {});
  EXPECT_FALSE(is_deflated(uncompressed));
  EXPECT_EQ(read(frames), read(uncompressed));
  EXPECT_EQ(read(frames).size(), 2u);
  EXPECT_LT(frames.size(), uncompressed.size() / 3);
  // The small one is in the same batch, as it is.
  EXPECT_NE(frames.find("small"), std::string::npos);
}

TEST_F(CompressionTest, ASmallerWindowGetsPublicationsAsTheyAre) {
  start();
  Peer& peer =
      open_subscriber("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n");
  say(open_client(), publish(kWords));
  EXPECT_FALSE(is_deflated(peer.from_shard)) << "what others refer to may be too far back";
  peer.from_shard.clear();
  Peer& echo =
      open("/echo", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n");
  std::string message;
  while (message.size() < 5000) message += std::to_string(random_.next());
  message += message;
  const std::string frames = say(echo, text(message));
  websocket::Inflater narrow(Context::Reset, 9);
  EXPECT_EQ(read(frames, narrow), Events{"text " + message});
}

TEST_F(CompressionTest, ProtobufClientsShareTheirOwn) {
  start();
  Peer& one = driver_.add_peer();
  answered(one, "/connection/websocket?cf_protocol=protobuf");
  const auto binary = [](std::string_view command) {
    std::string out(1, static_cast<char>(command.size()));
    return masked(websocket::Opcode::Binary, out.append(command));
  };
  using namespace std::string_literals;
  say(one, binary("\x08\x01\x22\x00"s) + binary("\x08\x02\x2a\x06\x0a\x04news"s));
  say(open_client(), publish(kWords));
  const std::string frames = std::exchange(one.from_shard, {});
  ASSERT_TRUE(is_deflated(frames));
  const Events events = read(frames);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events[0].starts_with("binary "));
  EXPECT_NE(events[0].find(kWords), std::string::npos);
}

TEST_F(CompressionTest, AConnectionMayKeepItsContexts) {
  options_.compression.context_takeover = true;
  start();
  Peer& peer = driver_.add_peer();
  EXPECT_EQ(answered(peer, "/echo"), "permessage-deflate; client_max_window_bits=12");
  EXPECT_EQ(compression_.takeover_connections(), 1u);
  websocket::Deflater deflater(Context::Keep, {.window_bits = 12});
  websocket::Inflater inflater(Context::Keep, 12);
  websocket::ScratchBuffer scratch;
  std::size_t first = 0;
  for (int i = 0; i < 5; ++i) {
    const std::string message = kWords + std::to_string(i);
    const std::string sent = deflated(websocket::Opcode::Text, deflater.compress(message, scratch));
    const std::string frames = say(peer, sent);
    EXPECT_EQ(read(frames, inflater), Events{"text " + message});
    if (i == 0) first = frames.size();
    EXPECT_TRUE(i == 0 || frames.size() < first / 2);
  }
  peer.finished = true;
  turns();
  EXPECT_EQ(compression_.takeover_connections(), 0u);
}

TEST_F(CompressionTest, EachDirectionHasItsOwnTerms) {
  options_.compression.context_takeover = true;
  start();
  EXPECT_EQ(answered("/echo", "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
            "permessage-deflate; client_no_context_takeover");
  EXPECT_EQ(answered("/echo",
                     "Sec-WebSocket-Extensions: permessage-deflate; "
                     "server_no_context_takeover; client_max_window_bits=10\r\n"),
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=10");
  // A client told 8 bits may well use 9: zlib does.
  Peer& peer = driver_.add_peer();
  EXPECT_EQ(answered(peer, "/echo",
                     "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=8\r\n"),
            "permessage-deflate; client_max_window_bits=8");
  std::string message;
  while (message.size() < 490) message += std::to_string(random_.next());
  message += message;
  EXPECT_EQ(
      read(say(peer, deflated(websocket::Opcode::Text, compressed(message, {.window_bits = 9})))),
      Events{"text " + message});
}

TEST_F(CompressionTest, PublicationsAreCompressedInAKeptContext) {
  options_.compression.context_takeover = true;
  start();
  Peer& peer = driver_.add_peer();
  answered(peer, kClientPath);
  websocket::Inflater inflater(Context::Keep, 12);
  const auto commands =
      "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"news\"}}";
  read(say(peer, text(commands)), inflater);
  Peer& plain = open_subscriber("");
  Peer& publisher = open_client();
  std::size_t first = 0;
  for (int i = 0; i < 4; ++i) {
    say(publisher, publish(kWords) + publish("small") + publish(kWords + std::to_string(i)));
    const std::string frames = std::exchange(peer.from_shard, {});
    EXPECT_TRUE(is_deflated(frames));
    EXPECT_EQ(read(frames, inflater), read(std::exchange(plain.from_shard, {})));
    if (i == 0) first = frames.size();
    EXPECT_TRUE(i == 0 || frames.size() < first);
  }
}

TEST_F(CompressionTest, BeyondTheirMaximumConnectionsKeepNoContext) {
  options_.compression.context_takeover = true;
  options_.compression.takeover_connections_max = 2;
  start();
  constexpr std::string_view kKept = "permessage-deflate; client_max_window_bits=12";
  constexpr std::string_view kNone =
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  Peer& one = driver_.add_peer();
  EXPECT_EQ(answered(one, "/echo"), kKept);
  EXPECT_EQ(answered("/echo"), kKept);
  EXPECT_EQ(answered("/echo"), kNone);
  one.finished = true;
  turns();
  EXPECT_EQ(answered("/echo"), kKept);
  EXPECT_EQ(answered("/echo"), kNone);
}

TEST_F(CompressionTest, ABombIsAnsweredWith1009AndGarbageWith1007) {
  start();
  const std::string bomb = compressed(std::string(10u << 20, '\0'));
  Peer& good = open("/echo");
  EXPECT_EQ(say(open(kClientPath), deflated(websocket::Opcode::Text, bomb)),
            close_frame(1009, "message too big when decompressed"));
  EXPECT_EQ(say(open("/echo"), deflated(websocket::Opcode::Text, "\x07\x07")),
            close_frame(1007, "invalid compressed data"));
  EXPECT_EQ(say(open("/echo"), deflated(websocket::Opcode::Text, compressed("\xff"))),
            close_frame(1007, "invalid UTF-8"));
  EXPECT_EQ(say(open("/echo"), "\xc9\x80mask"), close_frame(1002, "reserved bit set"));
  EXPECT_EQ(read(say(good, deflated(websocket::Opcode::Text, compressed(kWords)))),
            Events{"text " + kWords});
}

// Small bombs below every limit: what is made of them in one turn is bounded all the same.
TEST_F(CompressionTest, AFloodOfSmallBombsLeavesTurnsToOthers) {
  options_.echo_queue_bytes_max = 1 << 30;
  start();
  Peer& flood = open("/echo");
  Peer& good = open("/echo");
  const std::string bomb =
      deflated(websocket::Opcode::Binary, compressed(std::string(64 * 1024, 'x')));
  for (int i = 0; i < 100; ++i) flood.to_shard += bomb;
  const std::uint64_t before =
      services_->stats.of(hub::Encoding::JsonWebSocket).messages_in.value();
  shard_->turn();
  EXPECT_LE(services_->stats.of(hub::Encoding::JsonWebSocket).messages_in.value() - before, 4u)
      << "256 KiB a turn";
  EXPECT_FALSE(say(good, text("hi")).empty());
  turns(100);
  EXPECT_EQ(services_->stats.of(hub::Encoding::JsonWebSocket).messages_in.value() - before, 101u)
      << "nothing is lost";
  EXPECT_EQ(read(flood.from_shard).size(), 100u);
}

TEST_F(CompressionTest, AConnectionThatKeepsNoContextOwnsEightBytesForIt) {
  EXPECT_LE(sizeof(WebSocketConnection), sizeof(Connection) + sizeof(websocket::Decoder) +
                                             sizeof(ControlFrameRate) + sizeof(std::uint64_t) +
                                             sizeof(std::unique_ptr<std::string>) + 8);
  start();
  open("/echo");
  EXPECT_EQ(compression_.takeover_connections(), 0u);
}

}  // namespace
}  // namespace sanjay::transport
