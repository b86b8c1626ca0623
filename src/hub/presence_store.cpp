// SPDX-License-Identifier: Apache-2.0
#include "hub/presence_store.h"

#include "core/assert.h"
#include "core/failpoint.h"

namespace sanjay::hub {

namespace {

std::size_t cost_of(const ClientInfo& info) {
  return sizeof(OwnedClientInfo) + info.client.size() + info.user.size() + info.conn_info.size() +
         info.chan_info.size();
}

}  // namespace

PresenceStore::PresenceStore(const core::SipKey& key, const PresenceLimits& limits,
                             BrokerStats& stats)
    : channels_(key, limits.entries_max), hasher_{key}, limits_(limits), stats_(stats) {}

bool PresenceStore::add(std::string_view name, const ClientInfo& info) {
  Members* members = find(name);
  OwnedClientInfo* known = nullptr;
  if (members != nullptr) {
    const auto found = members->clients.find(info.client);
    if (found != members->clients.end()) known = found->second.get();
  }
  const std::size_t less = known != nullptr ? cost_of(known->view()) : 0;
  const std::size_t entries = known != nullptr ? entries_ : entries_ + 1;
  const bool fits =
      entries <= limits_.entries_max && bytes_ - less + cost_of(info) <= limits_.bytes_max;
  if (!fits && !FAILPOINT("hub.presence_bound")) {
    stats_.presence_refused.add();
    return false;
  }
  if (members == nullptr) {
    const auto number = channels_.find_or_create(name);
    if (!number) return false;  // not below entries_max
    members = &channels_.at(*number).members.emplace(hasher_);
  }
  if (known != nullptr) {
    discount(*members, known->user);
    known->user = info.user;  // the id stays: the map's key points at it
    known->conn_info = info.conn_info;
    known->chan_info = info.chan_info;
  } else {
    auto entry = std::make_unique<OwnedClientInfo>(info);
    const std::string_view client = entry->client;
    members->clients.emplace(client, std::move(entry));
  }
  count(*members, info.user);
  entries_ = entries;
  bytes_ = bytes_ - less + cost_of(info);
  show();
  return true;
}

void PresenceStore::remove(std::string_view name, std::string_view client) {
  const auto number = channels_.find(name);
  if (!number) return;
  Members& members = *channels_.at(*number).members;
  const auto found = members.clients.find(client);
  if (found == members.clients.end()) return;
  // The entry outlives its place in the map, whose key points into it.
  const std::unique_ptr<OwnedClientInfo> entry = std::move(found->second);
  members.clients.erase(found);
  discount(members, entry->user);
  bytes_ -= cost_of(entry->view());
  --entries_;
  if (members.clients.empty()) channels_.erase(*number);
  show();
}

Presence PresenceStore::clients(std::string_view channel) {
  Presence presence;
  const Members* const members = find(channel);
  if (members == nullptr) return presence;
  presence.clients.reserve(members->clients.size());
  for (const auto& [client, entry] : members->clients) presence.clients.push_back(*entry);
  return presence;
}

PresenceStats PresenceStore::stats(std::string_view channel) {
  const Members* const members = find(channel);
  if (members == nullptr) return {};
  return {static_cast<std::uint32_t>(members->clients.size()),
          static_cast<std::uint32_t>(members->users.size())};
}

PresenceStore::Members* PresenceStore::find(std::string_view channel) {
  const auto number = channels_.find(channel);
  return number ? &*channels_.at(*number).members : nullptr;
}

void PresenceStore::count(Members& members, std::string_view user) {
  const auto found = members.users.find(user);
  if (found != members.users.end()) {
    ++found->second;
  } else {
    members.users.emplace(std::string(user), 1);
  }
}

void PresenceStore::discount(Members& members, std::string_view user) {
  const auto found = members.users.find(user);
  ASSERT(found != members.users.end());
  if (--found->second == 0) members.users.erase(found);
}

void PresenceStore::show() {
  stats_.presence_channels.set(channels_.size());
  stats_.presence_entries.set(entries_);
  stats_.presence_bytes.set(bytes_);
}

}  // namespace sanjay::hub
