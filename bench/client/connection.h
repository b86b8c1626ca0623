// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "core/time.h"
#include "http/upgrade_client.h"
#include "runtime/stream.h"
#include "websocket/decoder.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sanjay::bench {

class Worker;

/// One client of the server under test: TCP, WebSocket upgrade and, where there are such, the
/// protocol's connect and subscribe; then messages. Owned by its Stream, lives on its worker's
/// shard. Answers pings of both kinds by itself. Whatever ends it early is a failure of the run,
/// unless the load has reckoned with it: a generator must not go on with fewer connections than it
/// reports.
///
/// States: Connecting → Upgrading → (Greeting → Subscribing) → Ready.
class Connection final : public runtime::StreamHandler {
 public:
  Connection(Worker& worker, std::uint32_t index, core::Instant began)
      : worker_(worker), decoder_(websocket::Role::Client, kLimits), began_(began), index_(index) {}

  /// The number in the run's ConnectionPlan.
  std::uint32_t index() const { return index_; }
  core::Instant began() const { return began_; }
  void set_stream(core::ConnectionId id) { stream_ = id; }

  /// The next command id: 1, 2, 3, ... as SDKs count.
  std::uint32_t next_id() { return ++last_id_; }

  /// Masks `payload` and sends it as one message of the protocol's kind.
  void send(std::string_view payload);
  /// Sends a finished client frame, shared with other connections of the shard.
  void send_frame(core::SegmentRef frame);

  /// Cuts the connection, without a Close frame, as a lost network does: no failure of the run.
  void cut();
  /// Stops or goes on taking bytes from the server; those of this turn may still come.
  void pause_reading();
  void resume_reading();

  void on_connected() override;
  void on_bytes(std::span<char> bytes) override;
  void on_peer_finished() override;
  void on_overflow() override;
  void on_write_stalled() override;
  void on_closed(runtime::StreamEnd end) override;

 private:
  enum class State : std::uint8_t { Connecting, Upgrading, Greeting, Subscribing, Ready, Failed };
  // A server may join very many publications in one message.
  static constexpr websocket::Limits kLimits{.message_bytes_max = 64 << 20};

  void upgrade(std::span<char> bytes);
  void on_upgraded();
  void greet();
  void on_message(std::string_view message);
  void on_reply(std::string_view text, std::uint32_t id);
  void become_ready();
  /// The server has broken a rule, or the generator cannot go on.
  void fail(std::string reason);
  /// The server has ended the connection; `close_code` 0: without a Close frame.
  void ended(std::string_view reason, std::uint16_t close_code = 0);
  void stop();
  runtime::Stream* stream();
  std::string_view state_name() const;

  Worker& worker_;
  std::unique_ptr<http::UpgradeResponseReader> upgrade_;  // while Upgrading
  websocket::Decoder decoder_;
  core::Instant began_;
  core::ConnectionId stream_;
  std::uint32_t index_;
  std::uint32_t last_id_ = 0;
  State state_ = State::Connecting;
  bool answers_pings_ = false;
};

}  // namespace sanjay::bench
