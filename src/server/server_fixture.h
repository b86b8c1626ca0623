// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/memory/memory_driver.h"
#include "server/server_shard.h"
#include "server/shared_state.h"
#include "server/wiring.h"
#include "websocket/encoder.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::server {

/// For tests: all shards of a server in one thread, over memory drivers and a clock that moves when
/// told to. Clients and API callers are peers whose bytes the test reads and writes.
class MemoryServer {
 public:
  using Peer = runtime::MemoryDriver::Peer;

  /// `adjust` changes the configuration, `rewire` what follows from it, before anything is built.
  explicit MemoryServer(
      core::ShardIndex shards, const std::function<void(Config&)>& adjust = [](Config&) {},
      const std::function<void(Wiring&)>& rewire = [](Wiring&) {})
      : MemoryServer(wiring_for(shards, adjust, rewire)) {}
  explicit MemoryServer(std::shared_ptr<const Wiring> wiring)
      : shared_(std::move(wiring)), drivers_(shared_.wiring->shards) {
    shared_.node_uid = "node-1";
    shared_.started = clock_.now();
    shared_.started_wall = clock_.wall_now();
    shared_.driver = runtime::DriverKind::Simulated;
    for (core::ShardIndex i = 0; i < shared_.wiring->shards; ++i) {
      runtime::ShardOptions options = shared_.wiring->shard;
      options.index = i;
      shards_.push_back(std::make_unique<runtime::Shard>(options, drivers_[i], clock_, log_));
      shared_.shards.push_back(shards_.back().get());
    }
    for (auto& shard : shards_) {
      applications_.push_back(std::make_unique<ServerShard>(shared_, *shard, 1 + shard->index()));
      shared_.applications.push_back(applications_.back().get());
      shard->set_application(*applications_.back());
    }
    for (auto& shard : shards_) started_ = shard->start().has_value() && started_;
    turns();
  }
  ~MemoryServer() { shards_.clear(); }  // connections leave the hub, so they go first
  MemoryServer(const MemoryServer&) = delete;
  MemoryServer& operator=(const MemoryServer&) = delete;

  bool started() const { return started_; }
  SharedState& shared() { return shared_; }
  runtime::ManualClock& clock() { return clock_; }
  runtime::Shard& shard(core::ShardIndex index) { return *shards_[index]; }
  ServerShard& application(core::ShardIndex index) { return *applications_[index]; }
  runtime::MemoryDriver& driver(core::ShardIndex index) { return drivers_[index]; }

  void turns(int count = 5) {
    for (int i = 0; i < count; ++i) {
      for (auto& shard : shards_) shard->turn();
    }
  }
  /// In steps: a long one would be a pause of our own.
  void pass(core::Duration time) {
    while (time > core::Duration::zero()) {
      const core::Duration step = std::min<core::Duration>(time, std::chrono::milliseconds(250));
      clock_.advance(step);
      time -= step;
      turns(1);
    }
  }

  Peer& connect(core::ShardIndex shard) { return drivers_[shard].add_peer(); }
  /// Sends and answers with what the shards have sent there, once all of it was read.
  std::string say(Peer& peer, std::string_view bytes) {
    peer.from_shard.clear();
    peer.to_shard += bytes;
    for (int i = 0; i < 10'000 && !peer.to_shard.empty() && !peer.released; ++i) turns(1);
    turns();
    return take(peer);
  }
  static std::string take(Peer& peer) { return std::exchange(peer.from_shard, {}); }

  static std::string post(std::string_view method, std::string_view body) {
    std::string request = "POST /api/";
    request.append(method).append(" HTTP/1.1\r\nHost: x\r\nContent-Length: ");
    return request.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  }
  /// The body of the server API's answer, asked through that shard.
  std::string call(core::ShardIndex shard, std::string_view method, std::string_view body) {
    const std::string response = say(connect(shard), post(method, body));
    return response.substr(std::min(response.size(), response.find("\r\n\r\n") + 4));
  }

  static std::string message(std::string_view json) {
    std::string frame;
    websocket::append_masked_frame(frame, websocket::Opcode::Text, json, 0x12345678);
    return frame;
  }
  Peer& upgrade(core::ShardIndex shard) {
    Peer& peer = connect(shard);
    say(peer,
        "GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n");
    return peer;
  }
  /// The value of "client" in the answer to connect.
  static std::string client_id_in(std::string_view reply) {
    constexpr std::string_view kKey = "\"client\":\"";
    const std::size_t at = reply.find(kKey);
    return at == reply.npos ? std::string() : std::string(reply.substr(at + kKey.size(), 36));
  }

 private:
  static std::shared_ptr<const Wiring> wiring_for(core::ShardIndex shards,
                                                  const std::function<void(Config&)>& adjust,
                                                  const std::function<void(Wiring&)>& rewire) {
    Config config;
    config.client.insecure = true;
    config.client.allow_anonymous_connect_without_token = true;
    config.http_api.insecure = true;
    config.prometheus.enabled = true;
    config.runtime.shards = shards;
    adjust(config);
    Wiring wiring = wire(config, 4096).value();
    wiring.node_name = "memory";
    rewire(wiring);
    return std::make_shared<const Wiring>(std::move(wiring));
  }

  runtime::ManualClock clock_;
  telemetry::NullLogger log_;
  SharedState shared_;
  std::vector<runtime::MemoryDriver> drivers_;
  std::vector<std::unique_ptr<runtime::Shard>> shards_;
  std::vector<std::unique_ptr<ServerShard>> applications_;
  bool started_ = true;
};

}  // namespace sanjay::server
