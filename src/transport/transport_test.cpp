// SPDX-License-Identifier: Apache-2.0

// Whole shards over the memory driver: HTTP, upgrade, WebSocket, client sessions.

#include "core/chunking.h"
#include "http/response.h"
#include "runtime/memory/memory_driver.h"
#include "transport/client_connection.h"
#include "transport/http_connection.h"
#include "transport/publication_encoder.h"
#include "websocket/encoder.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::transport {
namespace {

using Peer = runtime::MemoryDriver::Peer;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Echoes the path; "/page" is a whole response; "/later" publishes to a channel of another shard
/// and answers when that does.
class TestHttp final : public HttpApplication {
 public:
  std::optional<std::string> respond(const http::RequestHead& head, std::string_view body,
                                     core::ConnectionId connection) override {
    if (head.path == "/later") {
      asked = connection;
      return std::nullopt;
    }
    if (head.path == "/page") return http::make_response(404, {}, "no such page", true);
    return "[" + std::string(head.path) + ":" + std::string(body) + "]";
  }
  std::string publish_response(hub::PublishOutcome, bool) override { return "[answer]"; }
  core::ConnectionId asked;
};

class TransportTest : public ::testing::Test,
                      public runtime::ShardApplication,
                      public hub::MailCarrier,
                      public hub::DeliverySink,
                      public hub::HubEvents {
 protected:
  TransportTest() {
    session_options_.insecure = session_options_.channels.insecure = true;
    options_.echo_path = "/echo";
    shard_options_.streams.queue_bytes_max = 10'000;
  }

  void start(core::ShardIndex shards = 1) {
    hub::HubOptions hub_options;
    hub_options.shards = shards;
    shard_ = std::make_unique<runtime::Shard>(shard_options_, driver_, clock_, log_);
    hub_ = std::make_unique<hub::Hub>(hub_options, flow_, encoder_, *this, *this, *this);
    session_ =
        std::make_unique<session::SessionContext>(session_options_, *hub_, decoder_, random_);
    services_ = std::make_unique<ShardServices>(*shard_, options_, *session_, http_);
    shard_->set_application(*this);
    ASSERT_TRUE(shard_->start());
  }
  ~TransportTest() override { shard_.reset(); }

  core::Status on_start() override { return {}; }
  void on_accept(runtime::Stream& stream) override {
    stream.set_handler(std::make_unique<HttpConnection>(*services_, stream));
  }
  bool on_turn(core::Instant) override {
    for (auto* waiting : {&services_->resumable, &services_->retries}) {
      for (const auto id : std::exchange(*waiting, {})) {
        if (auto* c = connection(id)) c->on_resume();
      }
    }
    hub_->hand_over();
    return hub_->run(1000);
  }
  bool has_mail() const override { return false; }
  bool send(core::ShardIndex, hub::Mail&& mail) override {
    mails_.push_back(std::move(mail));
    return true;
  }
  void deliver(std::uint32_t slot, const core::SegmentRef& bytes) override {
    shard_->streams().at(slot).send(bytes);
  }
  void on_subscribed(core::ConnectionId id, hub::SubscriptionNumber number) override {
    if (auto* c = connection(id)) c->on_subscribed(number);
  }
  void on_published(const hub::ReplyTo& to, hub::PublishOutcome outcome) override {
    if (auto* c = connection(to.connection)) c->on_published(to.request, outcome);
  }
  Connection* connection(core::ConnectionId id) {
    auto* stream = shard_->streams().find(id);
    return stream != nullptr && stream->open() ? static_cast<Connection*>(stream->handler())
                                               : nullptr;
  }

  void turns(int count = 3) {
    for (int i = 0; i < count; ++i) shard_->turn();
  }
  void pass(core::Duration time) {
    clock_.advance(time);
    turns();
  }
  /// Turns until everything the peer sent was delivered.
  void drain(Peer& peer) {
    for (int i = 0; i < 10'000 && !peer.to_shard.empty() && !peer.released; ++i) shard_->turn();
    turns();
  }
  std::string say(Peer& peer, std::string_view bytes) {
    peer.from_shard.clear();
    peer.to_shard += bytes;
    drain(peer);
    return std::exchange(peer.from_shard, {});
  }
  static std::string upgrade_request(std::string_view path, std::string_view more = {}) {
    return "GET " + std::string(path) +
           " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
           std::string(more) + "\r\n";
  }
  Peer& open_websocket(std::string_view path) {
    Peer& peer = driver_.add_peer();
    EXPECT_TRUE(say(peer, upgrade_request(path)).starts_with("HTTP/1.1 101 "));
    return peer;
  }
  Peer& open_client() {
    Peer& peer = open_websocket("/connection/websocket");
    EXPECT_NE(say(peer, text(R"({"id":1,"connect":{}})")).find("\"client\""), std::string::npos);
    return peer;
  }
  static std::string masked(websocket::Opcode opcode, std::string_view payload) {
    std::string out;
    websocket::append_masked_frame(out, opcode, payload, 0x12345678);
    return out;
  }
  static std::string text(std::string_view payload) {
    return masked(websocket::Opcode::Text, payload);
  }
  static std::string frame(websocket::Opcode opcode, std::string_view payload) {
    std::string out;
    websocket::append_frame(out, opcode, payload);
    return out;
  }
  static std::string close_frame(std::uint16_t code, std::string_view reason) {
    return std::string(websocket::make_close_frame(code, reason).bytes());
  }

  runtime::MemoryDriver driver_;
  runtime::ManualClock clock_;
  telemetry::NullLogger log_;
  runtime::ShardOptions shard_options_;
  TransportOptions options_;
  session::SessionOptions session_options_;
  hub::FlowMeter flow_{4};
  FrameEncoder encoder_;
  protocol::JsonDecoder decoder_;
  core::Random random_{1};
  TestHttp http_;
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<session::SessionContext> session_;
  std::unique_ptr<ShardServices> services_;
  std::unique_ptr<runtime::Shard> shard_;
  std::vector<hub::Mail> mails_;
};

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::string_view kPost = "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";

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
  on_published({http_.asked, 0}, hub::PublishOutcome::Accepted);
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
  on_published({http_.asked, 0}, hub::PublishOutcome::Accepted);
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

TEST_F(TransportTest, IdleKeepAliveConnectionIsEnded) {
  start();
  Peer& peer = driver_.add_peer();
  say(peer, kGet);
  pass(seconds(74));
  EXPECT_FALSE(peer.shard_finished);
  pass(seconds(1));
  EXPECT_TRUE(peer.shard_finished);
}

TEST_F(TransportTest, RefusesForeignOriginsAndProtobuf) {
  const std::vector<std::string> allowed{"https://good.example"};
  options_.origins = http::OriginPolicy::parse(allowed).value();
  start();
  const auto status = [&](std::string_view path, std::string_view headers) {
    return say(driver_.add_peer(), upgrade_request(path, headers)).substr(9, 3);
  };
  EXPECT_EQ(status("/connection/websocket", "Origin: https://good.example\r\n"), "101");
  EXPECT_EQ(status("/connection/websocket", "Origin: https://evil.example\r\n"), "403");
  EXPECT_EQ(status("/echo", "Origin: https://evil.example\r\n"), "403");
  EXPECT_EQ(status("/connection/websocket?cf_protocol=protobuf", ""), "400");
  EXPECT_EQ(status("/connection/websocket?cf_protocol=json", ""), "101");
  EXPECT_EQ(status("/connection/websocket", "Sec-WebSocket-Protocol: centrifuge-protobuf\r\n"),
            "400");
  EXPECT_EQ(status("/connection/websocket", "Sec-WebSocket-Protocol: centrifuge-json\r\n"), "101");
}

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
  hub_->on_mail(1, hub::InterestConfirmed{interest.local_channel, 1, interest.encodings});
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
  EXPECT_EQ(services_->stats.slow_disconnects, 1u);
  EXPECT_FALSE(publisher.shard_finished) << "nobody else is disturbed";
}

TEST_F(TransportTest, ClientThatTakesNothingIsCutAfterTheWriteBound) {
  start();
  Peer& peer = open_client();
  peer.room = 0;
  peer.to_shard = text(R"({"id":2,"unsubscribe":{"channel":"z"}})");
  drain(peer);
  pass(seconds(9));
  EXPECT_FALSE(peer.released);
  pass(seconds(1));
  EXPECT_TRUE(peer.released);
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
  on_published({http_.asked, 0}, hub::PublishOutcome::Accepted);
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
  EXPECT_EQ(services_->stats.clients, 3u);
  fin.finished = true;
  close.to_shard = masked(websocket::Opcode::Close, "");
  bad.to_shard = text("{");
  turns();
  pass(seconds(5));
  EXPECT_EQ(hub_->subscription_count(), 0u);
  EXPECT_EQ(services_->stats.clients, 0u);
  EXPECT_EQ(shard_->streams().size(), 0u);
}

}  // namespace
}  // namespace sanjay::transport
