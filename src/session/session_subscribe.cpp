// SPDX-License-Identifier: Apache-2.0

// The part of Session that begins subscriptions: those a client asks for, those of a connect, and
// those the server makes.

#include "core/assert.h"
#include "core/failpoint.h"
#include "protocol/json_scanner.h"
#include "session/pending.h"
#include "session/session.h"

#include <utility>

namespace sanjay::session {

using For = SubscriptionRequest::For;

protocol::ClientInfo to_reply(const hub::ClientInfo& info) {
  return {info.user, info.client, info.conn_info, info.chan_info};
}

bool PublicationList::add(std::span<const hub::PublicationRef> publications, bool carries_binary) {
  list_.reserve(publications.size());
  for (const hub::PublicationRef& stored : publications) {
    const hub::Publication& from = stored->view();
    protocol::Publication& to = list_.emplace_back();
    to.data = from.data;
    if (!from.data_is_json && !carries_binary) {
      const auto json = protocol::compact_json(from.data, compacted_.emplace_back());
      if (!json) return false;
      to.data = *json;
    }
    to.offset = from.offset;
    to.tags = from.tags;
    to.epoch = from.epoch;
    to.version = from.version;
    if (!from.publisher.client.empty()) to.info = to_reply(from.publisher);
  }
  return true;
}

auth::Payload Session::for_client(auth::Payload payload) const {
  if (payload.is_json && !encoding().carries_binary) payload.bytes = auth::json_of(payload);
  return payload;
}

Session::Pending& Session::pending() {
  if (!pending_) pending_ = std::make_unique<Pending>();
  return *pending_;
}

// A token is for one channel and one user, and may be for one connection of his.
bool Session::is_mine(const auth::SubscribeClaims& claims, std::string_view channel) const {
  if (FAILPOINT("session.token_party")) return true;
  const ClientId::Text client = client_.text();
  return claims.channel == channel && claims.user == user() &&
         (claims.client.empty() || claims.client == view(client)) && claims.info.is_json;
}

// Nothing: go on. Whatever its claims say, only the verified ones of this client and this channel
// count.
std::optional<Session::Step> Session::check_subscription_token(
    std::uint32_t id, const protocol::SubscribeRequest& request, const Now& now,
    auth::SubscribeClaims& claims) {
  using Kind = auth::TokenError::Kind;
  const SessionOptions& options = *context_.options;
  const auto& verifier = options.subscription_verifier;
  const auto refuse = [&](const protocol::Error& error) {
    reply_error(id, error);
    return Step::Done;
  };
  if (!verifier) return refuse(protocol::kErrorPermissionDenied);
  auto verified = verifier->verify_subscription(request.token, now.wall, &context_.signatures);
  if (!verified) {
    if (verified.error().kind == Kind::Expired) return refuse(protocol::kErrorTokenExpired);
    if (verified.error().kind == Kind::Unavailable) return refuse(protocol::kErrorInternal);
    if (verified.error().kind == Kind::Invalid) return refuse(protocol::kErrorPermissionDenied);
    if (const auto step = wait_for_keys(now)) return *step;
    return refuse(protocol::kErrorInternal);
  }
  if (!is_mine(*verified, request.channel)) {
    end(protocol::kDisconnectInvalidToken);
    return Step::Done;
  }
  claims = *std::move(verified);
  return std::nullopt;
}

Session::Step Session::subscribe(std::uint32_t id, const protocol::SubscribeRequest& request,
                                 const Now& now) {
  if (request.channel.empty() || (!request.delta.empty() && request.delta != "fossil")) {
    end(protocol::kDisconnectBadRequest);
    return Step::Done;
  }
  const auto refuse = [&](const protocol::Error& error) {
    reply_error(id, error);
    return Step::Done;
  };
  if (const auto error = channels::check_length(namespaces(), request.channel)) {
    return refuse(*error);
  }
  if (find_subscription(request.channel) != nullptr) {
    return refuse(protocol::kErrorAlreadySubscribed);
  }
  if (subscriptions_.size() >= context_.options->subscriptions_max &&
      !FAILPOINT("session.subscriptions")) {
    return refuse(protocol::kErrorLimitExceeded);
  }
  const auto options = channels::check_name(namespaces(), request.channel);
  if (!options) return refuse(options.error());
  if (request.type != protocol::kStream) return refuse(protocol::kErrorPermissionDenied);
  if (request.tags_filter) return refuse(protocol::kErrorBadRequest);
  channels::Asker who = asker(request.channel);
  who.has_token = !request.token.empty();
  const auto ground = channels::check_subscribe(namespaces(), **options, request.channel, who);
  if (!ground) return refuse(ground.error());
  auth::SubscribeClaims claims;
  if (*ground == channels::SubscribeGround::Token) {
    if (const auto step = check_subscription_token(id, request, now, claims)) return *step;
  }
  const channels::Grants grants = channels::grant(**options, who, request, claims.overrides);
  SubscriptionRequest wanted;
  wanted.id = id;
  wanted.channel = request.channel;
  wanted.recoverable = grants.recoverable;
  wanted.recovering = (request.recover && grants.recoverable) || grants.auto_cache_recover;
  wanted.asks_to_recover = request.recover;
  wanted.reject_unrecovered = (request.flags & protocol::kFlagRejectUnrecovered) != 0;
  if (request.recover) wanted.since = {request.offset, std::string(request.epoch)};
  if (claims.expire_at) wanted.expires = now.instant + (*claims.expire_at - now.wall);
  if (wanted.expires <= now.instant) return refuse(protocol::kErrorExpired);
  wanted.data = for_client(std::move(claims.data));
  wait_ = Wait::Subscribe;
  if (!begin(std::move(wanted), grants, **options, auth::json_of(claims.info), now)) {
    wait_ = Wait::Nothing;
    return refuse(protocol::kErrorLimitExceeded);
  }
  return Step::Done;
}

void Session::begin_server_subscription(const ServerSubscription& wanted, bool connecting,
                                        const Now& now) {
  const channels::ChannelOptions* options = namespaces().find(wanted.channel);
  ASSERT(options != nullptr);  // it was checked in this turn
  const channels::Grants grants = channels::grant(*options, wanted.overrides);
  SubscriptionRequest request;
  request.made_for = connecting ? For::Connect : For::Push;
  request.channel = wanted.channel;
  request.recoverable = grants.recoverable;
  request.recovering = (wanted.recover_since && grants.recoverable) || grants.auto_cache_recover;
  if (wanted.recover_since) request.since = *wanted.recover_since;
  if (wanted.expire_at) request.expires = now.instant + (*wanted.expire_at - now.wall);
  request.data = for_client(wanted.data);
  if (!begin(std::move(request), grants, *options, auth::json_of(wanted.info), now) && connecting) {
    end(protocol::kDisconnectChannelLimit);
  }
}

bool Session::begin(SubscriptionRequest&& request, const channels::Grants& grants,
                    const channels::ChannelOptions& options, std::string chan_info,
                    const Now& now) {
  if (state_ == State::Closed) return true;
  const ClientId::Text client = client_.text();
  hub::SubscriptionOptions wanted;
  wanted.joins = grants.join_leave_push;
  wanted.positioned = grants.positioned;
  wanted.recover = request.recovering;
  wanted.newest_only = grants.recovery_mode == channels::RecoveryMode::Cache;
  wanted.since = request.since;
  wanted.publications_max = context_.options->recovery_publications_max;
  wanted.history_meta_ttl = options.history.meta_ttl;
  wanted.presence = grants.presence;
  wanted.announced = grants.join_leave;
  if (wanted.presence || wanted.announced) {
    wanted.info = hub::OwnedClientInfo(info_of(chan_info, client));
  }
  const bool held = request.made_for == For::Connect && !FAILPOINT("session.held");
  const auto subscribed =
      context_.hub.subscribe(connection_, request.channel, encoding_, std::move(wanted), held);
  if (!subscribed) return false;
  unsigned flags = Subscription::kPending;
  if (request.made_for != For::Command) flags |= Subscription::kServerSide;
  if (grants.positioned) flags |= Subscription::kPositioned;
  if (grants.presence) flags |= Subscription::kPresence;
  if (grants.join_leave) flags |= Subscription::kAnnounced;
  if (subscribed->live) flags &= ~unsigned{Subscription::kPending};
  request.number = subscribed->number;
  subscriptions_.add({subscribed->number, static_cast<std::uint8_t>(flags)});
  subscriptions_.set_extras(subscribed->number, request.expires, std::move(chan_info));
  if (subscribed->live) {
    on_begun(std::move(request), {}, now);
  } else {
    pending().requests.push_back(std::move(request));
  }
  return true;
}

void Session::on_begun(SubscriptionRequest&& request, hub::SubscriptionResult&& result,
                       const Now& now) {
  if (request.recovering && !result.failure) {
    (result.recovered ? context_.stats.recovered : context_.stats.unrecovered).add();
  }
  switch (request.made_for) {
    case For::Command:
      wait_ = Wait::Nothing;
      return reply_subscribed(request, std::move(result), now);
    case For::Push:
      if (!result.failure) push_subscribed(request, result);
      return;
    case For::Connect:
      break;
  }
  if (result.failure) return end(protocol::kDisconnectInternalError);
  ConnectInProgress& connecting = *pending().connecting;
  if (subscriptions_.find(request.number)->is(Subscription::kRevoked)) {
    leave(request.number);
  } else {
    connecting.made.emplace_back(std::move(request), std::move(result));
  }
  if (--connecting.left > 0) return;
  finish_connect(*std::exchange(pending_->connecting, std::nullopt), now);
}

bool Session::describe(const SubscriptionRequest& request, const hub::SubscriptionResult& result,
                       const Now& now, PublicationList& publications,
                       protocol::SubscribeResult& out) const {
  if (!carries(request.data)) return false;
  if (!publications.add(result.publications, encoding().carries_binary)) return false;
  if (request.expires != core::kNever) {
    out.expires = true;
    out.ttl_s = ttl_seconds(request.expires, now);
  }
  out.data = request.data.bytes;
  out.was_recovering = request.recovering || request.asks_to_recover;
  if (!result.positioned) return true;
  out.positioned = true;
  out.recoverable = request.recoverable;
  out.epoch = result.position.epoch;
  out.recovered = result.recovered;
  out.publications = publications.view();
  // He counts on from where he was, as he takes in what he missed.
  out.offset = result.recovered ? request.since.offset : result.position.offset;
  return true;
}

void Session::reply_subscribed(const SubscriptionRequest& request, hub::SubscriptionResult&& result,
                               const Now& now) {
  if (result.failure) return reply_error(request.id, protocol::kErrorInternal);
  const Subscription* subscription = subscriptions_.find(request.number);
  if (subscription->is(Subscription::kRevoked)) {
    leave(request.number);
    return reply_error(request.id, protocol::kErrorPermissionDenied);
  }
  if (request.recovering && !result.recovered && request.reject_unrecovered) {
    leave(request.number);
    return reply_error(request.id, protocol::kErrorUnrecoverablePosition);
  }
  PublicationList publications;
  protocol::SubscribeResult reply_content;
  if (!describe(request, result, now, publications, reply_content)) {
    return end(protocol::kDisconnectInappropriateProtocol);
  }
  reply([&](std::string& out) { encoding().subscribe(out, request.id, reply_content); });
}

void Session::push_subscribed(const SubscriptionRequest& request,
                              const hub::SubscriptionResult& result) {
  if (subscriptions_.find(request.number)->is(Subscription::kRevoked)) {
    return leave(request.number);
  }
  if (!carries(request.data)) return end(protocol::kDisconnectInappropriateProtocol);
  protocol::SubscribePush push;
  PublicationList publications;
  if (!publications.add(result.publications, encoding().carries_binary)) {
    return end(protocol::kDisconnectInappropriateProtocol);
  }
  push.recoverable = request.recoverable;
  push.positioned = result.positioned;
  push.epoch = result.position.epoch;
  // What he missed follows one by one, and he counts on from where he was.
  push.offset = result.recovered ? request.since.offset : result.position.offset;
  push.data = request.data.bytes;
  reply([&](std::string& out) { encoding().subscribe_push(out, request.channel, push); });
  for (const protocol::Publication& publication : publications.view()) {
    reply(
        [&](std::string& out) { encoding().publication_push(out, request.channel, publication); });
  }
}

void Session::subscribe_by_server(const ServerSubscription& subscription, const Now& now) {
  if (!connected()) return;
  const auto options = channels::check_api_channel(namespaces(), subscription.channel);
  if (!options || find_subscription(subscription.channel) != nullptr) return;
  if (subscriptions_.size() >= context_.options->subscriptions_max) return;
  // Of a client that is connecting it becomes one more part of the connect.
  const bool connecting = state_ == State::Connecting;
  if (connecting) ++pending_->connecting->left;
  begin_server_subscription(subscription, connecting, now);
  flush_replies();
}

}  // namespace sanjay::session
