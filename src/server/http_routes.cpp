// SPDX-License-Identifier: Apache-2.0
#include "server/http_routes.h"

#include "http/response.h"
#include "server/embedded_files.h"
#include "server/health.h"
#include "server/metrics.h"
#include "telemetry/prometheus.h"

namespace sanjay::server {
namespace {

using transport::Port;

constexpr std::string_view kDemoPrefix = "/demo/";
constexpr std::string_view kHealthPrefix = "/health";
constexpr http::Header kText{"Content-Type", "text/plain; charset=utf-8"};
constexpr http::Header kJson{"Content-Type", "application/json"};
constexpr http::Header kNoStore{"Cache-Control", "no-store"};

}  // namespace

bool HttpRoutes::is_served(const Wiring::Page& page, Port port) const {
  const bool own_port = shared_.wiring->internal_address.has_value();
  return page.enabled && (!own_port || page.external || port == Port::Internal);
}

std::optional<std::string> HttpRoutes::respond(const http::RequestHead& head, std::string_view body,
                                               Port port, core::ConnectionId connection) {
  if (api::HttpApi::serves(head.path) && is_served(wiring_->http_api, port)) {
    return api_.respond(head, body, connection, shard_.now());
  }
  Response found;
  if (head.path.starts_with(kHealthPrefix) && is_served(wiring_->health, port)) {
    found = health(head);
  } else if (head.path == "/metrics" && is_served(wiring_->metrics, port)) {
    found = http::make_response(
        200, {{"Content-Type", telemetry::PrometheusText::kContentType}, kNoStore},
        write_metrics(shared_, shard_.now()), head.keep_alive);
  } else if (wiring_->demo && port == Port::Public) {
    found = page(head);
  }
  if (!found) return http::make_response(404, {kText}, "not found\n", head.keep_alive);
  if (head.method == "GET" || head.method == "HEAD") return found;
  return http::make_response(405, {kText, {"Allow", "GET, HEAD"}}, "method not allowed\n",
                             head.keep_alive);
}

HttpRoutes::Response HttpRoutes::health(const http::RequestHead& head) const {
  const std::string_view name = head.path.substr(kHealthPrefix.size());
  if (name.empty()) return http::make_response(200, {kJson, kNoStore}, "{}", head.keep_alive);
  Probe probe = Probe::Live;
  if (name == "/ready") {
    probe = Probe::Ready;
  } else if (name == "/startup") {
    probe = Probe::Startup;
  } else if (name != "/live") {
    return std::nullopt;
  }
  const Health health = check_health(shared_, probe, shard_.now());
  return http::make_response(health.good ? 200 : 503, {kJson, kNoStore}, health.body,
                             head.keep_alive);
}

HttpRoutes::Response HttpRoutes::page(const http::RequestHead& head) const {
  if (head.path == "/" || head.path == kDemoPrefix.substr(0, kDemoPrefix.size() - 1)) {
    return http::make_response(302, {{"Location", kDemoPrefix}}, "", head.keep_alive);
  }
  if (!head.path.starts_with(kDemoPrefix)) return std::nullopt;
  const std::string_view name = head.path.substr(kDemoPrefix.size());
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path != (name.empty() ? "index.html" : name)) continue;
    return http::make_response(200,
                               {{"Content-Type", file.content_type},
                                {"Cache-Control", "no-cache"},
                                {"X-Content-Type-Options", "nosniff"}},
                               file.bytes, head.keep_alive);
  }
  return std::nullopt;
}

}  // namespace sanjay::server
