// SPDX-License-Identifier: Apache-2.0
#include "hub/history_store.h"

#include "core/assert.h"
#include "core/failpoint.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace sanjay::hub {

namespace {

std::size_t cost_of(const StoredPublication& publication) {
  return publication.bytes() + sizeof(PublicationRef);
}

// Which publications of a history a query asks for: `count` of them from index `first` on, upwards
// or downwards.
struct Selection {
  std::size_t first = 0;
  std::size_t count = 0;
};

Selection select(const PublicationRing& kept, const HistoryQuery& query) {
  if (kept.empty() || query.limit == 0) return {};
  const std::uint64_t oldest = kept.front()->offset();
  const std::uint64_t newest = oldest + kept.size() - 1;
  Selection selection;
  if (query.reverse) {
    // Compared before anything is subtracted: `since` is the client's and may be any number.
    if (query.has_since && query.since.offset <= oldest) return {};
    const std::uint64_t from = query.has_since ? std::min(query.since.offset - 1, newest) : newest;
    selection.first = static_cast<std::size_t>(from - oldest);
    selection.count = selection.first + 1;
  } else {
    if (query.has_since && query.since.offset >= newest) return {};
    const std::uint64_t from = query.has_since ? std::max(query.since.offset + 1, oldest) : oldest;
    selection.first = static_cast<std::size_t>(from - oldest);
    selection.count = static_cast<std::size_t>(newest - from) + 1;
  }
  if (query.limit > 0) {
    selection.count = std::min(selection.count, static_cast<std::size_t>(query.limit));
  }
  return selection;
}

}  // namespace

HistoryStore::HistoryStore(const core::SipKey& key, const HistoryLimits& limits, std::uint64_t seed,
                           BrokerStats& stats)
    : streams_(key, limits.channels_max), limits_(limits), random_(seed), stats_(stats) {}

std::optional<HistoryStore::Added> HistoryStore::add(core::Instant now, std::string_view channel,
                                                     const Publication& publication,
                                                     const PublishOptions& options) {
  const HistorySettings& settings = options.history;
  ASSERT(settings.enabled());
  std::optional<std::uint32_t> number = find(now, channel);
  Stream* stream = number ? &streams_.at(*number) : nullptr;
  if (stream != nullptr) {
    const bool same_versions =
        options.version_epoch.empty() || options.version_epoch == stream->version_epoch;
    if (options.version > 0 && options.version <= stream->version && same_versions &&
        !FAILPOINT("hub.version")) {
      return Added{nullptr, {stream->top, stream->epoch}};
    }
    trim(*stream, settings.size);
  }
  Publication placed = publication;
  placed.offset = stream != nullptr ? stream->top + 1 : 1;
  placed.version = options.version;
  const auto stored = std::make_shared<StoredPublication>(placed);
  const std::size_t more = cost_of(*stored) + (stream != nullptr ? 0 : channel.size());
  if (!fits(stream, more, options)) {
    number.reset();
  } else if (!number) {
    number = create(channel);
  }
  if (!number) {
    stats_.history_refused.add();
    return std::nullopt;
  }
  stream = &streams_.at(*number);
  if (placed.offset == 1) stored->set_epoch(stream->epoch);
  append(*stream, stored, options);
  stream->expires = after(now, settings.ttl);
  keep(*number, now, settings.meta_ttl);
  return Added{stored, {stream->top, stream->epoch}};
}

// Whether there is room for so many bytes more, counting what the publication takes the place of.
bool HistoryStore::fits(const Stream* stream, std::size_t more,
                        const PublishOptions& options) const {
  std::size_t less = 0;
  if (stream != nullptr && stream->publications.size() == options.history.size) {
    less += cost_of(*stream->publications.front());
  }
  if (options.version > 0) {
    more += options.version_epoch.size();
    if (stream != nullptr) less += stream->version_epoch.size();
  }
  return bytes_ - less + more <= limits_.bytes_max || FAILPOINT("hub.history_bytes");
}

void HistoryStore::append(Stream& stream, PublicationRef publication,
                          const PublishOptions& options) {
  trim(stream, options.history.size - 1);
  stream.top = publication->offset();
  add_bytes(cost_of(*publication), 0);
  stats_.history_publications.add();
  stream.publications.push_back(std::move(publication));
  if (options.version == 0) return;
  add_bytes(options.version_epoch.size(), stream.version_epoch.size());
  stream.version = options.version;
  stream.version_epoch = options.version_epoch;
}

std::optional<History> HistoryStore::read(core::Instant now, std::string_view channel,
                                          const HistoryQuery& query) {
  std::optional<std::uint32_t> number = find(now, channel);
  if (!number && bytes_ + channel.size() <= limits_.bytes_max) number = create(channel);
  if (!number) {
    stats_.history_refused.add();
    return std::nullopt;
  }
  keep(*number, now, query.meta_ttl);
  const Stream& stream = streams_.at(*number);
  History history{{}, {stream.top, stream.epoch}, true};
  history.epoch_matches =
      !query.has_since || query.since.epoch.empty() || query.since.epoch == stream.epoch;
  if (!history.epoch_matches) return history;
  const Selection selection = select(stream.publications, query);
  history.publications.reserve(selection.count);
  for (std::size_t i = 0; i < selection.count; ++i) {
    const std::size_t index = query.reverse ? selection.first - i : selection.first + i;
    history.publications.push_back(stream.publications[index]);
  }
  return history;
}

void HistoryStore::remove(std::string_view channel) {
  if (const auto number = streams_.find(channel)) discard(streams_.at(*number));
}

void HistoryStore::forget(std::string_view channel) {
  if (const auto number = streams_.find(channel)) erase(*number);
}

// The channel's stream as it is now: what has outlived its time is gone.
std::optional<std::uint32_t> HistoryStore::find(core::Instant now, std::string_view channel) {
  const auto number = streams_.find(channel);
  if (!number) return std::nullopt;
  Stream& stream = streams_.at(*number);
  if (FAILPOINT("hub.history_expiry")) return number;
  if (stream.meta_expires <= now) {
    erase(*number);
    return std::nullopt;
  }
  if (stream.expires <= now) discard(stream);
  return number;
}

std::optional<std::uint32_t> HistoryStore::create(std::string_view channel) {
  const auto number = streams_.find_or_create(channel);
  if (!number) return std::nullopt;
  streams_.at(*number).epoch = new_epoch();
  add_bytes(channel.size(), 0);
  stats_.history_channels.set(streams_.size());
  stats_.epochs.add();
  return number;
}

// Lets the position live for `meta_ttl` from now, and as long as there are publications.
void HistoryStore::keep(std::uint32_t number, core::Instant now, core::Duration meta_ttl) {
  Stream& stream = streams_.at(number);
  stream.meta_expires = after(now, meta_ttl_of(meta_ttl));
  core::Instant next = stream.meta_expires;
  if (!stream.publications.empty()) {
    stream.meta_expires = std::max(stream.meta_expires, stream.expires);
    next = stream.expires;
  }
  // A deadline that moves away is left where it is: forget_one() will find that it has moved.
  if (!deadlines_.contains(number) || next < deadlines_.deadline_of(number)) {
    deadlines_.set(number, next);
  }
}

void HistoryStore::trim(Stream& stream, std::size_t size) {
  while (stream.publications.size() > size && !FAILPOINT("hub.history_size")) {
    let_go(stream.publications.pop_front());
  }
}

void HistoryStore::discard(Stream& stream) {
  if (stream.publications.empty()) return;
  discarded_.push_back(std::exchange(stream.publications, {}));
}

void HistoryStore::erase(std::uint32_t number) {
  Stream& stream = streams_.at(number);
  discard(stream);
  add_bytes(0, stream.name.size() + stream.version_epoch.size());
  deadlines_.remove(number);
  streams_.erase(number);
  stats_.history_channels.set(streams_.size());
}

void HistoryStore::forget_one(core::Instant now) {
  if (!discarded_.empty()) {
    let_go(discarded_.back().pop_front());
    if (discarded_.back().empty()) discarded_.pop_back();
    return;
  }
  if (deadlines_.earliest() > now) return;
  const std::uint32_t number = deadlines_.earliest_item();
  Stream& stream = streams_.at(number);
  if (stream.meta_expires <= now) {
    erase(number);
    return;
  }
  if (stream.expires <= now) discard(stream);
  deadlines_.set(number, stream.publications.empty() ? stream.meta_expires : stream.expires);
}

void HistoryStore::let_go(PublicationRef publication) {
  add_bytes(0, cost_of(*publication));
  stats_.history_publications.subtract();
}

void HistoryStore::add_bytes(std::size_t more, std::size_t less) {
  ASSERT(bytes_ + more >= less);
  bytes_ = bytes_ + more - less;
  stats_.history_bytes.set(bytes_);
}

std::string HistoryStore::new_epoch() {
  std::string epoch(8, 'a');
  if (FAILPOINT("hub.epoch")) return epoch;
  for (char& letter : epoch) letter = static_cast<char>('a' + random_.below(26));
  return epoch;
}

}  // namespace sanjay::hub
