// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/token_signer.h"
#include "auth/token_verifier.h"
#include "channels/namespaces.h"
#include "core/assert.h"
#include "hub/hub.h"
#include "hub/memory_broker.h"
#include "protocol/json_decoder.h"
#include "protocol/protobuf_decoder.h"
#include "protocol/reply_encoding.h"
#include "protocol/transcoding_test.h"
#include "session/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// For tests only: sessions on real hubs with real brokers, on one thread, over no transport.

namespace sanjay::session {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr Now kStart{core::Instant(seconds(1000)), core::WallTime(seconds(1'700'000'000))};
inline constexpr std::string_view kSecret = "the secret of these tests, 32 bytes long";

/// A token that our verifier takes: see SessionFixture::use_tokens().
inline std::string token(std::string_view claims) {
  return auth::sign_hs256(std::string(claims), kSecret).value();
}

/// Messages one behind the other, each behind its length: what transports do with frames.
class MessageEncoder final : public hub::PublicationEncoder {
 public:
  bool encode(const hub::EncodeAs& how, std::string_view channel,
              const hub::Publication& publication, std::string& out) override {
    const protocol::ReplyEncoding& replies = encoding_of(how.encoding);
    protocol::Publication message;
    message.data = publication.data;
    std::string compacted;
    if (!publication.data_is_json && !replies.carries_binary) {
      const auto json = protocol::compact_json(publication.data, compacted);
      if (!json) return false;
      message.data = *json;
    }
    if (!publication.publisher.client.empty()) message.info = to_info(publication.publisher);
    message.offset = publication.offset;
    message.tags = publication.tags;
    message.epoch = publication.epoch;
    message.version = publication.version;
    append(out, [&](std::string& bytes) { replies.publication_push(bytes, channel, message); });
    return true;
  }
  bool encode_movement(hub::Encoding encoding, std::string_view channel, hub::Movement movement,
                       const hub::ClientInfo& info, std::string& out) override {
    const protocol::ReplyEncoding& replies = encoding_of(encoding);
    append(out, [&](std::string& bytes) {
      (movement == hub::Movement::Join ? replies.join_push : replies.leave_push)(bytes, channel,
                                                                                 to_info(info));
    });
    return true;
  }

  /// The messages again.
  static std::vector<std::string> split(std::string_view bytes) {
    std::vector<std::string> messages;
    while (!bytes.empty()) {
      std::uint32_t length = 0;
      ASSERT(bytes.size() >= sizeof length);
      std::memcpy(&length, bytes.data(), sizeof length);
      messages.emplace_back(bytes.substr(sizeof length, length));
      bytes.remove_prefix(sizeof length + length);
    }
    return messages;
  }

 private:
  static const protocol::ReplyEncoding& encoding_of(hub::Encoding encoding) {
    return encoding == hub::Encoding::ProtobufWebSocket ? protocol::kProtobufReplies
                                                        : protocol::kJsonReplies;
  }
  static protocol::ClientInfo to_info(const hub::ClientInfo& info) {
    return {info.user, info.client, info.conn_info, info.chan_info};
  }
  template <class Append>
  static void append(std::string& out, Append&& append_to) {
    std::string message;
    append_to(message);
    const auto length = static_cast<std::uint32_t>(message.size());
    out.append(reinterpret_cast<const char*>(&length), sizeof length);
    out += message;
  }
};

/// One client: a session, and what it has sent.
struct Client final : SessionOutput {
  void send(std::string_view message) override {
    ASSERT(!ended);
    hear(message);
  }
  void send_held() override {
    for (const std::string& message : std::exchange(held, {})) hear(message);
  }
  void ping() override { ++pings; }
  void disconnect(const protocol::Disconnect& disconnect) override {
    ASSERT(!ended);  // once, and nothing after it
    ended = disconnect;
  }
  void hear(std::string_view message) {
    ASSERT(!message.empty());
    wire.emplace_back(message);
    received.push_back(encoding == hub::Encoding::ProtobufWebSocket ? protocol::to_json(message)
                                                                    : std::string(message));
  }
  std::uint16_t end_code() const { return ended ? ended->code : 0; }
  /// All messages since the last call, one a line.
  std::string take() {
    std::string all;
    for (const std::string& message : std::exchange(received, {})) {
      all += (all.empty() ? "" : "\n") + message;
    }
    wire.clear();
    return all;
  }

  hub::Encoding encoding = hub::Encoding::JsonWebSocket;
  std::unique_ptr<Session> session;
  std::vector<std::string> received;  // as JSON, whatever the encoding
  std::vector<std::string> wire;      // the same as it was sent
  std::vector<std::string> held;
  int pings = 0;  // the transport's own
  std::optional<protocol::Disconnect> ended;
  bool resuming = false;
};

/// One shard with sessions on it, and, where a test wants it, another one that is home to some of
/// the channels. The clock is the test's; turns are taken when it says so.
class SessionFixture : public ::testing::Test {
 protected:
  SessionFixture() { random_ = std::make_unique<core::Random>(1); }
  ~SessionFixture() override { clients_.clear(); }

  struct Shard final : hub::MailCarrier, hub::DeliverySink, hub::HubEvents {
    bool send(core::ShardIndex to, hub::Mail&& mail) override {
      ASSERT(to != index);
      mail_out.push_back(std::move(mail));
      return true;
    }
    void deliver(std::uint32_t slot, const core::SegmentRef& bytes, hub::Reach) override {
      Client& client = fixture->clients_[slot];
      if (client.ended) return;
      for (const auto& message : MessageEncoder::split(bytes.bytes())) client.hear(message);
    }
    void hold(std::uint32_t slot, const core::SegmentRef& bytes) override {
      for (auto& message : MessageEncoder::split(bytes.bytes())) {
        fixture->clients_[slot].held.push_back(std::move(message));
      }
    }
    void on_trouble(std::uint32_t slot, hub::SubscriptionNumber number,
                    hub::Trouble trouble) override {
      fixture->clients_[slot].session->on_trouble(number, trouble);
    }
    void on_subscribed(core::ConnectionId connection, hub::SubscriptionNumber number,
                       hub::SubscriptionResult&& result) override {
      Client& client = fixture->clients_[connection.slot];
      client.session->on_subscribed(number, std::move(result), fixture->now_);
      client.resuming = true;
    }
    void on_answer(const hub::ReplyTo& to, hub::Answer&& answer) override {
      if (!to.connection) return fixture->answers_.push_back(std::move(answer));
      Client& client = fixture->clients_[to.connection.slot];
      client.session->on_answer(to.request, std::move(answer), fixture->now_);
      client.resuming = true;
    }

    SessionFixture* fixture = nullptr;
    core::ShardIndex index = 0;
    MessageEncoder encoder;
    std::unique_ptr<hub::Broker> broker;
    std::unique_ptr<hub::Hub> hub;
    std::deque<hub::Mail> mail_out;
  };

  /// Begins anew: no clients, nothing published.
  void start(core::ShardIndex shards = 1) {
    clients_.clear();
    shards_.clear();
    now_ = kStart;
    auto names = channels::Namespaces::create(names_);
    ASSERT(names.has_value());
    options_.namespaces = std::make_shared<const channels::Namespaces>(*std::move(names));
    for (core::ShardIndex i = 0; i < shards; ++i) {
      Shard& shard = shards_.emplace_back();
      shard.fixture = this;
      shard.index = i;
      shard.broker = make_broker_ ? make_broker_() : make_memory_broker();
      hub::HubOptions options = hub_options_;
      options.shard = i;
      options.shards = shards;
      shard.hub = std::make_unique<hub::Hub>(options, flow_, *shard.broker, shard.encoder, shard,
                                             shard, shard);
    }
    context_ = std::make_unique<SessionContext>(
        &options_, *shards_[0].hub, *random_, UserDirectory(core::SipKey{1, 2}),
        auth::SignatureCache(core::SipKey{1, 2}), core::Duration(0),
        std::make_unique<protocol::JsonDecoder>(), std::make_unique<protocol::ProtobufDecoder>());
  }
  std::unique_ptr<hub::MemoryBroker> make_memory_broker() {
    return std::make_unique<hub::MemoryBroker>(broker_options_, seed_++, now_.instant);
  }
  /// A memory broker of the home shard of what is not said otherwise: for what no client can do.
  hub::MemoryBroker& broker() { return static_cast<hub::MemoryBroker&>(*shards_[0].broker); }
  hub::Hub& hub() { return *shards_[0].hub; }

  /// A connection that has not said anything.
  Client& add_client(hub::Encoding encoding) {
    const auto slot = static_cast<std::uint32_t>(clients_.size());
    Client& client = clients_.emplace_back();
    client.encoding = encoding;
    client.session = std::make_unique<Session>(*context_, client, core::ConnectionId{slot, 1, 0},
                                               Session::Form{encoding, transport_pings_}, now_);
    return client;
  }
  Client& add_client() { return add_client(encoding_); }

  /// What a JSON message says, in the client's own encoding.
  void say(Client& client, std::string_view json) {
    if (client.encoding == hub::Encoding::JsonWebSocket) return say_raw(client, json);
    const auto message = protocol::to_protobuf(json);
    ASSERT(message.has_value());
    say_raw(client, *message);
  }
  void say_raw(Client& client, std::string_view bytes) {
    const std::string message(bytes);  // gone when the call is over
    client.session->on_message(message, now_);
    ASSERT(context_->scratch.empty());
  }
  /// What comes of one message, when there is nothing left to come.
  std::string ask(Client& client, std::string_view json) {
    client.take();
    say(client, json);
    settle();
    return client.take();
  }
  /// A client that has connected with this in its connect command.
  Client& connect(hub::Encoding encoding, std::string_view more = "") {
    Client& client = add_client(encoding);
    say(client, R"({"id":1,"connect":{)" + std::string(more) + "}}");
    settle();
    return client;
  }
  Client& connect(std::string_view more = "") { return connect(encoding_, more); }
  /// The same with a token of these claims.
  Client& connect_with(std::string_view claims) { return connect_with(encoding_, claims); }
  Client& connect_with(hub::Encoding encoding, std::string_view claims) {
    Client& client = connect(encoding, R"("token":")" + token(claims) + "\"");
    client.take();
    return client;
  }
  static std::string id_of(const Client& client) {
    const auto text = client.session->client().text();
    return std::string(view(text));
  }

  void deliver_mail() {
    for (Shard& from : shards_) {
      while (!from.mail_out.empty()) {
        hub::Mail mail = std::move(from.mail_out.front());
        from.mail_out.pop_front();
        shards_[1 - from.index].hub->on_mail(from.index, std::move(mail));
      }
    }
  }
  void resume() {
    for (Client& client : clients_) {
      if (!std::exchange(client.resuming, false) && !client.session->wants_retry()) continue;
      client.session->resume(now_);
    }
  }
  void turn() {
    deliver_mail();
    resume();
    for (Shard& shard : shards_) shard.hub->hand_over(now_.instant);
    for (Shard& shard : shards_) {
      while (shard.hub->run(1000)) {
      }
    }
    ASSERT(context_->scratch.empty());
  }
  void settle() {
    for (int i = 0; i < 12; ++i) turn();
  }
  /// Time passes; nobody but the timers of the sessions is called.
  void pass(core::Duration time) {
    now_.instant += time;
    now_.wall += time;
    for (Client& client : clients_) {
      if (client.session->deadline() <= now_.instant) client.session->on_deadline(now_);
      // A deadline that has passed would be called again and again.
      EXPECT_GT(client.session->deadline(), now_.instant);
    }
  }
  /// Time passes for a client who answers pings.
  void live(Client& client, core::Duration time) {
    for (; time > core::Duration::zero(); time -= seconds(1)) {
      pass(std::min<core::Duration>(time, seconds(1)));
      if (!client.received.empty() && client.received.back() == "{}") {
        client.received.pop_back();
        say(client, "{}");
      }
      turn();
    }
  }

  /// Publishes as the server API does.
  void publish(std::string_view channel, std::string_view data, bool is_json = true) {
    hub::Publication publication;
    publication.data = data;
    publication.data_is_json = is_json;
    const auto& history = options_.namespaces->find(channel)->history;
    hub::PublishOptions how;
    how.history = {history.size, history.ttl, history.meta_ttl};
    hub::Hub& home = *shards_[hub().home_of(channel)].hub;
    const auto answer = home.publish(channel, publication, how, {});
    ASSERT(answer && std::holds_alternative<hub::Published>(*answer));
  }
  /// The epoch of a channel, as the server API reads it.
  std::string epoch_of(std::string_view channel) {
    answers_.clear();
    shards_[hub().home_of(channel)].hub->history(channel, {}, {});
    settle();
    ASSERT(answers_.size() == 1);
    return std::get<hub::History>(answers_[0]).top.epoch;
  }

  void use_tokens() {
    auth::VerifierOptions verifier;
    verifier.hmac_secret_key = kSecret;
    options_.verifier =
        std::make_shared<const auth::TokenVerifier>(auth::TokenVerifier::create(verifier).value());
    options_.subscription_verifier = options_.verifier;
  }
  channels::ChannelOptions& add_namespace(std::string name) {
    return names_.namespaces.emplace_back(std::move(name), channels::ChannelOptions()).options;
  }
  /// A channel whose home is (not) the sessions' shard.
  std::string channel(bool at_home, std::string_view prefix = "c") {
    for (int i = 0;; ++i) {
      std::string name = std::string(prefix) + std::to_string(i);
      if ((hub().home_of(name) == 0) == at_home) return name;
    }
  }
  static std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }
  static std::string replaced(std::string text, const std::map<std::string, std::string>& words) {
    for (const auto& [from, to] : words) {
      for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) {
        text.replace(at, from.size(), to);
      }
    }
    return text;
  }

  SessionOptions options_;
  channels::NamespacesConfig names_;
  hub::HubOptions hub_options_;
  hub::MemoryBrokerOptions broker_options_;
  std::function<std::unique_ptr<hub::Broker>()> make_broker_;  // empty: a MemoryBroker
  std::uint64_t seed_ = 1;
  Now now_ = kStart;
  hub::FlowMeter flow_{2};
  std::unique_ptr<core::Random> random_;
  std::deque<Shard> shards_;
  std::unique_ptr<SessionContext> context_;
  std::deque<Client> clients_;
  std::vector<hub::Answer> answers_;  // to what the fixture asked
  hub::Encoding encoding_ = hub::Encoding::JsonWebSocket;
  bool transport_pings_ = false;
};

/// The same in both encodings: what a test says and hears in JSON goes over the wire in its own.
class SessionTest : public SessionFixture, public ::testing::WithParamInterface<hub::Encoding> {
 protected:
  SessionTest() { encoding_ = GetParam(); }
  bool is_json() const { return encoding_ == hub::Encoding::JsonWebSocket; }
};

inline std::string encoding_name(const ::testing::TestParamInfo<hub::Encoding>& info) {
  return info.param == hub::Encoding::JsonWebSocket ? "Json" : "Protobuf";
}

inline auto both_encodings() {
  return ::testing::Values(hub::Encoding::JsonWebSocket, hub::Encoding::ProtobufWebSocket);
}

}  // namespace sanjay::session
