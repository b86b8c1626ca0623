// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/subscription_override.h"
#include "protocol/codes.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sanjay::protocol {

/// What a back end asks of the server, independent of the encoding. Every request owns its bytes,
/// since it outlives the message it came in. Fields that were absent keep their defaults.
/// Source: Centrifugo's api.proto, without map and shared-poll channels and without Centrifugo PRO.

/// Bounds of one call, which whoever decodes it must keep, whatever the encoding.
inline constexpr std::size_t kApiCommandsMax = 1000;  // of a batch
inline constexpr std::size_t kApiNamesMax = 65'536;   // in the lists of all its commands together

/// A payload of the application.
struct ApiPayload {
  std::string bytes;       // empty: there is none
  bool is_json = true;     // validated and on one line; otherwise it may be anything
  bool malformed = false;  // it came as base64, and was none: error 107
};

/// The payload that these bytes are: JSON where they happen to be that.
ApiPayload make_payload(std::string bytes);

struct ApiTag {
  std::string key;
  std::string value;
};

/// What is published. `delta`: it may be sent as its difference from the publication before.
struct ApiPublication {
  ApiPayload data{};
  std::vector<ApiTag> tags{};
  std::string idempotency_key{};
  std::string version_epoch{};
  std::uint64_t version = 0;
  bool skip_history = false;
  bool delta = false;
};

struct ApiPublishRequest {
  std::string channel;
  ApiPublication publication;
};

/// The same publication for many channels.
struct ApiBroadcastRequest {
  std::vector<std::string> channels;
  ApiPublication publication;
};

/// Whom a call is about: all connections of the user, or of these the one with that client id. No
/// connection has a session id yet, and a call that names one must not reach the others: error 108.
struct ApiClients {
  std::string user;
  std::string client;
  std::string session;
};

struct ApiPosition {
  std::uint64_t offset = 0;
  std::string epoch;
};

/// What a subscription has otherwise than its channel's rules say.
struct ApiSubscribeRequest {
  ApiClients clients;
  std::string channel;
  std::int64_t expire_at = 0;  // seconds since 1970; 0: never
  ApiPayload info;
  ApiPayload data;
  core::SubscriptionOverride overrides;
  std::optional<ApiPosition> recover_since;
};

struct ApiUnsubscribeRequest {
  ApiClients clients;
  std::string channel;  // empty: all channels
};

struct ApiDisconnectRequest {
  ApiClients clients;
  std::vector<std::string> whitelist;  // clients that stay
  std::uint32_t code = 0;              // 0: not given
  std::string reason;
};

struct ApiHistoryRequest {
  std::string channel;
  std::int32_t limit = 0;  // publications at most; 0: only the position, -1: all there are
  std::optional<ApiPosition> since;
  bool reverse = false;
};

struct ApiHistoryRemoveRequest {
  std::string channel;
};

struct ApiPresenceRequest {
  std::string channel;
};

struct ApiPresenceStatsRequest {
  std::string channel;
};

struct ApiInfoRequest {};

struct ApiRpcRequest {
  std::string method;
  ApiPayload params;
};

struct ApiRefreshRequest {
  ApiClients clients;
  bool expired = false;
  std::int64_t expire_at = 0;  // seconds since 1970; 0: never
  ApiPayload info;
};

struct ApiChannelsRequest {
  std::string pattern;  // empty: every channel
};

/// A command that is none: of an unknown method, or with parameters that are not its own.
struct ApiRefusedRequest {
  Error error = kApiErrorNotFound;
};

/// Where one command of a batch holds several, the earlier of these counts, as in Centrifugo.
using ApiRequest =
    std::variant<ApiPublishRequest, ApiBroadcastRequest, ApiSubscribeRequest, ApiUnsubscribeRequest,
                 ApiDisconnectRequest, ApiHistoryRequest, ApiHistoryRemoveRequest,
                 ApiPresenceRequest, ApiPresenceStatsRequest, ApiInfoRequest, ApiRpcRequest,
                 ApiRefreshRequest, ApiChannelsRequest, ApiRefusedRequest>;

/// The names of the requests, each at its index in ApiRequest.
inline constexpr std::array<std::string_view, std::variant_size_v<ApiRequest> - 1> kApiMethodNames{
    "publish", "broadcast",      "subscribe", "unsubscribe",    "disconnect",
    "history", "history_remove", "presence",  "presence_stats", "info",
    "rpc",     "refresh",        "channels"};

struct ApiBatchRequest {
  std::vector<ApiRequest> commands;
  bool parallel = false;  // false: each is begun when the one before it is decided
};

/// One command of a stream of them, as `POST /api` takes it.
struct ApiStreamCommand {
  std::uint32_t id = 0;  // repeated in the reply
  ApiRequest request = ApiRefusedRequest{};
};

}  // namespace sanjay::protocol
