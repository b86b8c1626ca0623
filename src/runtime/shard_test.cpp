// SPDX-License-Identifier: Apache-2.0
#include "runtime/shard.h"

#include "runtime/scripted_driver.h"
#include "runtime/shard_threads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sanjay::runtime {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

class ManualClock final : public Clock {
 public:
  core::Instant now() const override { return now_; }
  core::WallTime wall_now() const override { return {}; }
  void advance(core::Duration by) { now_ += by; }

 private:
  core::Instant now_{std::chrono::hours(1)};
};

class ListLogger final : public telemetry::Logger {
 public:
  bool enabled(telemetry::Level) const override { return true; }
  void log(telemetry::Level level, std::string_view message,
           std::initializer_list<telemetry::Field> fields) override {
    std::string line(level == telemetry::Level::Warn ? "warn: " : "other: ");
    line += message;
    for (const auto& field : fields) {
      line += " " + std::string(field.key) + "=";
      if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
        line += std::to_string(*number);
      } else if (const auto* count = std::get_if<std::uint64_t>(&field.value)) {
        line += std::to_string(*count);
      }
    }
    lines.push_back(std::move(line));
  }
  std::vector<std::string> lines;
};

class ScriptedApplication final : public ShardApplication {
 public:
  core::Status on_start() override { return start_answer; }
  void on_accept(Stream& stream, ListenerIndex) override { accept(stream); }
  bool on_turn(core::Instant now) override {
    if (turn) turn(now);
    return std::exchange(work_left, false);
  }
  bool has_mail() const override { return mail ? mail() : false; }

  core::Status start_answer;
  std::function<void(Stream&)> accept = [](Stream& stream) { stream.close(); };
  std::function<void(core::Instant)> turn;
  std::function<bool()> mail;
  bool work_left = false;
};

struct Silent : StreamHandler {
  void on_bytes(std::span<char>) override {}
  void on_peer_finished() override {}
  void on_overflow() override {}
  void on_write_stalled() override {}
  void on_closed(StreamEnd) override {}
};

class ShardTest : public testing::Test {
 protected:
  ShardTest() { make({}); }

  void make(const ShardOptions& options) {
    shard_ = std::make_unique<Shard>(options, driver_, clock_, log_);
    shard_->set_application(application_);
    ASSERT_TRUE(shard_->start());
  }
  /// The wait that the next turn asks of the driver.
  core::Duration turn() {
    shard_->turn();
    return driver_.waits.back();
  }

  ManualClock clock_;
  ListLogger log_;
  ScriptedDriver driver_;
  ScriptedApplication application_;
  std::unique_ptr<Shard> shard_;
};

TEST_F(ShardTest, ASlowTurnIsCountedAndLogged) {
  ShardOptions options;
  options.index = 7;
  options.slow_turn = milliseconds(50);
  make(options);
  application_.turn = [&](core::Instant) { clock_.advance(milliseconds(50)); };
  turn();
  EXPECT_EQ(shard_->stats().slow_turns.value(), 0U);
  application_.turn = [&](core::Instant) { clock_.advance(milliseconds(51)); };
  turn();
  EXPECT_EQ(shard_->stats().slow_turns.value(), 1U);
  EXPECT_THAT(log_.lines, ElementsAre("warn: slow loop turn shard=7 turn_ms=51"));
  EXPECT_EQ(shard_->stats().turns.value(), 2U);
  EXPECT_GE(shard_->stats().turn.sum_ns(), 51'000'000U);
}

TEST_F(ShardTest, APauseOfOurOwnGivesPeersTimeToBeHeard) {
  make({});
  turn();
  EXPECT_FALSE(shard_->catching_up());
  clock_.advance(milliseconds(500));
  turn();
  EXPECT_FALSE(shard_->catching_up()) << "so long it may sleep";
  clock_.advance(milliseconds(3000));  // the process was stopped while it slept
  turn();
  EXPECT_TRUE(shard_->catching_up());
  EXPECT_EQ(shard_->stats().pauses.value(), 1U);
  for (int i = 0; i < 27; ++i) {
    clock_.advance(milliseconds(100));
    turn();
    EXPECT_TRUE(shard_->catching_up());
  }
  clock_.advance(milliseconds(100));
  turn();
  EXPECT_FALSE(shard_->catching_up());
  application_.turn = [&](core::Instant) { clock_.advance(milliseconds(60'000)); };
  turn();
  application_.turn = [](core::Instant) {};
  turn();
  EXPECT_EQ(shard_->catching_up_until() - shard_->now(), milliseconds(10'000)) << "at most";
}

TEST_F(ShardTest, LagIsTheLongestTurnOfTheLastSeconds) {
  make({});
  const auto take = [&](int turn_ms) {
    application_.turn = [this, turn_ms](core::Instant) { clock_.advance(milliseconds(turn_ms)); };
    turn();
    return shard_->stats().lag_ns.value() / 1'000'000;
  };
  EXPECT_EQ(take(40), 40U);
  EXPECT_EQ(take(10), 40U);
  clock_.advance(milliseconds(480));
  EXPECT_EQ(take(5), 40U);
  clock_.advance(milliseconds(480));
  EXPECT_EQ(take(1), 40U) << "a new window, and the last one counts";
  clock_.advance(milliseconds(499));
  take(1);
  clock_.advance(milliseconds(499));
  take(1);
  clock_.advance(milliseconds(10));
  EXPECT_LT(take(1), 40U);
}

TEST_F(ShardTest, TheTimeStandsStillWithinATurn) {
  application_.turn = [&](core::Instant now) {
    clock_.advance(milliseconds(3));
    EXPECT_EQ(shard_->now(), now);
  };
  turn();
  const core::Instant before = shard_->now();
  turn();
  EXPECT_EQ(shard_->now() - before, milliseconds(3));
}

TEST_F(ShardTest, SleepsUntilTheNextTimerAndNeverLongerThanTheWatchdogAllows) {
  struct Alarm final : Timer {
    void on_timer(core::Instant) override { rang = true; }
    bool rang = false;
  };
  EXPECT_EQ(turn(), core::Duration::zero()) << "the first turn looks for work";
  EXPECT_EQ(turn(), milliseconds(250));
  Alarm alarm;
  shard_->timers().arm(alarm, clock_.now() + milliseconds(20));
  EXPECT_EQ(turn(), milliseconds(20));
  EXPECT_FALSE(alarm.rang);
  clock_.advance(milliseconds(20));
  turn();
  EXPECT_TRUE(alarm.rang);
  clock_.advance(std::chrono::hours(24 * 100));
  EXPECT_EQ(turn(), milliseconds(250));
}

TEST_F(ShardTest, DoesNotSleepWhileTheApplicationHasWorkOrMail) {
  turn();
  application_.work_left = true;
  EXPECT_EQ(turn(), milliseconds(250)) << "asked before the turn's own work";
  EXPECT_EQ(turn(), core::Duration::zero());
  application_.mail = [] { return true; };
  EXPECT_EQ(turn(), core::Duration::zero());
  application_.mail = {};
  EXPECT_EQ(turn(), milliseconds(250));
  shard_->stop();
  EXPECT_EQ(turn(), core::Duration::zero());
  EXPECT_EQ(driver_.wakes, 1);
}

TEST_F(ShardTest, NotifyWakesASleeperOnce) {
  turn();
  application_.turn = [&](core::Instant) { shard_->notify(); };
  turn();
  EXPECT_EQ(driver_.wakes, 0) << "it is awake";
  application_.turn = {};
  // Between falling asleep and waiting is the moment at which the look for mail happens.
  application_.mail = [&] {
    shard_->notify();
    shard_->notify();
    return false;
  };
  turn();
  EXPECT_EQ(driver_.wakes, 1);
}

TEST_F(ShardTest, SpinsForItsTimeAfterSomethingHappened) {
  ShardOptions options;
  options.spin = milliseconds(2);
  make(options);
  driver_.events.push_back([](IoEvents&) {});
  turn();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(turn(), core::Duration::zero());
    clock_.advance(milliseconds(1));
  }
  turn();
  EXPECT_EQ(turn(), milliseconds(250));
}

TEST_F(ShardTest, WhatIsSentWhileOthersAreToldOfTheirEndIsNotLeftForASleep) {
  struct Farewell final : Silent {
    explicit Farewell(Stream*& f) : other(f) {}
    void on_closed(StreamEnd) override { other->send(core::SegmentRef::copy_of("he left")); }
    Stream*& other;
  };
  std::vector<Stream*> accepted;
  Stream* other = nullptr;
  application_.accept = [&](Stream& stream) {
    accepted.push_back(&stream);
    if (accepted.size() == 1) {
      stream.set_handler(std::make_unique<Farewell>(other));
    } else {
      stream.set_handler(std::make_unique<Silent>());
    }
  };
  for (int i = 0; i < 2; ++i) {
    driver_.events.push_back([](IoEvents& events) { EXPECT_TRUE(events.on_accept({}, 0)); });
    turn();
  }
  other = accepted[1];
  application_.turn = [&](core::Instant) { accepted[0]->close(); };
  turn();
  application_.turn = {};
  EXPECT_EQ(driver_.all_sent(), "");
  EXPECT_EQ(turn(), core::Duration::zero());
  EXPECT_EQ(driver_.all_sent(), "he left");
}

TEST_F(ShardTest, ASuspendedAcceptIsTriedAgainAfterTheBackoff) {
  ShardOptions options;
  options.accept_backoff = milliseconds(100);
  make(options);
  driver_.events.push_back([](IoEvents& events) { events.on_accept_suspended(); });
  turn();
  EXPECT_EQ(shard_->stats().accepts_suspended.value(), 1U);
  EXPECT_THAT(log_.lines, ElementsAre("warn: accepting suspended: out of descriptors or memory "
                                      "shard=0 connections=0"));
  clock_.advance(milliseconds(99));
  turn();
  EXPECT_EQ(driver_.accepts_resumed, 0);
  clock_.advance(milliseconds(1));
  turn();
  EXPECT_EQ(driver_.accepts_resumed, 1);
}

TEST_F(ShardTest, AnApplicationThatCannotStartIsReported) {
  application_.start_answer = core::failure("no port");
  const auto started = shard_->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "no port");
}

/// Two shards on scripted drivers, for what the threads do with them.
class ShardThreadsTest : public testing::Test {
 protected:
  ShardThreadsTest() {
    for (std::size_t i = 0; i < 2; ++i) {
      ShardOptions options;
      options.index = static_cast<core::ShardIndex>(i);
      shards_.push_back(std::make_unique<Shard>(options, drivers_[i], clock_, log_));
      shards_[i]->set_application(applications_[i]);
    }
  }
  std::vector<Shard*> pointers() { return {shards_[0].get(), shards_[1].get()}; }

  SystemClock clock_;
  telemetry::NullLogger log_;
  ScriptedDriver drivers_[2];
  ScriptedApplication applications_[2];
  std::vector<std::unique_ptr<Shard>> shards_;
};

TEST_F(ShardThreadsTest, RunsNobodyWhenOneCannotStart) {
  applications_[1].start_answer = core::failure("no port");
  ShardThreads threads(pointers(), {});
  const auto started = threads.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "no port");
  threads.join();
  EXPECT_EQ(shards_[0]->stats().turns.value(), 0U);
}

TEST_F(ShardThreadsTest, StopsBothAndNamesTheCpuItCannotHave) {
  {
    ShardThreads threads(pointers(), {});
    ASSERT_TRUE(threads.start());
    threads.stop();
    threads.join();
  }
  ShardThreads impossible(pointers(), {100'000});
  const auto started = impossible.start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("CPU 100000"), std::string::npos);
}

TEST(AvailableCpus, IsAtLeastOne) { EXPECT_GE(available_cpus(), 1U); }

}  // namespace
}  // namespace sanjay::runtime
