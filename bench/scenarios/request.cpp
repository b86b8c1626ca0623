// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/request.h"

#include "bench/client/fleet.h"
#include "bench/client/wire.h"
#include "core/assert.h"

#include <fmt/format.h>

#include <atomic>
#include <vector>

namespace sanjay::bench {
namespace {

using Kind = RequestOptions::Kind;

struct Shared {
  std::atomic<std::uint64_t> answered{0};
  std::atomic<std::uint32_t> active{0};  // connections with work left or answers outstanding
};

// A JSON string of that length, quotes included; for an echo only the length matters.
std::string payload_of(std::size_t bytes) {
  if (bytes < 2) return std::string(bytes, 'x');
  return '"' + std::string(bytes - 2, 'x') + '"';
}

void write_command(std::string& out, const RequestOptions& options, std::uint32_t connection,
                   std::uint32_t id, std::string_view payload) {
  const Wire& wire = wire_of(options.client.protocol);
  if (options.kind == Kind::Rpc) return wire.write_rpc(out, id, options.method, payload);
  const std::string channel = fmt::format("{}-{}", options.channel, connection % options.channels);
  wire.write_publish(out, id, channel, payload);
}

class RequestLoad final : public Load {
 public:
  RequestLoad(const RequestOptions& options, Shared& shared, Worker& worker)
      : options_(options),
        shared_(shared),
        worker_(worker),
        payload_(payload_of(options.payload_bytes)) {}

  void on_begin(std::uint64_t rounds) override {
    if (options_.kind == Kind::Echo && !echo_frame_) {
      echo_frame_ = worker_.masked_frame(websocket::Opcode::Text, payload_);
    }
    requesters_.resize(worker_.places());
    for (std::size_t place = 0; place < worker_.places(); ++place) {
      Connection* connection = worker_.at(place);
      if (connection == nullptr) continue;  // has failed, and the run with it
      Requester& requester = requesters_[place];
      requester.left += rounds;
      while (requester.in_flight < options_.window && requester.left > 0) {
        request(*connection, requester);
      }
    }
  }

  void on_drain() override {
    for (Requester& requester : requesters_) requester.left = 0;
  }

  void on_message(Connection& connection, std::string_view message) override {
    if (options_.kind != Kind::Echo) return;  // somebody else's publication
    if (message != payload_) {
      return worker_.on_failure(fmt::format("connection {}: the echo differs: {} bytes for {}",
                                            connection.index(), message.size(), payload_.size()));
    }
    answered(connection);
  }

  void on_reply(Connection& connection, std::uint32_t id) override {
    Requester& requester = requesters_[worker_.place_of(connection)];
    if (id != requester.next_answer) {
      return worker_.on_failure(fmt::format("connection {}: answer to command {}, expected {}",
                                            connection.index(), id, requester.next_answer));
    }
    ++requester.next_answer;
    answered(connection);
  }

  bool on_turn(core::Instant) override {
    if (answered_ > 0) shared_.answered.fetch_add(answered_, std::memory_order_release);
    answered_ = 0;
    if (finished_ > 0) shared_.active.fetch_sub(finished_, std::memory_order_release);
    finished_ = 0;
    return false;
  }

 private:
  struct Requester {
    std::uint64_t left = 0;
    std::uint32_t next_answer = 0;
    std::uint32_t in_flight = 0;
  };

  void request(Connection& connection, Requester& requester) {
    --requester.left;
    ++requester.in_flight;
    if (options_.kind == Kind::Echo) return connection.send_frame(echo_frame_);
    const std::uint32_t id = connection.next_id();
    if (requester.next_answer == 0) requester.next_answer = id;
    write_command(command_, options_, connection.index(), id, payload_);
    connection.send(command_);
  }

  void answered(Connection& connection) {
    Requester& requester = requesters_[worker_.place_of(connection)];
    if (requester.in_flight == 0) {
      return worker_.on_failure(
          fmt::format("connection {}: an answer to nothing", connection.index()));
    }
    ++answered_;
    --requester.in_flight;
    if (requester.left > 0) {
      request(connection, requester);
    } else if (requester.in_flight == 0) {
      ++finished_;
    }
  }

  const RequestOptions& options_;
  Shared& shared_;
  Worker& worker_;
  const std::string payload_;
  core::SegmentRef echo_frame_;
  std::string command_;
  std::vector<Requester> requesters_;  // by place
  std::uint64_t answered_ = 0;         // in this turn
  std::uint32_t finished_ = 0;
};

}  // namespace

core::Result<Measurement> run_requests(const RequestOptions& options) {
  const bool echo = options.kind == Kind::Echo;
  if (echo && options.client.protocol != Protocol::WebSocket) {
    return core::failure("echo needs --protocol ws");
  }
  if (!echo && !has_channels(options.client.protocol)) {
    return core::failure("this needs --protocol centrifuge or protobuf");
  }
  if (!echo && options.payload_bytes < 2) return core::failure("the shortest JSON data is 2 bytes");
  Shared shared;
  Fleet fleet(options.client, {.connections = options.connections});
  auto started = fleet.start(
      [&](Worker& worker) { return std::make_unique<RequestLoad>(options, shared, worker); });
  if (!started) return std::unexpected(started.error());
  if (auto open = fleet.open_all(); !open) return std::unexpected(open.error());
  const Completion completion{
      .what = echo ? "echoes" : "replies",
      .expect = [&] { shared.active.store(options.connections, std::memory_order_release); },
      .done = [&] { return shared.active.load(std::memory_order_acquire) == 0; },
      .count = [&] { return shared.answered.load(std::memory_order_acquire); },
  };
  return measure_effort(fleet, options.effort, completion, options.server_pid);
}

std::size_t request_bytes(const RequestOptions& options) {
  const std::string payload = payload_of(options.payload_bytes);
  if (options.kind == Kind::Echo) return payload.size();
  std::string command;
  write_command(command, options, 0, 100, payload);
  return command.size();
}

}  // namespace sanjay::bench
