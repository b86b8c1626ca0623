// SPDX-License-Identifier: Apache-2.0

// The part of Hub that happens once a turn: what waits is sent, handed over, told and delivered.

#include "core/failpoint.h"
#include "hub/hub.h"

#include <algorithm>
#include <utility>

namespace sanjay::hub {

void Hub::hand_over(core::Instant now) {
  send_waiting_mail();
  hand_over_home(now);
  // Our own subscribers are told when all of them are live: they may call the hub, and who
  // subscribes from within such a call must not be taken for one who joined in this hand-over.
  std::vector<Decided> decided;
  for (auto& mail : std::exchange(own_mail_, {})) {
    if (const auto* confirmed = std::get_if<InterestConfirmed>(&mail)) {
      confirm_interest(*confirmed, decided);
    } else {
      take_reply(std::get<SubscriptionReply>(std::move(mail)), decided);
    }
  }
  give_up_late(now, decided);
  tell(std::move(decided));
  for (QueryReply& reply : std::exchange(own_answers_, {})) {
    take_answer(options_.shard, std::move(reply));
  }
  if (is_held_back()) stats_.held_back.add();
  stats_.channels.set(local_.channel_count());
  stats_.home_channels.set(home_.channel_count());
  stats_.subscriptions.set(local_.subscription_count());
  stats_.pending_bytes.set(home_.pending_bytes());
}

void Hub::send_waiting_mail() {
  for (core::ShardIndex to = 0; to < options_.shards && waiting_mail_ > 0; ++to) {
    auto& waiting = waiting_[to];
    while (!waiting.empty() && carrier_.send(to, std::move(waiting.front()))) {
      waiting.pop_front();
      --waiting_mail_;
    }
  }
}

void Hub::hand_over_home(core::Instant now) {
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
  const auto joined = [this](const HomeChannels::Interested& to, std::uint32_t home_channel) {
    const InterestConfirmed confirmed{to.local_channel, home_channel, to.forms};
    if (to.shard == options_.shard) {
      own_mail_.emplace_back(confirmed);
    } else {
      post(to.shard, confirmed);
    }
  };
  home_.hand_over(now, may_send, send, joined);
}

// Whoever waits for a home or a broker that does not answer is told so.
void Hub::give_up_late(core::Instant now, std::vector<Decided>& decided) {
  for (Deadline& deadline : std::exchange(new_deadlines_, {})) {
    if (!local_.find_waiting(deadline.subscription, deadline.ticket)) continue;
    deadline.at = now + options_.subscribe_timeout;
    deadlines_.push_back(deadline);
  }
  while (!deadlines_.empty()) {
    const Deadline deadline = deadlines_.front();
    const auto waiting = local_.find_waiting(deadline.subscription, deadline.ticket);
    if (waiting && deadline.at > now) break;
    deadlines_.pop_front();
    if (!waiting || FAILPOINT("hub.subscribe_timeout")) continue;
    decided.push_back({waiting->connection, deadline.subscription, {.failure = Failure::Timeout}});
  }
}

core::Instant Hub::deadline() const {
  const core::Instant first = deadlines_.empty() ? core::kNever : deadlines_.front().at;
  return std::min(first, home_.deadline());
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
