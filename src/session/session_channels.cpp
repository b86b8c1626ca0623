// SPDX-License-Identifier: Apache-2.0

// The part of Session that deals with channels: subscriptions and publishing.

#include "core/assert.h"
#include "core/failpoint.h"
#include "protocol/json_encoder.h"
#include "session/session.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sanjay::session {

std::vector<hub::SubscriptionNumber>::iterator Session::find_subscription(
    std::string_view channel) {
  const auto number = context_.hub.find_channel(channel);
  if (!number) return subscriptions_.end();
  return std::find_if(subscriptions_.begin(), subscriptions_.end(), [&](auto subscription) {
    return context_.hub.channel_of(subscription) == *number;
  });
}

Session::Step Session::subscribe(std::uint32_t id, const protocol::SubscribeRequest& request) {
  if (request.channel.empty() || (!request.delta.empty() && request.delta != "fossil")) {
    end(protocol::kDisconnectBadRequest);
    return Step::Done;
  }
  const ChannelRules& rules = context_.options->channels;
  auto refusal = check_channel_name(rules, request.channel);
  if (!refusal && find_subscription(request.channel) != subscriptions_.end()) {
    refusal = protocol::kErrorAlreadySubscribed;
  }
  if (!refusal && subscriptions_.size() >= context_.options->subscriptions_max &&
      !FAILPOINT("session.subscriptions")) {
    refusal = protocol::kErrorLimitExceeded;
  }
  if (!refusal && request.type != protocol::kStream) refusal = protocol::kErrorPermissionDenied;
  if (!refusal && request.tags_filter) refusal = protocol::kErrorBadRequest;
  if (!refusal) refusal = check_subscribe(rules, request.channel, user(), !request.token.empty());
  if (refusal) {
    reply_error(id, *refusal);
    return Step::Done;
  }
  const auto subscribed = context_.hub.subscribe(connection_, request.channel, encoding_);
  if (!subscribed) {
    reply_error(id, protocol::kErrorLimitExceeded);
    return Step::Done;
  }
  subscriptions_.push_back(subscribed->number);
  if (subscribed->live) {
    reply([&](std::string& out) { protocol::append_subscribe_reply(out, id, {}); });
  } else {
    subscribe_id_ = id;
    wait_ = Wait::Subscribe;
  }
  return Step::Done;
}

void Session::on_subscribed(hub::SubscriptionNumber subscription, const Now&) {
  ASSERT(wait_ == Wait::Subscribe && subscriptions_.back() == subscription);
  wait_ = Wait::Nothing;
  if (std::exchange(revoked_, false)) {
    leave(std::prev(subscriptions_.end()));
    reply_error(subscribe_id_, protocol::kErrorPermissionDenied);
  } else {
    reply([&](std::string& out) { protocol::append_subscribe_reply(out, subscribe_id_, {}); });
  }
  flush_replies();
}

void Session::leave(std::vector<hub::SubscriptionNumber>::iterator subscription) {
  context_.hub.unsubscribe(*subscription);
  *subscription = subscriptions_.back();
  subscriptions_.pop_back();
}

void Session::unsubscribe_by_server(std::string_view channel,
                                    const protocol::Unsubscribe& unsubscribe) {
  const auto found = find_subscription(channel);
  if (found == subscriptions_.end()) return;
  revoke(static_cast<std::size_t>(found - subscriptions_.begin()), unsubscribe);
  flush_replies();
}

void Session::unsubscribe_from_all_by_server(const protocol::Unsubscribe& unsubscribe) {
  for (std::size_t i = subscriptions_.size(); i > 0; --i) revoke(i - 1, unsubscribe);
  flush_replies();
}

void Session::revoke(std::size_t subscription, const protocol::Unsubscribe& unsubscribe) {
  if (wait_ == Wait::Subscribe && subscription + 1 == subscriptions_.size()) {
    revoked_ = true;  // the home shard's answer is on its way
    return;
  }
  const std::string channel(context_.hub.name_of(subscriptions_[subscription]));
  // The order matters to one that waits, which is and stays the last.
  context_.hub.unsubscribe(subscriptions_[subscription]);
  subscriptions_.erase(subscriptions_.begin() + static_cast<std::ptrdiff_t>(subscription));
  reply([&](std::string& out) { protocol::append_unsubscribe_push(out, channel, unsubscribe); });
}

void Session::unsubscribe(std::uint32_t id, const protocol::UnsubscribeRequest& request) {
  if (request.channel.empty()) return end(protocol::kDisconnectBadRequest);
  if (const auto found = find_subscription(request.channel); found != subscriptions_.end()) {
    leave(found);
  }
  reply([&](std::string& out) {
    protocol::append_empty_reply(out, id, protocol::EmptyResult::Unsubscribe);
  });
}

Session::Step Session::publish(std::uint32_t id, const protocol::PublishRequest& request,
                               const Now& now) {
  if (request.channel.empty()) {
    end(protocol::kDisconnectBadRequest);
    return Step::Done;
  }
  const core::ShardIndex home = context_.hub.home_of(request.channel);
  if (publishes_in_flight_ > 0 &&
      (home != publishing_to_ ||
       publishes_in_flight_ >= context_.options->publishes_pipelined_max)) {
    wait_ = Wait::Publishes;
    return Step::Again;
  }
  const ChannelRules& rules = context_.options->channels;
  auto refusal = check_channel_name(rules, request.channel);
  if (!refusal && (request.data.empty() || request.type != protocol::kStream)) {
    refusal = protocol::kErrorBadRequest;
  }
  if (!refusal) {
    const bool subscribed = rules.allow_publish_for_subscriber &&
                            find_subscription(request.channel) != subscriptions_.end();
    refusal = check_publish(rules, user(), subscribed);
  }
  if (refusal) {
    reply_error(id, *refusal);
    return Step::Done;
  }
  const ClientId::Text client = client_.text();
  const hub::Publication publication{
      request.data, {view(client), user(), conn_info_, {}}, now.instant};
  switch (context_.hub.publish(request.channel, publication, {connection_, id})) {
    case hub::PublishOutcome::Accepted:
      reply([&](std::string& out) {
        protocol::append_empty_reply(out, id, protocol::EmptyResult::Publish);
      });
      waits_since_ = {};
      break;
    case hub::PublishOutcome::Pending:
      ++publishes_in_flight_;
      publishing_to_ = home;
      waits_since_ = {};
      break;
    case hub::PublishOutcome::Busy:
      if (waits_since_ == core::Instant{}) waits_since_ = now.instant;
      if (now.instant - waits_since_ < context_.options->publish_wait_max ||
          FAILPOINT("session.publish_wait")) {
        wait_ = Wait::Capacity;
        return Step::Again;
      }
      waits_since_ = {};
      reply_error(id, protocol::kErrorTooManyRequests);
      break;
  }
  return Step::Done;
}

void Session::on_published(std::uint32_t request, hub::PublishOutcome outcome, const Now&) {
  if (state_ == State::Closed) return;
  ASSERT(publishes_in_flight_ > 0);
  --publishes_in_flight_;
  if (outcome == hub::PublishOutcome::Accepted) {
    reply([&](std::string& out) {
      protocol::append_empty_reply(out, request, protocol::EmptyResult::Publish);
    });
  } else {
    reply_error(request, protocol::kErrorTooManyRequests);
  }
  flush_replies();
}

void Session::sub_refresh(std::uint32_t id, const protocol::SubRefreshRequest& request) {
  if (request.channel.empty()) return end(protocol::kDisconnectBadRequest);
  const bool subscribed = find_subscription(request.channel) != subscriptions_.end();
  reply_error(id, subscribed ? protocol::kErrorNotAvailable : protocol::kErrorPermissionDenied);
}

}  // namespace sanjay::session
