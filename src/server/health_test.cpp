// SPDX-License-Identifier: Apache-2.0
#include "server/health.h"

#include "server/server_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sanjay::server {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kGood = "{\"status\":\"ok\"}";

/// Holds up its shard for that long, in the turn in which it fires.
class SlowTimer final : public runtime::Timer {
 public:
  SlowTimer(runtime::ManualClock& clock, core::Duration time) : clock_(clock), time_(time) {}

 private:
  void on_timer(core::Instant) override { clock_.advance(time_); }

  runtime::ManualClock& clock_;
  core::Duration time_;
};

class HealthTest : public testing::Test {
 protected:
  Health check(Probe probe) { return check_health(server_.shared(), probe, server_.clock().now()); }
  void expect_ready() {
    const Health health = check(Probe::Ready);
    EXPECT_TRUE(health.good) << health.body;
    EXPECT_EQ(health.body, kGood);
  }
  void expect_not_ready(std::string_view reason) {
    const Health health = check(Probe::Ready);
    EXPECT_FALSE(health.good);
    EXPECT_EQ(health.body,
              "{\"status\":\"failed\",\"reasons\":[\"" + std::string(reason) + "\"]}");
    EXPECT_TRUE(check(Probe::Live).good);  // a restart would not help
    EXPECT_TRUE(check(Probe::Startup).good);
  }
  /// Only shard 0 turns.
  void pass_with_shard_one_stuck(core::Duration time) {
    for (core::Duration passed{}; passed < time; passed += 250ms) {
      server_.clock().advance(250ms);
      server_.shard(0).turn();
    }
  }

  MemoryServer server_{2, [](Config& config) { config.client.connection_limit = 2; }};
};

TEST_F(HealthTest, AServerAtWorkIsLiveReadyAndStarted) {
  for (const Probe probe : {Probe::Live, Probe::Ready, Probe::Startup}) {
    const Health health = check(probe);
    EXPECT_TRUE(health.good);
    EXPECT_EQ(health.body, kGood);
  }
}

TEST_F(HealthTest, AShardThatDoesNotTurnIsNotLive) {
  pass_with_shard_one_stuck(4750ms);
  EXPECT_TRUE(check(Probe::Live).good);
  expect_ready();
  pass_with_shard_one_stuck(250ms);
  for (const Probe probe : {Probe::Live, Probe::Ready}) {
    const Health health = check(probe);
    EXPECT_FALSE(health.good);
    EXPECT_EQ(health.body,
              "{\"status\":\"failed\",\"reasons\":[\"shard 1 has not turned for 5000 ms\"]}");
  }
  EXPECT_TRUE(check(Probe::Startup).good);
  server_.turns(1);
  EXPECT_TRUE(check(Probe::Live).good);
}

TEST_F(HealthTest, ALaggingShardIsLiveButNotReadyForASecondOrTwo) {
  SlowTimer timer(server_.clock(), 50ms);
  server_.shard(1).timers().arm(timer, server_.clock().now());
  server_.pass(250ms);
  expect_ready();  // as much as is allowed

  SlowTimer slower(server_.clock(), 51ms);
  server_.shard(1).timers().arm(slower, server_.clock().now());
  server_.pass(250ms);
  expect_not_ready("shard 1 lags by 51 ms");
  server_.pass(2s);
  expect_ready();
}

TEST_F(HealthTest, ADrainingServerIsNotReady) {
  server_.shared().draining = true;
  expect_not_ready("shutting down");
}

TEST_F(HealthTest, AFullServerIsNotReadyUntilSomebodyLeaves) {
  server_.connect(0);
  server_.turns();
  expect_ready();
  MemoryServer::Peer& second = server_.connect(1);
  server_.turns();
  expect_not_ready("2 connections, the limit");
  second.finished = true;
  server_.turns();
  expect_ready();
}

TEST_F(HealthTest, EveryReasonIsGiven) {
  server_.shared().draining = true;
  server_.connect(0);
  server_.connect(1);
  server_.turns();
  pass_with_shard_one_stuck(6s);
  const Health health = check(Probe::Ready);
  EXPECT_THAT(health.body, AllOf(HasSubstr("shard 1 has not turned"), HasSubstr("shutting down"),
                                 HasSubstr("2 connections"), Not(HasSubstr("shard 0"))));
}

TEST_F(HealthTest, AFullServerStillAnswersPlainRequestsAndRefusesClients) {
  server_.connect(0);
  server_.connect(0);
  server_.turns();
  const auto ask = [&](std::string_view path) {
    return server_.say(server_.connect(0),
                       "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
  };
  EXPECT_THAT(ask("/health/ready"), testing::StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(ask("/health/live"), testing::StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ask("/health/other"), testing::StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("/healthy"), testing::StartsWith("HTTP/1.1 404 "));
  MemoryServer::Peer& client = server_.connect(0);
  EXPECT_THAT(server_.say(client,
                          "GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                          "Sec-WebSocket-Version: 13\r\n\r\n"),
              testing::StartsWith("HTTP/1.1 503 "));
}

}  // namespace
}  // namespace sanjay::server
