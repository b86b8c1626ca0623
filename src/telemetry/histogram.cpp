// SPDX-License-Identifier: Apache-2.0
#include "telemetry/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace sanjay::telemetry {
namespace {

constexpr std::uint64_t kValueMax = (std::uint64_t{1} << 40) - 1;

}  // namespace

// Values below 2^6 have a bucket each; above, each power of two is cut into 2^6 buckets.
Histogram::Histogram() : buckets_(index_of(kValueMax) + 1) {}

std::size_t Histogram::index_of(std::uint64_t value) {
  constexpr std::uint64_t linear = std::uint64_t{1} << kSubBits;
  if (value < linear) return value;
  const auto exponent = static_cast<unsigned>(std::bit_width(value)) - 1;  // >= kSubBits
  const unsigned shift = exponent - kSubBits;
  return ((static_cast<std::size_t>(shift) + 1) << kSubBits) + ((value >> shift) - linear);
}

std::uint64_t Histogram::highest_of(std::size_t index) {
  constexpr std::uint64_t linear = std::uint64_t{1} << kSubBits;
  if (index < linear) return index;
  const auto shift = static_cast<unsigned>(index >> kSubBits) - 1;
  const std::uint64_t base = linear + (index & (linear - 1));
  return ((base + 1) << shift) - 1;
}

void Histogram::record_many(std::uint64_t value, std::uint64_t count) {
  value = std::min(value, kValueMax);
  buckets_[index_of(value)] += count;
  count_ += count;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value) * static_cast<double>(count);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

void Histogram::reset() {
  std::fill(buckets_.begin(), buckets_.end(), 0);
  count_ = 0;
  max_ = 0;
  sum_ = 0;
}

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

std::uint64_t Histogram::value_at(double quantile) const {
  if (count_ == 0) return 0;
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(highest_of(i), max_);
  }
  return max_;
}

std::vector<Histogram::Bucket> Histogram::buckets() const {
  std::vector<Bucket> filled;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    if (buckets_[i] > 0) filled.push_back({highest_of(i), buckets_[i]});
  }
  return filled;
}

}  // namespace sanjay::telemetry
