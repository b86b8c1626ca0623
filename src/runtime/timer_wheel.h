// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/intrusive_list.h"
#include "core/time.h"

#include <array>
#include <cstdint>

namespace sanjay::runtime {

/// Something to be called once at a deadline. Stands in at most one wheel; disarms itself when
/// destroyed. 32 bytes with its vtable pointer.
class Timer : public core::ListNode {
 public:
  virtual ~Timer() = default;
  /// The deadline has come (up to one tick late). The timer is disarmed and may be armed again or
  /// destroyed from inside.
  virtual void on_timer(core::Instant now) = 0;

  bool armed() const { return linked(); }
  void disarm() { unlink(); }

 private:
  friend class TimerWheel;
  std::uint64_t deadline_tick_ = 0;
};

/// Hierarchical timing wheel (Varghese and Lauck, 1987): six levels of 64 slots, tick 1 ms, reach
/// 2 years. arm() and disarm() are O(1); advance() touches only slots that hold timers and moves
/// each timer at most five times in its life. One shard's thread.
class TimerWheel {
 public:
  static constexpr core::Duration kTick = std::chrono::milliseconds(1);

  explicit TimerWheel(core::Instant start) : start_(start) {}

  /// Arms, or re-arms, the timer. A deadline that has passed, or that the advance() running now has
  /// been told of, fires at the next advance(): no timer can keep an advance() busy for ever.
  void arm(Timer& timer, core::Instant deadline);

  /// Fires every timer whose deadline is at or before `now`, in order of deadline ticks.
  void advance(core::Instant now);

  /// No armed timer fires before this. A lower bound: a turn that wakes then may find that a far
  /// timer only had to move to a finer level, or that the last timer of a slot was disarmed.
  core::Instant next_wake() const;

 private:
  static constexpr unsigned kLevels = 6;
  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1u << kSlotBits;

  struct Level {
    std::uint64_t occupied = 0;  // a bit per slot that may hold timers
    std::array<core::IntrusiveList<Timer>, kSlots> slots;
  };

  void place(Timer& timer);
  void fire_slot(unsigned slot, core::Instant now);
  void cascade();
  std::uint64_t tick_of(core::Instant instant, bool round_up) const;
  std::uint64_t next_tick() const;

  core::Instant start_;
  std::uint64_t tick_ = 0;    // every timer with deadline_tick_ <= tick_ has fired
  std::uint64_t target_ = 0;  // where the advance() under way ends; else tick_
  std::array<Level, kLevels> levels_;
};

}  // namespace sanjay::runtime
