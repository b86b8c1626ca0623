// SPDX-License-Identifier: Apache-2.0
#include "runtime/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace sanjay::runtime {

std::uint64_t TimerWheel::tick_of(core::Instant instant, bool round_up) const {
  if (instant <= start_) return 0;
  const auto span = static_cast<std::uint64_t>((instant - start_).count());
  const auto tick = static_cast<std::uint64_t>(kTick.count());
  return round_up ? span / tick + (span % tick != 0) : span / tick;
}

void TimerWheel::arm(Timer& timer, core::Instant deadline) {
  timer.unlink();
  timer.deadline_tick_ = std::max(tick_of(deadline, true), target_ + 1);
  place(timer);
}

// A timer stands on the level of the highest digit (base 64) in which its deadline differs from the
// present tick, in the slot of that digit; when the wheel reaches that digit, it moves down.
void TimerWheel::place(Timer& timer) {
  const std::uint64_t reach = std::uint64_t{1} << (kSlotBits * kLevels);
  const std::uint64_t deadline = std::min(timer.deadline_tick_, tick_ + reach - 1);
  const std::uint64_t difference = deadline ^ tick_;
  const unsigned level = std::min(
      (static_cast<unsigned>(std::bit_width(difference | 1)) - 1) / kSlotBits, kLevels - 1);
  const auto slot = static_cast<unsigned>(deadline >> (level * kSlotBits)) & (kSlots - 1);
  levels_[level].slots[slot].push_back(timer);
  levels_[level].occupied |= std::uint64_t{1} << slot;
}

// Brings the coarser timers whose digit has just been reached down to finer levels. Called when
// the lowest digit of tick_ has become 0.
void TimerWheel::cascade() {
  for (unsigned level = 1; level < kLevels; ++level) {
    const auto slot = static_cast<unsigned>(tick_ >> (level * kSlotBits)) & (kSlots - 1);
    Level& coarse = levels_[level];
    if (coarse.occupied & (std::uint64_t{1} << slot)) {
      coarse.occupied &= ~(std::uint64_t{1} << slot);
      core::IntrusiveList<Timer> moved;
      moved.take_all(coarse.slots[slot]);
      while (!moved.empty()) place(moved.pop_front());
    }
    if (slot != 0) break;
  }
}

void TimerWheel::fire_slot(unsigned slot, core::Instant now) {
  Level& fine = levels_[0];
  fine.occupied &= ~(std::uint64_t{1} << slot);
  core::IntrusiveList<Timer> due;
  due.take_all(fine.slots[slot]);
  while (!due.empty()) {
    Timer& timer = due.pop_front();
    if (timer.deadline_tick_ <= tick_) {
      timer.on_timer(now);
    } else {
      place(timer);  // beyond the wheel's reach when armed: another round
    }
  }
}

// The next tick at which something must happen: a slot of the finest level, or the moment when a
// coarser slot has to be brought down.
std::uint64_t TimerWheel::next_tick() const {
  std::uint64_t next = ~std::uint64_t{0};
  for (unsigned level = 0; level < kLevels; ++level) {
    const std::uint64_t occupied = levels_[level].occupied;
    if (occupied == 0) continue;
    const unsigned shift = level * kSlotBits;
    const std::uint64_t here = tick_ >> shift;
    const auto digit = static_cast<unsigned>(here) & (kSlots - 1);
    // Distance from the present digit to the next occupied one, 1..64.
    const std::uint64_t turned = std::rotr(occupied, static_cast<int>((digit + 1) & (kSlots - 1)));
    const auto distance = static_cast<std::uint64_t>(std::countr_zero(turned)) + 1;
    next = std::min(next, (here + distance) << shift);
  }
  return next;
}

void TimerWheel::advance(core::Instant now) {
  target_ = std::max(target_, tick_of(now, false));
  while (tick_ < target_) {
    const std::uint64_t next = next_tick();
    if (next > target_) {
      // Nothing to fire or to bring down until the target: no digit of an occupied slot is passed.
      tick_ = target_;
      return;
    }
    tick_ = next;
    if ((tick_ & (kSlots - 1)) == 0) cascade();
    fire_slot(static_cast<unsigned>(tick_) & (kSlots - 1), now);
  }
}

core::Instant TimerWheel::next_wake() const {
  const std::uint64_t next = next_tick();
  if (next == ~std::uint64_t{0}) return core::kNever;
  return start_ + kTick * static_cast<std::int64_t>(next);
}

}  // namespace sanjay::runtime
