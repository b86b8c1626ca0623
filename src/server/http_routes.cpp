// SPDX-License-Identifier: Apache-2.0
#include "server/http_routes.h"

#include "http/response.h"
#include "server/embedded_files.h"

namespace sanjay::server {
namespace {

constexpr std::string_view kDemoPrefix = "/demo/";
constexpr http::Header kText{"Content-Type", "text/plain; charset=utf-8"};

std::string not_found(const http::RequestHead& head) {
  return http::make_response(404, {kText}, "not found\n", head.keep_alive);
}

}  // namespace

std::optional<std::string> HttpRoutes::respond(const http::RequestHead& head, std::string_view body,
                                               core::ConnectionId connection) {
  auto response = route(head, body, connection);
  // HEAD is answered as GET is, the lengths included, but for the body (RFC 9110 §9.3.2).
  if (response && head.method == "HEAD") response->resize(response->find("\r\n\r\n") + 4);
  return response;
}

std::optional<std::string> HttpRoutes::route(const http::RequestHead& head, std::string_view body,
                                             core::ConnectionId connection) {
  if (head.path.starts_with(api::HttpApi::kPrefix)) return api_.respond(head, body, connection);
  const bool health = wiring_.health && head.path == "/health";
  const bool demo = wiring_.demo && (head.path == "/" || head.path == "/demo" ||
                                     head.path.starts_with(kDemoPrefix));
  if (!health && !demo) return not_found(head);
  if (head.method != "GET" && head.method != "HEAD") {
    return http::make_response(405, {kText, {"Allow", "GET, HEAD"}}, "method not allowed\n",
                               head.keep_alive);
  }
  if (health) {
    return http::make_response(200, {{"Content-Type", "application/json"}}, "{}", head.keep_alive);
  }
  return page(head);
}

std::string HttpRoutes::page(const http::RequestHead& head) const {
  if (!head.path.starts_with(kDemoPrefix)) {
    return http::make_response(302, {{"Location", kDemoPrefix}}, "", head.keep_alive);
  }
  const std::string_view name = head.path.substr(kDemoPrefix.size());
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path != (name.empty() ? "index.html" : name)) continue;
    return http::make_response(200,
                               {{"Content-Type", file.content_type},
                                {"Cache-Control", "no-cache"},
                                {"X-Content-Type-Options", "nosniff"}},
                               file.bytes, head.keep_alive);
  }
  return not_found(head);
}

}  // namespace sanjay::server
