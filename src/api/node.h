// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "channels/permissions.h"
#include "core/connection_id.h"
#include "core/payload.h"
#include "core/subscription_override.h"
#include "hub/publication.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sanjay::api {

/// Which connections a task is about: those of a user, or the one with this client id.
struct Clients {
  std::string user;
  std::string client;                  // empty: all of the user's
  std::vector<std::string> whitelist;  // clients that are left alone
};

struct DisconnectClients {
  Clients clients;
  std::uint16_t code = 0;
  std::string reason;
};

struct UnsubscribeClients {
  Clients clients;
  std::string channel;  // empty: all channels
};

/// Gives the clients a server-side subscription; those who have the channel already are left alone.
/// The channel's namespace exists, or did when the call came in.
struct SubscribeClients {
  Clients clients;
  std::string channel;
  std::int64_t expire_at_s = 0;  // since 1970; 0: never
  core::Payload info;            // of the client in this channel, as others see it
  core::Payload data;            // for the client, with the subscribe push
  core::SubscriptionOverride overrides;
  std::optional<hub::StreamPosition> recover_since;
};

/// Tells how long the clients' connections last from now on.
struct RefreshClients {
  Clients clients;
  bool expired = false;          // they end at once, as expired (3005)
  std::int64_t expire_at_s = 0;  // since 1970; 0: never
  core::Payload info;            // takes the place of the connection's info, unless it is empty
};

struct ListChannels {
  std::string pattern;           // see matches_pattern(); empty: all
  std::size_t channels_max = 0;  // of one shard's answer
};

/// What every shard of the node is to do.
using ShardTask = std::variant<DisconnectClients, UnsubscribeClients, SubscribeClients,
                               RefreshClients, ListChannels>;

struct ChannelList {
  std::map<std::string, std::uint64_t> channels;  // and their subscribers
};

struct ShardAnswer {
  std::map<std::string, std::uint64_t> channels{};  // and their subscribers on that shard
  bool truncated = false;                           // there were more than channels_max
};

/// The node as its info method shows it.
struct NodeInfo {
  std::string uid;
  std::string name;
  std::string version;
  std::uint64_t clients = 0;
  std::uint64_t users = 0;  // one with connections to several shards counts on each
  std::uint64_t channels = 0;
  std::uint64_t subscriptions = 0;
  std::uint64_t uptime_s = 0;
  std::uint64_t resident_bytes = 0;
};

/// The whole node, as one shard's server API sees it. Implemented in server/.
class Node {
 public:
  virtual ~Node() = default;
  /// Gives the task to every shard; their answers come later, each with this number, to the API of
  /// the shard that asked. Answers how many will come; 0: too many are under way.
  virtual std::size_t ask_shards(ShardTask task, std::uint32_t number) = 0;
  virtual NodeInfo info() const = 0;
};

}  // namespace sanjay::api
