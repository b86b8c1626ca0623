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
  places_wanted_.store(static_cast<std::uint32_t>(place_from(connections)),
                       std::memory_order_release);
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

void Worker::cut(std::uint32_t first, bool reopen) {
  cut_first_.store(first, std::memory_order_relaxed);
  cut_reopens_.store(reopen, std::memory_order_relaxed);
  cut_.store(true, std::memory_order_release);
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
         cut_.load(std::memory_order_acquire) != (cut_from_ != SIZE_MAX) ||
         ((places_wanted_.load(std::memory_order_acquire) > connections_.size() ||
           !reopen_.empty()) &&
          opening_ == 0 && !open_timer_.armed()) ||
         load_->has_mail();
}

bool Worker::on_turn(core::Instant now) {
  take_commands(now);
  cut_some();
  open_some(now);
  const bool cutting = cut_next_ < connections_.size();
  return load_->on_turn(now) || cutting;
}

void Worker::take_commands(core::Instant now) {
  if (begins_.load(std::memory_order_acquire) != begins_taken_) {
    ++begins_taken_;
    load_->on_begin(rounds_.load(std::memory_order_relaxed));
  }
  if (!drain_taken_ && drain_.load(std::memory_order_acquire)) {
    drain_taken_ = true;
    load_->on_drain();
  }
  if (cut_from_ == SIZE_MAX && cut_.load(std::memory_order_acquire)) {
    cut_from_ = cut_next_ = place_from(cut_first_.load(std::memory_order_relaxed));
    cut_at_ = now;
  }
}

void Worker::cut_some() {
  for (std::size_t i = 0; i < kCutSlice && cut_next_ < connections_.size(); ++i, ++cut_next_) {
    if (Connection* connection = connections_[cut_next_]) connection->cut();
  }
}

std::size_t Worker::place_from(std::uint32_t number) const {
  return (std::size_t{number} + workers_ - 1 - index_) / workers_;
}

void Worker::open_some(core::Instant now) {
  const std::uint32_t wanted = places_wanted_.load(std::memory_order_acquire);
  if (connections_.size() >= wanted && reopen_.empty()) {
    opened_since_ = 0;
    return;
  }
  if (failures_.load(std::memory_order_relaxed) > 0) return;  // the run is lost already
  if (opened_since_ == 0) opening_since_ = now;
  while (connections_.size() < wanted && may_open(now)) {
    connections_.push_back(nullptr);
    open_at(connections_.size() - 1);
  }
  while (!reopen_.empty() && may_open(now)) {
    const std::size_t place = reopen_.back();
    reopen_.pop_back();
    open_at(place);
  }
}

bool Worker::may_open(core::Instant now) {
  if (opening_ >= std::max(options_.connect_parallel / workers_, 1U)) return false;
  // The driver has not yet let go of connections that were cut.
  if (streams().size() >= streams().streams_max()) return false;
  if (options_.connect_rate <= 0) return true;
  const double seconds = std::chrono::duration<double>(now - opening_since_).count();
  if (static_cast<double>(opened_since_) <= seconds * options_.connect_rate / workers_) return true;
  shard_.timers().arm(open_timer_, now + runtime::TimerWheel::kTick);
  return false;
}

void Worker::open_at(std::size_t place) {
  const auto index = static_cast<std::uint32_t>(place) * workers_ + index_;
  auto owned = std::make_unique<Connection>(*this, index, precise_now());
  Connection* connection = owned.get();
  connections_[place] = connection;
  ++opened_since_;
  auto stream = streams().connect(options_.target.endpoint, source_of(index), std::move(owned));
  if (!stream) {
    connections_[place] = nullptr;
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
  if (connection.began() < cut_at_) return;
  reconnect_ns_.record(static_cast<std::uint64_t>(took.count()));
  reconnected_.fetch_add(1, std::memory_order_release);
}

void Worker::on_failure(std::string reason) {
  const std::lock_guard lock(failure_mutex_);
  if (first_failure_.empty()) first_failure_ = std::move(reason);
  failures_.fetch_add(1, std::memory_order_release);
}

void Worker::on_gone(Connection& connection) {
  const std::size_t place = place_of(connection);
  connections_[place] = nullptr;
  if (place < cut_from_) return;
  cut_off_.fetch_add(1, std::memory_order_release);
  if (cut_reopens_.load(std::memory_order_relaxed)) reopen_.push_back(place);
}

}  // namespace sanjay::bench
