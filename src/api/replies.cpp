// SPDX-License-Identifier: Apache-2.0
#include "api/replies.h"

namespace sanjay::api {
namespace {

constexpr std::size_t kEntryBytes = 64;

std::size_t bytes_in(const BroadcastResult& result) {
  std::size_t bytes = 0;
  for (const auto& response : result.responses) {
    bytes += kEntryBytes + (response ? response->position.epoch.size() : 0);
  }
  return bytes;
}

std::size_t bytes_in(const hub::History& history) {
  std::size_t bytes = 0;
  for (const hub::PublicationRef& publication : history.publications) bytes += publication->bytes();
  return bytes;
}

std::size_t bytes_in(const hub::Presence& presence) {
  std::size_t bytes = 0;
  for (const hub::OwnedClientInfo& info : presence.clients) {
    bytes += kEntryBytes + info.client.size() + info.user.size() + info.conn_info.size() +
             info.chan_info.size();
  }
  return bytes;
}

std::size_t bytes_in(const ChannelList& list) {
  std::size_t bytes = 0;
  for (const auto& [channel, subscribers] : list.channels) bytes += kEntryBytes + channel.size();
  return bytes;
}

std::size_t bytes_in(const auto&) { return 0; }

}  // namespace

std::size_t bytes_of(const Reply& reply) {
  if (!reply) return kEntryBytes;
  return kEntryBytes + std::visit([](const auto& result) { return bytes_in(result); }, *reply);
}

}  // namespace sanjay::api
