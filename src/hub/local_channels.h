// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "core/segment.h"
#include "hub/mail.h"
#include "hub/named_slab.h"
#include "telemetry/counter.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::hub {

/// How many a batch goes to: with few, it may pass those that go to many.
enum class Reach : std::uint8_t { Few, Many };

/// What a subscriber is told in the place of publications.
enum class Trouble : std::uint8_t {
  StateLost,    // what follows does not follow what came before
  Unencodable,  // there was a publication that his encoding cannot carry
};

/// Takes what channels bring for one connection. `slot` is in use: a connection leaves its channels
/// before its slot is freed. Implemented by transport.
class DeliverySink {
 public:
  virtual ~DeliverySink() = default;
  /// Finished bytes.
  virtual void deliver(std::uint32_t slot, const core::SegmentRef& bytes, Reach reach) = 0;
  /// The same for a subscription that is held: to be kept until it is released.
  virtual void hold(std::uint32_t slot, const core::SegmentRef& bytes) = 0;
  /// May end subscriptions, this one too.
  virtual void on_trouble(std::uint32_t slot, SubscriptionNumber subscription, Trouble trouble) = 0;
};

/// The subscriber lists of one shard, and the fan-out to them.
///
/// Fan-out is a resumable job: each channel has a queue of batches, each batch a cursor over the
/// subscribers there were when it arrived, so nobody receives what was published before he joined.
/// Channels with work take turns, so that a hot one starves no other; batches that wait for the
/// same subscribers leave as one. Removing a subscriber while batches wait leaves a hole instead of
/// moving others past a cursor; holes are closed between batches, when the channel's queue is empty
/// or half of the list is holes.
class LocalChannels {
 public:
  LocalChannels(const core::SipKey& key, std::uint32_t channels_max, DeliverySink& sink);

  /// How far the home shard knows of our interest.
  enum class State : std::uint8_t {
    Idle,       // it knows nothing of us
    Asked,      // Interest sent, no answer yet
    Active,     // confirmed: publications arrive
    Leaving,    // Disinterest sent, no answer yet
    Rejoining,  // as Leaving, and Interest sent after it
  };

  struct Subscriber {
    std::uint32_t slot;  // with kHeldBit while held, kFreshBit until it has received something
    SubscriptionNumber subscription;
  };

  /// A subscription that is not live yet.
  struct Waiting {
    core::ConnectionId connection;
    SubscriptionNumber subscription;
    std::uint32_t ticket = 0;  // of its request to the home shard
    bool asked_home = false;   // it waits for the reply to that, else for its form's confirmation
    bool held = false;
    bool fresh = false;                            // has no publication to take differences from
    std::shared_ptr<const Departure> departure{};  // if it asked: what tells home of its end
  };

  struct Batch {
    ByForm<core::SegmentRef> frames;
    std::uint32_t cursor;
    std::uint32_t end;
    std::size_t bytes;
    core::Instant received;
    std::uint32_t publications;
    core::ShardIndex from;
    FormSet unencodable;
    bool state_lost;
  };

  /// Present while batches wait: the channel then stands in the queue of those that take turns.
  struct Work {
    std::list<Batch> batches;  // mostly one; a deque would allocate 600 bytes for it
    std::size_t bytes = 0;
  };

  struct Channel {
    explicit Channel(std::string_view n) : name(n) {}
    const std::string name;
    std::vector<Subscriber> subscribers;
    std::vector<Waiting> waiting;
    std::unique_ptr<Work> work;
    std::uint32_t holes = 0;
    std::uint32_t home_channel = 0;
    State state = State::Idle;
    FormSet asked = 0;      // while Asked, Active or Rejoining
    FormSet confirmed = 0;  // while Active
  };

  std::optional<std::uint32_t> find_or_create(std::string_view name) {
    return channels_.find_or_create(name);
  }
  std::optional<std::uint32_t> find(std::string_view name) const { return channels_.find(name); }
  Channel& at(std::uint32_t channel) { return channels_.at(channel); }
  /// Whether there is a number for one more subscription.
  bool has_room() const { return !free_.empty() || subscriptions_.size() < kSubscriptionsMax; }
  /// Forgets the channel if nobody uses it and the home shard owes it nothing.
  void erase_if_unused(std::uint32_t channel);

  struct Beginning {
    bool live = false;        // receives at once, else waits
    bool asked_home = false;  // see Waiting
    bool held = false;
    bool fresh = true;
    std::uint32_t ticket = 0;
    std::shared_ptr<const Departure> departure{};
  };
  SubscriptionNumber add(std::uint32_t channel, core::ConnectionId connection, Form form,
                         const Beginning& beginning);
  /// Makes the waiting subscriptions live whose form is confirmed and who wait for no more; answers
  /// which.
  std::vector<Waiting> admit_waiting(std::uint32_t channel);
  /// The subscription, if it still waits under that ticket.
  std::optional<Waiting> find_waiting(SubscriptionNumber subscription, std::uint32_t ticket);
  /// What tells the home shard of its end, if the subscription waits for the reply to its request.
  std::shared_ptr<const Departure> departure_of(SubscriptionNumber subscription);
  /// Makes a waiting subscription live.
  void admit(SubscriptionNumber subscription);
  /// It has received a publication: differences from the newest make sense to it.
  void set_based(SubscriptionNumber subscription);
  /// What comes is delivered from now on, no longer held.
  void release(SubscriptionNumber subscription);
  void remove(SubscriptionNumber subscription);
  bool in_use(SubscriptionNumber subscription) { return record(subscription).channel != kNone; }

  /// Numbers that become free are not given again until reuse_numbers().
  void hold_numbers() { holding_numbers_ = true; }
  void reuse_numbers();

  std::uint32_t channel_of(SubscriptionNumber subscription) const;
  std::size_t subscriber_count(std::uint32_t channel) {
    const Channel& c = at(channel);
    return c.subscribers.size() - c.holes + c.waiting.size();
  }

  /// Queues a batch for everybody who is live on the channel now.
  void enqueue(std::uint32_t channel, core::ShardIndex from, const EncodedBatch& batch);
  std::size_t queued_bytes(std::uint32_t channel) {
    const Channel& c = at(channel);
    return c.work ? c.work->bytes : 0;
  }

  /// A batch that was delivered to all: its bytes no longer burden the flow from that shard.
  struct Finished {
    core::ShardIndex from;
    std::size_t bytes;
    core::Instant received;  // its oldest publication
  };

  /// Delivers to about `deliveries_max` subscribers, going round the channels with work; appends
  /// the batches that were finished. True when work is left.
  bool run(std::size_t deliveries_max, std::vector<Finished>& finished);

  /// Publications put into a subscriber's queue so far; any thread may read it.
  const telemetry::Counter& deliveries() const { return deliveries_; }

  std::uint32_t channel_count() const { return channels_.size(); }
  /// Calls `visit(name, subscribers)` for the channels in up to `slots_max` slots from `slot` on.
  /// Answers where to go on, or nothing when that was the last.
  template <class Visit>
  std::optional<std::uint32_t> visit_some(std::uint32_t slot, std::uint32_t slots_max,
                                          Visit&& visit) {
    const std::uint32_t end = channels_.capacity();
    for (; slot < end && slots_max > 0; ++slot, --slots_max) {
      if (!channels_.in_use(slot)) continue;
      const std::size_t subscribers = subscriber_count(slot);
      if (subscribers > 0) visit(std::string_view(at(slot).name), subscribers);
    }
    if (slot < end) return slot;
    return std::nullopt;
  }
  std::size_t subscription_count() const {
    return subscriptions_.size() - free_.size() - freed_.size();
  }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  static constexpr std::uint32_t kFew = 64;  // subscribers
  static constexpr std::uint32_t kWaitingBit = std::uint32_t{1} << 31;
  static constexpr std::uint32_t kHeldBit = std::uint32_t{1} << 31;
  static constexpr std::uint32_t kFreshBit = std::uint32_t{1} << 30;
  static constexpr std::uint32_t kSlotMask = kFreshBit - 1;

  // Eight bytes, because there is one for each connection and channel.
  struct Subscription {
    std::uint32_t channel = kNone;  // kNone: the number is free
    std::uint32_t position = 0;     // in `subscribers`, or with kWaitingBit in `waiting`
  };

  Subscription& record(SubscriptionNumber number) {
    return subscriptions_[number & (kSubscriptionsMax - 1)];
  }

  void make_live(Channel& channel, const Waiting& subscription);
  template <class List>
  void remove_at(List& list, std::uint32_t position, std::uint32_t position_bits);
  static void join_batches(Work& work);
  std::size_t run_batch(Channel& channel, std::size_t deliveries_max);
  void tell_trouble(const Batch& batch, const Subscriber& subscriber);
  void close_holes(Channel& channel);

  NamedSlab<Channel> channels_;
  DeliverySink& sink_;
  telemetry::Counter deliveries_;
  std::vector<Subscription> subscriptions_;
  std::vector<SubscriptionNumber> free_;
  std::vector<SubscriptionNumber> freed_;  // since hold_numbers()
  bool holding_numbers_ = false;
  std::deque<std::uint32_t> ready_;  // channels with work, in the order of their turns
};

}  // namespace sanjay::hub
