// SPDX-License-Identifier: Apache-2.0
#include "hub/local_channels.h"

#include "core/assert.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sanjay::hub {

LocalChannels::LocalChannels(const core::SipKey& key, std::uint32_t channels_max,
                             DeliverySink& sink)
    : channels_(key, channels_max), sink_(sink) {}

void LocalChannels::erase_if_unused(std::uint32_t channel) {
  const Channel& c = at(channel);
  const bool unused =
      c.state == State::Idle && !c.work && c.waiting.empty() && c.subscribers.empty();
  if (unused) channels_.erase(channel);
}

SubscriptionNumber LocalChannels::add(std::uint32_t channel, core::ConnectionId connection,
                                      Encoding encoding, bool live) {
  SubscriptionNumber number;
  if (free_.empty()) {
    number = static_cast<SubscriptionNumber>(subscriptions_.size());
    ASSERT(number < kSubscriptionsMax);
    subscriptions_.emplace_back();
  } else {
    number = free_.back() & (kSubscriptionsMax - 1);
    free_.pop_back();
  }
  number |= static_cast<std::uint32_t>(encoding) << kEncodingShift;
  Channel& c = at(channel);
  record(number).channel = channel;
  if (live) {
    make_live(c, {connection, number});
  } else {
    record(number).position = static_cast<std::uint32_t>(c.waiting.size()) | kWaitingBit;
    c.waiting.push_back({connection, number});
  }
  return number;
}

void LocalChannels::make_live(Channel& channel, const Waiting& subscription) {
  record(subscription.subscription).position =
      static_cast<std::uint32_t>(channel.subscribers.size());
  channel.subscribers.push_back({subscription.connection.slot, subscription.subscription});
}

std::vector<LocalChannels::Waiting> LocalChannels::admit_waiting(std::uint32_t channel) {
  Channel& c = at(channel);
  std::vector<Waiting> admitted;
  std::uint32_t kept = 0;
  for (const Waiting& waiting : c.waiting) {
    if ((c.confirmed & bit_of(encoding_of(waiting.subscription))) != 0) {
      make_live(c, waiting);
      admitted.push_back(waiting);
    } else {
      record(waiting.subscription).position = kept | kWaitingBit;
      c.waiting[kept++] = waiting;
    }
  }
  c.waiting.resize(kept);
  c.waiting.shrink_to_fit();
  return admitted;
}

std::uint32_t LocalChannels::channel_of(SubscriptionNumber number) const {
  const Subscription& subscription = subscriptions_[number & (kSubscriptionsMax - 1)];
  ASSERT(subscription.channel != kNone);
  return subscription.channel;
}

void LocalChannels::remove(SubscriptionNumber number) {
  Channel& channel = at(channel_of(number));
  Subscription& subscription = record(number);
  subscription.channel = kNone;
  free_.push_back(number);
  if ((subscription.position & kWaitingBit) != 0) {
    remove_at(channel.waiting, subscription.position & ~kWaitingBit, kWaitingBit);
  } else if (channel.work) {
    channel.subscribers[subscription.position].slot = kNone;
    ++channel.holes;
  } else {
    remove_at(channel.subscribers, subscription.position, 0);
  }
}

// The last one takes the place that becomes free.
template <class List>
void LocalChannels::remove_at(List& list, std::uint32_t position, std::uint32_t position_bits) {
  if (position + 1 != list.size()) {
    list[position] = list.back();
    record(list[position].subscription).position = position | position_bits;
  }
  list.pop_back();
}

// Moves the subscribers together, and the ends of the waiting batches with them. Called between
// two batches: no cursor has moved yet.
void LocalChannels::close_holes(Channel& channel) {
  auto& subscribers = channel.subscribers;
  auto batch = channel.work->batches.begin();
  const auto no_batch = channel.work->batches.end();
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < subscribers.size(); ++i) {
    for (; batch != no_batch && batch->end == i; ++batch) batch->end = kept;
    if (subscribers[i].slot == kNone) continue;
    record(subscribers[i].subscription).position = kept;
    subscribers[kept++] = subscribers[i];
  }
  for (; batch != no_batch; ++batch) batch->end = kept;
  subscribers.resize(kept);
  channel.holes = 0;
}

void LocalChannels::enqueue(std::uint32_t channel, core::ShardIndex from,
                            const EncodedBatch& encoded) {
  Channel& c = at(channel);
  Batch batch{{},
              0,
              static_cast<std::uint32_t>(c.subscribers.size()),
              encoded.bytes(),
              encoded.received,
              encoded.publications,
              from};
  for (std::size_t i = 0; i < kEncodings; ++i) {
    if (encoded.frames[i]) batch.frames[i] = core::SegmentRef::share(encoded.frames[i]);
  }
  if (!c.work) {
    c.work = std::make_unique<Work>();
    ready_.push_back(channel);
  }
  c.work->bytes += batch.bytes;
  c.work->batches.push_back(std::move(batch));
}

// Joins to the first batch, before it begins, those behind it that go to the same subscribers in
// the same encodings. Each subscriber then gets one reference and his socket one send, however much
// was published while the channel waited for its turn.
void LocalChannels::join_batches(Work& work) {
  const auto first = work.batches.begin();
  const auto goes_with_first = [&](const Batch& batch) {
    bool same = batch.end == first->end;
    for (std::size_t i = 0; i < kEncodings; ++i) {
      same = same && bool(batch.frames[i]) == bool(first->frames[i]);
    }
    return same;
  };
  const auto last = std::find_if_not(std::next(first), work.batches.end(), goes_with_first);
  if (last == std::next(first)) return;
  for (std::size_t i = 0; i < kEncodings; ++i) {
    if (!first->frames[i]) continue;
    std::size_t size = 0;
    for (auto batch = first; batch != last; ++batch) size += batch->frames[i].size();
    core::SegmentBuilder joined(size);
    for (auto batch = first; batch != last; ++batch) joined.append(batch->frames[i].bytes());
    first->frames[i] = joined.finish();
  }
  for (auto batch = std::next(first); batch != last; ++batch) {
    first->bytes += batch->bytes;
    first->publications += batch->publications;
  }
  work.batches.erase(std::next(first), last);
}

std::size_t LocalChannels::run_batch(Channel& channel, std::size_t deliveries_max) {
  Batch& batch = channel.work->batches.front();
  const auto end =
      static_cast<std::uint32_t>(std::min<std::size_t>(batch.end, batch.cursor + deliveries_max));
  const std::uint32_t begin = std::exchange(batch.cursor, end);
  const Reach reach = batch.end > kFew ? Reach::Many : Reach::Few;
  std::uint64_t delivered = 0;
  for (std::uint32_t i = begin; i < end; ++i) {
    const Subscriber subscriber = channel.subscribers[i];
    if (subscriber.slot == kNone) continue;
    const auto& frames =
        batch.frames[static_cast<std::size_t>(encoding_of(subscriber.subscription))];
    ASSERT(frames);  // the home shard confirms an encoding before it counts on it
    sink_.deliver(subscriber.slot, frames, reach);
    ++delivered;
  }
  deliveries_.add(delivered * batch.publications);
  return end - begin;
}

bool LocalChannels::run(std::size_t deliveries_max, std::vector<Finished>& finished) {
  std::size_t done = 0;
  while (!ready_.empty() && done < deliveries_max) {
    const std::uint32_t number = ready_.front();
    ready_.pop_front();
    Channel& channel = at(number);
    if (channel.work->batches.front().cursor == 0) join_batches(*channel.work);
    // A batch costs a little even where nobody is left to receive it.
    done += 1 + run_batch(channel, deliveries_max - done);
    Work& work = *channel.work;
    const Batch& batch = work.batches.front();
    if (batch.cursor != batch.end) {
      ready_.push_back(number);
      continue;
    }
    finished.push_back({batch.from, batch.bytes, batch.received});
    work.bytes -= batch.bytes;
    work.batches.pop_front();
    const bool last = work.batches.empty();
    // Half: a channel that is never without work must not keep its holes, nor move its subscribers
    // after every batch.
    if (channel.holes > 0 && (last || channel.holes > channel.subscribers.size() / 2)) {
      close_holes(channel);
    }
    if (!last) {
      ready_.push_back(number);
      continue;
    }
    channel.work.reset();
    erase_if_unused(number);
  }
  return !ready_.empty();
}

}  // namespace sanjay::hub
