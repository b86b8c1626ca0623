// SPDX-License-Identifier: Apache-2.0
#include "telemetry/histogram.h"

#include <gtest/gtest.h>

namespace sanjay::telemetry {
namespace {

TEST(Histogram, IsExactBelowSixtyFour) {
  Histogram histogram;
  for (std::uint64_t v = 0; v < 64; ++v) histogram.record(v);
  EXPECT_EQ(histogram.value_at(0.5), 31u);
  EXPECT_EQ(histogram.value_at(1.0), 63u);
  EXPECT_EQ(histogram.max(), 63u);
}

TEST(Histogram, KeepsTheRelativeErrorBelowOneInSixtyFour) {
  for (std::uint64_t value = 100; value < 100'000'000'000; value = value * 7 / 3) {
    Histogram histogram;
    histogram.record(value);
    histogram.record(value * 4);  // so that max() does not clip the answer
    const auto found = static_cast<double>(histogram.value_at(0.5));
    EXPECT_GE(found, static_cast<double>(value));
    EXPECT_LE(found, static_cast<double>(value) * (1 + 1.0 / 64));
  }
}

TEST(Histogram, MergesAndClampsBeyondItsRange) {
  Histogram a, b;
  a.record(10);
  b.record_many(~std::uint64_t{0}, 3);
  a.merge(b);
  EXPECT_EQ(a.count(), 4u);
  EXPECT_EQ(a.max(), (std::uint64_t{1} << 40) - 1);
  EXPECT_EQ(a.value_at(0.25), 10u);
  a.reset();
  EXPECT_EQ(a.value_at(0.99), 0u);
}

TEST(Histogram, ListsItsFilledBucketsFromTheLowest) {
  Histogram histogram;
  EXPECT_TRUE(histogram.buckets().empty());
  histogram.record(2'000'000);
  histogram.record_many(7, 2);
  histogram.record(2'000'001);
  const std::vector<Histogram::Bucket> expected{{7, 2}, {2'015'231, 2}};
  EXPECT_EQ(histogram.buckets(), expected);
}

}  // namespace
}  // namespace sanjay::telemetry
