// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hub/publication.h"

#include <cstdint>
#include <variant>
#include <vector>

namespace sanjay::hub {

/// Why the broker did not do what it was asked.
enum class Failure : std::uint8_t {
  Unavailable,  // it could not, or it is unknown whether it did: error 100
  Timeout,      // the same, after waiting for it
  Overloaded,   // it was not asked: too much is under way already
};

/// A publication has its place in the channel's order; with history, this one.
struct Published {
  StreamPosition position{};  // offset 0, epoch empty: no history
  bool suppressed = false;    // an idempotency key or a version kept it from being published
};

struct History {
  std::vector<PublicationRef> publications{};
  StreamPosition top{};
  bool epoch_matches = true;  // false: `since` named another epoch; there are no publications
};

struct Presence {
  std::vector<OwnedClientInfo> clients{};
};

struct PresenceStats {
  std::uint32_t clients = 0;
  std::uint32_t users = 0;
};

/// It was done, and there is nothing to say of it.
struct Done {};

/// Nothing was taken: queues are full. Slow down, or refuse.
struct Busy {};

/// What comes of one request to a channel's home or to the broker behind it.
using Answer = std::variant<Done, Published, History, Presence, PresenceStats, Busy, Failure>;

}  // namespace sanjay::hub
