// SPDX-License-Identifier: Apache-2.0
#include "hub/home.h"

#include "core/assert.h"
#include "core/failpoint.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sanjay::hub {

Home::Home(const core::SipKey& key, const HomeOptions& options, Broker& broker,
           PublicationEncoder& encoder, HomeOutput& output)
    : options_(options),
      broker_(broker),
      output_(output),
      channels_(key, options.channels, encoder) {
  broker_.attach(*this);
}

BrokerTicket Home::new_call(Call&& call) {
  const BrokerTicket ticket = next_ticket_++;
  calls_.emplace(ticket, std::move(call));
  new_calls_.push_back(ticket);
  return ticket;
}

std::optional<Home::Call> Home::take_call(BrokerTicket ticket) {
  const auto found = calls_.find(ticket);
  if (found == calls_.end()) return std::nullopt;  // it came too late
  std::optional<Call> call(std::move(found->second));
  calls_.erase(found);
  return call;
}

void Home::on_answer(BrokerTicket ticket, Answer&& answer) {
  auto call = take_call(ticket);
  if (!call) return;
  if (std::holds_alternative<Failure>(answer)) stats_.failures.add();
  settle(std::move(*call), std::move(answer));
}

void Home::settle(Call&& call, Answer&& answer) {
  if (const auto* subscribe = std::get_if<Subscribe>(&call)) {
    on_subscribe_answer(subscribe->channel, std::get_if<Failure>(&answer));
  } else if (const auto* requester = std::get_if<ForRequester>(&call)) {
    output_.answer(requester->shard, {requester->reply_to, requester->publish, std::move(answer)});
  } else if (const auto* subscription = std::get_if<ForSubscription>(&call)) {
    on_subscription_answer(*subscription, std::move(answer));
  } else if (const auto* fill = std::get_if<Fill>(&call)) {
    on_filled(fill->channel, std::move(answer));
  } else if (const auto* check = std::get_if<Check>(&call)) {
    --channels_.at(check->channel).calls;
    touch(check->channel);
    const auto* history = std::get_if<History>(&answer);
    if (history != nullptr) compare(check->channel, *history);
  }
}

// The time of a call counts from the end of the turn that made it: what the loop slept before is
// none of the broker's.
void Home::take_answers(core::Instant now) {
  now_ = now;
  broker_.poll(now);
  check_positions(now);
  for (const BrokerTicket ticket : std::exchange(new_calls_, {})) {
    if (calls_.contains(ticket)) deadlines_.emplace_back(now + options_.call_timeout, ticket);
  }
  while (!deadlines_.empty() && deadlines_.front().first <= now) {
    auto call = take_call(deadlines_.front().second);
    deadlines_.pop_front();
    if (!call || FAILPOINT("hub.broker_timeout")) continue;
    stats_.timeouts.add();
    settle(std::move(*call), Failure::Timeout);
  }
  while (!deadlines_.empty() && !calls_.contains(deadlines_.front().second)) {
    deadlines_.pop_front();
  }
  for (const std::uint32_t channel : std::exchange(failed_subscribes_, {})) {
    subscribe_again_.emplace_back(now + options_.subscribe_again_after, channel);
  }
  while (!subscribe_again_.empty() && subscribe_again_.front().first <= now) {
    const std::uint32_t channel = subscribe_again_.front().second;
    subscribe_again_.pop_front();
    --channels_.at(channel).calls;
    channels_.at(channel).subscribing = false;
    if (!channels_.at(channel).joining.empty()) subscribe(channel);
    touch(channel);
  }
}

core::Instant Home::deadline() const {
  core::Instant first = core::kNever;
  if (!deadlines_.empty()) first = deadlines_.front().first;
  if (!subscribe_again_.empty()) first = std::min(first, subscribe_again_.front().first);
  if (!comparisons_.empty()) first = std::min(first, comparisons_.front().at);
  return first;
}

// --- interest

Home::InterestTaken Home::add_interest(std::string_view name,
                                       const HomeChannels::Interested& interested) {
  const std::uint32_t channel = channels_.find_or_create(name);
  const bool is_known = channels_.at(channel).subscribed || channels_.at(channel).subscribing;
  if (!is_known) subscribe(channel);
  return {channel, channels_.add_interest(channel, interested)};
}

std::uint32_t Home::remove_interest(core::ShardIndex shard, std::uint32_t channel) {
  const std::uint32_t local_channel = channels_.remove_interest(shard, channel);
  retire_if_unused(channel);
  return local_channel;
}

void Home::subscribe(std::uint32_t number) {
  Channel& channel = channels_.at(number);
  const BrokerTicket ticket = new_call(Subscribe{number});
  ++channel.calls;
  channel.subscribing = true;
  if (!broker_.subscribe(channel.name, ticket)) return;
  take_call(ticket);
  --channel.calls;
  on_subscribed(number);
}

void Home::on_subscribe_answer(std::uint32_t number, const Failure* failure) {
  Channel& channel = channels_.at(number);
  if (failure == nullptr) {
    --channel.calls;
    on_subscribed(number);
    return;
  }
  // Whoever waits longer than that is told by his own shard; the call counts until it is made.
  failed_subscribes_.push_back(number);
  if (!channel.following) return;
  for (auto& [key, beginning] : channel.following->beginning) {
    beginning.failure = *failure;
  }
  touch(number);
}

void Home::on_subscribed(std::uint32_t number) {
  channels_.at(number).subscribing = false;
  channels_.set_subscribed(number);
  touch(number);
  Channel& channel = channels_.at(number);
  if (!channel.following) return;
  for (auto& [key, beginning] : channel.following->beginning) start(number, beginning);
}

void Home::retire_if_unused(std::uint32_t number) {
  if (!channels_.is_unused(number)) return;
  broker_.unsubscribe(channels_.at(number).name);
  channels_.erase(number);
}

// --- requests of others

std::optional<Answer> Home::publish(core::ShardIndex from, std::string_view channel,
                                    const Publication& publication, const PublishOptions& options,
                                    const ReplyTo& reply_to) {
  const auto number = channels_.find(channel);
  if (number && !channels_.has_room(*number, publication.received)) return Busy{};
  const BrokerTicket ticket = next_ticket_++;
  publishing_ = {channel, number};
  auto answer = broker_.publish(channel, publication, options, ticket);
  publishing_ = {};
  if (answer) return answer;
  calls_.emplace(ticket, ForRequester{from, reply_to, true});
  new_calls_.push_back(ticket);
  return std::nullopt;
}

void Home::query(core::ShardIndex from, const Query& query) {
  const BrokerTicket ticket = new_call(ForRequester{from, query.reply_to, false});
  switch (query.what) {
    case Query::What::History:
      return broker_.history(query.channel, query.history, ticket);
    case Query::What::RemoveHistory:
      return broker_.remove_history(query.channel, ticket);
    case Query::What::Presence:
      return broker_.presence(query.channel, ticket);
    case Query::What::PresenceStats:
      return broker_.presence_stats(query.channel, ticket);
  }
}

// --- subscriptions

Following& Home::following_of(std::uint32_t number) {
  Channel& channel = channels_.at(number);
  if (!channel.following) {
    channel.following = std::make_unique<Following>();
    schedule_check(number, now_);
  }
  return *channel.following;
}

void Home::begin(core::ShardIndex from, SubscriptionRequest&& request) {
  const auto number = channels_.find(request.channel);
  ASSERT(number.has_value());  // its interest came before
  Following& following = following_of(*number);
  following.history_meta_ttl = request.options.history_meta_ttl;
  const auto [place, is_new] =
      following.beginning.emplace(beginning_key(from, request.ticket),
                                  BeginningSubscription{from, request.subscription, request.ticket,
                                                        std::move(request.options)});
  ASSERT(is_new);
  if (channels_.at(*number).subscribed) start(*number, place->second);
  touch(*number);
}

void Home::start(std::uint32_t number, BeginningSubscription& beginning) {
  Channel& channel = channels_.at(number);
  const SubscriptionOptions& options = beginning.options;
  beginning.started = true;
  if (options.presence) {
    beginning.presence_added = true;
    broker_.add_presence(channel.name, options.info.view(), call_for(number, beginning));
  }
  if (options.recover) {
    HistoryQuery query{.meta_ttl = options.history_meta_ttl};
    if (options.newest_only) {
      // The newest that a filter lets through may stand further back.
      query.limit = options.filter ? static_cast<std::int32_t>(options.publications_max) : 1;
      query.reverse = true;
    } else {
      query.limit = static_cast<std::int32_t>(options.publications_max);
      query.has_since = true;
      query.since = options.since;
    }
    broker_.history(channel.name, query, call_for(number, beginning));
  } else if (options.positioned && !channel.following->known) {
    read_position(number, beginning);
  }
}

BrokerTicket Home::call_for(std::uint32_t number, BeginningSubscription& beginning) {
  ++channels_.at(number).calls;
  ++beginning.calls_left;
  return new_call(ForSubscription{number, beginning.shard, beginning.ticket});
}

void Home::read_position(std::uint32_t number, BeginningSubscription& beginning) {
  broker_.history(channels_.at(number).name, {.meta_ttl = beginning.options.history_meta_ttl},
                  call_for(number, beginning));
}

BeginningSubscription* Home::find_beginning(std::uint32_t number, core::ShardIndex shard,
                                            std::uint32_t ticket) {
  const Channel& channel = channels_.at(number);
  if (!channel.following) return nullptr;
  const auto found = channel.following->beginning.find(beginning_key(shard, ticket));
  return found == channel.following->beginning.end() ? nullptr : &found->second;
}

void Home::on_subscription_answer(const ForSubscription& call, Answer&& answer) {
  --channels_.at(call.channel).calls;
  touch(call.channel);
  BeginningSubscription* beginning = find_beginning(call.channel, call.shard, call.ticket);
  if (beginning == nullptr) return;  // it has departed
  --beginning->calls_left;
  if (const auto* failure = std::get_if<Failure>(&answer)) {
    beginning->failure = *failure;
    return;
  }
  auto* history = std::get_if<History>(&answer);
  if (history == nullptr) return;
  Following& following = following_of(call.channel);
  if (!following.known && !following.is_blocked()) {
    following.known = true;
    following.view = history->top;
  } else {
    compare(call.channel, *history);
  }
  if (!beginning->history) beginning->history = std::move(*history);
}

// Those that are ready begin at the present end of the channel's order, everything appended being
// handed over.
void Home::finish_beginnings(std::uint32_t number) {
  Channel& channel = channels_.at(number);
  if (!channel.following) return;
  if (channel.pending && !FAILPOINT("hub.begin_after_batch")) return;
  Following& following = *channel.following;
  std::vector<OwnedClientInfo> announced;
  for (auto place = following.beginning.begin(); place != following.beginning.end();) {
    BeginningSubscription& beginning = place->second;
    const SubscriptionOptions& options = beginning.options;
    const bool failed = beginning.failure.has_value();
    const bool done = beginning.started && beginning.calls_left == 0 && !following.is_blocked();
    const bool follows = options.positioned || options.recover;
    if (!failed && done && follows && !following.known) read_position(number, beginning);
    if (!failed && (!done || beginning.calls_left > 0)) {
      ++place;
      continue;
    }
    output_.reply(beginning.shard,
                  {beginning.subscription, beginning.ticket, result_of(channel, beginning)});
    if (failed && options.announced) {
      refused_.insert(beginning_key(beginning.shard, beginning.ticket));
    }
    if (failed && beginning.presence_added) {
      broker_.remove_presence(channel.name, options.info.client, new_call(ForNobody{}));
    }
    if (!failed && options.announced) announced.push_back(options.info);
    place = following.beginning.erase(place);
  }
  if (following.beginning.empty()) following.captured.clear();
  for (const OwnedClientInfo& info : announced) {
    broker_.publish_join(channel.name, info.view());
  }
}

SubscriptionResult Home::result_of(const Channel& channel, const BeginningSubscription& beginning) {
  const Following& following = *channel.following;
  SubscriptionResult result;
  result.failure = beginning.failure;
  const SubscriptionOptions& options = beginning.options;
  if (result.failure || !(options.positioned || options.recover)) return result;
  result.positioned = true;
  result.position = following.view;
  if (!options.recover) return result;
  Recovery recovery =
      options.newest_only
          ? recover_newest(options.since, following.view, *beginning.history, following.captured,
                           options.filter.get())
          : recover_all(options.since, following.view, *beginning.history, following.captured);
  result.recovered = recovery.recovered;
  result.publications = std::move(recovery.publications);
  result.epoch_matches = options.since.epoch.empty() || options.since.epoch == following.view.epoch;
  // Something without a place in the history may have come behind the last that he recovers.
  result.based = !result.publications.empty() && channel.delta_base &&
                 channel.delta_base->bytes == result.publications.back()->view().data;
  return result;
}

// Of one who waited, when his shard sent this: either he is found, or the reply is on its way, and
// what it says counts.
void Home::depart(core::ShardIndex from, const Departure& departure) {
  const auto number = channels_.find(departure.channel);
  bool presence = departure.presence;
  bool announced = departure.announced;
  if (departure.ticket != 0 && refused_.erase(beginning_key(from, departure.ticket)) > 0 &&
      !FAILPOINT("hub.refused")) {
    announced = false;
  }
  if (number && departure.ticket != 0) {
    if (const auto* beginning = find_beginning(*number, from, departure.ticket)) {
      presence = beginning->presence_added;
      announced = false;
      Following& following = following_of(*number);
      following.beginning.erase(beginning_key(from, departure.ticket));
      if (following.beginning.empty()) following.captured.clear();
      touch(*number);
    }
  }
  if (presence && !FAILPOINT("hub.departure")) {
    broker_.remove_presence(departure.channel, departure.info.client, new_call(ForNobody{}));
  }
  if (announced) broker_.publish_leave(departure.channel, departure.info.view());
}

}  // namespace sanjay::hub
