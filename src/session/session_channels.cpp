// SPDX-License-Identifier: Apache-2.0

// The part of Session that deals with channels, once subscribed: publishing, leaving, expiry.

#include "core/assert.h"
#include "core/failpoint.h"
#include "session/pending.h"
#include "session/session.h"

#include <algorithm>
#include <utility>

namespace sanjay::session {

Subscription* Session::find_subscription(std::string_view channel) {
  if (subscriptions_.empty()) return nullptr;
  const auto number = context_.hub.find_channel(channel);
  if (!number) return nullptr;
  for (Subscription& subscription : subscriptions_) {
    if (context_.hub.channel_of(subscription.number) == *number) return &subscription;
  }
  return nullptr;
}

channels::Asker Session::asker(std::string_view channel) {
  return {.user = user(),
          .insecure = context_.options->insecure,
          .subscribed = find_subscription(channel) != nullptr};
}

void Session::leave(hub::SubscriptionNumber number) {
  const Subscription* subscription = subscriptions_.find(number);
  const SubscriptionExtras* extras = subscriptions_.extras_of(*subscription);
  const ClientId::Text client = client_.text();
  context_.hub.unsubscribe(
      number,
      {subscription->is(Subscription::kPresence), subscription->is(Subscription::kAnnounced),
       info_of(extras == nullptr ? std::string_view() : extras->chan_info, client)});
  if (subscription->is(Subscription::kPending)) {
    // Its number will be another's, who must not be taken for this one.
    pending_->forget(number);
    if (pending_->is_empty()) pending_.reset();
  }
  subscriptions_.remove(number);
}

void Session::revoke(hub::SubscriptionNumber number, const protocol::Unsubscribe& unsubscribe) {
  Subscription* subscription = subscriptions_.find(number);
  if (subscription->is(Subscription::kPending)) {
    subscription->flags |= Subscription::kRevoked;  // the hub's answer is on its way
    return;
  }
  if (state_ == State::Connecting) {  // he has not been told of it, and will not be
    pending_->connecting->forget(number);
    return leave(number);
  }
  const std::string channel(context_.hub.name_of(number));
  leave(number);
  reply([&](std::string& out) { encoding().unsubscribe_push(out, channel, unsubscribe); });
}

void Session::unsubscribe_by_server(std::string_view channel,
                                    const protocol::Unsubscribe& unsubscribe) {
  const Subscription* found = find_subscription(channel);
  if (found == nullptr) return;
  revoke(found->number, unsubscribe);
  flush_replies();
}

void Session::unsubscribe_from_all_by_server(const protocol::Unsubscribe& unsubscribe) {
  const std::vector<Subscription> all(subscriptions_.begin(), subscriptions_.end());
  for (const Subscription& subscription : all) revoke(subscription.number, unsubscribe);
  flush_replies();
}

void Session::expire_subscriptions(const Now& now) {
  const core::Duration delay = context_.options->expired_subscription_close_delay;
  const auto is_due = [&] {
    const core::Instant expiry = subscriptions_.first_expiry();
    return expiry != core::kNever && now.instant >= expiry + delay &&
           !FAILPOINT("session.subscription_expiry");
  };
  while (state_ != State::Closed && is_due()) {
    for (const Subscription& subscription : subscriptions_) {
      SubscriptionExtras* extras = subscriptions_.extras_of(subscription);
      if (extras == nullptr || extras->expires == core::kNever) continue;
      if (now.instant < extras->expires + delay) continue;
      if (subscription.is(Subscription::kServerSide)) {
        return end(protocol::kDisconnectSubscriptionExpired);
      }
      extras->expires = core::kNever;  // once, also where it is still being made
      revoke(subscription.number, protocol::kUnsubscribeExpired);
      break;
    }
  }
  flush_replies();
}

void Session::unsubscribe(std::uint32_t id, const protocol::UnsubscribeRequest& request) {
  if (request.channel.empty()) return end(protocol::kDisconnectBadRequest);
  const Subscription* found = find_subscription(request.channel);
  if (found != nullptr) leave(found->number);
  reply([&](std::string& out) { encoding().empty(out, id, protocol::EmptyResult::Unsubscribe); });
}

std::optional<Session::Step> Session::wait_to_publish(core::ShardIndex home) {
  if (publishes_in_flight_ == 0) return std::nullopt;
  if (home == publishing_to_ && publishes_in_flight_ < context_.options->publishes_pipelined_max) {
    return std::nullopt;
  }
  wait_ = Wait::Publishes;
  return Step::Again;
}

Session::Step Session::publish(std::uint32_t id, const protocol::PublishRequest& request,
                               const Now& now) {
  if (request.channel.empty()) {
    end(protocol::kDisconnectBadRequest);
    return Step::Done;
  }
  const core::ShardIndex home = context_.hub.home_of(request.channel);
  if (const auto step = wait_to_publish(home)) return *step;
  const auto refuse = [&](const protocol::Error& error) {
    reply_error(id, error);
    return Step::Done;
  };
  const auto options = channels::check_name(namespaces(), request.channel);
  if (!options) return refuse(options.error());
  if (request.type != protocol::kStream) return refuse(protocol::kErrorBadRequest);
  const bool is_json = encoding_ == hub::Encoding::JsonWebSocket;
  if (const auto error = channels::check_data(**options, request.data, is_json)) {
    return refuse(*error);
  }
  const Subscription* subscription = find_subscription(request.channel);
  const channels::Asker who{.user = user(),
                            .insecure = context_.options->insecure,
                            .subscribed = subscription != nullptr};
  if (const auto error = channels::check_publish(**options, who)) return refuse(*error);
  const SubscriptionExtras* extras =
      subscription == nullptr ? nullptr : subscriptions_.extras_of(*subscription);
  const ClientId::Text client = client_.text();
  hub::Publication publication;
  publication.data = request.data;
  publication.publisher =
      info_of(extras == nullptr ? std::string_view() : extras->chan_info, client);
  publication.received = now.instant;
  publication.data_is_json = is_json;
  hub::PublishOptions how;
  const channels::HistorySettings& history = (*options)->history;
  how.history = {history.size, history.ttl, history.meta_ttl};
  const auto answer = context_.hub.publish(request.channel, publication, how, {connection_, id});
  if (answer && std::holds_alternative<hub::Busy>(*answer)) return on_publish_busy(id, now);
  if (answer) {
    on_publish_answer(id, *answer);
  } else {
    ++publishes_in_flight_;
    publishing_to_ = home;
  }
  return Step::Done;
}

Session::Step Session::on_publish_busy(std::uint32_t id, const Now& now) {
  if (waits_since_ == core::Instant{}) waits_since_ = now.instant;
  if (now.instant - waits_since_ < context_.options->publish_wait_max ||
      FAILPOINT("session.publish_wait")) {
    wait_ = Wait::Capacity;
    return Step::Again;
  }
  reply_error(id, protocol::kErrorTooManyRequests);
  return Step::Done;
}

void Session::on_publish_answer(std::uint32_t id, const hub::Answer& answer) {
  if (std::holds_alternative<hub::Published>(answer)) {
    reply([&](std::string& out) { encoding().empty(out, id, protocol::EmptyResult::Publish); });
  } else if (const auto* failure = std::get_if<hub::Failure>(&answer);
             failure != nullptr && *failure != hub::Failure::Overloaded) {
    reply_error(id, protocol::kErrorInternal);
  } else {
    reply_error(id, protocol::kErrorTooManyRequests);
  }
}

Session::Step Session::sub_refresh(std::uint32_t id, const protocol::SubRefreshRequest& request,
                                   const Now& now) {
  using Kind = auth::TokenError::Kind;
  const auto disconnect = [this](const protocol::Disconnect& why) {
    end(why);
    return Step::Done;
  };
  const auto refuse = [&](const protocol::Error& error) {
    reply_error(id, error);
    return Step::Done;
  };
  if (request.channel.empty()) return disconnect(protocol::kDisconnectBadRequest);
  const Subscription* subscription = find_subscription(request.channel);
  if (subscription == nullptr) return refuse(protocol::kErrorPermissionDenied);
  if (request.type != 0) return refuse(protocol::kErrorNotAvailable);
  if (request.token.empty()) return refuse(protocol::kErrorBadRequest);
  const SessionOptions& options = *context_.options;
  const auto& verifier = options.subscription_verifier;
  if (!verifier) return disconnect(protocol::kDisconnectInvalidToken);
  const auto claims = verifier->verify_subscription(request.token, now.wall, &context_.signatures);
  if (!claims) {
    switch (claims.error().kind) {
      case Kind::Expired:
        return disconnect(protocol::kDisconnectSubscriptionExpired);
      case Kind::Invalid:
        return disconnect(protocol::kDisconnectInvalidToken);
      case Kind::Unavailable:
        return refuse(protocol::kErrorInternal);
      case Kind::KeysPending:
        if (const auto step = wait_for_keys(now)) return *step;
        return refuse(protocol::kErrorInternal);
    }
  }
  if (!is_mine(*claims, request.channel)) return disconnect(protocol::kDisconnectInvalidToken);
  core::Instant expires = core::kNever;
  if (claims->expire_at) expires = now.instant + (*claims->expire_at - now.wall);
  if (expires <= now.instant) return refuse(protocol::kErrorExpired);
  subscriptions_.set_extras(subscription->number, expires, auth::json_of(claims->info));
  protocol::RefreshResult result;
  if (expires != core::kNever) result = {true, ttl_seconds(expires, now)};
  reply([&](std::string& out) { encoding().sub_refresh(out, id, result); });
  return Step::Done;
}

}  // namespace sanjay::session
