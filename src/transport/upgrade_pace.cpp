// SPDX-License-Identifier: Apache-2.0
#include "transport/upgrade_pace.h"

#include "core/failpoint.h"

#include <algorithm>

namespace sanjay::transport {
namespace {

// A twentieth of a second's worth may begin at once: more would be felt by the others.
limits::TokenRate rate_of(std::uint32_t per_second) {
  return {std::max(1U, per_second), std::max(1U, per_second / 20)};
}

}  // namespace

UpgradePace::UpgradePace(std::uint32_t per_second, core::Instant now)
    : rate_(rate_of(per_second)), unlimited_(per_second == 0), bucket_(rate_, now) {}

UpgradePace::Turn UpgradePace::ask(core::ConnectionId connection, core::Instant now) {
  if (unlimited_ || FAILPOINT("transport.upgrade_pace")) return Turn::Now;
  if (waiting_.empty() && take(now)) return Turn::Now;
  if (waiting_.size() >= std::size_t{rate_.per_second} * kWaitSeconds) return Turn::Never;
  waiting_.push_back(connection);
  return Turn::Later;
}

bool UpgradePace::take(core::Instant now) {
  const auto taken = bucket_.take(rate_, 1, now);
  if (!taken) next_turn_ = now + taken.error();
  return taken.has_value();
}

}  // namespace sanjay::transport
