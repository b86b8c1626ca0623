// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/latency_load.h"

#include "bench/client/wire.h"

#include <fmt/format.h>

#include <thread>

namespace sanjay::bench {
namespace {

// Publishers subscribe to nothing, so their connect command is 1 and their publications follow.
constexpr std::uint32_t kFirstPublishId = 2;
// docs/codes.md: the client did not keep up. Without a Close frame: he did not even take that.
constexpr std::uint16_t kSlow = 3008;
constexpr std::uint16_t kNoCloseFrame = 0;

std::size_t receivers_of(const LatencyShared& shared, const ClientOptions& client,
                         const Worker& worker) {
  return (std::size_t{shared.receivers} + client.shards - 1 - worker.index()) / client.shards;
}

}  // namespace

LatencyShared::LatencyShared(const LatencyOptions& options, Tolerance tolerated)
    : schedule{options.channels, options.publishers, options.rate},
      tolerance(tolerated),
      subscribers(options.channels * options.subscribers_per_channel),
      publishers(options.publishers),
      slow(options.stalled + options.crawling),
      idle(options.idle),
      receivers(has_channels(options.client.protocol) ? subscribers : connections()),
      next(std::make_unique<std::atomic<std::uint64_t>[]>(options.publishers)),
      channels(std::make_unique<Channel[]>(options.channels)) {
  for (std::uint32_t p = 0; p < publishers; ++p) next[p].store(p, std::memory_order_relaxed);
}

SentMessages::SentMessages(const LatencyShared& shared)
    : turns(shared.schedule.publishers_per_channel()),
      counts(std::size_t{shared.schedule.channels} * turns) {
  for (std::uint32_t channel = 0; channel < shared.schedule.channels; ++channel) {
    for (std::uint32_t turn = 0; turn < turns; ++turn) {
      const std::uint64_t next =
          shared.next[shared.schedule.publisher_in(channel, turn)].load(std::memory_order_relaxed);
      counts[std::size_t{channel} * turns + turn] = shared.schedule.sent_in(channel, turn, next);
    }
  }
}

LatencyLoad::LatencyLoad(const LatencyOptions& options, LatencyShared& shared, Worker& worker)
    : options_(options),
      shared_(shared),
      worker_(worker),
      ledger_(receivers_of(shared, options.client, worker),
              shared.schedule.publishers_per_channel()),
      closed_(receivers_of(shared, options.client, worker)),
      message_(StampedMessage::of_size(options.payload_bytes)),
      slow_(worker, shared.first_slow(), options.stalled, options.crawling) {}

void LatencyLoad::on_begin(std::uint64_t) {
  for (std::uint32_t p = 0; p < options_.publishers; ++p) {
    const std::uint32_t connection = shared_.first_publisher() + p;
    if (worker_.find(connection) != nullptr) publishers_.push_back({connection, p});
  }
  running_ = true;
  slow_.begin();
  slow_open_ = slow_.open();
}

void LatencyLoad::on_drain() {
  running_ = false;
  draining_ = true;
  slow_.release();
}

void LatencyLoad::on_message(Connection& connection, std::string_view message) {
  if (slow_.contains(connection)) return slow_.on_message(connection, message.size());
  if (!is_receiver(connection)) return;
  const auto stamp = find_stamp(message);
  if (!stamp) return;
  ++delivered_;
  const MessageSchedule& schedule = shared_.schedule;
  Stamp place = schedule.place_of(stamp->sequence);
  // Not sent by us, or not to him: the ledger has a name for what comes from nowhere.
  if (stamp->publisher != schedule.publisher_of(stamp->sequence) ||
      schedule.channel_of(stamp->sequence) != shared_.channel_of(connection.index())) {
    place.publisher = static_cast<std::uint16_t>(schedule.publishers_per_channel());
  }
  ledger_.record(worker_.place_of(connection), place);
  const core::Instant due{core::Duration(stamp->sent_ns)};
  if (due < shared_.measure_from) return;
  const core::Instant arrived = worker_.precise_now();
  latency_ns_[stretch_of(due, arrived)].record(static_cast<std::uint64_t>((arrived - due).count()));
}

std::size_t LatencyLoad::stretch_of(core::Instant due, core::Instant arrived) const {
  // What was under way when the storm began has met it.
  if (arrived < shared_.storm_from.load(std::memory_order_relaxed)) return 0;
  return due < shared_.storm_until.load(std::memory_order_relaxed) ? 1 : 2;
}

bool LatencyLoad::on_refused(Connection& connection, std::uint32_t id) {
  if (shared_.tolerance != Tolerance::SlowClosed || id < kFirstPublishId) return false;
  const std::uint32_t publisher = connection.index() - shared_.first_publisher();
  if (connection.index() < shared_.first_publisher() || publisher >= shared_.publishers) {
    return false;
  }
  const std::uint64_t message =
      publisher + std::uint64_t{id - kFirstPublishId} * shared_.publishers;
  refused_.push_back(message);
  shared_.channels[shared_.schedule.channel_of(message)].refused.fetch_add(
      1, std::memory_order_relaxed);
  return true;
}

bool LatencyLoad::on_ended(Connection& connection, std::uint16_t close_code) {
  if (!running_ && !draining_) return false;
  if (slow_.contains(connection)) return true;
  if (!is_receiver(connection) || shared_.tolerance == Tolerance::None) return false;
  const bool slow = close_code == kSlow || close_code == kNoCloseFrame;
  if (shared_.tolerance == Tolerance::SlowClosed && !slow) return false;
  ++closings_[close_code];
  const std::size_t place = worker_.place_of(connection);
  closed_[place] = true;
  // Whoever sees the subscriber closed must know what he had got.
  shared_.closed_received.fetch_add(ledger_.received(place), std::memory_order_relaxed);
  shared_.channels[shared_.channel_of(connection.index())].closed.fetch_add(
      1, std::memory_order_release);
  shared_.closed.fetch_add(1, std::memory_order_release);
  return true;
}

bool LatencyLoad::on_turn(core::Instant) {
  bool idle = delivered_ == 0;
  if (publish_due()) idle = false;
  if (delivered_ > 0) shared_.delivered.fetch_add(delivered_, std::memory_order_release);
  delivered_ = 0;
  if (draining_) report_slow_ends();
  const bool naps = options_.nap > core::Duration(0);
  // Messages of this turn are sent after it: it must not sleep on them.
  if (idle && running_ && naps && !publishers_.empty()) std::this_thread::sleep_for(options_.nap);
  // Where nothing will be due, what comes wakes the shard.
  const bool spins = running_ && !(naps && publishers_.empty());
  // Ends come at the end of a turn, so another one must follow to report them.
  return spins || (draining_ && slow_open_ > 0);
}

void LatencyLoad::report_slow_ends() {
  const std::uint32_t open = slow_.open();
  shared_.slow_ended.fetch_add(slow_open_ - open, std::memory_order_release);
  slow_open_ = open;
}

// Publishes whatever is due on this shard. True when that was anything.
bool LatencyLoad::publish_due() {
  bool any = false;
  for (std::size_t i = 0; i < publishers_.size();) {
    const std::uint64_t next = publishers_[i].next;
    const bool more = publish_due(publishers_[i]);
    if (!more || publishers_[i].next != next) any = true;
    if (more) {
      ++i;
    } else {
      publishers_.erase(publishers_.begin() + static_cast<std::ptrdiff_t>(i));
      shared_.publishing.fetch_sub(1, std::memory_order_release);
    }
  }
  return any;
}

// False when the publisher is at the end.
bool LatencyLoad::publish_due(Publisher& publisher) {
  Connection* connection = worker_.find(publisher.connection);
  if (connection == nullptr) return false;  // has failed, and the run with it
  for (;;) {
    const core::Instant due = shared_.start + shared_.schedule.due_after(publisher.next);
    if (due >= shared_.end.load(std::memory_order_relaxed)) return false;
    const core::Instant now = worker_.precise_now();
    if (due > now) return true;
    if (due >= shared_.measure_from) {
      lateness_ns_[stretch_of(due, now)].record(static_cast<std::uint64_t>((now - due).count()));
    }
    const std::uint16_t number = shared_.schedule.publisher_of(publisher.next);
    publish(*connection, {number, publisher.next, due.time_since_epoch().count()});
    publisher.next += options_.publishers;
    shared_.next[number].store(publisher.next, std::memory_order_relaxed);
  }
}

void LatencyLoad::publish(Connection& connection, const Stamp& stamp) {
  const std::string_view data = message_.with(stamp);
  if (options_.client.protocol == Protocol::WebSocket) return connection.send(data);
  const std::uint32_t number = shared_.schedule.channel_of(stamp.sequence);
  const auto channel = fmt::format("{}-{}", options_.channel, number);
  worker_.wire().write_publish(command_, connection.next_id(), channel, data);
  connection.send(command_);
}

// Strikes refused messages from the ledger; answers for each receiver how many of them stand
// behind the last one that came to him.
std::vector<std::uint64_t> LatencyLoad::forgive_refused(const SentMessages& sent) {
  std::vector<std::uint64_t> behind(closed_.size());
  for (const std::uint64_t message : sent.refused) {
    const std::uint32_t channel = shared_.schedule.channel_of(message);
    const Stamp place_in_channel = shared_.schedule.place_of(message);
    for (std::size_t place = 0; place < closed_.size(); ++place) {
      const auto index =
          static_cast<std::uint32_t>(place) * options_.client.shards + worker_.index();
      if (shared_.channel_of(index) != channel) continue;
      if (!ledger_.forgive(place, place_in_channel)) ++behind[place];
    }
  }
  return behind;
}

void LatencyLoad::judge(const SentMessages& sent, std::vector<std::uint64_t>& orders,
                        DeliveryVerdict& verdict) {
  const std::vector<std::uint64_t> forgiven = forgive_refused(sent);
  const DeliveryFaults faults = ledger_.faults_so_far();
  // Who was passed over was not told, whatever became of him later.
  verdict.faults.lost += faults.lost;
  verdict.silent_losses += faults.lost;
  verdict.faults.duplicate += faults.duplicate;
  verdict.faults.misordered += faults.misordered;
  for (std::size_t place = 0; place < closed_.size(); ++place) {
    const auto index = static_cast<std::uint32_t>(place) * options_.client.shards + worker_.index();
    const std::uint32_t channel = shared_.channel_of(index);
    const std::uint64_t missing = ledger_.missing_end(place, sent.to(channel)) - forgiven[place];
    verdict.faults.lost += missing;
    if (!closed_[place]) verdict.silent_losses += missing;
    if (missing > 0) continue;
    std::uint64_t& order = orders[channel];
    if (order == 0) order = ledger_.order_of(place);
    if (ledger_.order_of(place) != order) ++verdict.faults.differing_streams;
  }
  for (const auto& [code, count] : closings_) verdict.closed[code] += count;
}

}  // namespace sanjay::bench
