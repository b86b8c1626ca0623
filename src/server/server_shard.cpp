// SPDX-License-Identifier: Apache-2.0
#include "server/server_shard.h"

#include "protocol/json_decoder.h"
#include "protocol/protobuf_decoder.h"
#include "transport/http_connection.h"

#include <algorithm>
#include <utility>

namespace sanjay::server {
namespace {

constexpr int kListenBacklog = 4096;
constexpr std::size_t kMailPerTurn = 512;  // from each shard
constexpr std::size_t kDeliveriesPerStep = 64;
constexpr std::size_t kFlushBacklogMax = 256;  // fan-out pauses while more streams wait
constexpr std::size_t kShutDownsPerTurn = 256;
constexpr std::uint32_t kNoCall = ~std::uint32_t{0};  // of the server API: a task of our own
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
      wiring_(shared.wiring),
      letters_(shared.shard_mail_max()),
      random_(seed),
      compression_(wiring_->transport.compression),
      encoder_(compression_),
      broker_(wiring_->broker, random_.next(), shard.now()),
      hub_(hub_options(*wiring_, shard.index()), shared.flow, broker_, encoder_, *this, *this,
           *this),
      node_(shared, shard.index()),
      routes_(shared, *wiring_, shard, hub_, node_),
      session_{&wiring_->session,
               hub_,
               random_,
               session::UserDirectory(wiring_->hub.key),
               auth::SignatureCache(wiring_->hub.key),
               wiring_->session.ping_interval / 256 * shard.index() / wiring_->shards,
               std::make_unique<protocol::JsonDecoder>(),
               std::make_unique<protocol::ProtobufDecoder>()},
      services_{shard, &wiring_->transport, session_, routes_, shared.admission, compression_,
                *this},
      tasks_(shared, hub_, services_) {
  session_.session_ids = shared.wiring->session_ids;
  session_.node = shared.node_uid;
}

bool ServerShard::tell(ShardMail mail) {
  const bool taken = letters_.push(std::move(mail));
  shard_.notify();
  return taken;
}

bool ServerShard::tell(CommandMail mail) {
  const bool taken = commands_.push(std::move(mail));
  if (taken) shard_.notify();
  return taken;
}

core::Status ServerShard::on_start() {
  const runtime::ListenOptions options{kListenBacklog, wiring_->tcp_user_timeout};
  const auto bound = shard_.driver().listen(wiring_->address, options);
  if (!bound) return std::unexpected(bound.error());
  if (!wiring_->internal_address) return {};
  const auto internal = shard_.driver().listen(*wiring_->internal_address, options);
  if (!internal) return std::unexpected(internal.error());
  return {};
}

void ServerShard::count_connections() {
  const std::uint32_t held =
      shard_.streams().size() - services_.refusals_under_way - services_.internal_connections;
  shared_.connections[index()].store(held, std::memory_order_relaxed);
}

std::uint32_t ServerShard::connections_in_process() const {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < shared_.shards.size(); ++i) {
    sum += shared_.connections[i].load(std::memory_order_relaxed);
  }
  return sum;
}

void ServerShard::on_accept(runtime::Stream& stream, runtime::ListenerIndex listener) {
  if (listener == kInternalListener) return transport::accept_internal(services_, stream);
  count_connections();
  if (shutting_down_ || connections_in_process() > wiring_->connections_max) {
    return transport::accept_over_limit(services_, stream);
  }
  transport::accept_connection(services_, stream);
}

bool ServerShard::on_turn(core::Instant now) {
  if (is_reloaded()) take_over_options();
  if (has_new_keys()) resume_awaiting_keys();
  for (ShardMail& letter : letters_.take_all()) read(std::move(letter));
  for (CommandMail& mail : commands_.take_all()) {
    if (auto* connection = find(mail.connection)) {
      connection->on_commands(std::move(mail.commands));
    }
  }
  const bool tasks_left = tasks_.run();
  const bool mail_left = take_mail();
  resume(services_.resumable);
  resume(services_.retries);
  begin_clients(now);
  hub_.hand_over(now);
  fan_out();
  shared_.mail.publish(index(), [this](core::ShardIndex to) { shared_.shards[to]->notify(); });
  count_connections();
  end_other_connections();
  if (shutting_down_) shut_down_some();
  // Nobody wakes this shard when another one has caught up, or a call of the hub's is overdue.
  core::Instant wake = std::min(hub_.deadline(), services_.pace.next_turn());
  if (hub_.is_held_back() || !services_.retries.empty()) wake = std::min(wake, now + kRetryAfter);
  if (wake != core::kNever) shard_.timers().arm(retry_timer_, wake);
  return mail_left || tasks_left || hub_.has_work() || !services_.resumable.empty() ||
         !to_shut_down_.empty() || !session_.single_connections.empty();
}

void ServerShard::read(ShardMail&& mail) {
  if (std::holds_alternative<ShutDown>(mail)) {
    begin_shut_down();
  } else if (const auto* task = std::get_if<TaskMail>(&mail)) {
    tasks_.take(*task);
  } else if (auto* answer = std::get_if<AnswerMail>(&mail)) {
    node_.answered();
    auto done = routes_.api().on_shard_answer(answer->number, std::move(answer->answer));
    auto* asker = done ? find(done->connection) : nullptr;
    if (asker != nullptr) asker->on_response(done->response);
  }
}

// The operator's port stays open until the end: probes must see that this server is leaving.
void ServerShard::begin_shut_down() {
  if (std::exchange(shutting_down_, true)) return;
  shard_.driver().stop_listening(kPublicListener);
  shard_.streams().for_each(
      [this](runtime::Stream& stream) { to_shut_down_.push_back(stream.id()); });
}

// Between two turns nothing refers to the old options but by these pointers.
void ServerShard::take_over_options() {
  reloads_taken_ = shared_.reloads.load(std::memory_order_acquire);
  std::shared_ptr<const Wiring> wiring = shared_.latest_wiring();
  session_.options = &wiring->session;
  services_.options = &wiring->transport;
  compression_.set_options(wiring->transport.compression);
  routes_.set_wiring(*wiring);
  wiring_ = std::move(wiring);
}

void ServerShard::resume_awaiting_keys() {
  key_fetches_taken_ = shared_.key_fetches.load(std::memory_order_acquire);
  auto& resumable = services_.resumable;
  resumable.insert(resumable.end(), services_.awaiting_keys.begin(), services_.awaiting_keys.end());
  services_.awaiting_keys.clear();
}

void ServerShard::begin_clients(core::Instant now) {
  const auto exists = [this](core::ConnectionId id) { return find(id) != nullptr; };
  while (const auto next = services_.pace.next(now, exists)) find(*next)->on_resume();
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

// As many as tasks may be under way; the others wait for the next turn.
void ServerShard::end_other_connections() {
  auto& left = session_.single_connections;
  while (!left.empty()) {
    const auto& [user, client] = left.front();
    api::DisconnectClients task;
    task.clients.user = user;
    const auto text = client.text();
    task.clients.whitelist.emplace_back(session::view(text));
    task.code = protocol::kDisconnectConnectionLimit.code;
    task.reason = protocol::kDisconnectConnectionLimit.reason;
    if (node_.ask_shards(std::move(task), kNoCall) == 0) return;
    left.pop_front();
  }
}

// Appends to write queues only as fast as the loop sends, so that everything else in the turn stays
// near, and what is published meanwhile leaves in the same sends.
void ServerShard::fan_out() {
  bool more = true;
  while (more && shard_.streams().flush_backlog() < kFlushBacklogMax) {
    more = hub_.run(kDeliveriesPerStep);
    if (hub_.finished().empty()) continue;
    const core::Instant now = shard_.clock().now();
    for (const auto& batch : hub_.finished()) {
      delivery_times_.record(
          static_cast<std::uint64_t>(std::max<std::int64_t>(0, (now - batch.received).count())));
    }
  }
}

void ServerShard::shut_down_some() {
  for (std::size_t i = 0; i < kShutDownsPerTurn && !to_shut_down_.empty(); ++i) {
    if (auto* connection = find(to_shut_down_.back())) connection->shut_down();
    to_shut_down_.pop_back();
  }
  if (drained_ || !to_shut_down_.empty() ||
      shard_.streams().size() > services_.internal_connections) {
    return;
  }
  drained_ = true;
  shared_.drained.release();
}

transport::Connection* ServerShard::find(core::ConnectionId id) {
  runtime::Stream* stream = shard_.streams().find(id);
  if (stream == nullptr || !stream->open()) return nullptr;
  return static_cast<transport::Connection*>(stream->handler());
}

transport::Connection* ServerShard::handler_at(std::uint32_t slot) {
  runtime::Stream& stream = shard_.streams().at(slot);
  return stream.open() ? static_cast<transport::Connection*>(stream.handler()) : nullptr;
}

bool ServerShard::send(core::ShardIndex to, hub::Mail&& mail) {
  return shared_.mail.push(index(), to, std::move(mail));
}

void ServerShard::deliver(std::uint32_t slot, const core::SegmentRef& bytes, hub::Reach reach) {
  runtime::Stream& stream = shard_.streams().at(slot);
  const auto urgency = reach == hub::Reach::Many ? runtime::Urgency::Bulk : runtime::Urgency::Soon;
  if (!stream.marked()) return stream.send(bytes, urgency);
  if (stream.open()) static_cast<transport::Connection*>(stream.handler())->deliver(bytes, urgency);
}

void ServerShard::hold(std::uint32_t slot, const core::SegmentRef& bytes) {
  if (auto* connection = handler_at(slot)) connection->keep(bytes);
}

void ServerShard::on_trouble(std::uint32_t slot, hub::SubscriptionNumber subscription,
                             hub::Trouble trouble) {
  if (auto* connection = handler_at(slot)) connection->on_trouble(subscription, trouble);
}

void ServerShard::on_subscribed(core::ConnectionId connection, hub::SubscriptionNumber subscription,
                                hub::SubscriptionResult&& result) {
  if (auto* found = find(connection)) found->on_subscribed(subscription, std::move(result));
}

void ServerShard::on_answer(const hub::ReplyTo& reply_to, hub::Answer&& answer) {
  if (auto* found = find(reply_to.connection)) {
    found->on_hub_answer(reply_to.request, std::move(answer));
  }
}

// On the way to another shard they keep the order in which they came to this one.
transport::CommandCarrier::Fate ServerShard::carry(core::ConnectionId to, std::string&& commands) {
  if (to.shard >= shared_.applications.size()) return Fate::Unknown;
  if (to.shard != index()) {
    const bool taken = shared_.applications[to.shard]->tell(CommandMail{to, std::move(commands)});
    return taken ? Fate::Taken : Fate::Busy;
  }
  auto* connection = find(to);
  if (connection == nullptr) return Fate::Unknown;
  connection->on_commands(std::move(commands));
  return Fate::Taken;
}

}  // namespace sanjay::server
