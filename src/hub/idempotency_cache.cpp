// SPDX-License-Identifier: Apache-2.0
#include "hub/idempotency_cache.h"

#include "core/assert.h"
#include "core/failpoint.h"

namespace sanjay::hub {

IdempotencyCache::IdempotencyCache(const core::SipKey& key, const IdempotencyLimits& limits,
                                   BrokerStats& stats)
    : outcomes_(key, limits.keys_max), limits_(limits), stats_(stats) {
  ASSERT(limits.keys_max > 0);
}

// Channel and key in one: both may hold any byte, so the length tells where the first one ends.
std::string_view IdempotencyCache::name_of(std::string_view channel, std::string_view key) {
  name_ = std::to_string(channel.size());
  name_.append(1, ' ').append(channel).append(key);
  return name_;
}

const StreamPosition* IdempotencyCache::find(core::Instant now, std::string_view channel,
                                             std::string_view key) {
  const auto number = outcomes_.find(name_of(channel, key));
  if (!number || deadlines_.deadline_of(*number) <= now) return nullptr;
  if (FAILPOINT("hub.idempotency")) return nullptr;
  return &outcomes_.at(*number).position;
}

void IdempotencyCache::remember(core::Instant now, std::string_view channel, std::string_view key,
                                core::Duration ttl, const StreamPosition& position) {
  if (ttl <= core::Duration::zero()) return;
  const std::string_view name = name_of(channel, key);
  auto number = outcomes_.find(name);
  if (!number) {
    while (!deadlines_.empty() && !FAILPOINT("hub.idempotency_bound") &&
           (outcomes_.size() >= limits_.keys_max || bytes_ + name.size() > limits_.bytes_max)) {
      if (deadlines_.earliest() > now) stats_.keys_forgotten_early.add();
      forget_earliest();
    }
    number = outcomes_.find_or_create(name);
    if (!number) return;  // not while the loop above makes room
    bytes_ += name.size();
    stats_.idempotency_keys.set(outcomes_.size());
  }
  outcomes_.at(*number).position = position;
  deadlines_.set(*number, after(now, ttl));
}

void IdempotencyCache::forget_one(core::Instant now) {
  if (has_due(now)) forget_earliest();
}

void IdempotencyCache::forget_earliest() {
  const std::uint32_t number = deadlines_.earliest_item();
  bytes_ -= outcomes_.at(number).name.size();
  deadlines_.remove(number);
  outcomes_.erase(number);
  stats_.idempotency_keys.set(outcomes_.size());
}

}  // namespace sanjay::hub
