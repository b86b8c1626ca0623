// SPDX-License-Identifier: Apache-2.0
#include "auth/key_cache.h"

#include "core/assert.h"
#include "core/failpoint.h"

#include <algorithm>
#include <utility>

namespace sanjay::auth {

using State = KeyLookup::State;

KeyCache::KeyCache(const KeyCacheOptions& options, std::uint64_t seed)
    : options_(options), random_(seed) {}

KeyLookup KeyCache::look_up(std::string_view kid, core::Instant now) {
  if (keys_ && (kid.empty() || keys_->has(kid))) return {State::Known, keys_};
  if (is_fetching_) {
    return {State::Pending, {}, std::max(now, fetch_began_ + options_.fetch_time_max)};
  }
  // A fetch that is due brings what is asked for, too.
  if (now >= refresh_at_) return {State::Pending, {}, now + options_.fetch_time_max};
  if (keys_ && now >= ask_from_) {
    is_asked_for_ = true;
    return {State::Pending, {}, now + options_.fetch_time_max};
  }
  if (keys_ && failures_in_a_row_ == 0) return {State::Unknown};
  return {State::Unavailable, {}, keys_ ? std::min(ask_from_, refresh_at_) : refresh_at_};
}

core::Instant KeyCache::next_fetch_at() const {
  if (is_fetching_ && !FAILPOINT("keys.single")) return core::kNever;
  return is_asked_for_ ? std::min(ask_from_, refresh_at_) : refresh_at_;
}

bool KeyCache::begin_fetch(core::Instant now) {
  if (now < next_fetch_at()) return false;
  is_fetching_ = true;
  is_asked_for_ = false;
  fetch_began_ = now;
  if (!FAILPOINT("keys.interval")) ask_from_ = now + options_.unknown_kid_interval;
  ++fetches_;
  return true;
}

void KeyCache::on_fetched(std::shared_ptr<const KeySet> keys, core::Instant now) {
  ASSERT(is_fetching_ && keys != nullptr);
  is_fetching_ = false;
  is_asked_for_ = false;  // whoever asked meanwhile is answered
  failures_in_a_row_ = 0;
  keys_ = std::move(keys);
  keys_since_ = now;
  refresh_at_ = due_at();
}

void KeyCache::on_failed(core::Instant now) {
  ASSERT(is_fetching_);
  is_fetching_ = false;
  is_asked_for_ = false;
  ++failures_;
  ++failures_in_a_row_;
  if (FAILPOINT("keys.last_good")) keys_.reset();
  // Keys that are not due yet were only asked for; who asks again may do so after the interval.
  if (keys_ && now < refresh_at_) return;
  refresh_at_ = now + backoff();
}

void KeyCache::set_refresh_interval(core::Duration interval) {
  if (interval == options_.refresh_interval) return;
  options_.refresh_interval = interval;
  if (keys_ && failures_in_a_row_ == 0) refresh_at_ = due_at();
}

core::Instant KeyCache::due_at() {
  const auto tenth = static_cast<std::uint64_t>(options_.refresh_interval.count() / 10);
  return keys_since_ + options_.refresh_interval - core::Duration(random_.below(tenth + 1));
}

core::Duration KeyCache::backoff() {
  if (FAILPOINT("keys.backoff")) return core::Duration::zero();
  core::Duration longest = options_.backoff_min;
  for (std::uint32_t i = 1; i < failures_in_a_row_ && longest < options_.backoff_max; ++i) {
    longest *= 2;
  }
  longest = std::min(longest, options_.backoff_max);
  const auto half = static_cast<std::uint64_t>(longest.count() / 2);
  return std::max(options_.backoff_min, longest - core::Duration(random_.below(half + 1)));
}

KeyStatus KeyCache::status() const {
  return {keys_ ? keys_->keys.size() : 0,
          is_fetching_,
          keys_since_,
          failures_in_a_row_,
          fetches_,
          failures_};
}

}  // namespace sanjay::auth
