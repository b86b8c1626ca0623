// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sanjay::telemetry {

/// A number that one thread counts up and any thread may read at any time: a plain addition for its
/// writer, a value that is perhaps a moment old for a reader. Not for several writers.
class Counter {
 public:
  void add(std::uint64_t count = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t count = 1) { add(-count); }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// How long something took, in buckets fine enough for an alert on a percentile: from 10 µs to 10 s
/// in steps of 1, 2.5, 5. One writer, any readers, as Counter.
class DurationHistogram {
 public:
  /// Upper bounds in nanoseconds; the last bucket, beyond them, has none.
  static constexpr std::array<std::uint64_t, 19> kBounds{
      10'000,        25'000,        50'000,        100'000,       250'000,
      500'000,       1'000'000,     2'500'000,     5'000'000,     10'000'000,
      25'000'000,    50'000'000,    100'000'000,   250'000'000,   500'000'000,
      1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};
  static constexpr std::size_t kBuckets = kBounds.size() + 1;

  void record(std::uint64_t nanoseconds, std::uint64_t count = 1) {
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && nanoseconds > kBounds[bucket]) ++bucket;
    buckets_[bucket].add(count);
    sum_ns_.add(nanoseconds * count);
  }
  std::uint64_t bucket(std::size_t index) const { return buckets_[index].value(); }
  std::uint64_t sum_ns() const { return sum_ns_.value(); }

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter sum_ns_;
};

}  // namespace sanjay::telemetry
