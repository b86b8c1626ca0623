// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/tag.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sanjay::protocol {

/// What the server answers and pushes, independent of the encoding. Plain values; views and spans
/// are the caller's and need to live only for the encoding call. An encoder leaves out what is
/// empty, 0 or false. `data` and the `..._info` fields are payloads: for the JSON encoder one valid
/// JSON value without line breaks. Source: the protocol's client.proto.

struct ClientInfo {
  std::string_view user;
  std::string_view client;
  std::string_view connection_info;
  std::string_view channel_info;
};

using core::Tag;

struct Publication {
  /// A subscriber that negotiated delta gets in JSON a string here, written by the caller.
  std::string_view data;
  std::optional<ClientInfo> info;  // of the client that published; none for the server API
  std::uint64_t offset = 0;        // 0 without history
  std::span<const Tag> tags;
  bool delta = false;  // data is a patch of the previous publication
  std::int64_t time_ms = 0;
  std::string_view epoch;  // only on the first publication of a new stream
  std::uint64_t version = 0;
};

struct SubscribeResult {
  bool expires = false;
  std::uint32_t ttl_s = 0;
  bool recoverable = false;
  std::string_view epoch;
  std::span<const Publication> publications;
  bool recovered = false;
  std::uint64_t offset = 0;
  bool positioned = false;
  std::string_view data;
  bool was_recovering = false;
  bool delta = false;
};

/// A subscription that the server made while the client connected.
struct ServerSubscription {
  std::string_view channel;
  SubscribeResult result;
};

struct ConnectResult {
  std::string_view client;
  std::string_view version;
  bool expires = false;
  std::uint32_t ttl_s = 0;
  std::string_view data;
  std::span<const ServerSubscription> subs;
  std::uint32_t ping_s = 0;  // 0: the server sends no pings
  bool pong = false;
  std::string_view session;  // session and node: only on transports that need emulation
  std::string_view node;
  std::int64_t time_ms = 0;
};

/// Results without content; the reply says only which request succeeded.
enum class EmptyResult : std::uint8_t { Unsubscribe, Publish };

struct PresenceResult {
  std::span<const ClientInfo> clients;  // one entry per connection
};

struct PresenceStatsResult {
  std::uint32_t num_clients = 0;
  std::uint32_t num_users = 0;
};

struct HistoryResult {
  std::span<const Publication> publications;
  std::string_view epoch;
  std::uint64_t offset = 0;
};

struct RpcResult {
  std::string_view data;
};

/// The new lifetime of a connection's or a subscription's token.
struct RefreshResult {
  bool expires = false;
  std::uint32_t ttl_s = 0;
};

/// Tells the client of a server-side subscription made after it connected.
struct SubscribePush {
  bool recoverable = false;
  std::string_view epoch;
  std::uint64_t offset = 0;
  bool positioned = false;
  std::string_view data;
};

}  // namespace sanjay::protocol
