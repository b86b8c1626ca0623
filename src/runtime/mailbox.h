// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/assert.h"
#include "core/connection_id.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace sanjay::runtime {

/// Bounded ring from one sending thread to one receiving thread. What was pushed becomes visible
/// to the receiver at publish(), so that a turn's mail costs one release store.
template <class T>
class SpscRing {
 public:
  /// `capacity` is a power of two.
  explicit SpscRing(std::size_t capacity) : mask_(capacity - 1), items_(capacity) {
    ASSERT(capacity >= 2 && (capacity & mask_) == 0);
  }

  // Sender's side.
  /// Always asks the receiver's side: a remembered count could stay too low for ever for a sender
  /// that waits until several slots are free.
  std::size_t free_slots() {
    head_seen_ = head_.load(std::memory_order_acquire);
    return mask_ + 1 - (written_ - head_seen_);
  }
  /// False, and the item untouched, when the ring is full.
  bool push(T&& item) {
    if (written_ - head_seen_ > mask_ && free_slots() == 0) return false;
    items_[written_ & mask_] = std::move(item);
    ++written_;
    return true;
  }
  /// Shows the receiver all that was pushed; true when there was anything new.
  bool publish() {
    if (tail_.load(std::memory_order_relaxed) == written_) return false;
    tail_.store(written_, std::memory_order_release);
    return true;
  }

  // Receiver's side.
  bool has_mail() const {
    return head_.load(std::memory_order_relaxed) != tail_.load(std::memory_order_acquire);
  }
  std::optional<T> pop() {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head == tail_seen_) return std::nullopt;
    }
    T& place = items_[head & mask_];
    std::optional<T> item(std::move(place));
    place = T();  // let go of what a moved-from message may still hold
    head_.store(head + 1, std::memory_order_release);
    return item;
  }

 private:
  const std::size_t mask_;
  std::vector<T> items_;
  alignas(64) std::size_t written_ = 0;    // sender: pushed, perhaps not yet published
  std::size_t head_seen_ = 0;              // sender: last head it looked up
  alignas(64) std::size_t tail_seen_ = 0;  // receiver: last tail it looked up
  alignas(64) std::atomic<std::size_t> tail_{0};
  alignas(64) std::atomic<std::size_t> head_{0};
};

/// Who can be asleep: set by a shard just before it waits, looked at by whoever sends it mail.
class SleepFlag {
 public:
  /// Declares sleep. The caller must look at its mail once more afterwards, before it waits.
  void fall_asleep() {
    asleep_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  void awake() { asleep_.store(false, std::memory_order_relaxed); }
  /// After publishing mail: true when the sender must wake the receiver. Only one sender is told.
  bool must_wake() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return asleep_.load(std::memory_order_relaxed) &&
           asleep_.exchange(false, std::memory_order_relaxed);
  }

 private:
  alignas(64) std::atomic<bool> asleep_{false};
};

/// The mail between N shards: one ring per (from, to) pair, allocated when first used. Each shard
/// calls the functions with its own index as `self` from its own thread only.
template <class T>
class Mailroom {
 public:
  Mailroom(core::ShardIndex shards, std::size_t ring_capacity)
      : shards_(shards),
        ring_capacity_(ring_capacity),
        rings_(std::make_unique<std::atomic<SpscRing<T>*>[]>(std::size_t{shards} * shards)) {}
  ~Mailroom() {
    for (std::size_t i = 0; i < std::size_t{shards_} * shards_; ++i) {
      delete rings_[i].load(std::memory_order_relaxed);
    }
  }
  Mailroom(const Mailroom&) = delete;
  Mailroom& operator=(const Mailroom&) = delete;

  /// Slots left from `self` to `to`.
  std::size_t free_slots(core::ShardIndex self, core::ShardIndex to) {
    return ring(self, to).free_slots();
  }
  /// False when the ring is full; visible after publish().
  bool push(core::ShardIndex self, core::ShardIndex to, T&& item) {
    return ring(self, to).push(std::move(item));
  }
  /// Shows everybody what `self` pushed; calls `wake(to)` for each shard that got something.
  template <class Wake>
  void publish(core::ShardIndex self, Wake&& wake) {
    for (core::ShardIndex to = 0; to < shards_; ++to) {
      SpscRing<T>* r = rings_[index(self, to)].load(std::memory_order_relaxed);
      if (r != nullptr && r->publish()) wake(to);
    }
  }
  bool has_mail(core::ShardIndex self) const {
    for (core::ShardIndex from = 0; from < shards_; ++from) {
      const SpscRing<T>* r = rings_[index(from, self)].load(std::memory_order_acquire);
      if (r != nullptr && r->has_mail()) return true;
    }
    return false;
  }
  /// Hands up to `items_max` items of each sender to `take(from, item)`; true when some were left.
  template <class Take>
  bool receive(core::ShardIndex self, std::size_t items_max, Take&& take) {
    bool left = false;
    for (core::ShardIndex from = 0; from < shards_; ++from) {
      SpscRing<T>* r = rings_[index(from, self)].load(std::memory_order_acquire);
      if (r == nullptr) continue;
      std::size_t taken = 0;
      while (taken < items_max) {
        auto item = r->pop();
        if (!item) break;
        ++taken;
        take(from, *std::move(item));
      }
      left = left || (taken == items_max && r->has_mail());
    }
    return left;
  }

 private:
  std::size_t index(core::ShardIndex from, core::ShardIndex to) const {
    ASSERT(from < shards_ && to < shards_);
    return std::size_t{from} * shards_ + to;
  }
  SpscRing<T>& ring(core::ShardIndex from, core::ShardIndex to) {
    auto& place = rings_[index(from, to)];
    SpscRing<T>* r = place.load(std::memory_order_relaxed);
    if (r == nullptr) {
      r = new SpscRing<T>(ring_capacity_);
      place.store(r, std::memory_order_release);  // only `from` ever writes this place
    }
    return *r;
  }

  const core::ShardIndex shards_;
  const std::size_t ring_capacity_;
  std::unique_ptr<std::atomic<SpscRing<T>*>[]> rings_;
};

/// The one door by which threads that are not shards (signals, worker pools, gRPC) send a shard
/// mail: many senders, one receiver, bounded. The only mutex a shard ever takes, and only when
/// the flag says that something is there.
template <class T>
class ForeignMailbox {
 public:
  explicit ForeignMailbox(std::size_t items_max) : items_max_(items_max) {}

  /// False when full: the sender must refuse its own caller or try later. Wake the shard after.
  bool push(T&& item) {
    const std::lock_guard lock(mutex_);
    if (items_.size() >= items_max_) return false;
    items_.push_back(std::move(item));
    filled_.store(true, std::memory_order_release);
    return true;
  }
  bool has_mail() const { return filled_.load(std::memory_order_acquire); }
  /// Receiver: everything there is, in order of arrival.
  std::vector<T> take_all() {
    std::vector<T> taken;
    if (!has_mail()) return taken;
    const std::lock_guard lock(mutex_);
    taken.swap(items_);
    filled_.store(false, std::memory_order_relaxed);
    return taken;
  }

 private:
  const std::size_t items_max_;
  std::mutex mutex_;
  std::vector<T> items_;
  std::atomic<bool> filled_{false};
};

}  // namespace sanjay::runtime
