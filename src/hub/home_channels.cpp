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

std::uint32_t HomeChannels::find_or_create(std::string_view name) {
  const auto number = channels_.find_or_create(name);
  ASSERT(number.has_value());
  return *number;
}

bool HomeChannels::add_interest(std::uint32_t number, const Interested& interested) {
  Channel& channel = at(number);
  const bool join_now = channel.subscribed && !channel.pending;
  merge(join_now ? channel.interested : channel.joining, interested);
  return join_now;
}

void HomeChannels::merge(std::vector<Interested>& list, const Interested& interested) {
  for (Interested& known : list) {
    if (known.shard != interested.shard) continue;
    ASSERT(known.local_channel == interested.local_channel);
    known.forms |= interested.forms;
    return;
  }
  list.push_back(interested);
}

std::uint32_t HomeChannels::remove_interest(core::ShardIndex shard, std::uint32_t number) {
  Channel& channel = at(number);
  std::optional<std::uint32_t> local_channel;
  for (auto* list : {&channel.interested, &channel.joining}) {
    const auto known = std::ranges::find(*list, shard, &Interested::shard);
    if (known == list->end()) continue;
    local_channel = known->local_channel;
    list->erase(known);
  }
  ASSERT(local_channel.has_value());
  return *local_channel;
}

bool HomeChannels::is_unused(std::uint32_t number) const {
  const Channel& channel = channels_.at(number);
  return channel.interested.empty() && channel.joining.empty() && !channel.pending &&
         channel.calls == 0 && (!channel.following || channel.following->is_idle());
}

void HomeChannels::set_subscribed(std::uint32_t number) {
  at(number).subscribed = true;
  // An empty batch: whoever joins does so when it is handed over.
  if (!at(number).joining.empty()) pending_of(number, {});
}

FormSet HomeChannels::wanted(const Channel& channel) {
  FormSet forms = 0;
  for (const Interested& to : channel.interested) forms |= to.forms;
  return forms;
}

bool HomeChannels::has_room(std::uint32_t number, core::Instant received) const {
  const Channel& channel = at(number);
  if (channel.interested.empty()) return true;  // nobody listens
  if (channel.following && channel.following->held.size() >= limits_.held_publications_max &&
      !FAILPOINT("hub.held_room")) {
    return false;
  }
  const bool quiet = !channel.pending && received - channel.handed_over >= limits_.quiet_after &&
                     !FAILPOINT("hub.quiet_channels");
  if (pending_bytes_ >= limits_.total_pending_bytes_max * (quiet ? 2 : 1)) return false;
  return !channel.pending || channel.pending->bytes < limits_.pending_bytes_max ||
         FAILPOINT("hub.pending_bound");
}

HomeChannels::Pending& HomeChannels::pending_of(std::uint32_t number, core::Instant received) {
  Channel& channel = at(number);
  if (!channel.pending) {
    channel.pending = std::make_unique<Pending>();
    pending_.push_back(number);
  }
  if (channel.pending->received == core::Instant{}) channel.pending->received = received;
  return *channel.pending;
}

// Of a channel that brings joins and leaves, those who want them and those who do not get bytes of
// their own; what they have in common is encoded once and copied.
template <class Encode>
void HomeChannels::append_frames(Pending& pending, FormSet forms, Encode&& encode) {
  for (std::size_t e = 0; e < kEncodings; ++e) {
    const auto encoding = static_cast<Encoding>(e);
    const Form plain = form_of(encoding, false);
    const Form with_joins = form_of(encoding, true);
    // Who could not be given one publication must not get a later one: he would not miss it.
    if ((pending.unencodable & (bit_of(plain) | bit_of(with_joins))) != 0) continue;
    const bool for_plain = (forms & bit_of(plain)) != 0;
    const bool for_joins = (forms & bit_of(with_joins)) != 0;
    if (!for_plain && !for_joins) continue;
    std::string& frames = pending.frames[for_plain ? plain : with_joins];
    const std::size_t before = frames.size();
    if (!encode(encoding, frames)) {
      pending.unencodable = static_cast<FormSet>(pending.unencodable |
                                                 (forms & (bit_of(plain) | bit_of(with_joins))));
      continue;
    }
    std::size_t grown = frames.size() - before;
    if (for_plain && for_joins) {
      pending.frames[with_joins].append(frames, before);
      grown *= 2;
    }
    pending.bytes += grown;
    pending_bytes_ += grown;
  }
}

void HomeChannels::append(std::uint32_t number, const Publication& publication) {
  const Channel& channel = at(number);
  const FormSet forms = wanted(channel);
  if (forms == 0) return;  // nobody listens
  Pending& pending = pending_of(number, publication.received);
  append_frames(pending, forms, [&](Encoding encoding, std::string& out) {
    return encoder_.encode(encoding, channel.name, publication, out);
  });
  ++pending.publications;
}

void HomeChannels::append(std::uint32_t number, Movement movement, const ClientInfo& info) {
  const Channel& channel = at(number);
  FormSet forms = wanted(channel);
  for (Form form = 0; form < kForms; ++form) {
    if (!has_joins(form)) forms &= static_cast<FormSet>(~bit_of(form));
  }
  if (forms == 0) return;
  append_frames(pending_of(number, {}), forms, [&](Encoding encoding, std::string& out) {
    return encoder_.encode_movement(encoding, channel.name, movement, info, out);
  });
}

void HomeChannels::append_state_lost(std::uint32_t number) {
  pending_of(number, {}).state_lost = true;
}

std::unique_ptr<HomeChannels::Pending> HomeChannels::take_pending(Channel& channel) {
  pending_bytes_ -= channel.pending->bytes;
  return std::move(channel.pending);
}

EncodedBatch HomeChannels::to_batch(Pending& pending) {
  EncodedBatch batch;
  batch.received = pending.received;
  batch.publications = pending.publications;
  batch.unencodable = pending.unencodable;
  for (std::size_t i = 0; i < kForms; ++i) {
    if (pending.frames[i].empty()) continue;
    batch.frames[i] = core::SharedBytes(std::move(pending.frames[i]));
  }
  return batch;
}

bool HomeChannels::concerns(const Interested& to, const EncodedBatch& batch) {
  if ((to.forms & batch.unencodable) != 0) return true;
  for (Form form = 0; form < kForms; ++form) {
    if ((to.forms & bit_of(form)) != 0 && batch.frames[form]) return true;
  }
  return false;
}

}  // namespace sanjay::hub
