// SPDX-License-Identifier: Apache-2.0

// Who may connect, and whose address it is.

#include "transport/transport_fixture.h"

namespace sanjay::transport {
namespace {

TEST_F(TransportTest, AnAddressMayHaveNConnectionsAndTheNextGets429) {
  admission_options_.per_address_max = 2;
  start();
  Peer& first = open_echo_from("198.51.100.1");
  driver_.add_peer("198.51.100.1");  // silent: it counts from its accept
  turns();
  Peer& third = driver_.add_peer("198.51.100.1");
  const std::string answer = say(third, "");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\ntoo many connections from this address\n")) << answer;
  EXPECT_GE(retry_after(answer), 1);
  EXPECT_LE(retry_after(answer), 5);
  EXPECT_TRUE(third.shard_finished);
  EXPECT_EQ(services_->stats.refused_address_limit.value(), 1u);
  EXPECT_EQ(services_->stats.requests_refused.value(), 1u);
  open_echo_from("198.51.100.2");
  EXPECT_EQ(upgrade_status("2001:db8:0:1::1"), "101");
  EXPECT_EQ(upgrade_status("2001:db8:0:1::2"), "101");
  EXPECT_EQ(upgrade_status("2001:db8:0:1::3").substr(0, 3), "429") << "one /64 is one address";

  first.finished = true;
  turns();
  open_echo_from("198.51.100.1");
}

TEST_F(TransportTest, ThePlaceIsFreeAgainWhateverEndAConnectionTakes) {
  admission_options_.per_address_max = 1;
  session_options_.ping_interval = seconds(2);
  session_options_.pong_timeout = seconds(1);
  start();
  constexpr std::string_view kClient = "/connection/websocket";
  const auto shut_down = [this] {
    shard_->streams().for_each(
        [](runtime::Stream& stream) { static_cast<Connection*>(stream.handler())->shut_down(); });
  };
  const std::string overflow = masked(websocket::Opcode::Binary, std::string(20'000, 'x'));
  options_.echo_queue_bytes_max = 10'000;
  using End = std::function<void(Peer&)>;
  const std::vector<std::pair<std::string, End>> ends{
      {"FIN before a request", [](Peer& p) { p.finished = true; }},
      {"a request and FIN", [&](Peer& p) { say(p, kGet), p.finished = true; }},
      {"Connection: close",
       [&](Peer& p) { say(p, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); }},
      {"nothing said", [&](Peer&) { pass(seconds(10)); }},
      {"half a request", [&](Peer& p) { say(p, "GET"), pass(seconds(10)); }},
      {"keep-alive at its end", [&](Peer& p) { say(p, kGet), pass(seconds(75)); }},
      {"a malformed request", [&](Peer& p) { say(p, "nonsense\r\n\r\n"); }},
      {"a refused upgrade", [&](Peer& p) { say(p, upgrade_request("/echo", "Host: y\r\n")); }},
      {"WebSocket, FIN", [&](Peer& p) { say(p, upgrade_request("/echo")), p.finished = true; }},
      {"WebSocket, close",
       [&](Peer& p) { say(p, upgrade_request("/echo") + masked(websocket::Opcode::Close, "")); }},
      {"WebSocket, violation", [&](Peer& p) { say(p, upgrade_request("/echo") + "\xff\xff"); }},
      {"WebSocket, overflow", [&](Peer& p) { say(p, upgrade_request("/echo") + overflow); }},
      {"WebSocket, shutdown", [&](Peer& p) { say(p, upgrade_request("/echo")), shut_down(); }},
      {"HTTP, shutdown", [&](Peer& p) { say(p, kGet), shut_down(); }},
      {"client, stale", [&](Peer& p) { say(p, upgrade_request(kClient)), pass(seconds(10)); }},
      {"client, bad command", [&](Peer& p) { say(p, upgrade_request(kClient) + text("{")); }},
      {"client, no pong",
       [&](Peer& p) {
         say(p, upgrade_request(kClient) + text(R"({"id":1,"connect":{}})"));
         for (int i = 0; i < 4; ++i) pass(seconds(1));
       }},
      {"client, write stalled",
       [&](Peer& p) {
         say(p, upgrade_request(kClient));
         p.room = 0;
         say(p, text(R"({"id":1,"connect":{}})"));
         pass(seconds(10));
       }},
  };
  for (const auto& [name, end] : ends) {
    Peer& peer = driver_.add_peer("198.51.100.1");
    turns();
    EXPECT_EQ(admission_->addresses(), 1u) << name;
    EXPECT_EQ(upgrade_status("198.51.100.1"), "429") << name;
    end(peer);
    turns();
    for (int i = 0; i < 12; ++i) pass(seconds(1));  // the linger bound, where the peer is silent
    EXPECT_EQ(admission_->addresses(), 0u) << name;
    EXPECT_TRUE(peer.released) << name;
  }
  EXPECT_EQ(services_->refusals_under_way, 0u);
}

TEST_F(TransportTest, NewWebSocketsBeyondTheRateGet503AndRequestsDoNot) {
  admission_options_.rate_max = 2;
  start();
  EXPECT_EQ(upgrade_status("198.51.100.1"), "101");
  EXPECT_EQ(upgrade_status("198.51.100.2"), "101");
  Peer& third = driver_.add_peer("198.51.100.3");
  const std::string answer = say(third, upgrade_request("/connection/websocket"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_GE(retry_after(answer), 1);
  EXPECT_TRUE(third.shard_finished);
  EXPECT_EQ(services_->stats.refused_rate_limit.value(), 1u);
  EXPECT_EQ(services_->stats.upgrades.value(), 2u);
  EXPECT_EQ(say(driver_.add_peer(), kGet), "[/a:]");
  pass(milliseconds(500));
  EXPECT_EQ(upgrade_status("198.51.100.3"), "101");
  EXPECT_EQ(upgrade_status("198.51.100.4"), "503");
}

TEST_F(TransportTest, NewWebSocketsBeginAtAPaceInTheirOrder) {
  options_.upgrades_per_second = 2;  // one at once, then one every half second
  start();
  EXPECT_EQ(upgrade_status("198.51.100.1"), "101");
  std::vector<Peer*> waiting;
  for (int i = 0; i < 10; ++i) {
    waiting.push_back(&driver_.add_peer());
    EXPECT_EQ(say(*waiting.back(), upgrade_request("/connection/websocket")), "") << i;
  }
  const std::string answer = say(driver_.add_peer(), upgrade_request("/connection/websocket"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << "those before it take 5 s: " << answer;
  EXPECT_GE(retry_after(answer), 1);
  EXPECT_EQ(services_->stats.refused_pace.value(), 1u);
  EXPECT_EQ(say(driver_.add_peer(), kGet), "[/a:]") << "requests do not wait";

  waiting[1]->reset = true;  // its turn passes to the next
  turns();
  for (int i = 0; i < 10; ++i) {
    if (i == 1) continue;
    pass(milliseconds(499));
    EXPECT_EQ(waiting[i]->from_shard, "") << i;
    pass(milliseconds(1));
    EXPECT_TRUE(waiting[i]->from_shard.starts_with("HTTP/1.1 101 ")) << i;
  }
  EXPECT_EQ(services_->pace.waiting(), 0u);
  EXPECT_EQ(services_->stats.upgrades.value(), 10u);
}

TEST_F(TransportTest, WhatComesBehindAWaitingUpgradeIsKept) {
  options_.upgrades_per_second = 2;
  start();
  EXPECT_EQ(upgrade_status("198.51.100.1"), "101");
  Peer& peer = driver_.add_peer();
  const std::string message = text(R"({"id":1,"connect":{}})");
  EXPECT_EQ(say(peer, upgrade_request("/connection/websocket") + message.substr(0, 5)), "");
  peer.to_shard += message.substr(5);
  pass(milliseconds(500));
  EXPECT_NE(peer.from_shard.find(R"({"id":1,"connect":)"), std::string::npos);
}

TEST_F(TransportTest, WhoMayNotConnectDoesNotUseUpTheRate) {
  admission_options_ = {.per_address_max = 1, .rate_max = 2, .key = {1, 2}};
  const std::vector<std::string> allowed{"https://good.example"};
  options_.origins = http::OriginPolicy::parse(allowed).value();
  trust({"10.0.0.1"});
  start();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(upgrade_status("198.51.100.1", "Origin: https://evil.example\r\n"), "403");
    pass(seconds(0));
    shard_->streams().for_each([](runtime::Stream& stream) { stream.close(); });
    turns();
  }
  EXPECT_EQ(upgrade_status("10.0.0.1", "X-Forwarded-For: 203.0.113.9\r\n"), "101");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(upgrade_status("10.0.0.1", "X-Forwarded-For: 203.0.113.9\r\n"), "429");
  }
  EXPECT_EQ(upgrade_status("198.51.100.3"), "101");
  EXPECT_EQ(services_->stats.refused_origin.value(), 5u);
  EXPECT_EQ(services_->stats.refused_address_limit.value(), 5u);
}

TEST_F(TransportTest, RetryAfterIsSpread) {
  full_ = true;
  start();
  std::set<int> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string answer = say(driver_.add_peer(), upgrade_request("/connection/websocket"));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
    seen.insert(retry_after(answer));
  }
  EXPECT_EQ(seen, (std::set<int>{1, 2, 3, 4, 5}));
  EXPECT_EQ(services_->stats.refused_connection_limit.value(), 100u);
}

TEST_F(TransportTest, BeyondTheLimitRequestsAreAnsweredOnceAndWebSocketsRefused) {
  full_ = true;
  start();
  Peer& probe = driver_.add_peer();
  EXPECT_EQ(say(probe, kGet), "[/a:]");
  EXPECT_TRUE(probe.shard_finished) << "one request is all it gets";
  Peer& silent = driver_.add_peer();
  turns();
  pass(milliseconds(999));
  EXPECT_FALSE(silent.shard_finished);
  pass(milliseconds(1));
  EXPECT_TRUE(silent.shard_finished);
  pass(seconds(5));
  EXPECT_EQ(services_->refusals_under_way, 0u);
  std::vector<Peer*> flood;
  for (std::uint32_t i = 0; i < kRefusalsMax + 10; ++i) flood.push_back(&driver_.add_peer());
  turns();
  const auto closed =
      std::count_if(flood.begin(), flood.end(), [](Peer* p) { return p->released; });
  EXPECT_EQ(closed, 10);
}

TEST_F(TransportTest, BeyondTheLimitARequestHasASecondInAll) {
  full_ = true;
  start();
  Peer& in_time = driver_.add_peer();
  Peer& late = driver_.add_peer();
  turns();
  pass(milliseconds(900));
  for (Peer* peer : {&in_time, &late}) say(*peer, kPost.substr(0, kPost.size() - 1));
  pass(milliseconds(99));
  EXPECT_EQ(say(in_time, "c"), "[/b:abc]");
  EXPECT_FALSE(late.shard_finished);
  pass(milliseconds(1));
  EXPECT_TRUE(late.from_shard.starts_with("HTTP/1.1 408 ")) << "a byte buys no time";
  EXPECT_TRUE(late.shard_finished);
}

TEST_F(TransportTest, AFloodOfRefusedConnectionsIsClosedWithoutAWord) {
  admission_options_.per_address_max = 1;
  start();
  open_echo_from("198.51.100.1");
  std::vector<Peer*> refused;
  for (std::uint32_t i = 0; i < kRefusalsMax + 10; ++i) {
    refused.push_back(&driver_.add_peer("198.51.100.1"));
  }
  turns();
  std::uint32_t told = 0;
  std::uint32_t cut = 0;
  for (const Peer* peer : refused) {
    told += peer->from_shard.starts_with("HTTP/1.1 429 ") ? 1 : 0;
    cut += peer->from_shard.empty() && peer->released ? 1 : 0;
  }
  EXPECT_EQ(told, kRefusalsMax);
  EXPECT_EQ(cut, 10u);
  EXPECT_EQ(services_->stats.refused_address_limit.value(), kRefusalsMax + 10u);
  pass(seconds(5));
  EXPECT_EQ(services_->refusals_under_way, 0u);
  EXPECT_EQ(shard_->streams().size(), 1u);
  EXPECT_EQ(upgrade_status("198.51.100.1"), "429");
}

TEST_F(TransportTest, ATrustedProxyNamesTheClientByXForwardedFor) {
  admission_options_.per_address_max = 1;
  trust({"10.0.0.0/8"});
  start();
  EXPECT_EQ(upgrade_status("10.0.0.1", "X-Forwarded-For: 203.0.113.9\r\n"), "101");
  EXPECT_EQ(stream_addresses(), "203.0.113.9 ");
  EXPECT_EQ(upgrade_status("10.0.0.2", "X-Forwarded-For: 203.0.113.9, 10.0.0.7\r\n"), "429");
  EXPECT_EQ(upgrade_status("203.0.113.9"), "429") << "directly or not, it is the same client";
  EXPECT_EQ(upgrade_status("10.0.0.1", "X-Forwarded-For: 10.1.1.1, 203.0.113.8\r\n"), "101")
      << "what the client has put before its own address says nothing";
  EXPECT_EQ(upgrade_status("10.0.0.1", "X-Forwarded-For: 203.0.113.8\r\n"), "429");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(upgrade_status("10.0.0.1"), "101") << "the proxy itself is not counted";
    EXPECT_EQ(say(driver_.add_peer("10.0.0.1"), kGet), "[/a:]");
  }
  EXPECT_EQ(admission_->addresses(), 2u);
}

TEST_F(TransportTest, AStrangersXForwardedForChangesNothing) {
  admission_options_.per_address_max = 1;
  trust({"10.0.0.0/8"});
  start();
  EXPECT_EQ(upgrade_status("198.51.100.1", "X-Forwarded-For: 203.0.113.1\r\n"), "101");
  EXPECT_EQ(stream_addresses(), "198.51.100.1 ");
  EXPECT_EQ(upgrade_status("198.51.100.1", "X-Forwarded-For: 203.0.113.2\r\n"), "429");
  EXPECT_EQ(upgrade_status("198.51.100.1", "X-Forwarded-For: 10.0.0.1\r\n"), "429");
  EXPECT_EQ(upgrade_status("203.0.113.1"), "101") << "the named one pays nothing for it";
}

TEST_F(TransportTest, ATrustedProxyNamesTheClientByAProxyHeaderAtEveryChunking) {
  admission_options_.per_address_max = 1;
  options_.proxy_protocol = true;
  trust({"10.0.0.0/8"});
  start();
  const std::string line = "PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n";
  const std::string binary(
      "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\x0a\x00\x00\x01"
      "\x12\x67\x01\xbb",
      28);
  const std::string request = upgrade_request("/echo", "X-Forwarded-For: 192.0.2.77\r\n");
  for (const std::string& header : {line, binary}) {
    core::for_each_split(header + request, 3, [&](std::span<const std::string_view> pieces) {
      Peer& peer = driver_.add_peer("10.0.0.1");
      std::string answer;
      for (const auto piece : pieces) answer += say(peer, piece);
      ASSERT_TRUE(answer.starts_with("HTTP/1.1 101 ")) << answer;
      ASSERT_EQ(stream_addresses(), "203.0.113.9 ");
      ASSERT_EQ(upgrade_status("10.0.0.1", "", line), "429");
      peer.finished = true;
      turns();
      pass(seconds(5));
      ASSERT_EQ(admission_->addresses(), 0u);
    });
  }
}

TEST_F(TransportTest, AProxyHeaderIsRequiredFromATrustedProxyAndNobodyElse) {
  options_.proxy_protocol = true;
  trust({"10.0.0.0/8"});
  admission_options_.per_address_max = 1;
  start();
  const std::string line = "PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n";
  const std::string binary("\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", 16);
  EXPECT_EQ(upgrade_status("10.0.0.1"), "400") << "missing";
  EXPECT_EQ(upgrade_status("10.0.0.1", "", "PROXY TCP4 nonsense\r\n"), "400");
  EXPECT_EQ(upgrade_status("10.0.0.1", "", line + line), "400") << "twice";
  EXPECT_EQ(upgrade_status("198.51.100.1", "", line), "400");
  EXPECT_EQ(upgrade_status("198.51.100.2", "", binary), "400");
  EXPECT_EQ(services_->stats.refused_malformed.value(), 5u);
  EXPECT_EQ(upgrade_status("198.51.100.3"), "101") << "anybody else is an ordinary client";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(say(driver_.add_peer("10.0.0.1"), binary + std::string(kGet)), "[/a:]");
    EXPECT_EQ(say(driver_.add_peer("10.0.0.1"), "PROXY UNKNOWN\r\n" + std::string(kGet)), "[/a:]");
  }
  Peer& late = driver_.add_peer("10.0.0.1");
  say(late, line.substr(0, 20));
  pass(milliseconds(9'999));
  say(late, line.substr(20, 5));
  EXPECT_FALSE(late.shard_finished);
  pass(milliseconds(1));
  EXPECT_TRUE(late.from_shard.starts_with("HTTP/1.1 408 ")) << "a byte buys no time";
  EXPECT_TRUE(late.shard_finished);
  EXPECT_EQ(services_->stats.refused_timeout.value(), 1u);
}

TEST_F(TransportTest, WithoutProxyProtocolAProxyHeaderIsAMalformedRequest) {
  trust({"10.0.0.0/8"});
  start();
  EXPECT_EQ(upgrade_status("10.0.0.1", "", "PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n"), "400");
}

TEST_F(TransportTest, HostileOriginsGetNoWebSocket) {
  const std::vector<std::string> allowed{"https://good.com"};
  options_.origins = http::OriginPolicy::parse(allowed).value();
  start();
  for (const std::string_view origin : {"https://GOOD.com", "https://good.com:443"}) {
    EXPECT_EQ(upgrade_status("192.0.2.1", "Origin: " + std::string(origin) + "\r\n"), "101");
  }
  for (const std::string_view origin :
       {"https://evil.com", "https://good.com.evil.com", "https://evilgood.com", "null", "",
        "http://good.com", "https://good.com:8443", "https://good.com.",
        "https://good.com@evil.com", "https://evil.com/good.com", "https://[::1]", "*"}) {
    EXPECT_EQ(upgrade_status("192.0.2.1", "Origin: " + std::string(origin) + "\r\n"), "403")
        << origin;
  }
  const std::string two = "Origin: https://good.com\r\nOrigin: https://evil.com\r\n";
  EXPECT_EQ(upgrade_status("192.0.2.1", two), "400");
  EXPECT_EQ(upgrade_status("192.0.2.1"), "101") << "only browsers send one";
}

}  // namespace
}  // namespace sanjay::transport
