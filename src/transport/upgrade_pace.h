// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "core/time.h"
#include "limits/token_bucket.h"

#include <cstdint>
#include <deque>
#include <optional>

namespace sanjay::transport {

/// Spreads the beginnings of clients over time, on whatever transport. When very many come back at
/// once (a network has failed, another server has restarted), each costs a handshake, a token and
/// its subscriptions; taken as fast as they come they would fill the CPUs, and those who are
/// connected would wait. So each shard begins so many a second, and the others wait for their turn,
/// in their order. What waits costs nothing but its connection. One shard's thread.
class UpgradePace {
 public:
  /// `per_second` 0: nobody waits.
  UpgradePace(std::uint32_t per_second, core::Instant now);

  enum class Turn : std::uint8_t {
    Now,
    Later,  // its name is kept: see next()
    Never,  // those before it would keep it waiting for too long
  };
  Turn ask(core::ConnectionId connection, core::Instant now);

  /// The next whose turn has come; `exists(id)` tells whether it is still there.
  template <class Exists>
  std::optional<core::ConnectionId> next(core::Instant now, Exists&& exists) {
    while (!waiting_.empty() && !exists(waiting_.front())) waiting_.pop_front();
    if (waiting_.empty() || !take(now)) return std::nullopt;
    const core::ConnectionId id = waiting_.front();
    waiting_.pop_front();
    return id;
  }
  /// When next() will have one; kNever while nobody waits.
  core::Instant next_turn() const { return waiting_.empty() ? core::kNever : next_turn_; }
  std::size_t waiting() const { return waiting_.size(); }

  /// The longest that one waits, about.
  static constexpr std::uint32_t kWaitSeconds = 5;

 private:
  bool take(core::Instant now);

  const limits::TokenRate rate_;
  const bool unlimited_;
  limits::TokenBucket bucket_;
  core::Instant next_turn_{};
  std::deque<core::ConnectionId> waiting_;
};

}  // namespace sanjay::transport
