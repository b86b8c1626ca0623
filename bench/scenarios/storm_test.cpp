// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/storm.h"

#include <gtest/gtest.h>

namespace sanjay::bench {
namespace {

TEST(StormResult, ChargesReconnectsWithWhatTheLoadDoesNotCostAnyway) {
  StormResult result;
  EXPECT_EQ(result.server_ns_per_reconnect(), 0);
  result.usage_before.wall = std::chrono::seconds(10);
  result.usage_before.server.total = std::chrono::seconds(1);
  result.usage_during.wall = std::chrono::seconds(2);
  result.usage_during.server.total = std::chrono::milliseconds(1200);
  result.reconnects = 1000;
  EXPECT_DOUBLE_EQ(result.server_ns_per_reconnect(), 1'000'000);  // (1.2 s − 0.2 s) / 1000
}

TEST(StormResult, IsSoundOnlyWhenNobodyWhoStayedWasClosedOrLacksAnything) {
  StormResult result;
  EXPECT_TRUE(result.sound());
  result.verdict.closed[3008] = 1;
  EXPECT_FALSE(result.sound());
  result.verdict.closed.clear();
  result.verdict.silent_losses = 1;
  EXPECT_FALSE(result.sound());
  result.verdict.silent_losses = 0;
  result.interrupted = "no progress";
  EXPECT_FALSE(result.sound());
}

TEST(Storm, RefusesWhatMakesNoSense) {
  StormOptions options;
  options.load.client.protocol = Protocol::WebSocket;
  EXPECT_FALSE(run_storm(options));
  options.load.client.protocol = Protocol::Centrifuge;
  options.load.idle = 0;
  EXPECT_FALSE(run_storm(options));
}

}  // namespace
}  // namespace sanjay::bench
