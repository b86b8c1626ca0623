// SPDX-License-Identifier: Apache-2.0
#include "limits/token_bucket.h"

#include "core/assert.h"

namespace sanjay::limits {
namespace {

constexpr std::int64_t kToken = 1'000'000'000;  // 2^32 of them fit in an int64_t twice

std::int64_t full(const TokenRate& rate) { return std::int64_t{rate.capacity} * kToken; }

/// Nanoseconds until `missing` has come in, rounded up.
std::int64_t time_for(const TokenRate& rate, std::int64_t missing) {
  return missing / rate.per_second + (missing % rate.per_second != 0 ? 1 : 0);
}

}  // namespace

TokenBucket::TokenBucket(const TokenRate& rate, core::Instant now)
    : refilled_(now), level_(full(rate)) {
  ASSERT(rate.per_second > 0 && rate.capacity > 0);
}

void TokenBucket::refill(const TokenRate& rate, core::Instant now) {
  if (now <= refilled_) return;
  const std::int64_t elapsed = (now - refilled_).count();
  refilled_ = now;
  // Comparing times first keeps the product within bounds, however long nobody has looked.
  if (elapsed >= time_for(rate, full(rate) - level_)) {
    level_ = full(rate);
  } else {
    level_ += elapsed * rate.per_second;
  }
}

core::Result<void, RetryAfter> TokenBucket::take(const TokenRate& rate, std::uint32_t n,
                                                 core::Instant now) {
  if (n > rate.capacity) return std::unexpected(kRetryNever);
  refill(rate, now);
  const std::int64_t wanted = std::int64_t{n} * kToken;
  if (wanted > level_) return std::unexpected(RetryAfter(time_for(rate, wanted - level_)));
  level_ -= wanted;
  return {};
}

}  // namespace sanjay::limits
