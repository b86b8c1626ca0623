// SPDX-License-Identifier: Apache-2.0

// The part of Session that deals with connecting: credentials, server-side subscriptions, refresh.

#include "core/failpoint.h"
#include "session/pending.h"
#include "session/session.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace sanjay::session {

using std::chrono::milliseconds;

namespace {

/// The same for the same set of channels, whatever their order.
std::uint64_t digest(const auth::ConnectClaims& claims) {
  std::uint64_t sum = 0;
  const auto add = [&sum](std::string_view channel) {
    sum += std::hash<std::string_view>{}(channel) | 1;
  };
  if (claims.subs.empty()) {
    for (const std::string& channel : claims.channels) add(channel);
  } else {
    for (const auto& sub : claims.subs) add(sub.channel);
  }
  return sum;
}

/// What a unidirectional client, who can be told no error, is disconnected with instead.
const protocol::Disconnect& disconnect_for(const protocol::Error& error) {
  using protocol::Error;
  static constexpr struct {
    const Error& error;
    const protocol::Disconnect& disconnect;
  } kTable[] = {
      {protocol::kErrorTokenExpired, protocol::kDisconnectExpired},
      {protocol::kErrorExpired, protocol::kDisconnectExpired},
      {protocol::kErrorTooManyRequests, protocol::kDisconnectTooManyRequests},
      {protocol::kErrorPermissionDenied, protocol::kDisconnectPermissionDenied},
  };
  for (const auto& row : kTable) {
    if (row.error == error) return row.disconnect;
  }
  return protocol::kDisconnectInternalError;
}

bool names(const std::vector<ServerSubscription>& list, std::string_view channel) {
  return std::ranges::any_of(list, [&](const auto& one) { return one.channel == channel; });
}

}  // namespace

Session::Step Session::refuse_connect(std::uint32_t id, const protocol::Error& error) {
  if (is_unidirectional(encoding_)) {
    context_.stats.count_error(error);
    end(disconnect_for(error));
    return Step::Done;
  }
  state_ = State::Refused;
  reply_error(id, error);
  return Step::Done;
}

std::optional<Session::Step> Session::wait_for_keys(const Now& now) {
  if (waits_since_ == core::Instant{}) waits_since_ = now.instant;
  if (now.instant - waits_since_ >= context_.options->keys_wait_max &&
      !FAILPOINT("session.keys_wait")) {
    return std::nullopt;
  }
  wait_ = Wait::Keys;
  return Step::Again;
}

Session::Step Session::on_bad_token(std::uint32_t id, const auth::TokenError& error,
                                    const Now& now) {
  using Kind = auth::TokenError::Kind;
  switch (error.kind) {
    case Kind::Expired:
      return refuse_connect(id, protocol::kErrorTokenExpired);
    case Kind::Unavailable:
      return refuse_connect(id, protocol::kErrorInternal);
    case Kind::KeysPending:
      if (const auto step = wait_for_keys(now)) return *step;
      return refuse_connect(id, protocol::kErrorInternal);
    case Kind::Invalid:
      break;
  }
  end(protocol::kDisconnectInvalidToken);
  return Step::Done;
}

std::optional<Session::Step> Session::authenticate(std::uint32_t id,
                                                   const protocol::ConnectRequest& request,
                                                   const Now& now, auth::ConnectClaims& claims) {
  const SessionOptions& options = *context_.options;
  if (request.token.empty()) {
    if (options.insecure || options.allow_anonymous_connect_without_token) return std::nullopt;
    end(protocol::kDisconnectBadRequest);
    return Step::Done;
  }
  if (!options.verifier) {
    if (options.insecure) return std::nullopt;
    end(protocol::kDisconnectInvalidToken);
    return Step::Done;
  }
  auto verified =
      options.verifier->verify_connection(request.token, now.wall, &context_.signatures);
  if (!verified) return on_bad_token(id, verified.error(), now);
  claims = *std::move(verified);
  // Others' clients are shown it, and those who speak JSON can be shown nothing else.
  if (!claims.info.is_json) {
    end(protocol::kDisconnectInvalidToken);
    return Step::Done;
  }
  conn_info_ = auth::json_of(claims.info);
  if (!options.insecure) set_expiry(claims.expire_at, now);
  if (expires_ <= now.instant) return refuse_connect(id, protocol::kErrorExpired);
  token_channels_ = digest(claims);
  return std::nullopt;
}

Session::Step Session::connect(std::uint32_t id, const protocol::ConnectRequest& request,
                               const Now& now) {
  auth::ConnectClaims claims;
  if (const auto step = authenticate(id, request, now, claims)) return *step;
  const auto wanted = server_subscriptions(id, request, claims);
  if (!wanted) return Step::Done;
  user_ = context_.users.join(claims.user, *this);
  context_.stats.clients.add();
  context_.stats.users.set(context_.users.user_count());
  client_ = ClientId(context_.random);
  if (wanted->empty()) {
    finish_connect({id}, now);
    return Step::Done;
  }
  state_ = State::Connecting;
  wait_ = Wait::Connect;
  pending().connecting = ConnectInProgress{id, wanted->size()};
  for (const ServerSubscription& one : *wanted) begin_server_subscription(one, true, now);
  if (pending_ && pending_->is_empty()) pending_.reset();
  return Step::Done;
}

std::optional<std::vector<ServerSubscription>> Session::server_subscriptions(
    std::uint32_t id, const protocol::ConnectRequest& request, auth::ConnectClaims& claims) {
  std::vector<ServerSubscription> wanted;
  for (auto& sub : claims.subs) {
    if (names(wanted, sub.channel)) continue;
    if (!sub.info.is_json) {  // as with the connection's own
      end(protocol::kDisconnectInvalidToken);
      return std::nullopt;
    }
    wanted.push_back(
        {std::move(sub.channel), sub.overrides, std::move(sub.info), std::move(sub.data)});
  }
  if (claims.subs.empty()) {
    for (std::string& channel : claims.channels) {
      if (!names(wanted, channel)) wanted.push_back({.channel = std::move(channel)});
    }
  }
  std::string personal = namespaces().personal_channel(claims.user);
  if (!personal.empty() && !names(wanted, personal)) {
    wanted.push_back({.channel = std::move(personal)});
  }
  for (const ServerSubscription& one : wanted) {
    const auto options = channels::check_api_channel(namespaces(), one.channel);
    if (options) continue;
    refuse_connect(id, options.error());
    return std::nullopt;
  }
  if (!add_wishes(request, claims.user, wanted)) return std::nullopt;
  if (wanted.size() > context_.options->subscriptions_max &&
      !FAILPOINT("session.server_channels")) {
    end(protocol::kDisconnectChannelLimit);
    return std::nullopt;
  }
  for (ServerSubscription& one : wanted) {
    for (const protocol::SubscribeRequest& position : request.subs) {
      if (position.channel != one.channel) continue;
      one.recover_since.reset();
      one.delta = position.delta == "fossil";
      if (!position.recover) continue;
      one.recover_since = hub::StreamPosition{position.offset, std::string(position.epoch)};
    }
  }
  return wanted;
}

// What else the client names it is subscribed to if it might have subscribed itself.
bool Session::add_wishes(const protocol::ConnectRequest& request, std::string_view user,
                         std::vector<ServerSubscription>& wanted) {
  for (const protocol::SubscribeRequest& wish : request.subs) {
    if (names(wanted, wish.channel)) continue;
    const auto options = channels::check_name(namespaces(), wish.channel);
    if (!options) {
      if (options.error() != protocol::kErrorUnknownChannel) continue;
      end(protocol::kDisconnectBadRequest);
      return false;
    }
    const auto ground =
        channels::check_subscribe(namespaces(), **options, wish.channel, {.user = user});
    if (ground) wanted.push_back({.channel = std::string(wish.channel)});
  }
  return true;
}

void Session::finish_connect(const ConnectInProgress& connecting, const Now& now) {
  state_ = State::Connected;
  wait_ = Wait::Nothing;
  const channels::PersonalChannel& personal = namespaces().personal();
  if (personal.enabled && personal.single_connection && !user().empty()) {
    context_.single_connections.emplace_back(user(), client_);
  }
  const ClientId::Text client = client_.text();
  protocol::ConnectResult result;
  result.client = view(client);
  result.version = context_.options->server_version;
  if (expires_ != core::kNever) {
    result.expires = true;
    result.ttl_s = ttl_seconds(expires_, now);
  }
  start_heartbeat(result, now);
  const std::string session_id = session_name();
  result.session = session_id;
  if (is_emulated(encoding_)) result.node = context_.node;
  std::vector<PublicationList> publications(connecting.made.size());
  std::vector<protocol::ServerSubscription> subs(connecting.made.size());
  for (std::size_t i = 0; i < subs.size(); ++i) {
    const auto& [request, made] = connecting.made[i];
    subs[i].channel = request.channel;
    if (!describe(request, made, now, publications[i], subs[i].result)) {
      return end(protocol::kDisconnectInappropriateProtocol);
    }
  }
  result.subs = subs;
  reply([&](std::string& out) { encoding().connect(out, connecting.id, result); });
  if (subs.empty() && !always_held_) return;
  flush_replies();
  if (!always_held_) {
    for (const Subscription& subscription : subscriptions_) {
      context_.hub.release(subscription.number);
    }
  }
  output_.send_held();
}

// Who sends commands by requests of their own says with each whose they are. Unidirectional clients
// send none, but are given a name as well.
std::string Session::session_name() const {
  const bool named = is_emulated(encoding_) || is_unidirectional(encoding_);
  return named && context_.session_ids ? context_.session_ids->name_of(connection_) : std::string();
}

void Session::start_heartbeat(protocol::ConnectResult& result, const Now& now) {
  const SessionOptions& options = *context_.options;
  if (options.ping_interval <= core::Duration::zero()) {
    heartbeat_ = core::kNever;
    return;
  }
  const bool unidirectional = is_unidirectional(encoding_);
  if (!transport_pings_ || unidirectional) {
    result.ping_s = static_cast<std::uint32_t>(
        std::chrono::ceil<std::chrono::seconds>(options.ping_interval).count());
    result.pong = !unidirectional && options.pong_timeout > core::Duration::zero();
  }
  ping_interval_ms_ = static_cast<std::uint32_t>(core::to_milliseconds(options.ping_interval));
  pong_timeout_ms_ = static_cast<std::uint32_t>(core::to_milliseconds(options.pong_timeout));
  if (unidirectional && !transport_pings_) pong_timeout_ms_ = 0;  // nobody answers
  // The first ping comes at a random moment, so that clients who came together do not stay so.
  const auto half = static_cast<std::uint64_t>(options.ping_interval.count() / 2);
  heartbeat_ = ping_together(now.instant + core::Duration(half + context_.random.below(half + 1)));
}

void Session::set_expiry(const std::optional<core::WallTime>& expire_at, const Now& now) {
  expires_ = expire_at ? now.instant + (*expire_at - now.wall) : core::kNever;
}

Session::Step Session::refresh(std::uint32_t id, const protocol::RefreshRequest& request,
                               const Now& now) {
  const auto disconnect = [this](const protocol::Disconnect& why) {
    end(why);
    return Step::Done;
  };
  if (request.token.empty()) return disconnect(protocol::kDisconnectBadRequest);
  if (!context_.options->verifier) return disconnect(protocol::kDisconnectInvalidToken);
  auto claims =
      context_.options->verifier->verify_connection(request.token, now.wall, &context_.signatures);
  if (!claims) {
    using Kind = auth::TokenError::Kind;
    const Kind kind = claims.error().kind;
    if (kind == Kind::KeysPending) {
      if (const auto step = wait_for_keys(now)) return *step;
    }
    if (kind == Kind::KeysPending || kind == Kind::Unavailable) {
      reply_error(id, protocol::kErrorInternal);
      return Step::Done;
    }
    const bool expired = kind == Kind::Expired;
    return disconnect(expired ? protocol::kDisconnectExpired : protocol::kDisconnectInvalidToken);
  }
  if ((claims->user != user() && !FAILPOINT("session.refresh_user")) || !claims->info.is_json) {
    return disconnect(protocol::kDisconnectInvalidToken);
  }
  // Other channels: what he is subscribed to is settled when he connects anew.
  if (digest(*claims) != token_channels_ && !FAILPOINT("session.refresh_channels")) {
    return disconnect(protocol::kDisconnectInsufficientState);
  }
  set_expiry(claims->expire_at, now);
  if (expires_ <= now.instant) return disconnect(protocol::kDisconnectExpired);
  conn_info_ = auth::json_of(claims->info);
  protocol::RefreshResult result;
  if (expires_ != core::kNever) result = {true, ttl_seconds(expires_, now)};
  reply([&](std::string& out) { encoding().refresh(out, id, result); });
  return Step::Done;
}

void Session::refresh_by_server(std::optional<core::WallTime> expire_at, std::string_view info,
                                const Now& now) {
  set_expiry(expire_at, now);
  if (expires_ <= now.instant) return end(protocol::kDisconnectExpired);
  if (!info.empty()) conn_info_ = info;
  protocol::RefreshResult result;
  if (expires_ != core::kNever) result = {true, ttl_seconds(expires_, now)};
  reply([&](std::string& out) { encoding().refresh_push(out, result); });
  flush_replies();
}

}  // namespace sanjay::session
