// SPDX-License-Identifier: Apache-2.0
#include "runtime/shard.h"

#include "core/assert.h"

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
      timers_(now_),
      streams_(options.index, options.streams, driver),
      accept_timer_(std::make_unique<AcceptTimer>(driver)) {}

Shard::~Shard() = default;

core::Status Shard::start() {
  ASSERT(application_ != nullptr);
  if (auto started = driver_.start(); !started) return started;
  now_ = clock_.now();
  return application_->on_start();
}

void Shard::run() {
  while (!stopping_.load(std::memory_order_acquire)) turn();
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
  const core::Instant next = std::min(timers_.next_wake(), streams_.next_deadline());
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
  const bool reported = driver_.turn(wait, *this);
  sleep_.awake();
  timers_.advance(now_);
  busy_ = application_->on_turn(now_);
  streams_.check_deadlines(now_);
  streams_.flush(now_);
  streams_.reap();
  if (reported || busy_ || streams_.has_work()) awake_until_ = now_ + options_.spin;
  record_turn();
}

void Shard::record_turn() {
  const core::Duration took = clock_.now() - now_;
  ++stats_.turns;
  stats_.turn_ns.record(static_cast<std::uint64_t>(took.count()));
  if (took <= options_.slow_turn) return;
  ++stats_.slow_turns;
  log_.log(telemetry::Level::Warn, "slow loop turn",
           {{"shard", std::uint64_t{options_.index}}, {"turn_ms", core::to_milliseconds(took)}});
}

void Shard::on_wake() {
  now_ = clock_.now();
  sleep_.awake();
}

std::optional<SocketSlot> Shard::on_accept(const Endpoint& peer) {
  Stream* stream = streams_.add_accepted(peer);
  if (stream == nullptr) return std::nullopt;
  ++stats_.accepted;
  application_->on_accept(*stream);
  ASSERT(stream->handler() != nullptr || !stream->open());
  return stream->id().slot;
}

void Shard::on_accept_suspended() {
  ++stats_.accepts_suspended;
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
