// SPDX-License-Identifier: Apache-2.0
#include "hub/hub.h"

#include "core/assert.h"
#include "core/failpoint.h"

#include <string>
#include <utility>

namespace sanjay::hub {

using State = LocalChannels::State;

Hub::Hub(const HubOptions& options, FlowMeter& flow, PublicationEncoder& encoder,
         MailCarrier& carrier, DeliverySink& sink, HubEvents& events)
    : options_(options),
      flow_(flow),
      carrier_(carrier),
      events_(events),
      home_(options.key, options.home, encoder),
      local_(options.key, options.channels_max, sink),
      waiting_(options.shards),
      publishes_in_flight_(options.shards) {}

core::ShardIndex Hub::home_of(std::string_view channel) const {
  if (options_.shards == 1) return 0;
  return static_cast<core::ShardIndex>(core::siphash(options_.key, channel) % options_.shards);
}

// Mail to one shard keeps its order: nothing overtakes what waits. What may wait is bounded: for
// each local channel one leave and one interest per encoding, for each of these one answer, one
// answer per publish in flight, and one batch (hand_over() sends no more while mail waits).
void Hub::post(core::ShardIndex to, Mail&& mail) {
  if (waiting_[to].empty() && carrier_.send(to, std::move(mail))) return;
  waiting_[to].push_back(std::move(mail));
  ++waiting_mail_;
}

std::optional<Hub::Subscribed> Hub::subscribe(core::ConnectionId connection, std::string_view name,
                                              Encoding encoding) {
  const auto number = local_.find_or_create(name);
  if (!number) return std::nullopt;
  if (home_of(name) == options_.shard) return subscribe_at_home(*number, connection, encoding);
  const LocalChannels::Channel& channel = local_.at(*number);
  const EncodingSet bit = bit_of(encoding);
  const bool live = (channel.confirmed & bit) != 0;
  if ((channel.asked & bit) == 0) ask_home(*number, bit);
  return Subscribed{local_.add(*number, connection, encoding, live), live};
}

// Even where this shard is interested already, the new subscriber must not be live before what
// waits has been handed over: it was published before he came.
Hub::Subscribed Hub::subscribe_at_home(std::uint32_t number, core::ConnectionId connection,
                                       Encoding encoding) {
  LocalChannels::Channel& channel = local_.at(number);
  const auto taken = home_.add_interest(channel.name, {options_.shard, bit_of(encoding), number});
  channel.home_channel = taken.home_channel;
  if (taken.joined) {
    channel.state = State::Active;
    channel.confirmed |= bit_of(encoding);
  } else if (channel.state == State::Idle) {
    channel.state = State::Asked;
  }
  return {local_.add(number, connection, encoding, taken.joined), taken.joined};
}

void Hub::ask_home(std::uint32_t number, EncodingSet encodings) {
  LocalChannels::Channel& channel = local_.at(number);
  if (channel.state == State::Idle) channel.state = State::Asked;
  if (channel.state == State::Leaving) channel.state = State::Rejoining;
  channel.asked |= encodings;
  post(home_of(channel.name), Interest{channel.name, number, encodings});
}

void Hub::unsubscribe(SubscriptionNumber subscription) {
  const std::uint32_t number = local_.channel_of(subscription);
  local_.remove(subscription);
  if (local_.subscriber_count(number) == 0) leave_home(number);
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

PublishOutcome Hub::publish(std::string_view channel, const Publication& publication,
                            const ReplyTo& reply_to) {
  const core::ShardIndex home = home_of(channel);
  if (home == options_.shard) return publish_at_home(channel, publication);
  if (!waiting_[home].empty() || publishes_in_flight_[home] >= options_.publishes_in_flight_max) {
    return PublishOutcome::Busy;
  }
  ++publishes_in_flight_[home];
  post(home, std::make_unique<PublishRequest>(PublishRequest{
                 std::string(channel), std::string(publication.data),
                 std::string(publication.publisher.client), std::string(publication.publisher.user),
                 std::string(publication.publisher.conn_info), publication.received, reply_to}));
  return PublishOutcome::Pending;
}

void Hub::on_mail(core::ShardIndex from, Mail&& mail) {
  if (const auto* batch = std::get_if<PublicationBatch>(&mail)) {
    local_.enqueue(batch->local_channel, from, batch->batch);
    work_left_ = true;
  } else if (const auto* request = std::get_if<std::unique_ptr<PublishRequest>>(&mail)) {
    on_publish_request(from, **request);
  } else if (const auto* result = std::get_if<PublishResult>(&mail)) {
    --publishes_in_flight_[from];
    events_.on_published(result->reply_to, result->outcome);
  } else if (const auto* interest = std::get_if<Interest>(&mail)) {
    on_interest(from, *interest);
  } else if (const auto* confirmed = std::get_if<InterestConfirmed>(&mail)) {
    tell_subscribed(confirm_interest(*confirmed));
  } else if (const auto* disinterest = std::get_if<Disinterest>(&mail)) {
    const std::uint32_t local_channel = home_.remove_interest(from, disinterest->home_channel);
    post(from, DisinterestConfirmed{local_channel});
  } else if (const auto* left = std::get_if<DisinterestConfirmed>(&mail)) {
    confirm_disinterest(left->local_channel);
  }
}

void Hub::on_interest(core::ShardIndex from, const Interest& interest) {
  const auto taken =
      home_.add_interest(interest.channel, {from, interest.encodings, interest.local_channel});
  if (!taken.joined) return;  // confirmed by hand_over()
  post(from, InterestConfirmed{interest.local_channel, taken.home_channel, interest.encodings});
}

std::vector<LocalChannels::Waiting> Hub::confirm_interest(const InterestConfirmed& confirmed) {
  LocalChannels::Channel& channel = local_.at(confirmed.local_channel);
  // The answer to a question asked before we left: the one that counts comes after the home shard
  // has confirmed our leaving.
  if (channel.state == State::Leaving || channel.state == State::Rejoining) return {};
  channel.state = State::Active;
  channel.home_channel = confirmed.home_channel;
  channel.confirmed |= confirmed.encodings;
  if (local_.subscriber_count(confirmed.local_channel) == 0) {
    leave_home(confirmed.local_channel);
    return {};
  }
  return local_.admit_waiting(confirmed.local_channel);
}

void Hub::tell_subscribed(const std::vector<LocalChannels::Waiting>& admitted) {
  for (const auto& subscription : admitted) {
    events_.on_subscribed(subscription.connection, subscription.subscription);
  }
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

PublishOutcome Hub::publish_at_home(std::string_view channel, const Publication& publication) {
  const PublishOutcome outcome = home_.publish(channel, publication);
  (outcome == PublishOutcome::Accepted ? stats_.publications : stats_.busy).add();
  return outcome;
}

void Hub::on_publish_request(core::ShardIndex from, const PublishRequest& request) {
  const Publication publication{
      request.data, {request.client, request.user, request.conn_info, {}}, request.received};
  const PublishOutcome outcome = publish_at_home(request.channel, publication);
  post(from, PublishResult{request.reply_to, outcome});
}

void Hub::hand_over(core::Instant now) {
  for (core::ShardIndex to = 0; to < options_.shards && waiting_mail_ > 0; ++to) {
    auto& waiting = waiting_[to];
    while (!waiting.empty() && carrier_.send(to, std::move(waiting.front()))) {
      waiting.pop_front();
      --waiting_mail_;
    }
  }
  // What hot channels leave no room for, a quiet one still gets through: its subscribers take turns
  // with theirs.
  const auto may_send = [this](const HomeChannels::Interested& to, bool quiet) {
    if (!waiting_[to.shard].empty()) return false;
    const auto& flow = flow_.between(options_.shard, to.shard);
    const std::size_t flow_max = quiet && !FAILPOINT("hub.quiet_channels")
                                     ? options_.quiet_flow_bytes_max
                                     : options_.flow_bytes_max;
    if (flow.load(std::memory_order_relaxed) >= flow_max) return false;
    return to.shard != options_.shard ||
           local_.queued_bytes(to.local_channel) < options_.channel_backlog_bytes_max;
  };
  const auto send = [this](const HomeChannels::Interested& to, const EncodedBatch& batch) {
    flow_.between(options_.shard, to.shard).fetch_add(batch.bytes(), std::memory_order_relaxed);
    if (to.shard == options_.shard) {
      local_.enqueue(to.local_channel, to.shard, batch);
      work_left_ = true;
    } else {
      post(to.shard, PublicationBatch{to.local_channel, batch});
    }
  };
  // Our own subscribers are told when all of them are live: they may call the hub, and who
  // subscribes from within such a call must not be taken for one who joined in this hand-over.
  std::vector<InterestConfirmed> own;
  const auto joined = [this, &own](const HomeChannels::Interested& to, std::uint32_t home_channel) {
    const InterestConfirmed confirmed{to.local_channel, home_channel, to.encodings};
    if (to.shard == options_.shard) {
      own.push_back(confirmed);
    } else {
      post(to.shard, confirmed);
    }
  };
  home_.hand_over(now, may_send, send, joined);
  std::vector<LocalChannels::Waiting> admitted;
  for (const InterestConfirmed& confirmed : own) {
    const auto of_channel = confirm_interest(confirmed);
    admitted.insert(admitted.end(), of_channel.begin(), of_channel.end());
  }
  tell_subscribed(admitted);
  if (is_held_back()) stats_.held_back.add();
  stats_.channels.set(local_.channel_count());
  stats_.home_channels.set(home_.channel_count());
  stats_.subscriptions.set(local_.subscription_count());
  stats_.pending_bytes.set(home_.pending_bytes());
}

bool Hub::run(std::size_t deliveries_max) {
  finished_.clear();
  work_left_ = local_.run(deliveries_max, finished_);
  for (const auto& batch : finished_) {
    flow_.between(batch.from, options_.shard).fetch_sub(batch.bytes, std::memory_order_relaxed);
  }
  return work_left_;
}

}  // namespace sanjay::hub
