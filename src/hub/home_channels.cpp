// SPDX-License-Identifier: Apache-2.0
#include "hub/home_channels.h"

#include "core/assert.h"
#include "core/failpoint.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace sanjay::hub {
namespace {

// Of the first encoding; those of the others are so many bits further up.
constexpr FormSet forms_of(Variant variant) {
  return bit_of(form_of({}, false, variant)) | bit_of(form_of({}, true, variant));
}
constexpr FormSet kSameFrames = forms_of(Variant::Plain) | forms_of(Variant::Filtered);
constexpr FormSet kDeltaFrames = forms_of(Variant::Delta);

constexpr FormSet kFormsWithJoins = [] {
  FormSet forms = 0;
  for (Form form = 0; form < kForms; ++form) {
    if (has_joins(form)) forms |= bit_of(form);
  }
  return forms;
}();

}  // namespace

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

// Appends what `encode` makes to the frames of all these forms: encoded once and copied.
template <class Encode>
void HomeChannels::append_frames(Pending& pending, FormSet forms, FrameKey fresh, Encode&& encode) {
  // Who could not be given one publication must not get a later one: he would not miss it.
  forms &= ~pending.unencodable;
  if (forms == 0) return;
  const auto key_of = [fresh](FormSet of) {
    return static_cast<FrameKey>(static_cast<unsigned>(std::countr_zero(of)) | fresh);
  };
  const FrameKey first = key_of(forms);
  std::string& frames = pending.frames[first];
  const std::size_t before = frames.size();
  if (!encode(frames)) {
    pending.unencodable |= forms;
    return;
  }
  const std::size_t grown = frames.size() - before;
  for (FormSet left = forms & (forms - 1); left != 0; left &= left - 1) {
    std::string& copy = pending.frames[key_of(left)];
    copy.append(*pending.frames.find(first), before);
  }
  const std::size_t bytes = grown * static_cast<std::size_t>(std::popcount(forms));
  pending.bytes += bytes;
  pending_bytes_ += bytes;
}

void HomeChannels::append(std::uint32_t number, const Publication& publication) {
  Channel& channel = at(number);
  const FormSet wanted_forms = wanted(channel);
  if (wanted_forms == 0) return;  // nobody listens
  Pending& pending = pending_of(number, publication.received);
  FormSet deltas = 0;
  for (std::size_t e = 0; e < kEncodings; ++e) {
    const FormSet same = wanted_forms & (kSameFrames << e);
    const FormSet delta = wanted_forms & (kDeltaFrames << e);
    deltas |= delta;
    EncodeAs how{static_cast<Encoding>(e)};
    const auto encode = [&](std::string& out) {
      return encoder_.encode(how, channel.name, publication, out);
    };
    append_frames(pending, same, 0, encode);
    how.delta = true;
    // Whoever gets the first of a batch whole has the others' base with it.
    const std::string* base = publication.delta ? channel.delta_base.get() : nullptr;
    if (pending.publications > 0) how.base = base;
    append_frames(pending, delta, kFreshFrames, encode);
    how.base = base;
    append_frames(pending, delta, 0, encode);
  }
  ++pending.publications;
  if (deltas == 0) {
    channel.delta_base.reset();
  } else if (channel.delta_base) {
    channel.delta_base->assign(publication.data);
  } else {
    channel.delta_base = std::make_unique<std::string>(publication.data);
  }
}

void HomeChannels::append(std::uint32_t number, Movement movement, const ClientInfo& info) {
  const Channel& channel = at(number);
  const FormSet forms = wanted(channel) & kFormsWithJoins;
  if (forms == 0) return;
  Pending& pending = pending_of(number, {});
  for (std::size_t e = 0; e < kEncodings; ++e) {
    const auto encode = [&](std::string& out) {
      return encoder_.encode_movement(static_cast<Encoding>(e), channel.name, movement, info, out);
    };
    append_frames(pending, forms & ((kSameFrames | kDeltaFrames) << e), 0, encode);
    append_frames(pending, forms & (kDeltaFrames << e), kFreshFrames, encode);
  }
}

void HomeChannels::append_state_lost(std::uint32_t number) {
  pending_of(number, {}).state_lost = true;
  at(number).delta_base.reset();
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
  pending.frames.for_each([&](FrameKey key, std::string& bytes) {
    if (!bytes.empty()) batch.frames[key] = core::SharedBytes(std::move(bytes));
  });
  return batch;
}

bool HomeChannels::concerns(const Interested& to, const EncodedBatch& batch) {
  if ((to.forms & batch.unencodable) != 0) return true;
  bool concerned = false;
  batch.frames.for_each([&](FrameKey key, const core::SharedBytes&) {
    concerned = concerned || (to.forms & bit_of(form_of_key(key))) != 0;
  });
  return concerned;
}

}  // namespace sanjay::hub
