// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "hub/mail.h"
#include "hub/named_slab.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::hub {

/// The channels that one shard orders: which shards want their publications and in what encodings,
/// and what was published since the last hand-over. A channel exists here only while some shard is
/// interested; publishing to any other channel costs nothing. One shard's thread.
///
/// An interest counts from a point in the channel's order: it is taken at once where nothing waits
/// to be handed over, otherwise it joins right after the batch that waits. So the number of
/// channels is bounded by those of the shards, and needs no limit of its own.
class HomeChannels {
 public:
  /// More publications are refused as busy; each bound is overrun by one publication at most.
  struct Limits {
    std::size_t pending_bytes_max = 64 * 1024;               // encoded, waiting in one channel
    std::size_t total_pending_bytes_max = 16 * 1024 * 1024;  // and in all of them
    /// A channel that was last handed over this long ago is quiet: hot ones must not starve it. It
    /// may have a batch of its own up to twice the total, and asks to be sent before others.
    core::Duration quiet_after = std::chrono::milliseconds(100);
  };

  HomeChannels(const core::SipKey& key, const Limits& limits, PublicationEncoder& encoder);

  struct Interested {
    core::ShardIndex shard;
    EncodingSet encodings;
    std::uint32_t local_channel;
  };

  struct InterestTaken {
    std::uint32_t home_channel;
    bool joined;  // false: hand_over() will tell
  };
  /// Takes note of a shard's interest in a channel, or in more of its encodings.
  InterestTaken add_interest(std::string_view channel, const Interested& interested);
  /// Ends a shard's interest; answers the local channel number that it had named.
  std::uint32_t remove_interest(core::ShardIndex shard, std::uint32_t home_channel);

  /// Gives the publication its place in the channel's order. Accepted or Busy.
  PublishOutcome publish(std::string_view channel, const Publication& publication);

  /// Whether anything waits to be handed over, and whether some of it has not been tried yet.
  bool has_pending() const { return !pending_.empty(); }
  bool has_untried() const { return pending_.size() > held_back_; }

  /// For each channel with pending publications, oldest first: if `may_send(interested, quiet)`
  /// holds for all shards that want them, calls `send(interested, batch)` for each and then
  /// `joined(interested, home_channel)` for those who want what follows; otherwise leaves all of it
  /// for the next call. `may_send` is told whether the channel is quiet. The callbacks must not
  /// call this object.
  template <class MaySend, class Send, class Joined>
  void hand_over(core::Instant now, MaySend&& may_send, Send&& send, Joined&& joined) {
    std::vector<std::uint32_t> held_back;
    for (const std::uint32_t number : pending_) {
      Channel& channel = channels_.at(number);
      const bool quiet = now - channel.handed_over >= limits_.quiet_after;
      bool free = true;
      for (const Interested& to : channel.interested) free = free && may_send(to, quiet);
      if (!free) {
        held_back.push_back(number);
        continue;
      }
      const std::unique_ptr<Pending> pending = take_pending(channel);
      channel.handed_over = now;
      EncodedBatch batch{{}, pending->received, pending->publications};
      for (std::size_t i = 0; i < kEncodings; ++i) {
        if (pending->frames[i].empty()) continue;
        batch.frames[i] = core::SharedBytes(std::move(pending->frames[i]));
      }
      for (const Interested& to : channel.interested) send(to, batch);
      for (const Interested& joining : pending->joining) {
        merge(channel.interested, joining);
        joined(joining, number);
      }
      erase_if_unused(number);
    }
    pending_ = std::move(held_back);
    held_back_ = pending_.size();
  }

  std::uint32_t channel_count() const { return channels_.size(); }
  std::size_t pending_bytes() const { return pending_bytes_; }

 private:
  // Present between the first publication of a batch and its hand-over.
  struct Pending {
    std::array<std::string, kEncodings> frames;
    std::vector<Interested> joining;
    std::size_t bytes = 0;
    core::Instant received;  // the oldest publication
    std::uint32_t publications = 0;
  };

  struct Channel {
    explicit Channel(std::string_view n) : name(n) {}
    const std::string name;
    std::vector<Interested> interested;
    std::unique_ptr<Pending> pending;
    core::Instant handed_over{};  // last
  };

  static void merge(std::vector<Interested>& list, const Interested& interested);
  std::unique_ptr<Pending> take_pending(Channel& channel);
  void erase_if_unused(std::uint32_t number);

  NamedSlab<Channel> channels_;
  const Limits limits_;
  PublicationEncoder& encoder_;
  std::vector<std::uint32_t> pending_;  // channels, in the order of their oldest publication
  std::size_t held_back_ = 0;           // so many of these the last hand-over had to leave
  std::size_t pending_bytes_ = 0;
};

}  // namespace sanjay::hub
