// SPDX-License-Identifier: Apache-2.0
#include "session/session.h"

#include "core/assert.h"
#include "core/failpoint.h"
#include "session/pending.h"

#include <algorithm>
#include <utility>

namespace sanjay::session {

using protocol::Command;
using std::chrono::milliseconds;

namespace {

/// How long a deadline is put off when the server itself was not able to listen.
constexpr core::Duration kPatience = milliseconds(500);

}  // namespace

Session::Session(SessionContext& context, SessionOutput& output, core::ConnectionId connection,
                 const Form& form, const Now& now)
    : context_(context),
      output_(output),
      connection_(connection),
      heartbeat_(now.instant + context.options->stale_close_delay),
      encoding_(form.encoding),
      transport_pings_(form.transport_pings),
      always_held_(form.always_held) {}

Session::~Session() { close(); }

void Session::close() {
  state_ = State::Closed;
  const ClientId::Text client = client_.text();
  for (const Subscription& subscription : subscriptions_) {
    const SubscriptionExtras* extras = subscriptions_.extras_of(subscription);
    context_.hub.unsubscribe(
        subscription.number,
        {subscription.is(Subscription::kPresence), subscription.is(Subscription::kAnnounced),
         info_of(extras == nullptr ? std::string_view() : extras->chan_info, client)});
  }
  subscriptions_.clear();
  put_aside_.reset();
  pending_.reset();
  if (user_ == nullptr) return;
  context_.users.leave(*std::exchange(user_, nullptr), *this);
  context_.stats.clients.subtract();
  context_.stats.users.set(context_.users.user_count());
}

std::string_view Session::user() const {
  return user_ == nullptr ? std::string_view() : std::string_view(user_->first);
}

const protocol::ReplyEncoding& replies_of(hub::Encoding encoding) {
  if (is_unidirectional(encoding)) return protocol::kJsonPushes;
  return hub::is_protobuf(encoding) ? protocol::kProtobufReplies : protocol::kJsonReplies;
}

protocol::CommandDecoder& Session::decode(std::string_view message) const {
  if (is_unidirectional(encoding_)) {
    context_.json->begin_connect(message);
    return *context_.json;
  }
  protocol::CommandDecoder& commands = encoding().carries_binary
                                           ? *context_.protobuf
                                           : static_cast<protocol::CommandDecoder&>(*context_.json);
  commands.begin(message);
  return commands;
}

hub::ClientInfo Session::info_of(std::string_view chan_info, const ClientId::Text& client) const {
  return {view(client), user(), conn_info_, chan_info};
}

void Session::reply_error(std::uint32_t id, const protocol::Error& error) {
  context_.stats.count_error(error);
  reply([&](std::string& out) { encoding().error(out, id, error); });
}

void Session::flush_replies() {
  if (context_.scratch.empty()) return;
  output_.send(context_.scratch);
  context_.scratch.clear();
}

void Session::end(const protocol::Disconnect& disconnect) {
  if (state_ == State::Closed) return;
  flush_replies();
  output_.disconnect(disconnect);
  close();
}

void Session::on_message(std::string_view message, const Now& now) {
  ASSERT(!blocked() && !closed());
  run(message, now);
}

void Session::run(std::string_view message, const Now& now) {
  if (is_unidirectional(encoding_) && state_ != State::New) return;
  protocol::CommandDecoder& commands = decode(message);
  while (state_ != State::Closed) {
    const std::string_view before = commands.rest();
    const auto command = commands.next();
    if (!command) break;
    if (!*command) {
      end(protocol::kDisconnectBadRequest);
      break;
    }
    const std::size_t kind = (*command)->request.index();
    const Step step = handle(**command, now);
    if (step == Step::Done) {
      context_.stats.commands[kind].add();
      waits_since_ = {};
    }
    if (!blocked()) continue;
    const std::string_view rest = step == Step::Again ? before : commands.rest();
    if (!rest.empty()) put_aside_ = std::make_unique<std::string>(rest);
    break;
  }
  flush_replies();
}

void Session::resume(const Now& now) {
  if (state_ == State::Closed) return;
  if (wait_ == Wait::Capacity || wait_ == Wait::Keys) wait_ = Wait::Nothing;
  if (wait_ == Wait::Publishes && publishes_in_flight_ == 0) wait_ = Wait::Nothing;
  if (blocked() || !put_aside_) return;
  const auto message = std::exchange(put_aside_, nullptr);
  run(*message, now);
}

Session::Step Session::handle(const Command& command, const Now& now) {
  if (std::holds_alternative<protocol::Pong>(command.request)) {
    on_pong();
    return Step::Done;
  }
  const auto* connect_request = std::get_if<protocol::ConnectRequest>(&command.request);
  const State needed = connect_request != nullptr ? State::New : State::Connected;
  if (state_ != needed) {
    end(protocol::kDisconnectBadRequest);
    return Step::Done;
  }
  if (connect_request != nullptr) return connect(command.id, *connect_request, now);
  return handle_connected(command, now);
}

Session::Step Session::handle_connected(const Command& command, const Now& now) {
  const std::uint32_t id = command.id;
  const protocol::Request& request = command.request;
  if (const auto* publishing = std::get_if<protocol::PublishRequest>(&request)) {
    return publish(id, *publishing, now);
  }
  if (const auto* subscribing = std::get_if<protocol::SubscribeRequest>(&request)) {
    return subscribe(id, *subscribing, now);
  }
  if (const auto* unsubscribing = std::get_if<protocol::UnsubscribeRequest>(&request)) {
    unsubscribe(id, *unsubscribing);
  } else if (const auto* asked = std::get_if<protocol::PresenceRequest>(&request)) {
    return presence(id, asked->channel, false);
  } else if (const auto* stats = std::get_if<protocol::PresenceStatsRequest>(&request)) {
    return presence(id, stats->channel, true);
  } else if (const auto* past = std::get_if<protocol::HistoryRequest>(&request)) {
    return history(id, *past);
  } else if (const auto* refreshing = std::get_if<protocol::RefreshRequest>(&request)) {
    return refresh(id, *refreshing, now);
  } else if (const auto* renewing = std::get_if<protocol::SubRefreshRequest>(&request)) {
    return sub_refresh(id, *renewing, now);
  } else if (const auto* call = std::get_if<protocol::RpcRequest>(&request)) {
    rpc(id, call->method);
  } else if (std::holds_alternative<protocol::SendRequest>(request)) {
    end(protocol::kDisconnectNotAvailable);
  }
  return Step::Done;
}

void Session::rpc(std::uint32_t id, std::string_view method) {
  const std::string& ping = context_.options->rpc_ping_method;
  if (ping.empty() || method != ping) return reply_error(id, protocol::kErrorNotAvailable);
  reply([&](std::string& out) { encoding().rpc(out, id, {}); });
}

void Session::on_pong() {
  if (!awaiting_pong_ || transport_pings_) return end(protocol::kDisconnectBadRequest);
  take_pong();
}

// One that nobody asked for is legal there (RFC 6455 §5.5.3).
void Session::on_transport_pong() {
  if (awaiting_pong_ && transport_pings_) take_pong();
}

void Session::take_pong() {
  awaiting_pong_ = false;
  heartbeat_ += milliseconds(ping_interval_ms_) - milliseconds(pong_timeout_ms_);
  heartbeat_ = ping_together(heartbeat_);
}

// The pings of a shard that are due within a 256th of the interval leave in one turn, and their
// pongs come back in few: a sleeping shard is woken per group, not per client. Each shard has a
// phase of its own, since shards may share a CPU.
core::Instant Session::ping_together(core::Instant due) const {
  const core::Duration group = core::Duration(milliseconds(ping_interval_ms_)) / 256;
  if (FAILPOINT("session.ping_together") || group == core::Duration::zero()) return due;
  return due - (due.time_since_epoch() + context_.ping_phase) % group;
}

// --- what the hub says

void Session::on_subscribed(hub::SubscriptionNumber number, hub::SubscriptionResult&& result,
                            const Now& now) {
  Subscription* subscription = subscriptions_.find(number);
  if (subscription == nullptr || !subscription->is(Subscription::kPending)) return;
  subscription->flags &= static_cast<std::uint8_t>(~Subscription::kPending);
  if (result.failure) subscriptions_.remove(number);  // the hub has ended it
  on_begun(pending().take(number), std::move(result), now);
  if (pending_ && pending_->is_empty()) pending_.reset();
  flush_replies();
}

void Session::on_answer(std::uint32_t request, hub::Answer&& answer, const Now&) {
  if (state_ == State::Closed) return;
  if (wait_ == Wait::Query) {
    wait_ = Wait::Nothing;
    on_query_answer(request, answer);
  } else {
    ASSERT(publishes_in_flight_ > 0);
    --publishes_in_flight_;
    on_publish_answer(request, answer);
  }
  flush_replies();
}

void Session::on_trouble(hub::SubscriptionNumber number, hub::Trouble trouble) {
  const Subscription* subscription = subscriptions_.find(number);
  if (subscription == nullptr || state_ == State::Closed) return;
  if (trouble == hub::Trouble::Unencodable) {
    if (!FAILPOINT("session.unencodable")) end(protocol::kDisconnectInappropriateProtocol);
    return;
  }
  if (!subscription->is(Subscription::kPositioned) || FAILPOINT("session.loss")) return;
  if (subscription->is(Subscription::kServerSide)) {
    return end(protocol::kDisconnectInsufficientState);
  }
  revoke(number, protocol::kUnsubscribeInsufficient);
  flush_replies();
}

// --- time

std::uint32_t Session::ttl_seconds(core::Instant expires, const Now& now) const {
  const auto left = std::chrono::ceil<std::chrono::seconds>(expires - now.instant).count();
  return static_cast<std::uint32_t>(std::max<std::int64_t>(left, 1));
}

core::Instant Session::deadline() const {
  if (state_ == State::Closed) return core::kNever;
  core::Instant first = heartbeat_;
  if (wait_ == Wait::Keys) first = std::min(first, waits_since_ + context_.options->keys_wait_max);
  if (state_ != State::Connected) return first;
  if (expires_ != core::kNever) {
    first = std::min(first, expires_ + context_.options->expired_close_delay);
  }
  const core::Instant expiry = subscriptions_.first_expiry();
  if (expiry != core::kNever) {
    first = std::min(first, expiry + context_.options->expired_subscription_close_delay);
  }
  return first;
}

void Session::on_deadline(const Now& now) {
  if (state_ == State::Closed) return;
  if (wait_ == Wait::Keys && now.instant >= waits_since_ + context_.options->keys_wait_max) {
    resume(now);
  }
  // Whoever should have been heard by now is given time until we have read what he sent.
  const bool patient = now.catching_up || blocked();
  if (state_ == State::Closed) return;
  if (state_ != State::Connected) {
    if (patient) {
      heartbeat_ = std::max(heartbeat_, now.instant + kPatience);
      return;
    }
    if (now.instant >= heartbeat_ && !FAILPOINT("session.stale")) end(protocol::kDisconnectStale);
    return;
  }
  if (expires_ != core::kNever && now.instant >= expires_ + context_.options->expired_close_delay &&
      !FAILPOINT("session.expired")) {
    return end(protocol::kDisconnectExpired);
  }
  expire_subscriptions(now);
  if (state_ == State::Closed || now.instant < heartbeat_) return;
  beat(patient, now);
}

void Session::beat(bool patient, const Now& now) {
  if (awaiting_pong_) {
    if (patient && !FAILPOINT("session.patience")) {
      heartbeat_ = now.instant + kPatience;
      return;
    }
    if (!FAILPOINT("session.pong")) return end(protocol::kDisconnectNoPong);
  }
  context_.stats.pings.add();
  if (transport_pings_) output_.ping();
  if (!transport_pings_ || is_unidirectional(encoding_)) {
    reply([this](std::string& out) { encoding().ping(out); });
    flush_replies();
  }
  awaiting_pong_ = pong_timeout_ms_ != 0;
  heartbeat_ = awaiting_pong_ ? now.instant + milliseconds(pong_timeout_ms_)
                              : ping_together(now.instant + milliseconds(ping_interval_ms_));
}

}  // namespace sanjay::session
