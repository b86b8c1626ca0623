// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "protocol/json_scanner.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::protocol {

/// The body of the server API's publish call. Owns its bytes, which go on to another shard.
/// The keys `tags`, `delta`, `version` and `version_epoch` are not read.
struct ApiPublishRequest {
  std::string channel;
  /// Empty when neither `data` nor `b64data` holds anything: error 107 is the caller's answer.
  std::string data;
  /// True: `data` is JSON, validated and on one line. False: it came as base64 (`b64data`, which
  /// wins when both are there) and may be anything; compact_json it before a JSON client sees it.
  bool data_is_json = true;
  bool skip_history = false;
  std::string idempotency_key;
};

/// The body of the broadcast call: the same data for many channels.
struct ApiBroadcastRequest {
  std::vector<std::string> channels;
  ApiPublishRequest publication;  // without a channel
};

/// Whom a call is about. An empty `client` means all connections of the user.
struct ApiClients {
  std::string user;
  std::string client;
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

struct ApiChannelsRequest {
  std::string pattern;  // empty: every channel
};

// An error of these is for a person to read and belongs in an HTTP 400.

/// {"channel":"news","data":{"n":1},"skip_history":true,"idempotency_key":"m-1"}
core::Result<ApiPublishRequest> decode_api_publish(std::string_view body,
                                                   const JsonOptions& options = {});
/// {"channels":["a","b"],"data":{"n":1}}
core::Result<ApiBroadcastRequest> decode_api_broadcast(std::string_view body,
                                                       const JsonOptions& options = {});
/// {"user":"42","channel":"news","client":"…"}
core::Result<ApiUnsubscribeRequest> decode_api_unsubscribe(std::string_view body,
                                                           const JsonOptions& options = {});
/// {"user":"42","disconnect":{"code":4501,"reason":"banned"},"whitelist":["…"]}
core::Result<ApiDisconnectRequest> decode_api_disconnect(std::string_view body,
                                                         const JsonOptions& options = {});
/// {"pattern":"news*"}
core::Result<ApiChannelsRequest> decode_api_channels(std::string_view body,
                                                     const JsonOptions& options = {});
/// {} or anything else that is an object; nothing in it is read.
core::Status check_api_empty(std::string_view body, const JsonOptions& options = {});

}  // namespace sanjay::protocol
