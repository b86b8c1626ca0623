// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/server_metrics.h"

#include <gtest/gtest.h>

namespace sanjay::bench {
namespace {

constexpr std::string_view kText =
    "# HELP sanjay_io_sends_total Send operations.\n"
    "# TYPE sanjay_io_sends_total counter\n"
    "sanjay_io_sends_total 120\n"
    "sanjay_io_waits_total 1.2e2\n"
    "sanjay_disconnects_total{code=\"3000\"} 5\n"
    "sanjay_disconnects_total{code=\"a b\"} 2\n"
    "sanjay_deliveries_total 1000\n"
    "sanjay_deliveries_total_of_another 7\n"
    "sanjay_broken many\n";

TEST(ServerMetrics, SumsTheSamplesOfAFamily) {
  EXPECT_EQ(metric_sum(kText, "sanjay_io_sends_total"), 120);
  EXPECT_EQ(metric_sum(kText, "sanjay_disconnects_total"), 7);
  EXPECT_EQ(metric_sum(kText, "sanjay_deliveries_total"), 1000);
}

TEST(ServerMetrics, KnowsNothingOfWhatIsNotThere) {
  EXPECT_FALSE(metric_sum(kText, "sanjay_io"));
  EXPECT_FALSE(metric_sum(kText, "sanjay_broken"));
  EXPECT_FALSE(metric_sum("", "sanjay_io_sends_total"));
}

TEST(ServerMetrics, TakesAllCountersOrNone) {
  const auto counters = parse_server_counters(kText);
  ASSERT_TRUE(counters);
  const ServerCounters since = *counters - ServerCounters{400, 20, 100};
  EXPECT_EQ(since.deliveries, 600U);
  EXPECT_EQ(since.sends, 100U);
  EXPECT_EQ(since.waits, 20U);
  EXPECT_FALSE(parse_server_counters(kText.substr(0, kText.find("sanjay_deliveries"))));
}

TEST(ServerMetrics, FailsWhereNobodyListens) {
  // Port 0 is nobody's.
  const auto nobody = runtime::Endpoint::parse("127.0.0.1", 0);
  ASSERT_TRUE(nobody);
  EXPECT_FALSE(read_server_counters(*nobody, std::chrono::seconds(1)));
}

}  // namespace
}  // namespace sanjay::bench
