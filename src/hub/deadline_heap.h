// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/assert.h"
#include "core/time.h"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sanjay::hub {

/// `duration` from `now`; kNever when that is too far away to say.
constexpr core::Instant after(core::Instant now, core::Duration duration) {
  return duration < core::kNever - now ? now + duration : core::kNever;
}

/// Items, named by small numbers as slabs give them, by the time at which something is due for
/// each: a binary heap that knows where each item stands, so that an item is in it once and what
/// no longer counts is not kept. set() and remove() are O(log n). One shard's thread.
class DeadlineHeap {
 public:
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  bool contains(std::uint32_t item) const { return item < places_.size() && places_[item] != 0; }
  core::Instant deadline_of(std::uint32_t item) const {
    ASSERT(contains(item));
    return entries_[places_[item] - 1].deadline;
  }

  /// The first deadline of all, kNever when there is none; whose it is, when there is one.
  core::Instant earliest() const { return empty() ? core::kNever : entries_.front().deadline; }
  std::uint32_t earliest_item() const {
    ASSERT(!empty());
    return entries_.front().item;
  }

  /// Adds the item, or moves its deadline.
  void set(std::uint32_t item, core::Instant deadline) {
    if (!contains(item)) {
      if (item >= places_.size()) places_.resize(item + 1, 0);
      entries_.push_back({deadline, item});
      places_[item] = static_cast<std::uint32_t>(entries_.size());
    }
    const std::size_t place = places_[item] - 1;
    entries_[place].deadline = deadline;
    settle(place);
  }

  /// Does nothing where it is not.
  void remove(std::uint32_t item) {
    if (!contains(item)) return;
    const std::size_t place = places_[item] - 1;
    exchange(place, entries_.size() - 1);
    entries_.pop_back();
    places_[item] = 0;
    if (place < entries_.size()) settle(place);
  }

 private:
  struct Entry {
    core::Instant deadline;
    std::uint32_t item;
  };

  bool before(std::size_t a, std::size_t b) const {
    return entries_[a].deadline < entries_[b].deadline;
  }
  void exchange(std::size_t a, std::size_t b) {
    std::swap(entries_[a], entries_[b]);
    places_[entries_[a].item] = static_cast<std::uint32_t>(a + 1);
    places_[entries_[b].item] = static_cast<std::uint32_t>(b + 1);
  }
  // Moves what stands at `place` up or down to where it belongs.
  void settle(std::size_t place) {
    while (place > 0 && before(place, (place - 1) / 2)) {
      exchange(place, (place - 1) / 2);
      place = (place - 1) / 2;
    }
    for (;;) {
      std::size_t first = 2 * place + 1;
      if (first + 1 < entries_.size() && before(first + 1, first)) ++first;
      if (first >= entries_.size() || !before(first, place)) return;
      exchange(place, first);
      place = first;
    }
  }

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> places_;  // of each item in entries_, from 1; 0: it is not there
};

}  // namespace sanjay::hub
