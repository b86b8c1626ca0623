// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "http/request_parser.h"
#include "hub/hub.h"

#include <optional>
#include <string>
#include <string_view>

namespace sanjay::api {

struct HttpApiOptions {
  std::string key;                      // empty: nobody is let in unless insecure
  bool insecure = false;                // no key is asked for
  std::size_t channel_bytes_max = 255;  // longer: error 107
};

/// The server API over HTTP, Centrifugo's in path, headers and bodies: so far POST /api/publish.
/// Application errors are HTTP 200 with an "error" object, as there. One per shard.
class HttpApi {
 public:
  static constexpr std::string_view kPrefix = "/api/";

  /// `options` and `hub` outlive the API.
  HttpApi(const HttpApiOptions& options, hub::Hub& hub) : options_(options), hub_(hub) {}

  /// The response to a request whose path begins with kPrefix, or nothing: the hub will call back
  /// `connection`, and publish_response() then gives it.
  std::optional<std::string> respond(const http::RequestHead& head, std::string_view body,
                                     core::ConnectionId connection);
  static std::string publish_response(hub::PublishOutcome outcome, bool keep_alive);

 private:
  bool is_authorized(const http::RequestHead& head) const;
  std::optional<std::string> publish(const http::RequestHead& head, std::string_view body,
                                     core::ConnectionId connection);

  const HttpApiOptions& options_;
  hub::Hub& hub_;
};

}  // namespace sanjay::api
