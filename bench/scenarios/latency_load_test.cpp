// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/latency_load.h"

#include "bench/client/connection.h"
#include "runtime/clock.h"
#include "runtime/scripted_driver.h"
#include "runtime/shard.h"
#include "telemetry/log.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace sanjay::bench {
namespace {

class SetClock final : public runtime::Clock {
 public:
  core::Instant now() const override { return present; }
  core::WallTime wall_now() const override { return {}; }
  core::Instant present;
};

// Two channels with two subscribers each and two publishers; nothing moves but what the test says.
class LatencyLoadTest : public ::testing::Test {
 protected:
  explicit LatencyLoadTest(Tolerance tolerance = Tolerance::SlowClosed)
      : shared_(options(), tolerance),
        worker_(options_.client, plan_, 0, 1, shard_),
        load_(options_, shared_, worker_) {
    for (std::uint32_t i = 0; i < shared_.connections(); ++i) {
      connections_.push_back(std::make_unique<Connection>(worker_, i, core::Instant()));
    }
    load_.on_begin(1);
  }

  const LatencyOptions& options() {
    options_.channels = 2;
    options_.subscribers_per_channel = 2;
    options_.publishers = 2;
    return options_;
  }
  // Message k is of publisher k % 2, for channel k % 2.
  void deliver(std::uint32_t receiver, std::uint64_t message) {
    const Stamp stamp{static_cast<std::uint16_t>(message % 2), message, 0};
    load_.on_message(*connections_[receiver], std::string(message_.with(stamp)));
  }
  void refuse(std::uint64_t message) {
    const auto publisher = static_cast<std::uint32_t>(message % 2);
    const auto id = static_cast<std::uint32_t>(message / 2) + 2;  // behind the connect command
    EXPECT_TRUE(load_.on_refused(*connections_[shared_.first_publisher() + publisher], id));
  }
  bool close(std::uint32_t receiver, std::uint16_t code) {
    return load_.on_ended(*connections_[receiver], code);
  }
  /// The verdict when all messages below `published` were.
  DeliveryVerdict judge(std::uint64_t published) {
    for (std::uint64_t k = 0; k < published; ++k) shared_.next[k % 2].store(k + 2);
    SentMessages sent(shared_);
    sent.refused = load_.refused();
    std::vector<std::uint64_t> orders(2);
    DeliveryVerdict verdict;
    load_.judge(sent, orders, verdict);
    return verdict;
  }
  void deliver_all(std::uint64_t published) {
    for (std::uint64_t k = 0; k < published; ++k) {
      const auto channel = static_cast<std::uint32_t>(k % 2);
      for (const std::uint32_t receiver : {channel, channel + 2}) deliver(receiver, k);
    }
  }

  LatencyOptions options_;
  LatencyShared shared_;
  ConnectionPlan plan_;
  runtime::ScriptedDriver driver_;
  SetClock clock_;
  telemetry::NullLogger log_;
  runtime::Shard shard_{runtime::ShardOptions{}, driver_, clock_, log_};
  Worker worker_;
  LatencyLoad load_;
  StampedMessage message_ = StampedMessage::of_size(StampedMessage::kBytesMin);
  std::vector<std::unique_ptr<Connection>> connections_;
};

TEST_F(LatencyLoadTest, FindsNothingWrongWhenAllIsThere) {
  deliver_all(8);
  const DeliveryVerdict verdict = judge(8);
  EXPECT_TRUE(verdict.sound());
  EXPECT_EQ(verdict.faults.lost, 0U);
}

TEST_F(LatencyLoadTest, WhoIsStillThereAndLacksSomethingHasLostItSilently) {
  deliver_all(8);
  const DeliveryVerdict verdict = judge(10);  // 8 and 9 have reached nobody
  EXPECT_EQ(verdict.faults.lost, 4U);
  EXPECT_EQ(verdict.silent_losses, 4U);
  EXPECT_FALSE(verdict.sound());
}

TEST_F(LatencyLoadTest, WhoWasClosedAsSlowHasLostNothingSilently) {
  deliver_all(8);
  deliver(0, 8);
  deliver(1, 9);
  EXPECT_TRUE(close(2, 3008));
  EXPECT_TRUE(close(3, 0));
  const DeliveryVerdict verdict = judge(10);
  EXPECT_EQ(verdict.faults.lost, 2U);
  EXPECT_EQ(verdict.silent_losses, 0U);
  EXPECT_TRUE(verdict.sound());
  EXPECT_EQ(verdict.closed, (std::map<std::uint16_t, std::uint64_t>{{0, 1}, {3008, 1}}));
  EXPECT_EQ(shared_.closed_received.load(), 8U);
  EXPECT_EQ(shared_.channels[0].closed.load(), 1U);
}

TEST_F(LatencyLoadTest, AGapIsSilentEvenIfTheSubscriberIsClosedLater) {
  deliver(0, 0);
  deliver(0, 4);
  deliver(2, 0);
  deliver(2, 2);
  deliver(2, 4);
  EXPECT_TRUE(close(0, 3008));
  const DeliveryVerdict verdict = judge(1);
  EXPECT_EQ(verdict.silent_losses, 1U);
  EXPECT_FALSE(verdict.sound());
}

TEST_F(LatencyLoadTest, OtherEndsThanSlowFailTheRun) {
  EXPECT_FALSE(close(0, 3012));
  EXPECT_FALSE(close(shared_.first_publisher(), 3008));
}

TEST_F(LatencyLoadTest, NobodyIsOwedWhatTheServerRefused) {
  deliver_all(4);
  refuse(4);
  for (const std::uint32_t receiver : {0, 2}) deliver(receiver, 6);
  for (const std::uint32_t receiver : {1, 3}) deliver(receiver, 5);
  refuse(7);
  const DeliveryVerdict verdict = judge(8);
  EXPECT_EQ(verdict.faults.lost, 0U);
  EXPECT_TRUE(verdict.sound());
  EXPECT_EQ(shared_.channels[0].refused.load(), 1U);
  EXPECT_EQ(shared_.channels[1].refused.load(), 1U);
}

TEST_F(LatencyLoadTest, RepeatedLateAndForeignMessagesAreFaults) {
  deliver_all(4);
  deliver(0, 2);  // again
  deliver(1, 2);  // of the other channel
  for (const std::uint64_t k : {6, 4}) deliver(0, k);
  for (const std::uint64_t k : {4, 6}) deliver(2, k);
  for (const std::uint32_t receiver : {1, 3}) {
    for (const std::uint64_t k : {5, 7}) deliver(receiver, k);
  }
  const DeliveryVerdict verdict = judge(8);
  EXPECT_EQ(verdict.faults.duplicate, 2U);
  EXPECT_EQ(verdict.faults.misordered, 1U);
  EXPECT_EQ(verdict.faults.lost, 0U);
  EXPECT_FALSE(verdict.sound());
}

TEST_F(LatencyLoadTest, StretchesPartWhereTheStormBeginsAndEnds) {
  const auto at = [](int ms) { return core::Instant() + std::chrono::milliseconds(ms); };
  shared_.storm_from.store(at(10));
  shared_.storm_until.store(at(20));
  const auto deliver_at = [&](std::uint64_t message, int due_ms, int arrived_ms) {
    const auto due = std::chrono::nanoseconds(std::chrono::milliseconds(due_ms));
    clock_.present = at(arrived_ms);
    load_.on_message(*connections_[0], std::string(message_.with({0, message, due.count()})));
  };
  deliver_at(0, 5, 9);
  deliver_at(2, 9, 12);  // was under way when the storm began
  deliver_at(4, 15, 25);
  deliver_at(6, 20, 26);
  EXPECT_EQ(load_.latency_ns(Stretch::Before).count(), 1U);
  EXPECT_EQ(load_.latency_ns(Stretch::During).count(), 2U);
  EXPECT_EQ(load_.latency_ns(Stretch::After).count(), 1U);
}

class LatencyLoadWithoutOverload : public LatencyLoadTest {
 protected:
  LatencyLoadWithoutOverload() : LatencyLoadTest(Tolerance::None) {}
};

TEST_F(LatencyLoadWithoutOverload, EveryEndAndEveryRefusalFailsTheRun) {
  EXPECT_FALSE(close(0, 3008));
  EXPECT_FALSE(close(0, 0));
  EXPECT_FALSE(load_.on_refused(*connections_[shared_.first_publisher()], 2));
}

class LatencyLoadInAStorm : public LatencyLoadTest {
 protected:
  LatencyLoadInAStorm() : LatencyLoadTest(Tolerance::AnyClosed) {}
};

TEST_F(LatencyLoadInAStorm, CountsWhoeverWasClosedForWhateverReason) {
  deliver_all(8);
  EXPECT_TRUE(close(0, 3012));
  EXPECT_TRUE(close(1, 3012));
  EXPECT_FALSE(load_.on_refused(*connections_[shared_.first_publisher()], 2));
  EXPECT_EQ(judge(8).closed_count(), 2U);
}

}  // namespace
}  // namespace sanjay::bench
