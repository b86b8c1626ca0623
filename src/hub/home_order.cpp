// SPDX-License-Identifier: Apache-2.0

// The part of Home that keeps the order of its channels: what the broker tells, gaps and losses,
// and the end of a turn.

#include "core/assert.h"
#include "core/failpoint.h"
#include "hub/home.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sanjay::hub {

std::optional<std::uint32_t> Home::find(std::string_view channel) const {
  if (channel.data() == publishing_.channel.data() &&
      channel.size() == publishing_.channel.size() && !channel.empty()) {
    return publishing_.number;
  }
  return channels_.find(channel);
}

void Home::on_publication(std::string_view name, const PublicationRef& publication,
                          std::string_view epoch) {
  const auto number = find(name);
  if (!number) return;
  const Channel& channel = channels_.at(*number);
  if (!channel.following) return channels_.append(*number, publication->view());
  follow(*number, publication, epoch);
}

void Home::on_transient_publication(std::string_view name, const Publication& publication) {
  if (const auto number = find(name)) channels_.append(*number, publication);
}

void Home::on_join(std::string_view name, const ClientInfo& info) {
  if (const auto number = find(name)) channels_.append(*number, Movement::Join, info);
}

void Home::on_leave(std::string_view name, const ClientInfo& info) {
  if (const auto number = find(name)) channels_.append(*number, Movement::Leave, info);
}

void Home::follow(std::uint32_t number, const PublicationRef& publication, std::string_view epoch) {
  Following& following = following_of(number);
  if (following.is_blocked()) {
    const std::size_t held_max = options_.channels.held_publications_max;
    // Nobody who follows positions is left after the loss.
    const bool full = following.held.size() >= 2 * held_max && !FAILPOINT("hub.held_bound");
    if (full) following.held.clear();
    following.held.emplace_back(publication, epoch);
    if (following.filling && following.held.size() > held_max) {
      following.filling = false;  // its answer finds nothing to do
      lose(number);
    }
    return;
  }
  if (!following.known) {
    following.known = true;
    following.view = {publication->offset() - 1, std::string(epoch)};
  }
  if (following.view.epoch != epoch && !FAILPOINT("hub.follow_epoch")) {
    following.held.emplace_back(publication, epoch);
    return lose(number);
  }
  if (publication->offset() <= following.view.offset) return;  // fetched before it came
  if (publication->offset() > following.view.offset + 1 && !FAILPOINT("hub.gap")) {
    following.held.emplace_back(publication, epoch);
    return fill(number);
  }
  append(number, publication);
}

void Home::append(std::uint32_t number, const PublicationRef& publication) {
  Following& following = following_of(number);
  following.view.offset = publication->offset();
  if (!following.beginning.empty()) {
    // Without the oldest, who needs them is not recovered.
    auto& captured = following.captured;
    const auto held_max = static_cast<std::ptrdiff_t>(options_.channels.held_publications_max);
    if (std::ssize(captured) >= 2 * held_max && !FAILPOINT("hub.captured_bound")) {
      captured.erase(captured.begin(), captured.begin() + held_max);
    }
    captured.push_back(publication);
  }
  channels_.append(number, publication->view());
}

void Home::fill(std::uint32_t number) {
  Following& following = following_of(number);
  if (following.is_blocked()) return;
  following.filling = true;
  stats_.gaps.add();
  Channel& channel = channels_.at(number);
  ++channel.calls;
  broker_.history(channel.name,
                  {.limit = static_cast<std::int32_t>(options_.gap_max),
                   .has_since = true,
                   .since = following.view,
                   .meta_ttl = following.history_meta_ttl},
                  new_call(Fill{number}));
}

// The broker may be ahead of what has reached us: that is lost, or still on its way. It is fetched,
// and recognised should it come after all.
void Home::compare(std::uint32_t number, const History& history) {
  const Following& following = following_of(number);
  if (!following.known || following.is_blocked()) return;
  if (history.top.epoch == following.view.epoch && history.top.offset <= following.view.offset) {
    return;
  }
  if (!FAILPOINT("hub.position_check")) fill(number);
}

void Home::schedule_check(std::uint32_t number, core::Instant now) {
  if (options_.position_check_every == core::Duration::zero()) return;
  Following& following = following_of(number);
  following.check = ++last_check_;
  comparisons_.push_back({now + options_.position_check_every, number, following.check});
}

// A channel that went away, and one that took its number, are told apart by the check's own number.
void Home::check_positions(core::Instant now) {
  while (!comparisons_.empty() && comparisons_.front().at <= now) {
    const Comparison due = comparisons_.front();
    comparisons_.pop_front();
    if (!channels_.exists(due.channel)) continue;
    Channel& channel = channels_.at(due.channel);
    if (!channel.following || channel.following->check != due.check) continue;
    schedule_check(due.channel, now);
    if (!channel.following->known || channel.following->is_blocked()) continue;
    ++channel.calls;
    broker_.history(channel.name, {.meta_ttl = channel.following->history_meta_ttl},
                    new_call(Check{due.channel}));
  }
}

void Home::on_filled(std::uint32_t number, Answer&& answer) {
  --channels_.at(number).calls;
  touch(number);
  Following& following = following_of(number);
  if (!std::exchange(following.filling, false)) return;  // given up meanwhile
  const auto* history = std::get_if<History>(&answer);
  if (history == nullptr) return lose(number);
  const Recovery missing = recover_all(following.view, history->top, *history, {});
  if (!missing.recovered) return lose(number);
  for (const PublicationRef& publication : missing.publications) append(number, publication);
  follow_held(number);
}

// The loss comes after what is appended, and what comes now after the loss.
void Home::lose(std::uint32_t number) {
  Following& following = following_of(number);
  following.losing = true;
  stats_.losses.add();
  channels_.append_state_lost(number);
}

void Home::on_handed(std::uint32_t number) {
  Channel& channel = channels_.at(number);
  if (!channel.following && !channel.interested.empty()) return;  // the usual case: nothing to do
  touch(number);
  if (!channel.following || !std::exchange(channel.following->losing, false)) return;
  channel.following->captured.clear();
  channel.following->known = false;
}

void Home::follow_held(std::uint32_t number) {
  Following& following = following_of(number);
  auto held = std::exchange(following.held, {});
  for (const auto& [publication, epoch] : held) follow(number, publication, epoch);
}

void Home::touch(std::uint32_t number) {
  if (std::exchange(channels_.at(number).touched, true)) return;
  touched_.push_back(number);
}

// The channels stay what they are while the list is walked: what this leads to goes on next turn.
void Home::finish_turn() {
  for (const std::uint32_t number : std::exchange(touched_, {})) {
    if (!channels_.exists(number)) continue;
    Channel& channel = channels_.at(number);
    channel.touched = false;
    if (channel.following && !channel.following->is_blocked()) follow_held(number);
    finish_beginnings(number);
    retire_if_unused(number);
  }
}

}  // namespace sanjay::hub
