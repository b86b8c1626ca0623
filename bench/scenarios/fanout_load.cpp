// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/fanout_load.h"

#include "bench/client/wire.h"

namespace sanjay::bench {
namespace {

std::uint32_t receivers_of(const FanoutOptions& options, const Worker& worker) {
  const std::uint32_t all = options.subscribers + options.publishers;
  return all / options.client.shards + (worker.index() < all % options.client.shards ? 1 : 0);
}

StampedMessage message_of(const FanoutOptions& options) {
  if (options.envelope) {
    if (auto captured = StampedMessage::from_captured(*options.envelope)) return *captured;
  }
  return StampedMessage::of_size(options.payload_bytes);
}

}  // namespace

FanoutLoad::FanoutLoad(const FanoutOptions& options, FanoutShared& shared, Worker& worker)
    : options_(options),
      shared_(shared),
      worker_(worker),
      ledger_(receivers_of(options, worker), options.publishers),
      message_(message_of(options)),
      delivered_(options.publishers) {
  for (std::uint32_t p = 0; p < options.publishers; ++p) {
    if ((options.subscribers + p) % options.client.shards != worker.index()) continue;
    publishers_.push_back({.number = static_cast<std::uint16_t>(p)});
    shared.owners[p] = &worker;
  }
}

void FanoutLoad::on_begin(std::uint64_t rounds) {
  for (Publisher& publisher : publishers_) {
    const bool one_more = publisher.number < rounds % options_.publishers;
    publisher.goal += rounds / options_.publishers + (one_more ? 1 : 0);
    publisher.busy = true;
  }
}

void FanoutLoad::on_drain() {
  for (Publisher& publisher : publishers_) publisher.goal = publisher.published;
}

void FanoutLoad::on_message(Connection& connection, std::string_view message) {
  const auto stamp = find_stamp(message);
  if (!stamp) return;  // a join or another push that is no publication of ours
  if (delivered_message_.empty()) delivered_message_ = message;
  ledger_.record(worker_.place_of(connection), *stamp);
  if (stamp->publisher < delivered_.size()) ++delivered_[stamp->publisher];
}

bool FanoutLoad::on_turn(core::Instant) {
  report_deliveries();
  for (Publisher& publisher : publishers_) {
    while (may_publish(publisher)) publish(publisher);
    PublisherProgress& progress = shared_.publishers[publisher.number];
    progress.published.store(publisher.published, std::memory_order_relaxed);
    if (publisher.busy && publisher.published == publisher.goal) {
      publisher.busy = false;
      progress.active.store(false, std::memory_order_release);
    }
  }
  return false;
}

bool FanoutLoad::may_publish(const Publisher& publisher) const {
  if (publisher.published >= publisher.goal) return false;
  const std::uint64_t delivered =
      shared_.publishers[publisher.number].delivered.load(std::memory_order_acquire);
  return publisher.published < delivered / shared_.receivers + options_.window;
}

void FanoutLoad::publish(Publisher& publisher) {
  Connection* connection = worker_.find(options_.subscribers + publisher.number);
  if (connection == nullptr) return on_drain();  // has failed, and the run with it
  const core::Duration now = worker_.precise_now().time_since_epoch();
  const std::string_view data = message_.with(
      {.publisher = publisher.number, .sequence = publisher.published, .sent_ns = now.count()});
  ++publisher.published;
  if (options_.client.protocol == Protocol::WebSocket) return connection->send(data);
  worker_.wire().write_publish(command_, connection->next_id(), options_.channel, data);
  connection->send(command_);
}

void FanoutLoad::report_deliveries() {
  for (std::uint32_t p = 0; p < options_.publishers; ++p) {
    if (delivered_[p] == 0) continue;
    shared_.publishers[p].delivered.fetch_add(delivered_[p], std::memory_order_acq_rel);
    delivered_[p] = 0;
    if (shared_.owners[p] != &worker_) shared_.owners[p]->shard().notify();
  }
}

bool FanoutLoad::has_mail() const {
  for (const Publisher& publisher : publishers_) {
    if (may_publish(publisher)) return true;
  }
  return false;
}

}  // namespace sanjay::bench
