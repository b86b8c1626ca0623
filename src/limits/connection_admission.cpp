// SPDX-License-Identifier: Apache-2.0
#include "limits/connection_admission.h"

#include "core/assert.h"
#include "core/failpoint.h"

#include <algorithm>
#include <cstring>

namespace sanjay::limits {

void Ticket::give_back() noexcept {
  if (admission_ != nullptr) std::exchange(admission_, nullptr)->leave(key_);
}

std::size_t ConnectionAdmission::KeyedHash::operator()(std::uint64_t address) const noexcept {
  std::array<char, sizeof address> bytes{};
  std::memcpy(bytes.data(), &address, bytes.size());
  return core::siphash(key, {bytes.data(), bytes.size()});
}

ConnectionAdmission::ConnectionAdmission(const AdmissionOptions& options)
    : per_address_max_(options.per_address_max),
      rate_{std::max(options.rate_max, 1U), std::max(options.rate_max, 1U)},
      rate_limited_(options.rate_max != 0),
      hash_{options.key},
      bucket_(rate_, core::Instant{}) {
  for (Stripe& stripe : stripes_) stripe.counts = Counts(0, hash_);
}

ConnectionAdmission::Stripe& ConnectionAdmission::stripe_of(std::uint64_t address) noexcept {
  // The upper bits: the lower ones choose the slot within the stripe's table.
  return stripes_[(hash_(address) >> 32) % kStripes];
}

std::optional<Ticket> ConnectionAdmission::enter(const core::IpAddress& address) {
  if (per_address_max_ == 0) return Ticket{};
  const std::uint64_t key = address.limiter_key();
  Stripe& stripe = stripe_of(key);
  const std::scoped_lock lock(stripe.mutex);
  const auto [entry, is_new] = stripe.counts.try_emplace(key, 0);
  if (entry->second >= per_address_max_ && !FAILPOINT("limits.address")) return std::nullopt;
  ++entry->second;
  return Ticket(*this, key);
}

void ConnectionAdmission::leave(std::uint64_t address) noexcept {
  Stripe& stripe = stripe_of(address);
  const std::scoped_lock lock(stripe.mutex);
  const auto entry = stripe.counts.find(address);
  ASSERT(entry != stripe.counts.end());
  if (--entry->second > 0) return;
  stripe.counts.erase(entry);
  // The table gives back what a flood of addresses made it grow to; the factor keeps one that
  // comes and goes from rebuilding it each time.
  if (stripe.counts.bucket_count() > kSlotsKept &&
      stripe.counts.size() * 8 < stripe.counts.bucket_count()) {
    stripe.counts.rehash(stripe.counts.size() * 2);
  }
}

core::Result<void, RetryAfter> ConnectionAdmission::admit(core::Instant now) {
  if (!rate_limited_ || FAILPOINT("limits.rate")) return {};
  const std::scoped_lock lock(bucket_mutex_);
  return bucket_.take(rate_, 1, now);
}

std::size_t ConnectionAdmission::addresses() {
  std::size_t sum = 0;
  for (Stripe& stripe : stripes_) {
    const std::scoped_lock lock(stripe.mutex);
    sum += stripe.counts.size();
  }
  return sum;
}

std::size_t ConnectionAdmission::table_slots() {
  std::size_t sum = 0;
  for (Stripe& stripe : stripes_) {
    const std::scoped_lock lock(stripe.mutex);
    sum += stripe.counts.bucket_count();
  }
  return sum;
}

}  // namespace sanjay::limits
