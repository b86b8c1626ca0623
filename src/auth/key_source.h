// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/jwks.h"
#include "core/time.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace sanjay::auth {

/// What is known of a key at the moment.
struct KeyLookup {
  enum class State : std::uint8_t {
    Known,        // `keys` hold it
    Pending,      // a fetch is asked for or under way that may bring it
    Unknown,      // the issuer's keys are fresh and it is not among them
    Unavailable,  // the keys cannot be had at present
  };

  State state;
  std::shared_ptr<const KeySet> keys{};   // of Known only
  core::Instant retry_at = core::kNever;  // when asking again makes sense; of Pending, Unavailable
};

/// For operators.
struct KeyStatus {
  std::size_t keys = 0;  // held; 0: none were ever had
  bool is_fetching = false;
  core::Instant keys_since{};  // when they were fetched; only if there are any
  std::uint32_t failures_in_a_row = 0;
  std::uint64_t fetches = 0;  // begun since the start
  std::uint64_t failures = 0;
};

/// The public keys of one issuer, fetched and renewed by somebody else (server/jwks_fetcher.h): one
/// source is one endpoint, so that a key of one issuer is never found under a name in another's
/// set.
class KeySource {
 public:
  virtual ~KeySource() = default;
  /// Any thread; takes no longer than a few comparisons. An empty `kid` asks for all keys. May ask
  /// for a fetch.
  virtual KeyLookup look_up(std::string_view kid) = 0;
  /// Any thread.
  virtual KeyStatus status() const = 0;
};

}  // namespace sanjay::auth
