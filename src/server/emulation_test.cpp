// SPDX-License-Identifier: Apache-2.0

// Commands that come to one shard for a stream of another.

#include "http/chunked_decoder.h"
#include "server/command_mailbox.h"
#include "server/server_fixture.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace sanjay::server {
namespace {

using Peer = MemoryServer::Peer;

std::string request_of(std::string_view path, std::string_view body) {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

std::string value_of(std::string_view json, std::string_view key) {
  const std::string begin = "\"" + std::string(key) + "\":\"";
  const std::size_t at = json.find(begin);
  if (at == json.npos) return {};
  const std::string_view rest = json.substr(at + begin.size());
  return std::string(rest.substr(0, rest.find('"')));
}

std::string body_of(std::string_view chunks) {
  http::ChunkedDecoder decoder(SIZE_MAX, 0);
  std::string data;
  decoder.feed(chunks, data);
  return data;
}

std::string subscribe(int id, std::string_view channel) {
  return R"({\"id\":)" + std::to_string(id) + R"(,\"subscribe\":{\"channel\":\")" +
         std::string(channel) + R"(\"}})";
}

struct Server : MemoryServer {
  explicit Server(core::ShardIndex shards)
      : MemoryServer(shards, [](Config& config) { config.http_stream.enabled = true; }) {}
  /// A client whose stream is on that shard; its session's name.
  std::pair<Peer*, std::string> open(core::ShardIndex shard) {
    Peer& peer = connect(shard);
    const std::string reply =
        say(peer, request_of("/connection/http_stream", R"({"id":1,"connect":{}})"));
    EXPECT_EQ(value_of(reply, "node"), shared().node_uid);
    return {&peer, value_of(reply, "session")};
  }
  std::string emulation(std::string_view session, std::string_view escaped) const {
    return request_of("/emulation", R"({"node":"node-1","session":")" + std::string(session) +
                                        R"(","data":")" + std::string(escaped) + R"("})");
  }
  std::string status(core::ShardIndex shard, const std::string& request) {
    return say(connect(shard), request).substr(9, 3);
  }
};

TEST(EmulationTest, CommandsReachTheStreamFromAnyShardInTheirOrder) {
  Server server(3);
  const auto [peer, session] = server.open(2);
  for (core::ShardIndex shard = 0; shard < 3; ++shard) {
    const std::string channel = "c" + std::to_string(shard);
    EXPECT_EQ(server.status(shard, server.emulation(session, subscribe(2 + shard, channel))),
              "204");
    server.turns(10);
    EXPECT_EQ(body_of(Server::take(*peer)),
              R"({"id":)" + std::to_string(2 + shard) + ",\"subscribe\":{}}\n");
  }
  // Over one connection, in one piece: as they came.
  std::string requests, wanted;
  for (int id = 10; id < 30; ++id) {
    requests += server.emulation(
        session, R"({\"id\":)" + std::to_string(id) + R"(,\"unsubscribe\":{\"channel\":\"z\"}})");
    wanted += R"({"id":)" + std::to_string(id) + ",\"unsubscribe\":{}}\n";
  }
  server.say(server.connect(0), requests);
  EXPECT_EQ(body_of(Server::take(*peer)), wanted);
}

TEST(EmulationTest, WhoHasGoneIsNobodyOnEveryShard) {
  Server server(2);
  const auto [peer, session] = server.open(1);
  peer->finished = true;
  server.turns();
  const auto [other, name] = server.open(1);
  EXPECT_NE(name, session);
  for (core::ShardIndex shard = 0; shard < 2; ++shard) {
    EXPECT_EQ(server.status(shard, server.emulation(session, subscribe(2, "a"))), "204");
  }
  server.turns(10);
  EXPECT_EQ(Server::take(*other), "");
}

TEST(EmulationTest, AFullMailboxIs503AndTasksStillPass) {
  Server server(2);
  const auto [peer, session] = server.open(1);
  Peer& caller = server.connect(0);
  server.turns();
  for (std::size_t i = 0; i < CommandMailbox::kLettersMax; ++i) {
    ASSERT_TRUE(server.application(1).tell(CommandMail{{}, "{}"}));
  }
  EXPECT_FALSE(server.application(1).tell(CommandMail{{}, "{}"}));
  EXPECT_TRUE(server.application(1).tell(ShardMail(ShutDown{}))) << "other mail has its own room";
  const std::string answer = server.say(caller, server.emulation(session, subscribe(2, "a")));
  EXPECT_EQ(answer.substr(9, 3), "503") << answer;
  EXPECT_NE(answer.find("\r\nRetry-After: "), answer.npos);
}

TEST(EmulationTest, TheMailboxHoldsSoManyLettersAndBytes) {
  const auto push = [](CommandMailbox& mailbox, std::size_t bytes) {
    return mailbox.push({{}, std::string(bytes, 'x')});
  };
  CommandMailbox letters;
  for (std::size_t i = 0; i < CommandMailbox::kLettersMax; ++i) EXPECT_TRUE(push(letters, 1));
  EXPECT_FALSE(push(letters, 1));
  EXPECT_EQ(letters.take_all().size(), CommandMailbox::kLettersMax);
  EXPECT_TRUE(push(letters, 1));

  CommandMailbox bytes;
  constexpr std::size_t kEach = CommandMailbox::kBytesMax / 8;
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(push(bytes, kEach));
  EXPECT_FALSE(push(bytes, kEach + 1));
  EXPECT_TRUE(push(bytes, kEach));
  EXPECT_FALSE(push(bytes, 1));
  EXPECT_EQ(bytes.take_all().size(), 8u);
  EXPECT_TRUE(push(bytes, CommandMailbox::kBytesMax));
}

TEST(TransportWiring, PathsAreThoseOfTheConfiguration) {
  Config config;
  Wiring wiring = wire(config, 4096).value();
  EXPECT_EQ(wiring.transport.http_stream.path, "") << "off unless asked for";
  EXPECT_EQ(wiring.transport.sse.path, "");
  EXPECT_EQ(wiring.transport.emulation.path, "");
  EXPECT_EQ(wiring.transport.uni_websocket.path, "");
  EXPECT_EQ(wiring.transport.init_path, "");
  config.sse.enabled = config.uni_sse.enabled = config.init.enabled = true;
  config.sse.handler_prefix = "/events/";
  config.sse.max_request_body_size = 1000;
  config.uni_websocket.enabled = config.uni_websocket.join_push_messages = true;
  config.uni_websocket.disable_disconnect_push = true;
  config.uni_websocket.message_size_limit = 500;
  wiring = wire(config, 4096).value();
  EXPECT_EQ(wiring.transport.sse.path, "/events");
  EXPECT_EQ(wiring.transport.sse.body_bytes_max, 1000u);
  EXPECT_EQ(wiring.transport.emulation.path, "/emulation") << "with either of its transports";
  EXPECT_EQ(wiring.transport.emulation.body_bytes_max, 65536u);
  EXPECT_EQ(wiring.transport.uni_sse.path, "/connection/uni_sse");
  EXPECT_EQ(wiring.transport.uni_websocket.path, "/connection/uni_websocket");
  EXPECT_EQ(wiring.transport.uni_websocket.limits.message_bytes_max, 500u);
  EXPECT_TRUE(wiring.transport.uni_websocket.join_push_messages);
  EXPECT_FALSE(wiring.transport.uni_websocket.disconnect_push);
  EXPECT_EQ(wiring.transport.init_path, "/connection/init");
  for (const std::string_view wrong :
       {"events", "", "/connection/uni_sse", "/a?b", "/emulation", "/connection/websocket/"}) {
    config.sse.handler_prefix = wrong;
    const auto refused = wire(config, 4096);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_NE(refused.error().message.find(".handler_prefix"), std::string::npos);
  }
}

}  // namespace
}  // namespace sanjay::server
