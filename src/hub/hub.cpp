// SPDX-License-Identifier: Apache-2.0
#include "hub/hub.h"

#include "core/assert.h"
#include "core/failpoint.h"

#include <string>
#include <utility>

namespace sanjay::hub {

using State = LocalChannels::State;

Hub::Hub(const HubOptions& options, FlowMeter& flow, Broker& broker, PublicationEncoder& encoder,
         MailCarrier& carrier, DeliverySink& sink, HubEvents& events)
    : options_(options),
      flow_(flow),
      carrier_(carrier),
      events_(events),
      home_(options.key, options.home, broker, encoder, *this),
      local_(options.key, options.channels_max, sink),
      waiting_(options.shards),
      publishes_in_flight_(options.shards) {}

core::ShardIndex Hub::home_of(std::string_view channel) const {
  if (options_.shards == 1) return 0;
  return static_cast<core::ShardIndex>(core::siphash(options_.key, channel) % options_.shards);
}

// Mail to one shard keeps its order: nothing overtakes what waits. What may wait is bounded: for
// each local channel one leave and one interest per form, for each subscription one request and one
// departure, for each of these and each query and publish in flight one answer, and one batch
// (hand_over() sends no more while mail waits).
void Hub::post(core::ShardIndex to, Mail&& mail) {
  if (waiting_[to].empty() && carrier_.send(to, std::move(mail))) return;
  waiting_[to].push_back(std::move(mail));
  ++waiting_mail_;
}

std::optional<Hub::Subscribed> Hub::subscribe(core::ConnectionId connection, std::string_view name,
                                              Encoding encoding, SubscriptionOptions options,
                                              bool held) {
  if (!local_.has_room()) return std::nullopt;
  const auto number = local_.find_or_create(name);
  if (!number) return std::nullopt;
  const Form form = form_of(encoding, options.joins, options.variant);
  LocalChannels::Beginning beginning;
  beginning.asked_home = options.asks_home();
  beginning.live = tell_interest(*number, form) && !beginning.asked_home;
  beginning.held = held;
  if (!beginning.live) beginning.ticket = new_ticket();
  if (beginning.asked_home) {
    beginning.departure = std::make_shared<const Departure>(
        std::string(name), beginning.ticket, options.presence, options.announced, options.info);
  }
  const SubscriptionNumber subscription = local_.add(*number, connection, form, beginning);
  if (!beginning.live) new_deadlines_.push_back({{}, subscription, beginning.ticket});
  if (beginning.asked_home) {
    const core::ShardIndex home = home_of(name);
    SubscriptionRequest request{std::string(name), subscription, beginning.ticket,
                                std::move(options)};
    if (home == options_.shard) {
      home_.begin(home, std::move(request));
    } else {
      post(home, std::make_unique<SubscriptionRequest>(std::move(request)));
    }
  }
  return Subscribed{subscription, beginning.live};
}

std::uint32_t Hub::new_ticket() {
  if (next_ticket_ == 0) ++next_ticket_;  // 0 names none
  return next_ticket_++;
}

// Answers whether the home shard will send, from this moment on, all that it orders. Our own home
// is told each time: even where this shard is interested already, the new subscriber must not be
// live before what waits has been handed over, for it was published before he came.
bool Hub::tell_interest(std::uint32_t number, Form form) {
  LocalChannels::Channel& channel = local_.at(number);
  const FormSet bit = bit_of(form);
  const core::ShardIndex home = home_of(channel.name);
  if (home == options_.shard) {
    const auto taken = home_.add_interest(channel.name, {options_.shard, bit, number});
    channel.home_channel = taken.home_channel;
    if (taken.joined) {
      channel.state = State::Active;
      channel.confirmed |= bit;
    } else if (channel.state == State::Idle) {
      channel.state = State::Asked;
    }
    return taken.joined;
  }
  if ((channel.asked & bit) == 0) {
    if (channel.state == State::Idle) channel.state = State::Asked;
    if (channel.state == State::Leaving) channel.state = State::Rejoining;
    channel.asked |= bit;
    post(home, Interest{channel.name, number, bit});
  }
  return (channel.confirmed & bit) != 0;
}

void Hub::unsubscribe(SubscriptionNumber subscription, const Leaving& leaving) {
  const std::uint32_t number = local_.channel_of(subscription);
  // What one who waits has asked for is known here; of those who are live nothing is kept.
  if (const auto departure = local_.departure_of(subscription)) {
    depart(*departure);
  } else if (leaving.presence || leaving.announced) {
    depart({local_.at(number).name, 0, leaving.presence, leaving.announced,
            OwnedClientInfo(leaving.info)});
  }
  local_.remove(subscription);
  if (local_.subscriber_count(number) == 0) leave_home(number);
}

void Hub::depart(const Departure& departure) {
  const core::ShardIndex home = home_of(departure.channel);
  if (home == options_.shard) {
    home_.depart(home, departure);
  } else {
    post(home, std::make_unique<Departure>(departure));
  }
}

// A channel whose home has not answered yet is left once it does: the home must be told the number
// by which it knows the channel, and only its answer says it.
void Hub::leave_home(std::uint32_t number) {
  LocalChannels::Channel& channel = local_.at(number);
  const core::ShardIndex home = home_of(channel.name);
  if (home != options_.shard && channel.state != State::Active) return;
  channel.asked = channel.confirmed = 0;
  if (home == options_.shard) {
    home_.remove_interest(options_.shard, channel.home_channel);
    channel.state = State::Idle;
    local_.erase_if_unused(number);
  } else {
    channel.state = State::Leaving;
    post(home, Disinterest{channel.home_channel});
  }
}

std::optional<Answer> Hub::publish(std::string_view channel, const Publication& publication,
                                   const PublishOptions& options, const ReplyTo& reply_to) {
  const core::ShardIndex home = home_of(channel);
  if (home == options_.shard) {
    return publish_at_home(home, channel, publication, options, reply_to);
  }
  if (!waiting_[home].empty() || publishes_in_flight_[home] >= options_.publishes_in_flight_max) {
    return Busy{};
  }
  ++publishes_in_flight_[home];
  post(home, std::make_unique<PublishRequest>(channel, publication, options, reply_to));
  return std::nullopt;
}

std::optional<Answer> Hub::publish_at_home(core::ShardIndex from, std::string_view channel,
                                           const Publication& publication,
                                           const PublishOptions& options, const ReplyTo& reply_to) {
  auto answer = home_.publish(from, channel, publication, options, reply_to);
  const bool busy = answer && std::holds_alternative<Busy>(*answer);
  (busy ? stats_.busy : stats_.publications).add();
  return answer;
}

std::optional<Answer> Hub::history(std::string_view channel, const HistoryQuery& query,
                                   const ReplyTo& reply_to) {
  return ask({std::string(channel), reply_to, Query::What::History, query});
}

std::optional<Answer> Hub::remove_history(std::string_view channel, const ReplyTo& reply_to) {
  return ask({std::string(channel), reply_to, Query::What::RemoveHistory});
}

std::optional<Answer> Hub::presence(std::string_view channel, const ReplyTo& reply_to) {
  return ask({std::string(channel), reply_to, Query::What::Presence});
}

std::optional<Answer> Hub::presence_stats(std::string_view channel, const ReplyTo& reply_to) {
  return ask({std::string(channel), reply_to, Query::What::PresenceStats});
}

std::optional<Answer> Hub::ask(Query&& query) {
  if (queries_in_flight_ >= options_.queries_in_flight_max && !FAILPOINT("hub.queries")) {
    return Busy{};
  }
  ++queries_in_flight_;
  const core::ShardIndex home = home_of(query.channel);
  if (home == options_.shard) {
    home_.query(home, query);
  } else {
    post(home, std::make_unique<Query>(std::move(query)));
  }
  return std::nullopt;
}

void Hub::on_mail(core::ShardIndex from, Mail&& mail) {
  if (const auto* batch = std::get_if<PublicationBatch>(&mail)) {
    local_.enqueue(batch->local_channel, from, batch->batch);
    work_left_ = true;
  } else if (const auto* request = std::get_if<std::unique_ptr<PublishRequest>>(&mail)) {
    on_publish_request(from, **request);
  } else if (const auto* result = std::get_if<PublishResult>(&mail)) {
    take_answer(from,
                {result->reply_to, true, result->published ? Answer(Published{}) : Answer(Busy{})});
  } else if (const auto* interest = std::get_if<Interest>(&mail)) {
    on_interest(from, *interest);
  } else if (const auto* confirmed = std::get_if<InterestConfirmed>(&mail)) {
    std::vector<Decided> decided;
    confirm_interest(*confirmed, decided);
    tell(std::move(decided));
  } else if (const auto* disinterest = std::get_if<Disinterest>(&mail)) {
    const std::uint32_t local_channel = home_.remove_interest(from, disinterest->home_channel);
    post(from, DisinterestConfirmed{local_channel});
  } else if (const auto* left = std::get_if<DisinterestConfirmed>(&mail)) {
    confirm_disinterest(left->local_channel);
  } else {
    on_rare_mail(from, std::move(mail));
  }
}

void Hub::on_rare_mail(core::ShardIndex from, Mail&& mail) {
  if (auto* request = std::get_if<std::unique_ptr<SubscriptionRequest>>(&mail)) {
    home_.begin(from, std::move(**request));
  } else if (auto* reply = std::get_if<std::unique_ptr<SubscriptionReply>>(&mail)) {
    std::vector<Decided> decided;
    take_reply(std::move(**reply), decided);
    tell(std::move(decided));
  } else if (const auto* departure = std::get_if<std::unique_ptr<Departure>>(&mail)) {
    home_.depart(from, **departure);
  } else if (const auto* query = std::get_if<std::unique_ptr<Query>>(&mail)) {
    home_.query(from, **query);
  } else if (auto* answer = std::get_if<std::unique_ptr<QueryReply>>(&mail)) {
    take_answer(from, std::move(**answer));
  }
}

void Hub::on_interest(core::ShardIndex from, const Interest& interest) {
  const auto taken =
      home_.add_interest(interest.channel, {from, interest.forms, interest.local_channel});
  if (!taken.joined) return;  // confirmed by hand_over()
  post(from, InterestConfirmed{interest.local_channel, taken.home_channel, interest.forms});
}

void Hub::on_publish_request(core::ShardIndex from, const PublishRequest& request) {
  auto answer = publish_at_home(from, request.channel, request.publication.view(), request.options,
                                request.reply_to);
  if (answer) this->answer(from, {request.reply_to, true, *std::move(answer)});
}

// --- what the home shard says

void Hub::confirm_interest(const InterestConfirmed& confirmed, std::vector<Decided>& decided) {
  LocalChannels::Channel& channel = local_.at(confirmed.local_channel);
  // The answer to a question asked before we left: the one that counts comes after the home shard
  // has confirmed our leaving.
  if (channel.state == State::Leaving || channel.state == State::Rejoining) return;
  channel.state = State::Active;
  channel.home_channel = confirmed.home_channel;
  channel.confirmed |= confirmed.forms;
  if (local_.subscriber_count(confirmed.local_channel) == 0) {
    return leave_home(confirmed.local_channel);
  }
  for (const auto& admitted : local_.admit_waiting(confirmed.local_channel)) {
    decided.push_back({admitted.connection, admitted.subscription});
  }
}

void Hub::take_reply(SubscriptionReply&& reply, std::vector<Decided>& decided) {
  const auto waiting = local_.find_waiting(reply.subscription, reply.ticket);
  if (!waiting) return;  // it has ended meanwhile
  if (!reply.result.failure) local_.admit(reply.subscription);
  decided.push_back({waiting->connection, reply.subscription, std::move(reply.result)});
}

// Who is told may end others of these subscriptions, failed ones too, and begin new ones: what has
// ended is not told, and nothing new has the number of one that is still to be told.
void Hub::tell(std::vector<Decided>&& decided) {
  if (decided.empty()) return;
  if (!FAILPOINT("hub.tell")) local_.hold_numbers();
  for (Decided& one : decided) {
    if (!local_.in_use(one.subscription)) continue;
    // The home shard hears of this end as well, so that it can tell it from one before its reply.
    if (one.result.failure) unsubscribe(one.subscription);
    events_.on_subscribed(one.connection, one.subscription, std::move(one.result));
  }
  local_.reuse_numbers();
}

void Hub::take_answer(core::ShardIndex from, QueryReply&& reply) {
  if (!reply.publish) {
    --queries_in_flight_;
  } else if (from != options_.shard) {
    --publishes_in_flight_[from];
  }
  events_.on_answer(reply.reply_to, std::move(reply.answer));
}

void Hub::confirm_disinterest(std::uint32_t number) {
  LocalChannels::Channel& channel = local_.at(number);
  if (channel.state == State::Rejoining) {
    channel.state = State::Asked;
    return;
  }
  ASSERT(channel.state == State::Leaving);
  channel.state = State::Idle;
  local_.erase_if_unused(number);
}

// --- HomeOutput: what our own home says is kept until the end of hand_over().

void Hub::reply(core::ShardIndex to, SubscriptionReply&& reply) {
  if (to == options_.shard) {
    own_mail_.emplace_back(std::move(reply));
  } else {
    post(to, std::make_unique<SubscriptionReply>(std::move(reply)));
  }
}

void Hub::answer(core::ShardIndex to, QueryReply&& reply) {
  if (to == options_.shard) {
    own_answers_.push_back(std::move(reply));
    return;
  }
  const auto* published = std::get_if<Published>(&reply.answer);
  const bool busy = std::holds_alternative<Busy>(reply.answer);
  const bool usual =
      published != nullptr && published->position.offset == 0 && !published->suppressed;
  if (busy || usual) {
    post(to, PublishResult{reply.reply_to, !busy});
  } else {
    post(to, std::make_unique<QueryReply>(std::move(reply)));
  }
}

}  // namespace sanjay::hub
