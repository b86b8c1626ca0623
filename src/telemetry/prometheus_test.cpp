// SPDX-License-Identifier: Apache-2.0
#include "telemetry/prometheus.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

namespace sanjay::telemetry {
namespace {

TEST(Counter, OneThreadCountsWhileAnotherReads) {
  Counter counter;
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; i < 100'000; ++i) counter.add();
    done = true;
  });
  std::uint64_t last = 0;
  while (!done) {
    const std::uint64_t seen = counter.value();
    EXPECT_GE(seen, last);
    last = seen;
  }
  writer.join();
  EXPECT_EQ(counter.value(), 100'000U);
  counter.subtract(100'000);
  EXPECT_EQ(counter.value(), 0U);
}

TEST(DurationHistogram, ValuesOnABoundBelongBelowIt) {
  DurationHistogram histogram;
  histogram.record(10'000);
  histogram.record(10'001);
  histogram.record(10'000'000'001, 3);
  EXPECT_EQ(histogram.bucket(0), 1U);
  EXPECT_EQ(histogram.bucket(1), 1U);
  EXPECT_EQ(histogram.bucket(DurationHistogram::kBuckets - 1), 3U);
  EXPECT_EQ(histogram.sum_ns(), 10'000U + 10'001U + 3 * 10'000'000'001U);
}

TEST(PrometheusText, WritesFamiliesAndEscapesLabelValues) {
  PrometheusText text;
  text.counter("sanjay_things_total", "Things.", 7);
  text.family("sanjay_info", PrometheusText::Type::Gauge, "What it is.");
  text.sample({{"a", "x\"\\\ny"}, {"b", ""}}, std::uint64_t{1});
  text.sample({}, 0.25);
  EXPECT_EQ(text.take(),
            "# HELP sanjay_things_total Things.\n"
            "# TYPE sanjay_things_total counter\n"
            "sanjay_things_total 7\n"
            "# HELP sanjay_info What it is.\n"
            "# TYPE sanjay_info gauge\n"
            "sanjay_info{a=\"x\\\"\\\\\\ny\",b=\"\"} 1\n"
            "sanjay_info 0.25\n");
}

TEST(PrometheusText, HistogramsAreSummedAndCumulative) {
  DurationHistogram one;
  DurationHistogram other;
  one.record(5'000);
  other.record(20'000);
  other.record(20'000'000'000);
  const std::array<const DurationHistogram*, 2> parts{&one, &other};
  PrometheusText text;
  text.family("sanjay_wait_seconds", PrometheusText::Type::Histogram, "Waits.");
  text.histogram(parts);
  const std::string written = text.take();
  EXPECT_NE(written.find("sanjay_wait_seconds_bucket{le=\"0.00001\"} 1\n"), std::string::npos);
  EXPECT_NE(written.find("sanjay_wait_seconds_bucket{le=\"0.000025\"} 2\n"), std::string::npos);
  EXPECT_NE(written.find("sanjay_wait_seconds_bucket{le=\"10\"} 2\n"), std::string::npos);
  EXPECT_NE(written.find("sanjay_wait_seconds_bucket{le=\"+Inf\"} 3\n"), std::string::npos);
  EXPECT_NE(written.find("sanjay_wait_seconds_sum 20.000025\n"), std::string::npos);
  EXPECT_NE(written.find("sanjay_wait_seconds_count 3\n"), std::string::npos);
}

}  // namespace
}  // namespace sanjay::telemetry
