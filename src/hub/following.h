// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "hub/mail.h"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sanjay::hub {

/// A subscription that its home shard is beginning.
struct BeginningSubscription {
  core::ShardIndex shard;
  SubscriptionNumber subscription;
  std::uint32_t ticket;
  SubscriptionOptions options;
  bool started = false;          // the broker has been asked
  bool presence_added = false;   // or is about to be
  std::uint32_t calls_left = 0;  // on the broker
  std::optional<History> history{};
  std::optional<Failure> failure{};
};

constexpr std::uint64_t beginning_key(core::ShardIndex shard, std::uint32_t ticket) {
  return std::uint64_t{shard} << 32 | ticket;
}

/// How a channel's home follows its positions: which publication its subscribers saw last. The
/// channel's publications pass through here before they are appended, and leave in an unbroken row
/// of offsets or with a loss that is told. One for each home channel that somebody subscribes to
/// with a position, with presence or announced. Plain state, changed by Home only.
struct Following {
  bool known = false;     // `view` says where the subscribers stand
  StreamPosition view{};  // of the last publication appended
  core::Duration history_meta_ttl{0};
  /// Publications appended since the oldest of `beginning` came: the broker's answers to them know
  /// nothing of these.
  std::vector<PublicationRef> captured{};
  /// Publications that came while something before them was missing or a loss was being told.
  std::vector<std::pair<PublicationRef, std::string>> held{};  // with their epochs
  bool filling = false;     // the broker has been asked for what is missing
  bool losing = false;      // a loss is appended, and not handed over yet
  std::uint64_t check = 0;  // names the next comparison with the broker's position; 0: none
  std::unordered_map<std::uint64_t, BeginningSubscription> beginning{};  // by beginning_key()

  bool is_idle() const { return beginning.empty() && held.empty() && !filling && !losing; }
  bool is_blocked() const { return filling || losing; }
};

/// Whether a subscriber who stood at `since` has everything up to `top` with the publications in
/// `missed`, and which of them he gets.
struct Recovery {
  bool recovered = false;
  std::vector<PublicationRef> publications{};
};
/// All that came after `since` and up to `top`: `history` (from the broker, ascending) and then
/// what was `captured`.
Recovery recover_all(const StreamPosition& since, const StreamPosition& top, const History& history,
                     const std::vector<PublicationRef>& captured);
/// Only the newest, if it is still kept. `history` has the newest one, if any, first. With a
/// filter: the newest that it lets through; when `history` and `captured` have none such, as if
/// nothing were kept.
Recovery recover_newest(const StreamPosition& since, const StreamPosition& top,
                        const History& history, const std::vector<PublicationRef>& captured,
                        const TagsFilter* filter = nullptr);

}  // namespace sanjay::hub
