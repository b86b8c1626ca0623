// SPDX-License-Identifier: Apache-2.0
#include "session/session.h"

#include "core/assert.h"
#include "core/failpoint.h"
#include "protocol/json_encoder.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sanjay::session {

using protocol::Command;
using std::chrono::milliseconds;

namespace {

/// How long a deadline is put off when the server itself was not able to listen.
constexpr core::Duration kPatience = milliseconds(500);

}  // namespace

Session::Session(SessionContext& context, SessionOutput& output, core::ConnectionId connection,
                 hub::Encoding encoding, const Now& now)
    : context_(context),
      output_(output),
      connection_(connection),
      heartbeat_(now.instant + context.options->stale_close_delay),
      encoding_(encoding) {}

Session::~Session() { close(); }

void Session::close() {
  state_ = State::Closed;
  for (const auto subscription : subscriptions_) context_.hub.unsubscribe(subscription);
  subscriptions_.clear();
  put_aside_.reset();
  if (user_ == nullptr) return;
  context_.users.leave(*std::exchange(user_, nullptr), *this);
  context_.stats.clients.subtract();
  context_.stats.users.set(context_.users.user_count());
}

std::string_view Session::user() const {
  return user_ == nullptr ? std::string_view() : std::string_view(user_->first);
}

void Session::reply_error(std::uint32_t id, const protocol::Error& error) {
  context_.stats.count_error(error);
  reply([&](std::string& out) { protocol::append_error_reply(out, id, error); });
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
  context_.decoder.begin(message);
  while (state_ != State::Closed) {
    const std::string_view before = context_.decoder.rest();
    const auto command = context_.decoder.next();
    if (!command) break;
    if (!*command) {
      end(protocol::kDisconnectBadRequest);
      break;
    }
    const Step step = handle(**command, now);
    if (!blocked()) continue;
    const std::string_view rest = step == Step::Again ? before : context_.decoder.rest();
    if (!rest.empty()) put_aside_ = std::make_unique<std::string>(rest);
    break;
  }
  flush_replies();
}

void Session::resume(const Now& now) {
  if (state_ == State::Closed) return;
  if (wait_ == Wait::Capacity) wait_ = Wait::Nothing;
  if (wait_ == Wait::Publishes && publishes_in_flight_ == 0) wait_ = Wait::Nothing;
  if (blocked() || !put_aside_) return;
  const auto message = std::exchange(put_aside_, nullptr);
  run(*message, now);
}

Session::Step Session::handle(const Command& command, const Now& now) {
  context_.stats.commands[command.request.index()].add();
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
  if (connect_request != nullptr) {
    connect(command.id, *connect_request, now);
    return Step::Done;
  }
  if (const auto* request = std::get_if<protocol::PublishRequest>(&command.request)) {
    return publish(command.id, *request, now);
  }
  // Everything but a publish waits until the publishes before it are answered.
  if (publishes_in_flight_ > 0) {
    wait_ = Wait::Publishes;
    return Step::Again;
  }
  if (const auto* request = std::get_if<protocol::SubscribeRequest>(&command.request)) {
    return subscribe(command.id, *request);
  }
  if (const auto* request = std::get_if<protocol::UnsubscribeRequest>(&command.request)) {
    unsubscribe(command.id, *request);
  } else if (const auto* refresh_request =
                 std::get_if<protocol::RefreshRequest>(&command.request)) {
    refresh(command.id, *refresh_request, now);
  } else if (const auto* sub = std::get_if<protocol::SubRefreshRequest>(&command.request)) {
    sub_refresh(command.id, *sub);
  } else if (std::holds_alternative<protocol::SendRequest>(command.request)) {
    end(protocol::kDisconnectNotAvailable);
  } else if (std::holds_alternative<protocol::RpcRequest>(command.request)) {
    reply_error(command.id, protocol::kErrorMethodNotFound);
  } else {
    reply_error(command.id, protocol::kErrorNotAvailable);  // presence and history are off
  }
  return Step::Done;
}

void Session::on_pong() {
  if (!awaiting_pong_) return end(protocol::kDisconnectBadRequest);
  awaiting_pong_ = false;
  heartbeat_ += milliseconds(ping_interval_ms_) - milliseconds(pong_timeout_ms_);
}

bool Session::authenticate(std::uint32_t id, const protocol::ConnectRequest& request,
                           const Now& now, std::string& user) {
  const SessionOptions& options = *context_.options;
  if (request.token.empty()) {
    if (options.insecure || options.allow_anonymous_connect_without_token) return true;
    end(protocol::kDisconnectBadRequest);
    return false;
  }
  if (!options.verifier) {
    if (options.insecure) return true;
    end(protocol::kDisconnectInvalidToken);
    return false;
  }
  auto claims = options.verifier->verify_connection(request.token, now.wall);
  if (!claims) {
    if (claims.error().kind == auth::TokenError::Kind::Expired) {
      state_ = State::Refused;
      reply_error(id, protocol::kErrorTokenExpired);
    } else {
      end(protocol::kDisconnectInvalidToken);
    }
    return false;
  }
  user = std::move(claims->user);
  conn_info_ = std::move(claims->info);
  if (!options.insecure) set_expiry(claims->expire_at, now);
  if (expires_ <= now.instant) {
    state_ = State::Refused;
    reply_error(id, protocol::kErrorExpired);
    return false;
  }
  return true;
}

void Session::connect(std::uint32_t id, const protocol::ConnectRequest& request, const Now& now) {
  std::string user;
  if (!authenticate(id, request, now, user)) return;
  const SessionOptions& options = *context_.options;
  state_ = State::Connected;
  user_ = context_.users.join(user, *this);
  context_.stats.clients.add();
  context_.stats.users.set(context_.users.user_count());
  client_ = ClientId(context_.random);
  const ClientId::Text client = client_.text();
  protocol::ConnectResult result;
  result.client = view(client);
  result.version = options.server_version;
  if (expires_ != core::kNever) {
    result.expires = true;
    result.ttl_s = ttl_seconds(now);
  }
  if (options.ping_interval > core::Duration::zero()) {
    result.ping_s = static_cast<std::uint32_t>(
        std::chrono::ceil<std::chrono::seconds>(options.ping_interval).count());
    result.pong = options.pong_timeout > core::Duration::zero();
    ping_interval_ms_ = static_cast<std::uint32_t>(core::to_milliseconds(options.ping_interval));
    pong_timeout_ms_ = static_cast<std::uint32_t>(core::to_milliseconds(options.pong_timeout));
    // The first ping comes at a random moment, so that clients who came together do not stay so.
    const auto half = static_cast<std::uint64_t>(options.ping_interval.count() / 2);
    heartbeat_ = now.instant + core::Duration(half + context_.random.below(half + 1));
  } else {
    heartbeat_ = core::kNever;
  }
  reply([&](std::string& out) { protocol::append_connect_reply(out, id, result); });
}

void Session::set_expiry(const std::optional<core::WallTime>& expire_at, const Now& now) {
  expires_ = expire_at ? now.instant + (*expire_at - now.wall) : core::kNever;
}

std::uint32_t Session::ttl_seconds(const Now& now) const {
  const auto left = std::chrono::ceil<std::chrono::seconds>(expires_ - now.instant).count();
  return static_cast<std::uint32_t>(std::max<std::int64_t>(left, 1));
}

void Session::refresh(std::uint32_t id, const protocol::RefreshRequest& request, const Now& now) {
  if (request.token.empty()) return end(protocol::kDisconnectBadRequest);
  if (!context_.options->verifier) return end(protocol::kDisconnectInvalidToken);
  const auto claims = context_.options->verifier->verify_connection(request.token, now.wall);
  if (!claims) {
    const bool expired = claims.error().kind == auth::TokenError::Kind::Expired;
    return end(expired ? protocol::kDisconnectExpired : protocol::kDisconnectInvalidToken);
  }
  if (claims->user != user()) return end(protocol::kDisconnectInvalidToken);
  set_expiry(claims->expire_at, now);
  if (expires_ <= now.instant) return end(protocol::kDisconnectExpired);
  conn_info_ = claims->info;
  protocol::RefreshResult result;
  if (expires_ != core::kNever) result = {true, ttl_seconds(now)};
  reply([&](std::string& out) { protocol::append_refresh_reply(out, id, result); });
}

core::Instant Session::deadline() const {
  if (state_ == State::Closed) return core::kNever;
  if (expires_ == core::kNever) return heartbeat_;
  return std::min(heartbeat_, expires_ + context_.options->expired_close_delay);
}

void Session::on_deadline(const Now& now) {
  if (state_ == State::Closed) return;
  // Whoever should have been heard by now is given time until we have read what he sent.
  const bool patient = now.catching_up || blocked();
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
  if (now.instant < heartbeat_) return;
  if (awaiting_pong_) {
    if (patient && !FAILPOINT("session.patience")) {
      heartbeat_ = now.instant + kPatience;
      return;
    }
    if (!FAILPOINT("session.pong")) return end(protocol::kDisconnectNoPong);
  }
  context_.stats.pings.add();
  reply([](std::string& out) { protocol::append_ping(out); });
  flush_replies();
  awaiting_pong_ = pong_timeout_ms_ != 0;
  heartbeat_ = now.instant + milliseconds(awaiting_pong_ ? pong_timeout_ms_ : ping_interval_ms_);
}

}  // namespace sanjay::session
