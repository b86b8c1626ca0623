// SPDX-License-Identifier: Apache-2.0
#include "bench/client/worker.h"

#include "core/assert.h"
#include "http/upgrade_client.h"
#include "websocket/encoder.h"

#include <algorithm>
#include <utility>

namespace sanjay::bench {

Worker::Worker(const ClientOptions& options, const ConnectionPlan& plan, std::uint32_t index,
               std::uint32_t workers, runtime::Shard& shard)
    : options_(options),
      plan_(plan),
      index_(index),
      workers_(workers),
      shard_(shard),
      load_(std::make_unique<Load>()),
      random_(index + 1) {}

void Worker::open(std::uint32_t connections) {
  // Numbers below `connections` that leave index_ when divided by workers_.
  const std::uint32_t places = (connections + workers_ - 1 - index_) / workers_;
  places_wanted_.store(places, std::memory_order_release);
  shard_.notify();
}

void Worker::begin(std::uint64_t rounds) {
  rounds_.store(rounds, std::memory_order_relaxed);
  begins_.fetch_add(1, std::memory_order_release);
  shard_.notify();
}

void Worker::drain() {
  drain_.store(true, std::memory_order_release);
  shard_.notify();
}

std::string Worker::first_failure() const {
  const std::lock_guard lock(failure_mutex_);
  return first_failure_;
}

core::Status Worker::on_start() {
  // Segments must be made and dropped on the shard's own thread.
  upgrade_request_ = core::SegmentRef::copy_of(http::make_upgrade_request(
      options_.target.host, options_.target.path + std::string(wire().query()), kUpgradeKey, ""));
  return {};
}

bool Worker::has_mail() const {
  return begins_.load(std::memory_order_acquire) != begins_taken_ ||
         drain_.load(std::memory_order_acquire) != drain_taken_ ||
         (places_wanted_.load(std::memory_order_acquire) > connections_.size() && opening_ == 0 &&
          !open_timer_.armed()) ||
         load_->has_mail();
}

bool Worker::on_turn(core::Instant now) {
  take_commands();
  open_some(now);
  return load_->on_turn(now);
}

void Worker::take_commands() {
  if (begins_.load(std::memory_order_acquire) != begins_taken_) {
    ++begins_taken_;
    load_->on_begin(rounds_.load(std::memory_order_relaxed));
  }
  if (!drain_taken_ && drain_.load(std::memory_order_acquire)) {
    drain_taken_ = true;
    load_->on_drain();
  }
}

void Worker::open_some(core::Instant now) {
  const std::uint32_t wanted = places_wanted_.load(std::memory_order_acquire);
  if (connections_.size() >= wanted) {
    opened_since_ = 0;
    return;
  }
  if (failures_.load(std::memory_order_relaxed) > 0) return;  // the run is lost already
  if (opened_since_ == 0) opening_since_ = now;
  while (connections_.size() < wanted && may_open(now)) open_one();
}

bool Worker::may_open(core::Instant now) {
  if (opening_ >= std::max(options_.connect_parallel / workers_, 1U)) return false;
  if (options_.connect_rate <= 0) return true;
  const double seconds = std::chrono::duration<double>(now - opening_since_).count();
  if (static_cast<double>(opened_since_) <= seconds * options_.connect_rate / workers_) return true;
  shard_.timers().arm(open_timer_, now + runtime::TimerWheel::kTick);
  return false;
}

void Worker::open_one() {
  const auto index = static_cast<std::uint32_t>(connections_.size()) * workers_ + index_;
  auto owned = std::make_unique<Connection>(*this, index, precise_now());
  Connection* connection = owned.get();
  connections_.push_back(connection);
  ++opened_since_;
  auto stream = streams().connect(options_.target.endpoint, source_of(index), std::move(owned));
  if (!stream) {
    connections_.back() = nullptr;
    return on_failure(stream.error().message);
  }
  ++opening_;
  connection->set_stream((*stream)->id());
}

std::optional<runtime::Endpoint> Worker::source_of(std::uint32_t index) const {
  if (options_.sources <= 1) return std::nullopt;
  // 127.0.0.1 and up; 254 to a row, so that no address ends in 0 or 255.
  const std::uint32_t number = index % options_.sources;
  auto source = runtime::Endpoint::parse("127.0.0.1", 0);
  ASSERT(source.has_value());
  source->address.bytes[14] = static_cast<std::uint8_t>(number / 254);
  source->address.bytes[15] = static_cast<std::uint8_t>(number % 254 + 1);
  return *source;
}

Connection* Worker::find(std::uint32_t index) {
  if (index % workers_ != index_) return nullptr;
  const std::size_t place = index / workers_;
  return place < connections_.size() ? connections_[place] : nullptr;
}

core::SegmentRef Worker::masked_frame(websocket::Opcode opcode, std::string_view payload) {
  scratch_.clear();
  websocket::append_masked_frame(scratch_, opcode, payload,
                                 static_cast<std::uint32_t>(random_.next()));
  return core::SegmentRef::copy_of(scratch_);
}

void Worker::on_ready(Connection& connection) {
  --opening_;
  const core::Duration took = precise_now() - connection.began();
  connect_ns_.record(static_cast<std::uint64_t>(took.count()));
  ready_.fetch_add(1, std::memory_order_release);
}

void Worker::on_failure(std::string reason) {
  const std::lock_guard lock(failure_mutex_);
  if (first_failure_.empty()) first_failure_ = std::move(reason);
  failures_.fetch_add(1, std::memory_order_release);
}

void Worker::on_gone(Connection& connection) { connections_[place_of(connection)] = nullptr; }

}  // namespace sanjay::bench
