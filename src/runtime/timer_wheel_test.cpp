// SPDX-License-Identifier: Apache-2.0
#include "runtime/timer_wheel.h"

#include "core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

namespace sanjay::runtime {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

static_assert(sizeof(Timer) == 32);

core::Instant at(core::Duration since_start) { return core::Instant(seconds(1000) + since_start); }

struct CallTimer final : Timer {
  std::function<void(core::Instant)> call;
  void on_timer(core::Instant now) override { call(now); }
};

struct CountTimer final : Timer {
  int fired = 0;
  void on_timer(core::Instant) override { ++fired; }
};

TEST(TimerWheel, FiresNeverEarlyAndAtTheNextTick) {
  TimerWheel wheel(at({}));
  CountTimer timer;
  wheel.arm(timer, at(microseconds(1500)));
  wheel.advance(at(microseconds(1499)));
  EXPECT_EQ(timer.fired, 0);
  wheel.advance(at(microseconds(1999)));
  EXPECT_EQ(timer.fired, 0);
  EXPECT_EQ(wheel.next_wake(), at(milliseconds(2)));
  wheel.advance(at(milliseconds(2)));
  EXPECT_EQ(timer.fired, 1);
  EXPECT_FALSE(timer.armed());
}

TEST(TimerWheel, KnowsNoWakeWithoutTimers) {
  TimerWheel wheel(at({}));
  EXPECT_EQ(wheel.next_wake(), core::kNever);
  CountTimer timer;
  wheel.arm(timer, core::kNever);
  EXPECT_LT(wheel.next_wake(), core::kNever);
  wheel.advance(at(hours(24 * 365 * 5)));
  EXPECT_EQ(timer.fired, 0);
  EXPECT_TRUE(timer.armed());
}

TEST(TimerWheel, ADeadlineInThePastFiresAtTheNextAdvance) {
  TimerWheel wheel(at({}));
  wheel.advance(at(seconds(10)));
  CountTimer timer;
  wheel.arm(timer, at(seconds(3)));
  wheel.advance(at(seconds(10)));
  EXPECT_EQ(timer.fired, 0);
  wheel.advance(at(seconds(10) + milliseconds(1)));
  EXPECT_EQ(timer.fired, 1);
}

TEST(TimerWheel, ATimerReArmedInThePastDoesNotHoldTheAdvance) {
  TimerWheel wheel(at({}));
  CallTimer timer;
  int fired = 0;
  timer.call = [&](core::Instant) {
    ++fired;
    wheel.arm(timer, at({}));
  };
  wheel.arm(timer, at(milliseconds(1)));
  wheel.advance(at(hours(24 * 30)));
  EXPECT_EQ(fired, 1);
  wheel.advance(at(hours(24 * 30) + milliseconds(1)));
  EXPECT_EQ(fired, 2);
}

TEST(TimerWheel, AHandlerMayDisarmReArmAndDestroyOthersOfTheSameTick) {
  TimerWheel wheel(at({}));
  CallTimer first;
  CountTimer disarmed, rearmed;
  auto destroyed = std::make_unique<CountTimer>();
  first.call = [&](core::Instant) {
    disarmed.disarm();
    wheel.arm(rearmed, at(milliseconds(64 + 5)));  // the same slot, one round later
    destroyed.reset();
  };
  for (Timer* timer : std::initializer_list<Timer*>{&first, &disarmed, &rearmed, destroyed.get()}) {
    wheel.arm(*timer, at(milliseconds(5)));
  }
  wheel.advance(at(milliseconds(68)));
  EXPECT_EQ(disarmed.fired, 0);
  EXPECT_EQ(rearmed.fired, 0);
  wheel.advance(at(milliseconds(69)));
  EXPECT_EQ(rearmed.fired, 1);
}

TEST(TimerWheel, ATimerMayDestroyItself) {
  TimerWheel wheel(at({}));
  auto timer = std::make_unique<CallTimer>();
  timer->call = [&](core::Instant) {
    // Moved out so that the closure being run is not destroyed under its own feet.
    auto call = std::move(timer->call);
    timer.reset();
  };
  wheel.arm(*timer, at(milliseconds(1)));
  wheel.advance(at(seconds(1)));
  EXPECT_EQ(timer, nullptr);
  EXPECT_EQ(wheel.next_wake(), core::kNever);
}

TEST(TimerWheel, FiresBeyondItsReach) {
  TimerWheel wheel(at({}));
  CountTimer timer;
  const core::Duration three_years = hours(24 * 365 * 3);
  wheel.advance(at(milliseconds(12345)));
  wheel.arm(timer, at(three_years));
  for (core::Duration now = hours(1); now < three_years; now += hours(24 * 7)) {
    wheel.advance(at(now));
    ASSERT_EQ(timer.fired, 0);
    ASSERT_LE(wheel.next_wake(), at(three_years));
  }
  wheel.advance(at(three_years));
  EXPECT_EQ(timer.fired, 1);
}

/// The wheel beside the most naive thing that can be right: a list of deadlines.
class TimerModel {
 public:
  explicit TimerModel(std::uint64_t seed) : random_(seed), wheel_(at({})) {
    for (std::size_t i = 0; i < kTimers; ++i) add(i);
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      if (testing::Test::HasFatalFailure()) return;
    }
  }

  std::uint64_t fired() const { return fired_; }

 private:
  static constexpr std::size_t kTimers = 60;

  struct Tracked {
    CallTimer timer;
    core::Instant deadline = core::kNever;
    core::Instant due = core::kNever;  // the tick at which it must fire
    bool fresh = false;                // armed during the advance() under way
  };

  void add(std::size_t index) {
    tracked_.resize(std::max(tracked_.size(), index + 1));
    tracked_[index] = std::make_unique<Tracked>();
    tracked_[index]->timer.call = [this, index](core::Instant now) { on_timer(index, now); };
  }

  core::Duration random_span() {
    static constexpr core::Duration kScales[] = {
        microseconds(700), milliseconds(3), milliseconds(80), seconds(5),
        seconds(400),      hours(10),       hours(24 * 20),   hours(24 * 400)};
    const core::Duration scale = kScales[random_.below(std::size(kScales))];
    return core::Duration(
        static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(scale.count()))));
  }

  void arm_random(std::size_t index) {
    Tracked& tracked = *tracked_[index];
    // Now and then in the past.
    tracked.deadline = random_.below(10) == 0 ? now_ - random_span() : now_ + random_span();
    tracked.due = std::max(round_up(tracked.deadline), next_tick_);
    tracked.fresh = advancing_;
    wheel_.arm(tracked.timer, tracked.deadline);
  }

  void on_timer(std::size_t index, core::Instant now) {
    Tracked& tracked = *tracked_[index];
    ++fired_;
    ASSERT_EQ(now, now_);
    ASSERT_FALSE(tracked.timer.armed());
    ASSERT_FALSE(tracked.fresh) << "fired twice in one advance";
    ASSERT_LE(tracked.deadline, now) << "early";
    ASSERT_GE(tracked.due, last_due_) << "out of order";
    last_due_ = tracked.due;
    forget(tracked);
    switch (random_.below(6)) {
      case 0:
        arm_random(index);
        break;
      case 1:
        arm_random(random_.below(kTimers));
        break;
      case 2: {
        const std::size_t other = random_.below(kTimers);
        tracked_[other]->timer.disarm();
        forget(*tracked_[other]);
        break;
      }
      case 3: {
        const std::size_t other = random_.below(kTimers);
        if (other != index) add(other);  // destroys the old one, armed or not
        break;
      }
      default:
        break;
    }
  }

  static core::Instant round_up(core::Instant instant) {
    const core::Duration over = (instant - at({})) % TimerWheel::kTick;
    return over > core::Duration::zero() ? instant + (TimerWheel::kTick - over) : instant;
  }

  static void forget(Tracked& tracked) { tracked.deadline = tracked.due = core::kNever; }

  void advance(core::Instant to) {
    core::Instant next_due = core::kNever;
    for (const auto& tracked : tracked_) next_due = std::min(next_due, tracked->due);
    ASSERT_LE(wheel_.next_wake(), next_due) << "would oversleep";
    now_ = to;
    next_tick_ = now_ - (now_ - at({})) % TimerWheel::kTick + TimerWheel::kTick;
    advancing_ = true;
    last_due_ = core::Instant::min();
    wheel_.advance(now_);
    advancing_ = false;
    for (const auto& tracked : tracked_) {
      ASSERT_EQ(tracked->timer.armed(), tracked->due != core::kNever);
      ASSERT_GT(tracked->due, now_) << "late";
      tracked->fresh = false;
    }
  }

  void step() {
    switch (random_.below(8)) {
      case 0:
      case 1:
      case 2:
        return arm_random(random_.below(kTimers));
      case 3: {
        Tracked& tracked = *tracked_[random_.below(kTimers)];
        tracked.timer.disarm();
        forget(tracked);
        return;
      }
      case 4:
        return add(random_.below(kTimers));
      case 5:
      case 6: {  // as a shard does: sleep until the wheel asks to be woken
        const core::Instant wake = wheel_.next_wake();
        return advance(wake == core::kNever ? now_ + milliseconds(1) : std::max(wake, now_));
      }
      default:
        return advance(now_ + random_span());
    }
  }

  core::Random random_;
  TimerWheel wheel_;
  std::vector<std::unique_ptr<Tracked>> tracked_;
  core::Instant now_ = at({});
  core::Instant next_tick_ = at(TimerWheel::kTick);  // the earliest at which one armed now may fire
  core::Instant last_due_ = core::Instant::min();
  bool advancing_ = false;
  std::uint64_t fired_ = 0;
};

TEST(TimerWheel, AgreesWithASortedListOnRandomSchedules) {
  std::uint64_t fired = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    TimerModel model(seed);
    model.run(3000);
    if (HasFatalFailure()) return;
    fired += model.fired();
  }
  EXPECT_GT(fired, 10'000U);
}

TEST(TimerWheel, HoldsAMillionTimersAtConstantCost) {
  constexpr std::size_t kMany = 1'000'000;
  std::vector<CountTimer> timers(kMany);
  TimerWheel wheel(at({}));
  core::Random random(7);
  for (auto& timer : timers) {
    wheel.arm(timer, at(milliseconds(1 + static_cast<std::int64_t>(random.below(60'000)))));
  }
  // Every second one is put off, as a ping timer is by each message.
  for (std::size_t i = 0; i < kMany; i += 2) wheel.arm(timers[i], at(seconds(61)));
  // An implementation that looks at every timer per step would need 6 * 10^10 looks here.
  for (int i = 1; i <= 60'000; ++i) wheel.advance(at(milliseconds(i)));
  std::size_t fired = 0;
  for (std::size_t i = 0; i < kMany; ++i) {
    ASSERT_EQ(timers[i].fired, static_cast<int>(i % 2));
    fired += static_cast<std::size_t>(timers[i].fired);
  }
  EXPECT_EQ(fired, kMany / 2);
  wheel.advance(at(seconds(61)));
  EXPECT_EQ(timers[0].fired, 1);
}

}  // namespace
}  // namespace sanjay::runtime
