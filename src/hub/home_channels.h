// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "hub/by_form.h"
#include "hub/following.h"
#include "hub/mail.h"
#include "hub/named_slab.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::hub {

/// The channels that one shard orders: which shards want what they bring and in what forms, and
/// what they brought since the last hand-over. A channel exists here only while some shard is
/// interested or something is under way for it; what is published to any other costs nothing. One
/// shard's thread.
///
/// An interest counts from a point in the channel's order: it is taken at once where nothing waits
/// to be handed over, otherwise it joins right after the batch that waits; and never before the
/// broker has confirmed that the channel's publications arrive. So the number of channels is
/// bounded by those of the shards, and needs no limit of its own.
class HomeChannels {
 public:
  /// More publications are refused as busy; each bound is overrun by one publication at most.
  struct Limits {
    std::size_t pending_bytes_max = 64 * 1024;               // encoded, waiting in one channel
    std::size_t total_pending_bytes_max = 16 * 1024 * 1024;  // and in all of them
    /// A channel that was last handed over this long ago is quiet: hot ones must not starve it. It
    /// may have a batch of its own up to twice the total, and asks to be sent before others.
    core::Duration quiet_after = std::chrono::milliseconds(100);
    /// Of one channel, see Following. A broker that brings more has some of them lost.
    std::size_t held_publications_max = 1000;
  };

  HomeChannels(const core::SipKey& key, const Limits& limits, PublicationEncoder& encoder);

  struct Interested {
    core::ShardIndex shard;
    FormSet forms;
    std::uint32_t local_channel;
  };

  // Present between the first publication of a batch and its hand-over.
  struct Pending {
    ByForm<std::string> frames;
    std::size_t bytes = 0;
    core::Instant received{};  // the oldest publication
    std::uint32_t publications = 0;
    FormSet unencodable = 0;
    bool state_lost = false;  // after all this
  };

  struct Channel {
    explicit Channel(std::string_view n) : name(n) {}
    const std::string name;
    std::vector<Interested> interested;
    std::vector<Interested> joining;
    std::unique_ptr<Pending> pending;
    std::unique_ptr<Following> following;  // while somebody follows its positions
    /// The data of the last publication; kept while somebody takes differences from it.
    std::unique_ptr<std::string> delta_base;
    core::Instant handed_over{};  // last
    std::uint32_t calls = 0;      // on the broker, to be answered
    bool subscribed = false;      // with the broker
    bool subscribing = false;     // it is asked, or will be again
    bool touched = false;         // may have something to finish
  };

  std::optional<std::uint32_t> find(std::string_view name) const { return channels_.find(name); }
  Channel& at(std::uint32_t channel) { return channels_.at(channel); }
  const Channel& at(std::uint32_t channel) const { return channels_.at(channel); }
  std::uint32_t find_or_create(std::string_view name);

  /// Takes note of a shard's interest in a channel, or in more of its forms. False: it joins later,
  /// hand_over() will tell.
  bool add_interest(std::uint32_t channel, const Interested& interested);
  /// Ends a shard's interest; answers the local channel number that it had named.
  std::uint32_t remove_interest(core::ShardIndex shard, std::uint32_t channel);
  bool exists(std::uint32_t channel) { return channels_.in_use(channel); }
  bool is_unused(std::uint32_t channel) const;
  void erase(std::uint32_t channel) { channels_.erase(channel); }

  /// The broker has confirmed: what joins need wait for no more than the batch before it.
  void set_subscribed(std::uint32_t channel);

  /// Whether a publication may be taken at present; if not, it must be refused as busy.
  bool has_room(std::uint32_t channel, core::Instant received) const;
  /// Gives what the channel brings its place in the order.
  void append(std::uint32_t channel, const Publication& publication);
  void append(std::uint32_t channel, Movement movement, const ClientInfo& info);
  /// What is appended after the next hand-over does not follow what was appended before it.
  void append_state_lost(std::uint32_t channel);

  /// Whether anything waits to be handed over, and whether some of it has not been tried yet.
  bool has_pending() const { return !pending_.empty(); }
  bool has_untried() const { return pending_.size() > held_back_; }

  /// For each channel with something to hand over, oldest first: if `may_send(interested, quiet)`
  /// holds for all shards that want it, calls `send(interested, batch)` for each, then
  /// `joined(interested, channel)` for those who want what follows, then `handed(channel)`, which
  /// may erase the channel but must not append to any; otherwise leaves all of it for the next
  /// call. `may_send` is told whether the channel is quiet.
  template <class MaySend, class Send, class Joined, class Handed>
  void hand_over(core::Instant now, MaySend&& may_send, Send&& send, Joined&& joined,
                 Handed&& handed) {
    std::size_t kept = 0;
    for (const std::uint32_t number : pending_) {
      Channel& channel = channels_.at(number);
      const bool quiet = now - channel.handed_over >= limits_.quiet_after;
      bool free = true;
      for (const Interested& to : channel.interested) free = free && may_send(to, quiet);
      if (!free) {
        pending_[kept++] = number;
        continue;
      }
      channel.handed_over = now;
      const std::unique_ptr<Pending> pending = take_pending(channel);
      if (pending->received == core::Instant{}) pending->received = now;  // joins and leaves
      const EncodedBatch batch = to_batch(*pending);
      for (const Interested& to : channel.interested) {
        if (concerns(to, batch)) send(to, batch);
        if (pending->state_lost) send(to, EncodedBatch{.received = now, .state_lost = true});
      }
      if (channel.subscribed) {
        for (const Interested& joining : channel.joining) {
          merge(channel.interested, joining);
          joined(joining, number);
        }
        channel.joining.clear();
      }
      handed(number);
    }
    pending_.resize(kept);
    held_back_ = kept;
  }

  std::uint32_t channel_count() const { return channels_.size(); }
  std::size_t pending_bytes() const { return pending_bytes_; }

 private:
  static void merge(std::vector<Interested>& list, const Interested& interested);
  static EncodedBatch to_batch(Pending& pending);
  static bool concerns(const Interested& to, const EncodedBatch& batch);
  static FormSet wanted(const Channel& channel);
  std::unique_ptr<Pending> take_pending(Channel& channel);
  Pending& pending_of(std::uint32_t number, core::Instant received);
  template <class Encode>
  void append_frames(Pending& pending, FormSet forms, FrameKey fresh, Encode&& encode);

  NamedSlab<Channel> channels_;
  const Limits limits_;
  PublicationEncoder& encoder_;
  std::vector<std::uint32_t> pending_;  // channels, in the order of their oldest publication
  std::size_t held_back_ = 0;           // so many of these the last hand-over had to leave
  std::size_t pending_bytes_ = 0;
};

}  // namespace sanjay::hub
