// SPDX-License-Identifier: Apache-2.0

// Requests over HTTP: their order, their bounds, the internal port.

#include "transport/transport_fixture.h"

namespace sanjay::transport {
namespace {

TEST_F(TransportTest, AnswersPipelinedRequestsInOrderAtEveryChunking) {
  start();
  const std::string requests = std::string(kGet) + std::string(kPost) + std::string(kGet);
  core::for_each_split(requests, 5, [&](std::span<const std::string_view> pieces) {
    Peer& peer = driver_.add_peer();
    std::string answers;
    for (const auto piece : pieces) answers += say(peer, piece);
    EXPECT_EQ(answers, "[/a:][/b:abc][/a:]");
    peer.finished = true;
    turns();
    EXPECT_TRUE(peer.released);
  });
}

TEST_F(TransportTest, AnswersToHeadHaveNoBody) {
  start();
  Peer& peer = driver_.add_peer();
  const std::string whole = http::make_response(404, {}, "no such page", true);
  const std::string head = whole.substr(0, whole.size() - 12);
  const std::string asked = " /page HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_EQ(say(peer, "HEAD" + asked + "GET" + asked), head + whole);
  Peer& upgrade = driver_.add_peer();
  const std::string refusal =
      say(upgrade, "HEAD" + upgrade_request("/connection/websocket").substr(3));
  EXPECT_TRUE(refusal.starts_with("HTTP/1.1 405 ")) << refusal;
  EXPECT_TRUE(refusal.ends_with("\r\n\r\n")) << refusal;
  // What cannot be read as a request is no HEAD request either.
  EXPECT_FALSE(say(peer, "HEAD nonsense\r\n\r\n").ends_with("\r\n\r\n"));
}

TEST_F(TransportTest, RequestsBehindOneThatWaitsAreAnsweredAfterIt) {
  start();
  Peer& peer = driver_.add_peer();
  EXPECT_EQ(say(peer, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(kGet)), "");
  peer.to_shard = kPost;
  turns();
  on_answer({http_.asked, 0}, hub::Published{});
  drain(peer);
  EXPECT_EQ(peer.from_shard, "[answer][/a:][/b:abc]");
}

TEST_F(TransportTest, AClientThatHasFinishedSendingStillGetsItsAnswer) {
  start();
  Peer& peer = driver_.add_peer();
  peer.to_shard = kGet;
  peer.finished = true;
  drain(peer);
  EXPECT_EQ(peer.from_shard, "[/a:]");
  EXPECT_TRUE(peer.released);

  Peer& later = driver_.add_peer();
  later.to_shard = "GET /later HTTP/1.1\r\nHost: x\r\n\r\n";
  later.finished = true;
  drain(later);
  on_answer({http_.asked, 0}, hub::Published{});
  turns();
  EXPECT_EQ(later.from_shard, "[answer]");
  EXPECT_TRUE(later.released);
}

TEST_F(TransportTest, RefusesAndEndsAfterMalformedRequests) {
  start();
  Peer& peer = driver_.add_peer();
  EXPECT_TRUE(say(peer, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(peer.shard_finished);
  pass(seconds(5));
  EXPECT_TRUE(peer.released) << "the linger bound";
}

TEST_F(TransportTest, RequestMustBeCompleteInTimeInAll) {
  start();
  Peer& peer = driver_.add_peer();
  std::string answer;
  for (int i = 0; i < 12; ++i) {
    answer += say(peer, "G");  // one byte a second: an endless method name
    pass(seconds(1));
    answer += peer.from_shard;
  }
  EXPECT_NE(answer.find("HTTP/1.1 408 "), std::string::npos) << answer;
}

TEST_F(TransportTest, ARequestHasTenSecondsFromItsFirstByteToItsLast) {
  start();
  Peer& in_time = driver_.add_peer();
  Peer& late = driver_.add_peer();
  turns();
  pass(seconds(9));  // before the first byte another bound counts
  for (Peer* peer : {&in_time, &late}) say(*peer, kPost.substr(0, kPost.size() - 1));
  pass(milliseconds(9'999));
  EXPECT_EQ(say(in_time, "c"), "[/b:abc]");
  EXPECT_EQ(late.from_shard, "");
  pass(milliseconds(1));
  EXPECT_TRUE(late.from_shard.starts_with("HTTP/1.1 408 ")) << late.from_shard;
  EXPECT_TRUE(late.from_shard.ends_with("\r\n\r\nrequest not complete in time\n"));
  EXPECT_TRUE(late.shard_finished);
  EXPECT_FALSE(in_time.shard_finished);
  EXPECT_EQ(services_->stats.refused_timeout.value(), 1u);
}

TEST_F(TransportTest, WhoAsksNothingIsEndedAfterTenSecondsWithoutAWord) {
  start();
  Peer& peer = driver_.add_peer();
  turns();
  pass(milliseconds(9'999));
  EXPECT_FALSE(peer.shard_finished);
  pass(milliseconds(1));
  EXPECT_TRUE(peer.shard_finished);
  EXPECT_EQ(peer.from_shard, "");
}

TEST_F(TransportTest, IdleKeepAliveConnectionIsEnded) {
  start();
  Peer& peer = driver_.add_peer();
  say(peer, kGet);
  pass(milliseconds(74'999));
  EXPECT_FALSE(peer.shard_finished);
  pass(milliseconds(1));
  EXPECT_TRUE(peer.shard_finished);
  EXPECT_EQ(peer.from_shard, "");
}

TEST_F(TransportTest, TheInternalPortServesRequestsAndNoWebSockets) {
  internal_ = true;
  start();
  EXPECT_EQ(say(driver_.add_peer(), kGet), "[/a:]");
  EXPECT_EQ(say(driver_.add_peer(), upgrade_request("/connection/websocket")),
            "[/connection/websocket:]");
  shard_->streams().for_each([](runtime::Stream& stream) { stream.close(); });
  turns();
  EXPECT_EQ(services_->internal_connections, 0u);
}

TEST_F(TransportTest, TheInternalPortHoldsABoundedNumberOfConnections) {
  internal_ = true;
  start();
  std::vector<Peer*> peers;
  for (std::uint32_t i = 0; i < kInternalConnectionsMax; ++i) peers.push_back(&driver_.add_peer());
  turns();
  Peer& one_more = driver_.add_peer();
  EXPECT_EQ(say(one_more, kGet), "");
  EXPECT_TRUE(one_more.released);
  for (Peer* peer : peers) EXPECT_EQ(say(*peer, kGet), "[/a:]");
  peers[0]->finished = true;
  turns();
  EXPECT_EQ(say(driver_.add_peer(), kGet), "[/a:]") << "there is room again";
  EXPECT_EQ(services_->internal_connections, kInternalConnectionsMax);
}

}  // namespace
}  // namespace sanjay::transport
