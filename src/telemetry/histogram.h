// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace sanjay::telemetry {

/// Counts of values from 0 to 2^40 (nanoseconds up to 18 minutes) in buckets of at most 1/64
/// relative width: the log-linear layout of HdrHistogram (Tene). record() is a few instructions;
/// 18 KiB. One writer; merge() copies taken on the owner's thread.
class Histogram {
 public:
  Histogram();

  void record(std::uint64_t value) { record_many(value, 1); }
  void record_many(std::uint64_t value, std::uint64_t count);
  void merge(const Histogram& other);
  void reset();

  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }
  double mean() const;
  /// The value below or at which `quantile` (0..1) of the records lie; 0 when empty.
  std::uint64_t value_at(double quantile) const;

  /// Values above the bucket before and up to `highest`.
  struct Bucket {
    std::uint64_t highest = 0;
    std::uint64_t count = 0;

    bool operator==(const Bucket&) const = default;
  };

  /// The buckets that hold something, lowest first.
  std::vector<Bucket> buckets() const;

 private:
  static constexpr unsigned kSubBits = 6;
  static std::size_t index_of(std::uint64_t value);
  static std::uint64_t highest_of(std::size_t index);

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace sanjay::telemetry
