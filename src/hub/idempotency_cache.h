// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/siphash.h"
#include "core/time.h"
#include "hub/broker_stats.h"
#include "hub/deadline_heap.h"
#include "hub/named_slab.h"
#include "hub/publication.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::hub {

/// Beyond these the key that has the least time left is forgotten before its time.
struct IdempotencyLimits {
  std::uint32_t keys_max = 1U << 18;
  std::size_t bytes_max = std::size_t{64} << 20;  // of channel names and keys
};

/// Where the publications with an idempotency key went: a repeat is answered from here. A key
/// belongs to its channel. What has outlived its time is not seen again from that moment, and freed
/// by forget_one(). One shard's thread.
class IdempotencyCache {
 public:
  IdempotencyCache(const core::SipKey& key, const IdempotencyLimits& limits, BrokerStats& stats);

  /// The position of the publication that came first; null when there was none. Lives until the
  /// next call.
  const StreamPosition* find(core::Instant now, std::string_view channel, std::string_view key);
  /// Keeps the position of the first publication with this key for `ttl`.
  void remember(core::Instant now, std::string_view channel, std::string_view key,
                core::Duration ttl, const StreamPosition& position);

  /// Whether anything is to be freed; frees one of it.
  bool has_due(core::Instant now) const { return deadlines_.earliest() <= now; }
  void forget_one(core::Instant now);

  std::uint32_t size() const { return outcomes_.size(); }

 private:
  struct Outcome {
    explicit Outcome(std::string_view n) : name(n) {}
    const std::string name;
    StreamPosition position;
  };

  std::string_view name_of(std::string_view channel, std::string_view key);
  void forget_earliest();

  NamedSlab<Outcome> outcomes_;
  const IdempotencyLimits limits_;
  BrokerStats& stats_;
  DeadlineHeap deadlines_;
  std::size_t bytes_ = 0;
  std::string name_;  // room for name_of()
};

}  // namespace sanjay::hub
