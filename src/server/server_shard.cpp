// SPDX-License-Identifier: Apache-2.0
#include "server/server_shard.h"

#include "transport/http_connection.h"

#include <utility>

namespace sanjay::server {
namespace {

constexpr int kListenBacklog = 4096;
constexpr std::size_t kMailPerTurn = 512;  // from each shard
constexpr std::size_t kDeliveriesPerStep = 64;
constexpr std::size_t kFlushBacklogMax = 256;  // fan-out pauses while more streams wait
constexpr std::size_t kShutDownsPerTurn = 256;
// How soon what waits for room somewhere else is tried again.
constexpr core::Duration kRetryAfter = std::chrono::milliseconds(1);

hub::HubOptions hub_options(const Wiring& wiring, core::ShardIndex shard) {
  hub::HubOptions options = wiring.hub;
  options.shard = shard;
  return options;
}

}  // namespace

ServerShard::ServerShard(SharedState& shared, runtime::Shard& shard, std::uint64_t seed)
    : shared_(shared),
      shard_(shard),
      random_(seed),
      hub_(hub_options(shared.wiring, shard.index()), shared.flow, encoder_, *this, *this, *this),
      routes_(shared.wiring, hub_),
      session_{shared.wiring.session, hub_, decoder_, random_},
      services_{shard, shared.wiring.transport, session_, routes_, shared.admission} {}

bool ServerShard::control(Control control) {
  const bool taken = controls_.push(std::move(control));
  shard_.notify();
  return taken;
}

core::Status ServerShard::on_start() {
  const auto bound = shard_.driver().listen(shared_.wiring.address, kListenBacklog);
  if (!bound) return std::unexpected(bound.error());
  return {};
}

void ServerShard::count_connections() {
  const std::uint32_t held = shard_.streams().size() - services_.refusals_under_way;
  shared_.connections[index()].store(held, std::memory_order_relaxed);
}

std::uint32_t ServerShard::connections_in_process() const {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < shared_.shards.size(); ++i) {
    sum += shared_.connections[i].load(std::memory_order_relaxed);
  }
  return sum;
}

void ServerShard::on_accept(runtime::Stream& stream) {
  count_connections();
  if (shutting_down_ || connections_in_process() > shared_.wiring.connections_max) {
    return transport::refuse_connection(services_, stream);
  }
  transport::accept_connection(services_, stream);
}

bool ServerShard::on_turn(core::Instant now) {
  for (const Control control : controls_.take_all()) {
    if (control != Control::ShutDown || shutting_down_) continue;
    shutting_down_ = true;
    shard_.driver().stop_listening();
    shard_.streams().for_each(
        [this](runtime::Stream& stream) { to_shut_down_.push_back(stream.id()); });
  }
  const bool mail_left = take_mail();
  resume(services_.resumable);
  resume(services_.retries);
  hub_.hand_over();
  fan_out();
  shared_.mail.publish(index(), [this](core::ShardIndex to) { shared_.shards[to]->notify(); });
  count_connections();
  if (shutting_down_) shut_down_some();
  // Nobody wakes this shard when another one has caught up.
  if (hub_.is_held_back() || !services_.retries.empty()) {
    shard_.timers().arm(retry_timer_, now + kRetryAfter);
  }
  return mail_left || hub_.has_work() || !services_.resumable.empty() || !to_shut_down_.empty();
}

bool ServerShard::take_mail() {
  return shared_.mail.receive(
      index(), kMailPerTurn,
      [this](core::ShardIndex from, hub::Mail&& mail) { hub_.on_mail(from, std::move(mail)); });
}

void ServerShard::resume(std::vector<core::ConnectionId>& waiting) {
  const auto connections = std::exchange(waiting, {});
  for (const core::ConnectionId id : connections) {
    if (auto* connection = find(id)) connection->on_resume();
  }
}

// Appends to write queues only as fast as the loop sends, so that everything else in the turn stays
// near, and what is published meanwhile leaves in the same sends.
void ServerShard::fan_out() {
  while (shard_.streams().flush_backlog() < kFlushBacklogMax && hub_.run(kDeliveriesPerStep)) {
  }
}

void ServerShard::shut_down_some() {
  for (std::size_t i = 0; i < kShutDownsPerTurn && !to_shut_down_.empty(); ++i) {
    if (auto* connection = find(to_shut_down_.back())) connection->shut_down();
    to_shut_down_.pop_back();
  }
  if (drained_ || !to_shut_down_.empty() || shard_.streams().size() > 0) return;
  drained_ = true;
  shared_.drained.release();
}

transport::Connection* ServerShard::find(core::ConnectionId id) {
  runtime::Stream* stream = shard_.streams().find(id);
  if (stream == nullptr || !stream->open()) return nullptr;
  return static_cast<transport::Connection*>(stream->handler());
}

bool ServerShard::send(core::ShardIndex to, hub::Mail&& mail) {
  return shared_.mail.push(index(), to, std::move(mail));
}

void ServerShard::deliver(std::uint32_t slot, const core::SegmentRef& bytes) {
  shard_.streams().at(slot).send(bytes);
}

void ServerShard::on_subscribed(core::ConnectionId connection,
                                hub::SubscriptionNumber subscription) {
  if (auto* found = find(connection)) found->on_subscribed(subscription);
}

void ServerShard::on_published(const hub::ReplyTo& reply_to, hub::PublishOutcome outcome) {
  if (auto* found = find(reply_to.connection)) found->on_published(reply_to.request, outcome);
}

}  // namespace sanjay::server
