// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "protocol/json_scanner.h"

#include <string>
#include <string_view>

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

/// {"channel":"news","data":{"n":1},"skip_history":true,"idempotency_key":"m-1"}
/// An error is for a person to read and belongs in an HTTP 400.
core::Result<ApiPublishRequest> decode_api_publish(std::string_view body,
                                                   const JsonOptions& options = {});

}  // namespace sanjay::protocol
