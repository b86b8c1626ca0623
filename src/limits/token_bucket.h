// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/time.h"

#include <cstdint>

namespace sanjay::limits {

/// What a bucket holds at most, which is the longest burst, and how fast it refills. Both at least
/// 1. Stands apart from the bucket because many buckets share it.
struct TokenRate {
  std::uint32_t per_second = 1;
  std::uint32_t capacity = 1;
};

/// How long until it is worth asking again.
using RetryAfter = core::Duration;
inline constexpr RetryAfter kRetryNever = RetryAfter::max();

/// A token bucket, refilled when it is looked at. Whole numbers throughout, so nothing is lost or
/// won by rounding. One thread.
class TokenBucket {
 public:
  /// A full one. It is to be used with the same rate from then on.
  TokenBucket(const TokenRate& rate, core::Instant now);

  /// Takes `n` tokens, or none and says when there will be enough: not at all if the bucket could
  /// never hold as many. A `now` before the last one counts as the last one.
  core::Result<void, RetryAfter> take(const TokenRate& rate, std::uint32_t n, core::Instant now);

 private:
  void refill(const TokenRate& rate, core::Instant now);

  core::Instant refilled_;
  std::int64_t level_;  // in billionths of a token: what one nanosecond brings is `per_second`
};

static_assert(sizeof(TokenBucket) == 16);

}  // namespace sanjay::limits
