// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/chunking.h"
#include "http/response.h"
#include "hub/memory_broker.h"
#include "protocol/json_decoder.h"
#include "protocol/protobuf_decoder.h"
#include "runtime/memory/memory_driver.h"
#include "transport/client_connection.h"
#include "transport/http_connection.h"
#include "transport/publication_encoder.h"
#include "websocket/encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// For tests only: whole shards over the memory driver: HTTP, upgrade, WebSocket, client sessions.

namespace sanjay::transport {

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
  std::optional<std::string> on_hub_answer(std::uint32_t, hub::Answer&&) override {
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
                      public hub::HubEvents,
                      public CommandCarrier {
 protected:
  TransportTest() {
    session_options_.insecure = true;
    session_options_.namespaces =
        std::make_shared<const channels::Namespaces>(channels::Namespaces::create({}).value());
    options_.echo_path = "/echo";
    shard_options_.streams.queue_bytes_max = 10'000;
  }

  void start(core::ShardIndex shards = 1) {
    hub::HubOptions hub_options;
    hub_options.shards = shards;
    shard_ = std::make_unique<runtime::Shard>(shard_options_, driver_, clock_, log_);
    broker_ = std::make_unique<hub::MemoryBroker>(hub::MemoryBrokerOptions(), 1, shard_->now());
    hub_ = std::make_unique<hub::Hub>(hub_options, flow_, *broker_, encoder_, *this, *this, *this);
    session_ = std::make_unique<session::SessionContext>(
        &session_options_, *hub_, random_, session::UserDirectory(core::SipKey{1, 2}),
        auth::SignatureCache(core::SipKey{1, 2}), core::Duration(0),
        std::make_unique<protocol::JsonDecoder>(), std::make_unique<protocol::ProtobufDecoder>());
    session_->session_ids = std::make_shared<const session::SessionIds>(
        session::SessionIds::create("the secret of these tests, 32 bytes long").value());
    session_->node = "node-1";
    admission_ = std::make_unique<limits::ConnectionAdmission>(admission_options_);
    compression_.set_options(options_.compression);
    services_ = std::make_unique<ShardServices>(*shard_, &options_, *session_, http_, *admission_,
                                                compression_, static_cast<CommandCarrier&>(*this));
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
    const auto exists = [this](core::ConnectionId id) { return connection(id) != nullptr; };
    while (const auto next = services_->pace.next(shard_->now(), exists)) {
      connection(*next)->on_resume();
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
    auto& stream = shard_->streams().at(slot);
    if (!stream.marked()) return stream.send(bytes);
    if (auto* c = handler_at(slot)) c->deliver(bytes, runtime::Urgency::Soon);
  }
  void hold(std::uint32_t slot, const core::SegmentRef& bytes) override {
    if (auto* c = handler_at(slot)) c->keep(bytes);
  }
  void on_trouble(std::uint32_t slot, hub::SubscriptionNumber number,
                  hub::Trouble trouble) override {
    if (auto* c = handler_at(slot)) c->on_trouble(number, trouble);
  }
  void on_subscribed(core::ConnectionId id, hub::SubscriptionNumber number,
                     hub::SubscriptionResult&& result) override {
    if (auto* c = connection(id)) c->on_subscribed(number, std::move(result));
  }
  void on_answer(const hub::ReplyTo& to, hub::Answer&& answer) override {
    if (auto* c = connection(to.connection)) c->on_hub_answer(to.request, std::move(answer));
  }
  Fate carry(core::ConnectionId to, std::string&& commands) override {
    if (carrier_full_) return Fate::Busy;
    auto* c = connection(to);
    if (c == nullptr) return Fate::Unknown;
    c->on_commands(std::move(commands));
    return Fate::Taken;
  }
  Connection* handler_at(std::uint32_t slot) {
    auto& stream = shard_->streams().at(slot);
    return stream.open() ? static_cast<Connection*>(stream.handler()) : nullptr;
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
  Compression compression_{CompressionOptions()};
  FrameEncoder encoder_{compression_};
  core::Random random_{1};
  TestHttp http_;
  limits::AdmissionOptions admission_options_;
  bool internal_ = false;
  bool carrier_full_ = false;  // as when the way to another shard is
  bool full_ = false;          // as when the process has as many connections as it may
  std::unique_ptr<limits::ConnectionAdmission> admission_;
  std::unique_ptr<hub::MemoryBroker> broker_;
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<session::SessionContext> session_;
  std::unique_ptr<ShardServices> services_;
  std::unique_ptr<runtime::Shard> shard_;
  std::vector<hub::Mail> mails_;  // for the other shard, if the test has one
};

inline constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
inline constexpr std::string_view kPost =
    "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";

}  // namespace sanjay::transport
