// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "core/time.h"
#include "runtime/clock.h"
#include "runtime/io_driver.h"
#include "runtime/mailbox.h"
#include "runtime/stream.h"
#include "runtime/timer_wheel.h"
#include "telemetry/counter.h"
#include "telemetry/log.h"

#include <atomic>
#include <cstdint>
#include <memory>

namespace sanjay::runtime {

/// What runs on a shard: the server, the load generator, a test. Called on the shard's thread.
class ShardApplication {
 public:
  virtual ~ShardApplication() = default;
  /// The shard's thread has begun and its driver works: open listeners, connect, arm timers.
  virtual core::Status on_start() = 0;
  /// A peer was accepted from that listener; give the stream its handler, or close it.
  virtual void on_accept(Stream& stream, ListenerIndex listener) = 0;
  /// Once per turn, after I/O and timers: take mail, go on with long work within about 1 ms.
  /// True when work is left, so that the shard must not sleep.
  virtual bool on_turn(core::Instant now) = 0;
  /// Looked at between falling asleep and waiting: is there mail?
  virtual bool has_mail() const = 0;
};

struct ShardOptions {
  core::ShardIndex index = 0;
  StreamLimits streams;
  /// A turn that takes longer is logged and counted: somebody blocked the loop.
  core::Duration slow_turn = std::chrono::milliseconds(50);
  /// How long to look for work without sleeping; pays when shards <= cores.
  core::Duration spin = core::Duration::zero();
  /// Shards share CPUs: one that is busy lets the others in after each turn. The kernel would only
  /// do so at its next tick, up to 4 ms later.
  bool yield = false;
  /// A turn, or a sleep beyond what was asked for, that takes longer is a pause of our own: what
  /// the peers did meanwhile is not known yet, so they get as long again before they are judged.
  core::Duration pause = std::chrono::milliseconds(500);
  core::Duration catch_up_max = std::chrono::seconds(10);
  /// Accepting is tried again this long after descriptors or memory ran out.
  core::Duration accept_backoff = std::chrono::milliseconds(100);
};

/// Counters of one shard; any thread may read them.
struct ShardStats {
  telemetry::Counter turns;
  telemetry::Counter slow_turns;
  telemetry::Counter pauses;  // times the process or the loop stood still
  telemetry::Counter accepted;
  telemetry::Counter accepts_suspended;
  telemetry::DurationHistogram turn;  // wake-up → ready to wait again: how long an event waited
  telemetry::Counter lag_ns;          // the longest turn of the present and the last second
  telemetry::Counter last_turn_ns;    // when the last turn ended, on the shard's clock
};

/// One event loop: a driver, its streams, a timer wheel, and an application. turn() is one step, so
/// that the simulator can drive many shards in one thread; run() repeats it until stop().
class Shard final : public IoEvents {
 public:
  Shard(const ShardOptions& options, IoDriver& driver, Clock& clock, telemetry::Logger& log);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  /// Must be called before start(); the application outlives the shard's last turn.
  void set_application(ShardApplication& application) { application_ = &application; }

  /// On the shard's thread: starts the driver and the application.
  core::Status start();
  void run();
  void turn();
  /// Ends run() after the present turn. Any thread.
  void stop();
  /// Wakes the shard if it sleeps; to be called after mail for it was published. Any thread.
  void notify();

  core::ShardIndex index() const { return options_.index; }
  /// The time of the present turn: stands still while handlers run.
  core::Instant now() const { return now_; }
  /// True after a pause of our own: a peer that seems to be late may have been on time, its bytes
  /// are just not read yet. Deadlines of peers do not count before catching_up_until().
  bool catching_up() const { return now_ < catching_up_until_; }
  core::Instant catching_up_until() const { return catching_up_until_; }
  const Clock& clock() const { return clock_; }
  StreamTable& streams() { return streams_; }
  TimerWheel& timers() { return timers_; }
  IoDriver& driver() { return driver_; }
  telemetry::Logger& log() { return log_; }
  const ShardStats& stats() const { return stats_; }
  /// When the last turn ended. Any thread: one that is stuck shows by it.
  core::Instant last_turn() const {
    return core::Instant(core::Duration(stats_.last_turn_ns.value()));
  }

 private:
  class AcceptTimer;

  void on_wake() override;
  std::optional<SocketSlot> on_accept(const Endpoint& peer, ListenerIndex listener) override;
  void on_accept_suspended() override;
  void on_connect(SocketSlot slot, IoFailure failure) override;
  void on_receive(SocketSlot slot, std::span<char> bytes) override;
  void on_receive_end(SocketSlot slot, IoFailure failure) override;
  void on_send(SocketSlot slot, std::size_t bytes) override;
  void on_send_failure(SocketSlot slot, IoFailure failure) override;
  void on_released(SocketSlot slot) override;

  core::Duration wait_time();
  void record_turn();
  void update_lag(core::Duration turn);
  void look_for_pause(core::Duration stood_still);

  const ShardOptions options_;
  IoDriver& driver_;
  Clock& clock_;
  telemetry::Logger& log_;
  ShardApplication* application_ = nullptr;
  core::Instant now_;
  core::Instant awake_until_;  // spinning until then
  core::Instant turn_ended_;
  core::Duration waiting_ = core::Duration::zero();  // at most, in the present turn
  core::Instant catching_up_until_{};
  core::Instant lag_window_;                          // began then
  core::Duration lag_ = core::Duration::zero();       // longest turn in it
  core::Duration last_lag_ = core::Duration::zero();  // and in the one before
  TimerWheel timers_;
  StreamTable streams_;
  std::unique_ptr<AcceptTimer> accept_timer_;
  ShardStats stats_;
  bool busy_ = true;  // the application has work left
  std::atomic<bool> stopping_{false};
  SleepFlag sleep_;
};

}  // namespace sanjay::runtime
