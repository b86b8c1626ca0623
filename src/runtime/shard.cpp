// SPDX-License-Identifier: Apache-2.0
#include "runtime/shard.h"

#include "core/assert.h"
#include "core/failpoint.h"

#include <sched.h>

#include <algorithm>

namespace sanjay::runtime {

class Shard::AcceptTimer final : public Timer {
 public:
  explicit AcceptTimer(IoDriver& driver) : driver_(driver) {}
  void on_timer(core::Instant) override { driver_.resume_accepting(); }

 private:
  IoDriver& driver_;
};

Shard::Shard(const ShardOptions& options, IoDriver& driver, Clock& clock, telemetry::Logger& log)
    : options_(options),
      driver_(driver),
      clock_(clock),
      log_(log),
      now_(clock.now()),
      awake_until_(now_),
      turn_ended_(now_),
      lag_window_(now_),
      timers_(now_),
      streams_(options.index, options.streams, driver, clock, log),
      accept_timer_(std::make_unique<AcceptTimer>(driver)) {}

Shard::~Shard() = default;

core::Status Shard::start() {
  ASSERT(application_ != nullptr);
  if (auto started = driver_.start(); !started) return started;
  now_ = turn_ended_ = clock_.now();
  stats_.last_turn_ns.set(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  return application_->on_start();
}

void Shard::run() {
  while (!stopping_.load(std::memory_order_acquire)) {
    turn();
    if (busy_ && options_.yield) sched_yield();
  }
}

void Shard::stop() {
  stopping_.store(true, std::memory_order_release);
  driver_.wake();
}

void Shard::notify() {
  if (sleep_.must_wake()) driver_.wake();
}

core::Duration Shard::wait_time() {
  if (busy_ || streams_.has_work() || now_ < awake_until_) return core::Duration::zero();
  const core::Instant next =
      std::min(timers_.next_wake(), std::max(streams_.next_deadline(), catching_up_until_));
  // A sleeping shard still turns a few times a second, so that a watchdog sees it alive.
  return std::clamp<core::Duration>(next - now_, core::Duration::zero(),
                                    std::chrono::milliseconds(250));
}

void Shard::turn() {
  core::Duration wait = wait_time();
  if (wait > core::Duration::zero()) {
    sleep_.fall_asleep();
    if (application_->has_mail() || stopping_.load(std::memory_order_acquire)) {
      wait = core::Duration::zero();
    }
  }
  waiting_ = wait;
  const bool reported = driver_.turn(wait, *this);
  sleep_.awake();
  streams_.run_handshakes(now_, !catching_up());
  timers_.advance(now_);
  busy_ = application_->on_turn(now_);
  if (!catching_up()) streams_.check_deadlines(now_);
  streams_.flush(now_);
  streams_.reap();
  if (reported || busy_ || streams_.has_work()) awake_until_ = now_ + options_.spin;
  record_turn();
}

void Shard::record_turn() {
  turn_ended_ = clock_.now();
  const core::Duration took = turn_ended_ - now_;
  stats_.last_turn_ns.set(static_cast<std::uint64_t>(turn_ended_.time_since_epoch().count()));
  stats_.turns.add();
  stats_.turn.record(static_cast<std::uint64_t>(took.count()));
  update_lag(took);
  look_for_pause(took);
  if (took <= options_.slow_turn) return;
  stats_.slow_turns.add();
  log_.log(telemetry::Level::Warn, "slow loop turn",
           {{"shard", std::uint64_t{options_.index}}, {"turn_ms", core::to_milliseconds(took)}});
}

void Shard::update_lag(core::Duration turn) {
  constexpr core::Duration kWindow = std::chrono::seconds(1);
  if (turn_ended_ - lag_window_ >= kWindow) {
    last_lag_ = turn_ended_ - lag_window_ < 2 * kWindow ? lag_ : core::Duration::zero();
    lag_ = core::Duration::zero();
    lag_window_ = turn_ended_;
  }
  lag_ = std::max(lag_, turn);
  stats_.lag_ns.set(static_cast<std::uint64_t>(std::max(lag_, last_lag_).count()));
}

void Shard::look_for_pause(core::Duration stood_still) {
  if (stood_still <= options_.pause || FAILPOINT("shard.pause")) return;
  stats_.pauses.add();
  catching_up_until_ = clock_.now() + std::min(stood_still, options_.catch_up_max);
  log_.log(
      telemetry::Level::Warn, "the loop stood still; deadlines of clients are extended",
      {{"shard", std::uint64_t{options_.index}}, {"pause_ms", core::to_milliseconds(stood_still)}});
}

void Shard::on_wake() {
  now_ = clock_.now();
  look_for_pause(now_ - turn_ended_ - waiting_);
  sleep_.awake();
}

std::optional<SocketSlot> Shard::on_accept(const Endpoint& peer, ListenerIndex listener) {
  Stream* stream = streams_.add_accepted(peer);
  if (stream == nullptr) return std::nullopt;
  stats_.accepted.add();
  application_->on_accept(*stream, listener);
  ASSERT(stream->handler() != nullptr || !stream->open());
  return stream->id().slot;
}

void Shard::on_accept_suspended() {
  stats_.accepts_suspended.add();
  timers_.arm(*accept_timer_, now_ + options_.accept_backoff);
  log_.log(
      telemetry::Level::Warn, "accepting suspended: out of descriptors or memory",
      {{"shard", std::uint64_t{options_.index}}, {"connections", std::uint64_t{streams_.size()}}});
}

void Shard::on_connect(SocketSlot slot, IoFailure failure) { streams_.on_connect(slot, failure); }
void Shard::on_receive(SocketSlot slot, std::span<char> bytes) { streams_.on_receive(slot, bytes); }
void Shard::on_receive_end(SocketSlot slot, IoFailure failure) {
  streams_.on_receive_end(slot, failure);
}
void Shard::on_send(SocketSlot slot, std::size_t bytes) { streams_.on_send(slot, bytes); }
void Shard::on_send_failure(SocketSlot slot, IoFailure) { streams_.on_send_failure(slot); }
void Shard::on_released(SocketSlot slot) { streams_.on_released(slot); }

}  // namespace sanjay::runtime
