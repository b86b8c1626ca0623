// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/http_api.h"
#include "api/hub_channels.h"
#include "server/shared_state.h"
#include "server/wiring.h"
#include "transport/http_connection.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sanjay::server {

/// Which plain HTTP request goes where: the server API, health, metrics, the demo page. One per
/// shard.
class HttpRoutes final : public transport::HttpApplication {
 public:
  /// All outlive the routes, `wiring` until another is set.
  HttpRoutes(const SharedState& shared, const Wiring& wiring, const runtime::Shard& shard,
             hub::Hub& hub, api::Node& node)
      : shared_(shared),
        wiring_(&wiring),
        shard_(shard),
        channels_(hub, *wiring.session.namespaces),
        api_(wiring.api, channels_, node) {}

  void set_wiring(const Wiring& wiring) {
    wiring_ = &wiring;
    channels_.set_namespaces(*wiring.session.namespaces);
    api_.set_options(wiring.api);
  }
  api::HttpApi& api() { return api_; }
  const api::HttpApi& api() const { return api_; }

  std::optional<std::string> respond(const http::RequestHead& head, std::string_view body,
                                     transport::Port port, core::ConnectionId connection) override;
  std::optional<std::string> on_hub_answer(std::uint32_t request, hub::Answer&& answer) override {
    return api_.on_answer(request, std::move(answer));
  }
  void forget(core::ConnectionId connection) override { api_.forget(connection); }

 private:
  using Response = std::optional<std::string>;

  Response health(const http::RequestHead& head) const;
  Response page(const http::RequestHead& head) const;
  bool is_served(const Wiring::Page& page, transport::Port port) const;

  const SharedState& shared_;
  const Wiring* wiring_;
  const runtime::Shard& shard_;
  api::HubChannels channels_;
  api::HttpApi api_;
};

}  // namespace sanjay::server
