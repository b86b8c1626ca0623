// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/random.h"
#include "core/siphash.h"
#include "core/time.h"
#include "hub/answers.h"
#include "hub/broker_stats.h"
#include "hub/deadline_heap.h"
#include "hub/named_slab.h"
#include "hub/publication_ring.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::hub {

/// Beyond these a publication is refused, or the position of a new channel is; nothing that is kept
/// is dropped to make room.
struct HistoryLimits {
  std::uint32_t channels_max = 1U << 20;              // whose position is known
  std::size_t bytes_max = std::size_t{256} << 20;     // of publications and names
  core::Duration meta_ttl = std::chrono::hours(720);  // where settings and queries say 0
};

/// The histories of the channels of one home shard: for each the newest publications, how far its
/// offsets have come, and the version last published.
///
/// A history fades as a whole: its publications `ttl` after the last one, its position `meta_ttl`
/// after the last publication or read, and never before the publications. What has outlived its
/// time is not seen again from that moment, and is freed by forget_one(): at most one channel or
/// one publication a call, so that no turn pays for many. One shard's thread.
class HistoryStore {
 public:
  HistoryStore(const core::SipKey& key, const HistoryLimits& limits, std::uint64_t seed,
               BrokerStats& stats);

  struct Added {
    PublicationRef publication;  // null: its version was not above the one kept
    StreamPosition position;     // of it, or the newest where it is null
  };
  /// Keeps the publication, at the next offset. Nothing happens, and nothing is returned, when a
  /// limit is reached. `options.history` must be enabled.
  std::optional<Added> add(core::Instant now, std::string_view channel,
                           const Publication& publication, const PublishOptions& options);
  /// Gives a channel that has no position one. Nothing when there are too many channels.
  std::optional<History> read(core::Instant now, std::string_view channel,
                              const HistoryQuery& query);
  /// Forgets the publications of a channel.
  void remove(std::string_view channel);
  /// Forgets its position too, as time would.
  void forget(std::string_view channel);

  /// Whether anything is to be freed.
  bool has_due(core::Instant now) const {
    return !discarded_.empty() || deadlines_.earliest() <= now;
  }
  /// Frees a little of it.
  void forget_one(core::Instant now);

  std::uint32_t channel_count() const { return streams_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Stream {
    explicit Stream(std::string_view n) : name(n) {}
    const std::string name;
    std::string epoch;
    std::uint64_t top = 0;         // offset of the newest publication ever
    PublicationRing publications;  // offsets without gaps, up to top unless there are none
    core::Instant expires{};       // the publications
    core::Instant meta_expires{};  // all of it
    std::uint64_t version = 0;     // 0: none
    std::string version_epoch;
  };

  std::optional<std::uint32_t> find(core::Instant now, std::string_view channel);
  std::optional<std::uint32_t> create(std::string_view channel);
  bool fits(const Stream* stream, std::size_t more, const PublishOptions& options) const;
  void append(Stream& stream, PublicationRef publication, const PublishOptions& options);
  void keep(std::uint32_t number, core::Instant now, core::Duration meta_ttl);
  void trim(Stream& stream, std::size_t size);
  void discard(Stream& stream);
  void erase(std::uint32_t number);
  void let_go(PublicationRef publication);
  void add_bytes(std::size_t more, std::size_t less);
  core::Duration meta_ttl_of(core::Duration asked) const {
    return asked > core::Duration::zero() ? asked : limits_.meta_ttl;
  }
  std::string new_epoch();

  NamedSlab<Stream> streams_;
  const HistoryLimits limits_;
  core::Random random_;
  BrokerStats& stats_;
  DeadlineHeap deadlines_;                  // not after the stream's next change
  std::vector<PublicationRing> discarded_;  // to be freed, none of them empty
  std::size_t bytes_ = 0;
};

}  // namespace sanjay::hub
