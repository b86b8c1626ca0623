// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/api_requests.h"
#include "protocol/json_scanner.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::protocol {

// The parts of api_json.h. One reader per request: each reads one object, sets what it knows, skips
// the rest, and leaves errors with the scanner: after one, loops end and values are empty.

/// The scanner of one body, and what its lists may still hold.
struct ApiReader {
  JsonScanner& in;
  std::size_t names_left = kApiNamesMax;
};

void read_request(ApiReader& reader, ApiPublishRequest& request);
void read_request(ApiReader& reader, ApiBroadcastRequest& request);
void read_request(ApiReader& reader, ApiSubscribeRequest& request);
void read_request(ApiReader& reader, ApiUnsubscribeRequest& request);
void read_request(ApiReader& reader, ApiDisconnectRequest& request);
void read_request(ApiReader& reader, ApiHistoryRequest& request);
void read_request(ApiReader& reader, ApiHistoryRemoveRequest& request);
void read_request(ApiReader& reader, ApiPresenceRequest& request);
void read_request(ApiReader& reader, ApiPresenceStatsRequest& request);
void read_request(ApiReader& reader, ApiInfoRequest& request);
void read_request(ApiReader& reader, ApiRpcRequest& request);
void read_request(ApiReader& reader, ApiRefreshRequest& request);
void read_request(ApiReader& reader, ApiChannelsRequest& request);

void read_names(ApiReader& reader, std::vector<std::string>& names);

/// {"offset":3,"epoch":"xyz"}
ApiPosition read_position(JsonScanner& in);

/// A payload that may stand in two members: as JSON, or as base64, which wins unless it is empty.
class PayloadReader {
 public:
  void read_json(JsonScanner& in) { json_ = in.read_value(); }
  void read_base64(JsonScanner& in) { base64_ = in.read_string(); }
  /// Once the object has been read.
  ApiPayload take() const;

 private:
  std::string_view json_;
  std::string_view base64_;
};

}  // namespace sanjay::protocol
