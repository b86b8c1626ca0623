// SPDX-License-Identifier: Apache-2.0
#include "hub/local_channels.h"

#include "core/assert.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
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
                                      Form form, const Beginning& beginning) {
  SubscriptionNumber number;
  if (free_.empty()) {
    number = static_cast<SubscriptionNumber>(subscriptions_.size());
    ASSERT(number < kSubscriptionsMax);
    subscriptions_.emplace_back();
  } else {
    number = free_.back() & (kSubscriptionsMax - 1);
    free_.pop_back();
  }
  number |= static_cast<std::uint32_t>(form) << kFormShift;
  Channel& c = at(channel);
  record(number).channel = channel;
  const bool fresh = beginning.fresh && variant_of(form) == Variant::Delta;
  const Waiting subscription{connection,     number, beginning.ticket,   beginning.asked_home,
                             beginning.held, fresh,  beginning.departure};
  if (beginning.live) {
    make_live(c, subscription);
  } else {
    record(number).position = static_cast<std::uint32_t>(c.waiting.size()) | kWaitingBit;
    c.waiting.push_back(subscription);
  }
  return number;
}

void LocalChannels::make_live(Channel& channel, const Waiting& subscription) {
  record(subscription.subscription).position =
      static_cast<std::uint32_t>(channel.subscribers.size());
  std::uint32_t slot = subscription.connection.slot;
  ASSERT(slot < kSlotMask);
  if (subscription.held) slot |= kHeldBit;
  if (subscription.fresh) slot |= kFreshBit;
  channel.subscribers.push_back({slot, subscription.subscription});
}

std::vector<LocalChannels::Waiting> LocalChannels::admit_waiting(std::uint32_t channel) {
  Channel& c = at(channel);
  std::vector<Waiting> admitted;
  std::uint32_t kept = 0;
  for (const Waiting& waiting : c.waiting) {
    if (!waiting.asked_home && (c.confirmed & bit_of(form_of(waiting.subscription))) != 0) {
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

std::optional<LocalChannels::Waiting> LocalChannels::find_waiting(SubscriptionNumber number,
                                                                  std::uint32_t ticket) {
  const Subscription& subscription = record(number);
  if (subscription.channel == kNone || (subscription.position & kWaitingBit) == 0) return {};
  const Waiting& waiting = at(subscription.channel).waiting[subscription.position & ~kWaitingBit];
  if (waiting.subscription != number || waiting.ticket != ticket) return {};
  return waiting;
}

std::shared_ptr<const Departure> LocalChannels::departure_of(SubscriptionNumber number) {
  const Channel& channel = at(channel_of(number));
  const std::uint32_t position = record(number).position;
  if ((position & kWaitingBit) == 0) return nullptr;
  return channel.waiting[position & ~kWaitingBit].departure;
}

void LocalChannels::admit(SubscriptionNumber number) {
  Channel& channel = at(channel_of(number));
  const std::uint32_t position = record(number).position & ~kWaitingBit;
  const Waiting waiting = channel.waiting[position];
  remove_at(channel.waiting, position, kWaitingBit);
  if (channel.waiting.empty()) channel.waiting.shrink_to_fit();
  make_live(channel, waiting);
}

void LocalChannels::set_based(SubscriptionNumber number) {
  Channel& channel = at(channel_of(number));
  const std::uint32_t position = record(number).position;
  if ((position & kWaitingBit) != 0) {
    channel.waiting[position & ~kWaitingBit].fresh = false;
  } else {
    channel.subscribers[position].slot &= ~kFreshBit;
  }
}

void LocalChannels::release(SubscriptionNumber number) {
  Channel& channel = at(channel_of(number));
  const std::uint32_t position = record(number).position;
  if ((position & kWaitingBit) != 0) {
    channel.waiting[position & ~kWaitingBit].held = false;
  } else {
    channel.subscribers[position].slot &= ~kHeldBit;
  }
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
  (holding_numbers_ ? freed_ : free_).push_back(number);
  if ((subscription.position & kWaitingBit) != 0) {
    remove_at(channel.waiting, subscription.position & ~kWaitingBit, kWaitingBit);
  } else if (channel.work) {
    channel.subscribers[subscription.position].slot = kNone;
    ++channel.holes;
  } else {
    remove_at(channel.subscribers, subscription.position, 0);
  }
}

void LocalChannels::reuse_numbers() {
  holding_numbers_ = false;
  free_.insert(free_.end(), freed_.begin(), freed_.end());
  freed_.clear();
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
              from,
              encoded.unencodable,
              encoded.state_lost};
  encoded.frames.for_each([&](FrameKey key, const core::SharedBytes& bytes) {
    if (bytes) batch.frames[key] = core::SegmentRef::share(bytes);
  });
  if (!c.work) {
    c.work = std::make_unique<Work>();
    ready_.push_back(channel);
  }
  c.work->bytes += batch.bytes;
  c.work->batches.push_back(std::move(batch));
}

// Joins to the first batch, before it begins, those behind it that go to the same subscribers in
// the same forms. Each subscriber then gets one reference and his socket one send, however much
// was published while the channel waited for its turn.
void LocalChannels::join_batches(Work& work) {
  const auto first = work.batches.begin();
  const auto is_plain = [](const Batch& batch) {
    return !batch.state_lost && batch.unencodable == 0;
  };
  if (!is_plain(*first)) return;
  const auto goes_with_first = [&](const Batch& batch) {
    bool same =
        batch.end == first->end && is_plain(batch) && batch.frames.size() == first->frames.size();
    batch.frames.for_each([&](FrameKey key, const core::SegmentRef&) {
      same = same && first->frames.find(key) != nullptr;
    });
    return same;
  };
  const auto last = std::find_if_not(std::next(first), work.batches.end(), goes_with_first);
  if (last == std::next(first)) return;
  first->frames.for_each([&](FrameKey key, core::SegmentRef& frames) {
    std::vector<std::string_view> parts;
    std::size_t size = 0;
    FrameKey part_key = key;
    for (auto batch = first; batch != last; ++batch) {
      parts.push_back(batch->frames.find(part_key)->bytes());
      size += parts.back().size();
      // Behind its first publication one who had none takes what the others take.
      if (batch->publications > 0) part_key = form_of_key(key);
    }
    core::SegmentBuilder joined(size);
    for (const std::string_view part : parts) joined.append(part);
    frames = joined.finish();
  });
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
  std::optional<FrameKey> found_key;  // neighbours mostly want the same
  const core::SegmentRef* frames = nullptr;
  for (std::uint32_t i = begin; i < end; ++i) {
    const Subscriber subscriber = channel.subscribers[i];
    if (subscriber.slot == kNone) continue;
    FrameKey key = form_of(subscriber.subscription);
    if ((subscriber.slot & kFreshBit) != 0) {
      key |= kFreshFrames;
      if (batch.publications > 0) channel.subscribers[i].slot &= ~kFreshBit;
    }
    if (found_key != key) {
      frames = batch.frames.find(key);
      found_key = key;
    }
    // None: there were only joins and leaves, which this form is without.
    if (frames == nullptr) {
      tell_trouble(batch, subscriber);
      continue;
    }
    if ((subscriber.slot & kHeldBit) != 0) {
      sink_.hold(subscriber.slot & kSlotMask, *frames);
    } else {
      sink_.deliver(subscriber.slot & kSlotMask, *frames, reach);
    }
    ++delivered;
    if (batch.unencodable != 0) tell_trouble(batch, subscriber);
  }
  deliveries_.add(delivered * batch.publications);
  return end - begin;
}

void LocalChannels::tell_trouble(const Batch& batch, const Subscriber& subscriber) {
  const std::uint32_t slot = subscriber.slot & kSlotMask;
  if (batch.state_lost) {
    sink_.on_trouble(slot, subscriber.subscription, Trouble::StateLost);
  } else if ((batch.unencodable & bit_of(form_of(subscriber.subscription))) != 0) {
    sink_.on_trouble(slot, subscriber.subscription, Trouble::Unencodable);
  }
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
