// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/connection.h"
#include "bench/client/load.h"
#include "bench/client/options.h"
#include "bench/client/wire.h"
#include "core/random.h"
#include "core/segment.h"
#include "runtime/shard.h"
#include "telemetry/histogram.h"
#include "websocket/frame.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::bench {

/// The key of every upgrade request, RFC 6455 §1.3: the answer is then constant, so that a floor
/// server need not compute it.
inline constexpr std::string_view kUpgradeKey = "dGhlIHNhbXBsZSBub25jZQ==";

/// The generator's part of one shard: opens its share of the plan's connections (those whose number
/// leaves `index` when divided by `workers`) and runs a Load on them. Made and controlled by the
/// Fleet from the main thread; everything else on the shard's thread.
class Worker final : public runtime::ShardApplication {
 public:
  Worker(const ClientOptions& options, const ConnectionPlan& plan, std::uint32_t index,
         std::uint32_t workers, runtime::Shard& shard);

  /// Before the shard starts.
  void set_load(std::unique_ptr<Load> load) { load_ = std::move(load); }

  // Main thread.
  /// Opens connections until the whole run's first `connections` are there.
  void open(std::uint32_t connections);
  void begin(std::uint64_t rounds);
  void drain();
  /// Cuts the connections whose number in the plan is at least `first`, a slice each turn so that
  /// others are not kept waiting; `reopen`: each is opened again when it is gone. Once in a run.
  void cut(std::uint32_t first, bool reopen);
  /// Of those that were cut: gone, and ready again.
  std::uint32_t cut_off() const { return cut_off_.load(std::memory_order_acquire); }
  std::uint32_t reconnected() const { return reconnected_.load(std::memory_order_acquire); }
  std::uint32_t ready() const { return ready_.load(std::memory_order_relaxed); }
  std::uint32_t failures() const { return failures_.load(std::memory_order_acquire); }
  std::string first_failure() const;

  // The shard's thread; after the shard has stopped, any.
  const ClientOptions& options() const { return options_; }
  const Wire& wire() const { return wire_of(options_.protocol); }
  std::uint32_t index() const { return index_; }
  runtime::StreamTable& streams() { return shard_.streams(); }
  runtime::Shard& shard() { return shard_; }
  Load& load() { return *load_; }
  std::string channel_of(std::uint32_t index) const { return plan_.channel_of(index); }
  /// A moment later than or equal to the turn's: for latencies.
  core::Instant precise_now() const { return shard_.clock().now(); }

  /// This worker's connections by place: place p holds the connection number p * workers + index.
  std::size_t places() const { return connections_.size(); }
  Connection* at(std::size_t place) { return connections_[place]; }
  std::size_t place_of(const Connection& connection) const { return connection.index() / workers_; }
  /// The connection of that number if it is this worker's and open.
  Connection* find(std::uint32_t index);

  core::SegmentRef upgrade_request() const { return upgrade_request_; }
  core::SegmentRef masked_frame(websocket::Opcode opcode, std::string_view payload);

  void on_ready(Connection& connection);
  void on_failure(std::string reason);
  void on_gone(Connection& connection);

  /// From connect() to ready.
  const telemetry::Histogram& connect_ns() const { return connect_ns_; }
  /// The same of those that were opened again.
  const telemetry::Histogram& reconnect_ns() const { return reconnect_ns_; }

  core::Status on_start() override;
  void on_accept(runtime::Stream& stream, runtime::ListenerIndex) override { stream.close(); }
  bool on_turn(core::Instant now) override;
  bool has_mail() const override;

 private:
  /// Wakes the shard while connecting is held back by the rate; on_turn() does the rest.
  class OpenTimer final : public runtime::Timer {
   public:
    void on_timer(core::Instant) override {}
  };

  /// Connections cut in one turn.
  static constexpr std::size_t kCutSlice = 64;

  void take_commands(core::Instant now);
  void cut_some();
  void open_some(core::Instant now);
  bool may_open(core::Instant now);
  void open_at(std::size_t place);
  /// The first place whose connection's number is at least `number`.
  std::size_t place_from(std::uint32_t number) const;
  std::optional<runtime::Endpoint> source_of(std::uint32_t index) const;

  const ClientOptions& options_;
  const ConnectionPlan& plan_;
  const std::uint32_t index_;
  const std::uint32_t workers_;
  runtime::Shard& shard_;
  std::unique_ptr<Load> load_;
  core::SegmentRef upgrade_request_;
  core::Random random_;
  std::string scratch_;
  std::vector<Connection*> connections_;  // by place; owned by their streams
  std::uint32_t opening_ = 0;
  core::Instant opening_since_;
  std::uint64_t opened_since_ = 0;
  OpenTimer open_timer_;
  telemetry::Histogram connect_ns_;
  telemetry::Histogram reconnect_ns_;
  std::vector<std::size_t> reopen_;  // places cut and gone, to be opened again
  std::size_t cut_from_ = SIZE_MAX;  // places from here on are cut
  std::size_t cut_next_ = SIZE_MAX;
  core::Instant cut_at_ = core::Instant::max();
  std::uint64_t begins_taken_ = 0;
  bool drain_taken_ = false;

  // Written by the main thread.
  std::atomic<std::uint32_t> places_wanted_{0};
  std::atomic<std::uint64_t> begins_{0};
  std::atomic<std::uint64_t> rounds_{0};
  std::atomic<bool> drain_{false};
  std::atomic<std::uint32_t> cut_first_{0};
  std::atomic<bool> cut_reopens_{false};
  std::atomic<bool> cut_{false};
  // Written by the shard's thread.
  std::atomic<std::uint32_t> ready_{0};
  std::atomic<std::uint32_t> failures_{0};
  std::atomic<std::uint32_t> cut_off_{0};
  std::atomic<std::uint32_t> reconnected_{0};
  mutable std::mutex failure_mutex_;
  std::string first_failure_;
};

}  // namespace sanjay::bench
