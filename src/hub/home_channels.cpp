// SPDX-License-Identifier: Apache-2.0
#include "hub/home_channels.h"

#include "core/assert.h"
#include "core/failpoint.h"

#include <algorithm>
#include <limits>

namespace sanjay::hub {

HomeChannels::HomeChannels(const core::SipKey& key, const Limits& limits,
                           PublicationEncoder& encoder)
    : channels_(key, std::numeric_limits<std::int32_t>::max()),
      limits_(limits),
      encoder_(encoder) {}

HomeChannels::InterestTaken HomeChannels::add_interest(std::string_view name,
                                                       const Interested& interested) {
  const auto number = channels_.find_or_create(name);
  ASSERT(number.has_value());
  Channel& channel = channels_.at(*number);
  const bool join_now = channel.pending == nullptr;
  merge(join_now ? channel.interested : channel.pending->joining, interested);
  return {*number, join_now};
}

void HomeChannels::merge(std::vector<Interested>& list, const Interested& interested) {
  for (Interested& known : list) {
    if (known.shard != interested.shard) continue;
    ASSERT(known.local_channel == interested.local_channel);
    known.encodings |= interested.encodings;
    return;
  }
  list.push_back(interested);
}

std::uint32_t HomeChannels::remove_interest(core::ShardIndex shard, std::uint32_t home_channel) {
  Channel& channel = channels_.at(home_channel);
  std::optional<std::uint32_t> local_channel;
  const auto remove_from = [shard, &local_channel](std::vector<Interested>& list) {
    const auto known = std::find_if(list.begin(), list.end(),
                                    [shard](const Interested& i) { return i.shard == shard; });
    if (known == list.end()) return;
    local_channel = known->local_channel;
    list.erase(known);
  };
  remove_from(channel.interested);
  if (channel.pending) remove_from(channel.pending->joining);
  ASSERT(local_channel.has_value());
  erase_if_unused(home_channel);
  return *local_channel;
}

void HomeChannels::erase_if_unused(std::uint32_t number) {
  const Channel& channel = channels_.at(number);
  if (channel.interested.empty() && !channel.pending) channels_.erase(number);
}

PublishOutcome HomeChannels::publish(std::string_view name, const Publication& publication) {
  const auto number = channels_.find(name);
  if (!number) return PublishOutcome::Accepted;
  Channel& channel = channels_.at(*number);
  EncodingSet wanted = 0;
  for (const Interested& to : channel.interested) wanted |= to.encodings;
  if (wanted == 0) return PublishOutcome::Accepted;  // nobody listens
  const bool quiet = !channel.pending &&
                     publication.received - channel.handed_over >= limits_.quiet_after &&
                     !FAILPOINT("hub.quiet_channels");
  if (pending_bytes_ >= limits_.total_pending_bytes_max * (quiet ? 2 : 1)) {
    return PublishOutcome::Busy;
  }
  if (!channel.pending) {
    channel.pending = std::make_unique<Pending>();
    channel.pending->received = publication.received;
    pending_.push_back(*number);
  } else if (channel.pending->bytes >= limits_.pending_bytes_max &&
             !FAILPOINT("hub.pending_bound")) {
    return PublishOutcome::Busy;
  }
  for (std::size_t i = 0; i < kEncodings; ++i) {
    const auto encoding = static_cast<Encoding>(i);
    if ((wanted & bit_of(encoding)) == 0) continue;
    std::string& frames = channel.pending->frames[i];
    const std::size_t before = frames.size();
    encoder_.encode(encoding, channel.name, publication, frames);
    channel.pending->bytes += frames.size() - before;
    pending_bytes_ += frames.size() - before;
  }
  ++channel.pending->publications;
  return PublishOutcome::Accepted;
}

std::unique_ptr<HomeChannels::Pending> HomeChannels::take_pending(Channel& channel) {
  pending_bytes_ -= channel.pending->bytes;
  return std::move(channel.pending);
}

}  // namespace sanjay::hub
