// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/report.h"

#include "bench/measure/process.h"

#include <gtest/gtest.h>

namespace sanjay::bench {
namespace {

TEST(Report, WritesOneJsonLineInOrder) {
  Report report("fanout");
  report.add("url", "ws://x/\"a\"\n");
  report.add("connections", std::uint64_t{5000});
  report.add("ratio", 1.25);
  report.add("cpu_ns", 123456.7);
  report.add("pairs", std::vector<double>{1, 0.5});
  EXPECT_EQ(report.json(), R"({"scenario":"fanout","url":"ws://x/\"a\"\u000a","connections":5000,)"
                           R"("ratio":1.25,"cpu_ns":123457,"pairs":[1, 0.5]})");
}

TEST(Report, WritesTheFilledBucketsOfAHistogram) {
  telemetry::Histogram histogram;
  Report report("latency");
  report.add_histogram("none", histogram);
  histogram.record(1'000);
  histogram.record_many(2'000'000, 3);
  report.add_histogram("latency", histogram);
  EXPECT_EQ(report.json(), R"({"scenario":"latency","none_us_histogram":[],)"
                           R"("latency_us_histogram":[[1.007, 1], [2015.23, 3]]})");
}

TEST(Report, NamesTheQuantilesOfALatency) {
  telemetry::Histogram histogram;
  histogram.record(63'000);
  Report report("storm");
  report.add_latency("latency", histogram, "_during");
  EXPECT_EQ(report.json(),
            R"({"scenario":"storm","latency_p50_us_during":63,"latency_p90_us_during":63,)"
            R"("latency_p99_us_during":63,"latency_p999_us_during":63,)"
            R"("latency_max_us_during":63,"latency_count_during":1})");
}

TEST(ProcessCpu, GrowsWithWork) {
  const auto before = read_process_cpu(0);
  ASSERT_TRUE(before);
  volatile std::uint64_t sum = 0;
  // Busy until the scheduler has counted something: the count lags by up to a tick.
  for (int round = 0; round < 1000; ++round) {
    for (std::uint64_t i = 0; i < 1'000'000; ++i) sum = sum + i;
    if ((*read_process_cpu(0) - *before).total > std::chrono::milliseconds(2)) return;
  }
  FAIL() << "no CPU time was accounted";
}

TEST(ProcessCpu, FailsForNoProcess) { EXPECT_FALSE(read_process_cpu(-1)); }

TEST(ProcessMemory, IsPlausibleForThisProcess) {
  const auto memory = read_process_memory(0);
  ASSERT_TRUE(memory);
  EXPECT_GT(memory->resident, 1 << 20);
  EXPECT_GT(memory->proportional, 0);
  EXPECT_LE(memory->proportional, memory->resident);
  EXPECT_GT(read_kernel_memory().slab, 0);
}

TEST(ResidentMemory, PeaksAtOrAboveThePresent) {
  const auto memory = read_resident_memory(0);
  ASSERT_TRUE(memory);
  EXPECT_GT(memory->present, 1 << 20);
  EXPECT_GE(memory->peak, memory->present);
  EXPECT_FALSE(read_resident_memory(-1));
}

TEST(MemoryReading, LooksAtNoServerWithoutOne) {
  const auto reading = read_memory(0);
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->server.resident, 0);
  EXPECT_GT(reading->client.resident, 0);
  EXPECT_FALSE(read_memory(-1));
}

}  // namespace
}  // namespace sanjay::bench
