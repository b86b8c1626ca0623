// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/key_source.h"
#include "core/random.h"
#include "core/time.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace sanjay::auth {

struct KeyCacheOptions {
  core::Duration refresh_interval = std::chrono::hours(1);  // the most; up to a tenth sooner
  core::Duration unknown_kid_interval = std::chrono::seconds(30);
  core::Duration backoff_min = std::chrono::seconds(1);
  core::Duration backoff_max = std::chrono::seconds(30);
  core::Duration fetch_time_max = std::chrono::seconds(5);  // when to ask again during a fetch
};

/// When to fetch the keys of one endpoint, and what to answer meanwhile. A function of what it is
/// told and when: it fetches nothing and has no clock. One thread at a time (its owner locks).
///
/// - Fetches are single: none begins while one is under way.
/// - Keys are renewed after refresh_interval, asked for or not.
/// - A `kid` that is not known asks for a fetch, but none begins for that reason within
///   unknown_kid_interval of the one before, however many ask: whoever makes up names costs the
///   issuer one request in that time, and is Unknown until the next.
/// - A failure keeps the last good keys, and they go on being served however old they get: an
/// issuer
///   that is down must not end every connection. Its owner warns (status()). While keys are missing
///   or due, the next attempt follows after a backoff that doubles from backoff_min to backoff_max,
///   drawn at random from its upper half so that servers do not ask in step.
class KeyCache {
 public:
  KeyCache(const KeyCacheOptions& options, std::uint64_t seed);

  /// An empty `kid` asks for all keys.
  KeyLookup look_up(std::string_view kid, core::Instant now);

  /// When begin_fetch() will say yes; kNever while a fetch is under way.
  core::Instant next_fetch_at() const;
  /// True: a fetch has begun; tell its end with one of the two below.
  bool begin_fetch(core::Instant now);
  void on_fetched(std::shared_ptr<const KeySet> keys, core::Instant now);
  void on_failed(core::Instant now);

  /// Keys that are held are due when they would have been under the new interval.
  void set_refresh_interval(core::Duration interval);

  KeyStatus status() const;

 private:
  core::Duration backoff();
  core::Instant due_at();

  KeyCacheOptions options_;
  core::Random random_;
  std::shared_ptr<const KeySet> keys_;
  core::Instant keys_since_{};
  core::Instant refresh_at_ =
      core::Instant::min();                        // a fetch is due whether or not one is asked for
  core::Instant ask_from_ = core::Instant::min();  // before that nobody may ask for one
  bool is_asked_for_ = false;
  bool is_fetching_ = false;
  core::Instant fetch_began_{};
  std::uint32_t failures_in_a_row_ = 0;
  std::uint64_t fetches_ = 0;
  std::uint64_t failures_ = 0;
};

}  // namespace sanjay::auth
