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

#include <functional>
#include <map>
#include <set>
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
  std::optional<std::string> respond(const http::RequestHead& head, std::string_view body, Port,
                                     core::ConnectionId connection) override {
    if (head.path == "/later") {
      asked = connection;
      return std::nullopt;
    }
    if (head.path == "/page") return http::make_response(404, {}, "no such page", true);
    return "[" + std::string(head.path) + ":" + std::string(body) + "]";
  }
  std::optional<std::string> on_published(core::ConnectionId, std::uint32_t, hub::PublishOutcome,
                                          bool) override {
    return "[answer]";
  }
  void forget(core::ConnectionId connection) override { forgotten = connection; }
  core::ConnectionId asked;
  core::ConnectionId forgotten;
};

/// Keeps each record as "level message key=value …".
class RecordingLogger final : public telemetry::Logger {
 public:
  bool enabled(telemetry::Level) const override { return true; }
  void log(telemetry::Level level, std::string_view message,
           std::initializer_list<telemetry::Field> fields) override {
    std::string line = std::to_string(static_cast<int>(level)) + " " + std::string(message);
    for (const telemetry::Field& field : fields) {
      line.append(" ").append(field.key).append("=");
      if (const auto* text = std::get_if<std::string_view>(&field.value)) line.append(*text);
      if (const auto* number = std::get_if<std::uint64_t>(&field.value)) {
        line += std::to_string(*number);
      }
    }
    lines.push_back(std::move(line));
  }
  std::vector<std::string> lines;
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
    session_ = std::make_unique<session::SessionContext>(
        &session_options_, *hub_, decoder_, random_, session::UserDirectory(core::SipKey{1, 2}));
    admission_ = std::make_unique<limits::ConnectionAdmission>(admission_options_);
    services_ = std::make_unique<ShardServices>(*shard_, &options_, *session_, http_, *admission_);
    shard_->set_application(*this);
    ASSERT_TRUE(shard_->start());
  }
  ~TransportTest() override { shard_.reset(); }

  core::Status on_start() override { return {}; }
  void on_accept(runtime::Stream& stream, runtime::ListenerIndex) override {
    if (internal_) return accept_internal(*services_, stream);
    if (full_) return accept_over_limit(*services_, stream);
    accept_connection(*services_, stream);
  }
  bool on_turn(core::Instant) override {
    for (auto* waiting : {&services_->resumable, &services_->retries}) {
      for (const auto id : std::exchange(*waiting, {})) {
        if (auto* c = connection(id)) c->on_resume();
      }
    }
    hub_->hand_over(shard_->now());
    return hub_->run(1000);
  }
  bool has_mail() const override { return false; }
  bool send(core::ShardIndex, hub::Mail&& mail) override {
    mails_.push_back(std::move(mail));
    return true;
  }
  void deliver(std::uint32_t slot, const core::SegmentRef& bytes, hub::Reach) override {
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
  /// In steps: a long one would be a pause of our own.
  void pass(core::Duration time) {
    while (time > core::Duration::zero()) {
      const core::Duration step = std::min<core::Duration>(time, std::chrono::milliseconds(250));
      clock_.advance(step);
      time -= step;
      turns();
    }
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
  Peer& open_echo_from(std::string_view address, std::string_view headers = {}) {
    Peer& peer = driver_.add_peer(address);
    EXPECT_TRUE(say(peer, upgrade_request("/echo", headers)).starts_with("HTTP/1.1 101 "));
    return peer;
  }
  void trust(std::vector<std::string> networks) {
    options_.trusted_proxies = http::TrustedProxies::parse(networks).value();
  }
  /// The status of the answer to an upgrade request of a new connection from `address`.
  std::string upgrade_status(std::string_view address, std::string_view headers = {},
                             std::string_view before = {}) {
    Peer& peer = driver_.add_peer(address);
    return say(peer, std::string(before) + upgrade_request("/echo", headers)).substr(9, 3);
  }
  /// The addresses of all streams there are, as those above see them.
  std::string stream_addresses() {
    std::string out;
    shard_->streams().for_each([&](runtime::Stream& stream) { out += stream.peer().host() + " "; });
    return out;
  }
  static int retry_after(std::string_view response) {
    constexpr std::string_view kName = "Retry-After: ";
    const std::size_t at = response.find(kName);
    return at == std::string_view::npos ? 0 : response[at + kName.size()] - '0';
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
  RecordingLogger log_;
  runtime::ShardOptions shard_options_;
  TransportOptions options_;
  session::SessionOptions session_options_;
  hub::FlowMeter flow_{4};
  FrameEncoder encoder_;
  protocol::JsonDecoder decoder_;
  core::Random random_{1};
  TestHttp http_;
  limits::AdmissionOptions admission_options_;
  bool internal_ = false;
  bool full_ = false;  // as when the process has as many connections as it may
  std::unique_ptr<limits::ConnectionAdmission> admission_;
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

TEST_F(TransportTest, EndsAreCountedByCodeAndLoggedWithoutWhatTheClientSaid) {
  start();
  Peer& good = open_client();
  good.finished = true;
  turns();
  Peer& wrong = open_client();
  say(wrong, text("secret words"));
  std::map<std::string, std::uint64_t> ends;
  services_->ends.for_each([&](const std::string& code, std::uint64_t n) { ends[code] = n; });
  EXPECT_EQ(ends, (std::map<std::string, std::uint64_t>{{"3000", 1}, {"3501", 1}}));
  ASSERT_EQ(log_.lines.size(), 2u);
  EXPECT_TRUE(log_.lines[0].starts_with("1 connection ended connection=0-0-1 peer=192.0.2.1:"));
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
    const std::uint64_t before = services_->stats.messages_in.value();
    peer.room = 0;
    const std::string payload(256 * 1024 - kHeader + beyond, 'x');
    peer.to_shard = masked(websocket::Opcode::Binary, payload) + text("next") + text("last");
    turns();
    EXPECT_EQ(services_->stats.messages_in.value() - before, beyond == 0 ? 2u : 1u);
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
  EXPECT_EQ(services_->stats.clients.value(), 3u);
  fin.finished = true;
  close.to_shard = masked(websocket::Opcode::Close, "");
  bad.to_shard = text("{");
  turns();
  pass(seconds(5));
  EXPECT_EQ(hub_->subscription_count(), 0u);
  EXPECT_EQ(services_->stats.clients.value(), 0u);
  EXPECT_EQ(shard_->streams().size(), 0u);
}

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
