// SPDX-License-Identifier: Apache-2.0

// A whole server of two shards, without a kernel and in one thread, driven by a script
// (fuzz_script_test.h), which is the input. Its steps:
//
//   o   a new peer of shard N mod 2          u   peer N asks for the upgrade [of this path]
//   b   the same, to speak Protobuf
//   m   peer N sends this message            f   peer N sends a frame: first octet, payload
//   r   peer N sends these bytes             a   peer N posts to the API: method, space, body
//   e   peer N sends FIN                     x   peer N sends RST
//   s   peer N stops reading                 g   peer N goes on reading [as many bytes x 16]
//   w   the witness publishes N times        c   peer N's bytes come in pieces of kPieces[digit]
//   t   kSteps[N] half seconds pass          j   the process stands still for N² half seconds
//   n   N turns                              y   shard N mod 2 turns, the other does not
//   l   reload with configuration N mod 3    q   shut down
//   *   the step before, N² times

#include "auth/token_verifier.h"
#include "core/assert.h"
#include "runtime/memory/memory_driver.h"
#include "runtime/shard.h"
#include "server/config.h"
#include "server/fuzz_script_test.h"
#include "server/peer_model_test.h"
#include "server/server_fixture.h"
#include "server/server_shard.h"
#include "server/wiring.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::server {
namespace {

constexpr core::ShardIndex kShards = 2;
constexpr std::size_t kPeersMax = 24;
constexpr core::Duration kStep = std::chrono::milliseconds(500);  // of time: no pause of our own
constexpr std::array<int, 10> kSteps{1, 2, 3, 5, 10, 17, 21, 30, 51, 60};
// The longest a peer may stay without a word: between two requests, 75 s, and some to end in.
constexpr int kSilenceMax = 2 * 100;
constexpr std::array<std::size_t, 8> kPieces{1, 2, 3, 7, 16, 64, 256, 4096};
constexpr std::string_view kClientPath = "/connection/websocket";
constexpr std::string_view kProtobufPath = "/connection/websocket?format=protobuf";
constexpr std::string_view kWitnessed = "w";  // the channel the witnesses are subscribed to

using Wirings = std::array<std::shared_ptr<const Wiring>, 3>;

std::shared_ptr<const Wiring> wire_up(const Config& config) {
  auto wiring = wire(config, 1024);
  ASSERT(wiring.has_value());
  // Nothing by chance, and bounds so low that a script can reach them.
  wiring->hub.key = {1, 2};
  wiring->hub.channels_max = 16;
  wiring->hub.publishes_in_flight_max = 4;
  wiring->hub.flow_bytes_max = 2048;
  wiring->hub.quiet_flow_bytes_max = 4096;
  wiring->hub.channel_backlog_bytes_max = 2048;
  wiring->hub.home.channels.pending_bytes_max = 2048;
  wiring->hub.home.channels.total_pending_bytes_max = 8192;
  wiring->admission.key = {3, 4};
  wiring->connections_max = 14;
  wiring->shard.streams.streams_max = 20;
  wiring->shard.streams.queue_bytes_max = 32 * 1024;
  wiring->transport.http.body_bytes_max = 16 * 1024;
  return std::make_shared<const Wiring>(*std::move(wiring));
}

channels::ChannelOptions history_and_presence() {
  channels::ChannelOptions options;
  options.history.size = 4;
  options.history.ttl = std::chrono::seconds(20);
  options.history.meta_ttl = std::chrono::seconds(60);
  options.force_recovery = options.presence = true;
  options.join_leave = options.force_push_join_leave = true;
  options.allow_subscribe_for_client = options.allow_subscribe_for_anonymous = true;
  options.allow_publish_for_client = options.allow_publish_for_anonymous = true;
  options.allow_history_for_client = options.allow_history_for_anonymous = true;
  options.allow_presence_for_client = options.allow_presence_for_anonymous = true;
  return options;
}

Wirings make_wirings() {
  Config open;
  open.http_server.address = "127.0.0.1";
  open.http_server.trusted_proxies = {"192.0.2.3"};
  open.client.insecure = true;
  open.client.token.hmac_secret_key = "the secret of all fuzzers";
  open.client.allowed_origins = {"*"};
  open.client.connection_limit_per_address = 6;
  open.client.channel_limit = 8;
  open.websocket.message_size_limit = 4096;
  open.channel.max_length = 32;
  open.client.allow_anonymous_connect_without_token = true;
  open.channel.namespaces = {{"hh", history_and_presence()}};
  open.http_api.insecure = true;
  open.prometheus.enabled = true;
  open.demo.enabled = true;
  open.runtime.shards = kShards;

  Config strict = open;
  strict.client.insecure = false;
  strict.client.allow_anonymous_connect_without_token = true;
  strict.client.allowed_origins = {"https://*.example.com"};
  strict.client.connection_limit_per_address = 2;
  strict.client.connection_rate_limit = 1;
  strict.client.ping_interval = std::chrono::seconds(5);
  strict.client.pong_timeout = std::chrono::seconds(2);
  strict.client.expired_close_delay = std::chrono::seconds(1);
  strict.channel.without_namespace.allow_subscribe_for_client = true;
  strict.channel.without_namespace.allow_publish_for_subscriber = true;
  strict.http_api.insecure = false;
  strict.http_api.key = "key";
  strict.demo.enabled = false;

  Config behind_proxy = open;
  behind_proxy.http_server.proxy_protocol = true;
  behind_proxy.websocket.message_size_limit = 1024;
  behind_proxy.client.pong_timeout = std::chrono::seconds(20);
  behind_proxy.client.stale_close_delay = std::chrono::seconds(1);
  behind_proxy.client.channel_limit = 2;
  return {wire_up(open), wire_up(strict), wire_up(behind_proxy)};
}

/// A copy each time: what a reload replaces is really gone.
std::shared_ptr<const Wiring> wiring_number(std::size_t number) {
  static const Wirings wirings = make_wirings();
  return std::make_shared<const Wiring>(*wirings[number % wirings.size()]);
}

/// One far end: the bytes of the driver, and what the protocol says about them.
struct Peer {
  runtime::MemoryDriver::Peer* wire = nullptr;
  PeerModel model;

  void say(std::string_view bytes) { wire->to_shard.append(bytes); }
  void ask_for_upgrade(std::string_view path, std::string_view more = {}) {
    say("GET " + std::string(path) +
        " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
        std::string(more) + "\r\n");
  }
  void listen() {
    model.hears(std::exchange(wire->from_shard, {}));
    if (wire->shard_finished) model.hears_end();
  }
};

class World {
 public:
  World() {
    ASSERT(server_.started());
    for (core::ShardIndex i = 0; i < kShards; ++i) open_witness(i);
  }

  void run(const Step& step) {
    if (!run_for_all(step) && !peers_.empty()) run_for(step, peers_[step.number % peers_.size()]);
    if (step.turns) turn();
  }

  /// The end of every script: the witnesses have got what is theirs, whoever falls silent is put
  /// out, and nothing is left behind.
  void end() {
    for (Peer& peer : peers_) peer.wire->piece = SIZE_MAX;
    for (int i = 0; i < 4000 && !is_answered(); ++i) {
      clock_.advance(std::chrono::milliseconds(1));
      turn();
    }
    for (int i = 0; i < 8; ++i) turn();
    pass(4);
    check_witnesses();
    const std::uint32_t stay = shut_down_ ? 0 : kShards;
    for (int i = 0; i < kSilenceMax && streams() > stay; ++i) pass(1);
    ASSERT(streams() == stay);
    for (Peer& witness : witnesses_) witness.wire->finished = true;
    for (int i = 0; i < 8; ++i) turn();
    ASSERT(streams() == 0);
    clock_.advance(std::chrono::hours(1));
    for (int i = 0; i < 4; ++i) turn();
    check_empty();
  }

 private:
  void open_witness(core::ShardIndex shard) {
    Peer& witness = witnesses_[shard];
    witness.wire = &server_.driver(shard).add_peer("198.51.100.1");
    witness.model.asks_for_upgrade();
    witness.ask_for_upgrade(kClientPath);
    witness.say(witness.model.says(R"({"id":1,"connect":{}})"));
    witness.say(witness.model.says(R"({"id":2,"subscribe":{"channel":")" + std::string(kWitnessed) +
                                   "\"}}"));
    for (int i = 0; i < 20 && witness.model.channels().empty(); ++i) turn();
    ASSERT(witness.model.channels().size() == 1);
  }

  bool run_for_all(const Step& step) {
    switch (step.letter) {
      case 'o':
        open(step.number);
        return true;
      case 'w':
        for (unsigned i = 0; i < step.number; ++i) publish(step.text);
        return true;
      case 't':
        pass(kSteps[step.number % kSteps.size()]);
        return true;
      case 'j':
        clock_.advance(kStep * (step.number * step.number));
        return true;
      case 'n':
        for (unsigned i = 0; i < step.number; ++i) turn();
        return true;
      case 'y':
        turn(step.number % kShards);
        return true;
      case 'l':
        shared_.reload(wiring_number(step.number));
        return true;
      case 'q':
        shared_.draining = shut_down_ = true;
        for (ServerShard* shard : shared_.applications) static_cast<void>(shard->tell(ShutDown{}));
        return true;
      default:
        return false;
    }
  }

  void run_for(const Step& step, Peer& peer) {
    switch (step.letter) {
      case 'u':
        return upgrade(peer, step.text);
      case 'b':
        if (!peer.model.asks_for_protobuf()) peer.model.says_raw("b");
        return peer.ask_for_upgrade(kProtobufPath);
      case 'm':
        return peer.say(peer.model.says(step.text));
      case 'f':
        return send_frame(peer, step.text);
      case 'r':
        peer.model.says_raw(step.text);
        return peer.say(step.text);
      case 'a':
        return call_api(peer, step.text);
      case 'e':
        peer.wire->finished = true;
        return;
      case 'x':
        peer.wire->reset = true;
        return;
      case 'c':
        if (!step.text.empty()) peer.wire->piece = kPieces[std::size_t(step.text[0] & 7)];
        return;
      case 's':
        peer.wire->room = 0;
        return;
      case 'g':
        peer.wire->room = step.text.empty() ? SIZE_MAX : step.text.size() * 16;
        return;
      default:
        return;
    }
  }

  void open(unsigned number) {
    if (peers_.size() >= kPeersMax) return;
    const std::string address = "192.0.2." + std::to_string(1 + number / kShards);
    peers_.emplace_back().wire = &server_.driver(number % kShards).add_peer(address);
  }

  static void upgrade(Peer& peer, std::string_view text) {
    // What stands behind a space are header lines.
    const std::string_view path = text.substr(0, text.find(' '));
    const std::string_view more = text.substr(std::min(path.size() + 1, text.size()));
    if (text.empty()) {
      peer.model.asks_for_upgrade();
    } else {
      peer.model.says_raw(text);
    }
    peer.ask_for_upgrade(path.empty() ? kClientPath : path, more);
  }

  static void send_frame(Peer& peer, std::string_view text) {
    if (text.empty()) return;
    std::string frame = PeerModel::masked(websocket::Opcode::Text, text.substr(1));
    frame[0] = text[0];
    peer.model.says_raw(frame);
    peer.say(frame);
  }

  static void call_api(Peer& peer, std::string_view text) {
    const std::string_view method = text.substr(0, text.find(' '));
    const std::string_view body = text.substr(std::min(method.size() + 1, text.size()));
    peer.model.says_raw(method);
    peer.say("POST /api/" + std::string(method) +
             " HTTP/1.1\r\nHost: x\r\nX-API-Key: key\r\nContent-Length: " +
             std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
  }

  void publish(std::string_view padding) {
    std::string& text = paddings_.emplace_back(padding.substr(0, 512));
    for (char& c : text) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
    ++published_;
    Peer& witness = witnesses_[0];
    witness.say(witness.model.says(R"({"id":)" + std::to_string(kFirstId + published_) +
                                   R"(,"publish":{"channel":")" + std::string(kWitnessed) +
                                   R"(","data":)" + data_of(published_) + "}}"));
  }
  std::string data_of(std::uint64_t number) const {
    return R"({"n":)" + std::to_string(number) + std::string(kSigned) + paddings_[number - 1] +
           "\"}";
  }

  void turn() {
    for (core::ShardIndex i = 0; i < kShards; ++i) turn(i);
  }
  void turn(core::ShardIndex index) {
    runtime::Shard& shard = server_.shard(index);
    shard.turn();
    if (shard.streams().queued_bytes() > 0) {
      shard.streams().for_each([](const runtime::Stream& stream) {
        ASSERT(stream.queued_bytes() <= stream.queue_bytes_max());
      });
    }
    for (Peer& peer : peers_) peer.listen();
    for (Peer& witness : witnesses_) {
      if (witness.wire == nullptr) continue;
      witness.listen();
      for (unsigned pings = witness.model.take_pings(); pings > 0; --pings) {
        witness.say(witness.model.says("{}"));
      }
    }
  }
  /// In steps: a long one would be a pause of our own.
  void pass(int steps) {
    for (int i = 0; i < steps; ++i) {
      clock_.advance(kStep);
      turn();
    }
  }

  std::uint32_t streams() {
    std::uint32_t sum = 0;
    for (runtime::Shard* shard : shared_.shards) sum += shard->streams().size();
    return sum;
  }

  bool is_answered() const {
    const Peer& publisher = witnesses_[0];
    return publisher.model.publish_replies.size() == published_ || publisher.model.is_closed();
  }

  /// Both have heard the same, and of what the first has published exactly what was acknowledged,
  /// in order.
  void check_witnesses() {
    for (const Peer& witness : witnesses_) {
      const std::uint16_t code = witness.model.close_code();  // 0: still there
      ASSERT(shut_down_ ? code == 0 || code == 3001 : code == 0 && !witness.wire->released);
    }
    if (shut_down_) return;
    const PeerModel& first = witnesses_[0].model;
    // The first was subscribed before the second: nothing was published between.
    ASSERT(first.publications == witnesses_[1].model.publications);
    ASSERT(first.publish_replies.size() == published_);
    std::vector<std::string> accepted;
    for (const auto& [id, taken] : first.publish_replies) {
      if (taken) accepted.push_back(std::string(kWitnessed) + ' ' + data_of(id - kFirstId));
    }
    std::vector<std::string> heard = first.publications;
    std::erase_if(heard, [](const std::string& text) { return text.find(kSigned) == text.npos; });
    ASSERT(heard == accepted);
  }

  void check_empty() {
    for (core::ShardIndex i = 0; i < kShards; ++i) {
      const ServerShard& application = server_.application(i);
      ASSERT(server_.shard(i).streams().size() == 0);
      ASSERT(server_.shard(i).streams().queued_bytes() == 0);
      ASSERT(server_.shard(i).timers().next_wake() == core::kNever);
      ASSERT(!server_.shard(i).streams().has_work());
      ASSERT(!application.has_mail());
      ASSERT(application.hub_stats().channels.value() == 0);
      ASSERT(application.hub_stats().home_channels.value() == 0);
      ASSERT(application.hub_stats().subscriptions.value() == 0);
      ASSERT(application.hub_stats().pending_bytes.value() == 0);
      ASSERT(application.session_stats().clients.value() == 0);
      ASSERT(application.session_stats().users.value() == 0);
      for (const auto& transport : application.transport_stats().transports) {
        ASSERT(transport.clients.value() == 0);
      }
      ASSERT(shared_.connections[i].load() == 0);
      for (core::ShardIndex to = 0; to < kShards; ++to) ASSERT(shared_.flow.between(i, to) == 0);
      if (shut_down_) ASSERT(shared_.drained.try_acquire());
    }
    ASSERT(shared_.admission.addresses() == 0);
  }

  static constexpr std::uint64_t kFirstId = 1000;
  static constexpr std::string_view kSigned = R"(,"by":"a witness","text":")";

  MemoryServer server_{wiring_number(0)};
  runtime::ManualClock& clock_ = server_.clock();
  SharedState& shared_ = server_.shared();
  std::deque<Peer> peers_;
  std::array<Peer, kShards> witnesses_;
  std::uint64_t published_ = 0;
  std::vector<std::string> paddings_;  // what made them long
  bool shut_down_ = false;
};

}  // namespace

void fuzz_server(const std::uint8_t* data, std::size_t size) {
  World world;
  for (const Step& step : parse({reinterpret_cast<const char*>(data), size})) world.run(step);
  world.end();
}

}  // namespace sanjay::server

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::server::fuzz_server(data, size);
  return 0;
}
#endif
