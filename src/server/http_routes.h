// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/http_api.h"
#include "server/wiring.h"
#include "transport/http_connection.h"

#include <optional>
#include <string>
#include <string_view>

namespace sanjay::server {

/// Which plain HTTP request goes where: the server API, /health, the demo page. One per shard.
class HttpRoutes final : public transport::HttpApplication {
 public:
  /// `wiring` and `hub` outlive the routes.
  HttpRoutes(const Wiring& wiring, hub::Hub& hub) : wiring_(wiring), api_(wiring.api, hub) {}

  std::optional<std::string> respond(const http::RequestHead& head, std::string_view body,
                                     core::ConnectionId connection) override;
  std::string publish_response(hub::PublishOutcome outcome, bool keep_alive) override {
    return api::HttpApi::publish_response(outcome, keep_alive);
  }

 private:
  std::optional<std::string> route(const http::RequestHead& head, std::string_view body,
                                   core::ConnectionId connection);
  std::string page(const http::RequestHead& head) const;

  const Wiring& wiring_;
  api::HttpApi api_;
};

}  // namespace sanjay::server
