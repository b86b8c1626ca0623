// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/filter_node.h"
#include "core/result.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sanjay::protocol {

/// What clients ask, independent of the encoding. Plain values; every view points into the message
/// that was decoded or into its decoder, and lives until the decoder's next call. Absent fields
/// keep their defaults; an empty view means absent. `data` is the application's payload: validated
/// JSON on one line from a JSON client, opaque bytes from a Protobuf client.
/// Source: the protocol's client.proto; fields of map and shared-poll subscriptions are left out.

using core::FilterNode;

struct SubscribeRequest {
  std::string_view channel;
  std::string_view token;
  bool recover = false;
  std::string_view epoch;
  std::uint64_t offset = 0;
  std::string_view data;
  bool positioned = false;
  bool recoverable = false;
  bool join_leave = false;
  std::string_view delta;
  std::unique_ptr<FilterNode> tags_filter;  // as it came; see hub/tags_filter.h
  std::int64_t flags = 0;
  std::int32_t type = 0;  // kStream, or a kind this server does not offer
};

/// The only subscription and publication type offered; a session refuses every other one.
inline constexpr std::int32_t kStream = 0;

/// SubscribeRequest::flags: refuse with error 112 instead of subscribing with recovered = false.
inline constexpr std::int64_t kFlagRejectUnrecovered = 2;

/// A header a browser could not set on its handshake. The client chose it: never to be mistaken
/// for a header of the HTTP request.
struct EmulatedHeader {
  std::string_view name;
  std::string_view value;
};

struct ConnectRequest {
  std::string_view token;
  std::string_view data;
  /// Positions in server-side subscriptions, and wishes. A channel that stands here twice counts
  /// with its last entry, as a repeated key does.
  std::span<const SubscribeRequest> subs;
  std::string_view name;
  std::string_view version;
  std::span<const EmulatedHeader> headers;
};

struct UnsubscribeRequest {
  std::string_view channel;
};

struct PublishRequest {
  std::string_view channel;
  std::string_view data;
  std::int32_t type = 0;
};

struct PresenceRequest {
  std::string_view channel;
};

struct PresenceStatsRequest {
  std::string_view channel;
};

struct HistoryRequest {
  std::string_view channel;
  std::int32_t limit = 0;  // 0 asks for the position only; negative for as many as allowed
  bool has_since = false;
  std::uint64_t since_offset = 0;
  std::string_view since_epoch;
  bool reverse = false;
};

struct RpcRequest {
  std::string_view method;
  std::string_view data;
};

struct SendRequest {
  std::string_view data;
};

struct RefreshRequest {
  std::string_view token;
};

struct SubRefreshRequest {
  std::string_view channel;
  std::string_view token;
  std::int32_t type = 0;  // 0 refreshes; others belong to shared-poll subscriptions
};

/// The empty command that answers a server ping.
struct Pong {};

/// The alternatives after Pong stand in dispatch order: see `outranks`.
using Request = std::variant<Pong, ConnectRequest, SubscribeRequest, UnsubscribeRequest,
                             PublishRequest, PresenceRequest, PresenceStatsRequest, HistoryRequest,
                             RpcRequest, SendRequest, RefreshRequest, SubRefreshRequest>;

struct Command {
  std::uint32_t id = 0;  // > 0 except for Pong and SendRequest
  Request request;
};

/// Why bytes are not a command; the session answers disconnect 3501. `reason` is static text.
struct DecodeError {
  std::string_view reason;
};

/// Whether `candidate` replaces `current` when one command carries both: the earlier in dispatch
/// order wins, and of two of the same kind the later in the message.
bool outranks(const Request& candidate, const Request& current);

/// Joins what a codec found in one command, and refuses what no client may send: the legacy `ping`
/// request (which stands after connect in dispatch order), a request without id, an id without
/// request.
core::Result<Command, DecodeError> make_command(std::uint32_t id, Request request, bool has_ping);

}  // namespace sanjay::protocol
