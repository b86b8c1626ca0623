// SPDX-License-Identifier: Apache-2.0
#include "server/config_check.h"

#include "core/ip_address.h"
#include "server/channel_config.h"
#include "server/config_token_check.h"
#include "server/duration_text.h"
#include "server/json_text.h"

#include <fmt/format.h>

#include <utility>

namespace sanjay::server {
namespace {

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

/// "*" or scheme://host[:port], which is all that a browser's Origin header ever holds.
bool is_origin(const std::string& text) {
  const std::size_t scheme_end = text.find("://");
  return text == "*" ||
         (scheme_end != 0 && scheme_end != text.npos && text.size() > scheme_end + 3 &&
          text.find_first_of("/?# ", scheme_end + 3) == text.npos);
}

void add_warnings(Config& config) {
  const auto warn = [&](std::string text) { config.warnings.push_back(std::move(text)); };
  const Config::Client& client = config.client;
  warn_of_tokens(config, config.warnings);
  if (config.http_api.key.empty() && !config.http_api.insecure) {
    warn("the server API answers 401 to everything: set http_api.key");
  }
  if (config.prometheus.enabled && !is_loopback(config.http_server.address) &&
      (config.http_server.internal_port == 0 || config.prometheus.external)) {
    warn(
        "prometheus.enabled without http_server.internal_port: whoever reaches the port may read "
        "/metrics");
  }
  const Config::HttpServer& http = config.http_server;
  if (!http.tls.enabled && (!http.tls.cert_pem.empty() || !http.tls.cert_pem_file.empty())) {
    warn("http_server.tls has a certificate, but is not enabled");
  }
  if (http.internal_tls.enabled && http.internal_port == 0) {
    warn("http_server.internal_tls is enabled, but there is no http_server.internal_port");
  }
  for (const std::string& network : config.http_server.trusted_proxies) {
    if (!network.ends_with("/0")) continue;
    warn("http_server.trusted_proxies holds everybody: any client may name itself as it likes");
  }
  for (std::string& warning : channel_warnings(config)) warn(std::move(warning));
  if (is_loopback(config.http_server.address)) return;
  if (client.insecure) {
    warn("client.insecure is on: whoever reaches the port may read and publish everything");
  }
  if (config.http_api.insecure) {
    warn("http_api.insecure is on: whoever reaches the port may call the server API");
  }
}

}  // namespace

std::vector<std::string> check_config(Config& config) {
  std::vector<std::string> errors;
  if (!config.http_server.address.empty() && !core::IpAddress::parse(config.http_server.address)) {
    errors.push_back(fmt::format("http_server.address: expected an IPv4 or IPv6 address, got {}",
                                 json_string(config.http_server.address)));
  }
  if (!config.http_server.internal_address.empty() &&
      !core::IpAddress::parse(config.http_server.internal_address)) {
    errors.push_back(
        fmt::format("http_server.internal_address: expected an IPv4 or IPv6 address, got {}",
                    json_string(config.http_server.internal_address)));
  }
  if (config.http_server.internal_port != 0 &&
      config.http_server.internal_port == config.http_server.port) {
    errors.push_back(fmt::format(
        "http_server.internal_port: expected another port than http_server.port, got {}",
        config.http_server.internal_port));
  }
  for (const std::string& network : config.http_server.trusted_proxies) {
    if (const auto parsed = core::IpNetwork::parse(network); !parsed) {
      errors.push_back("http_server.trusted_proxies: " + parsed.error().message);
    }
  }
  if (config.http_server.proxy_protocol && config.http_server.trusted_proxies.empty()) {
    errors.emplace_back(
        "http_server.proxy_protocol: needs http_server.trusted_proxies, since anybody can write a "
        "PROXY header");
  }
  for (const std::string& origin : config.client.allowed_origins) {
    if (is_origin(origin)) continue;
    errors.push_back(
        fmt::format("client.allowed_origins: expected \"*\" or an origin such as "
                    "\"https://example.com\", without a path, got {}",
                    json_string(origin)));
  }
  if (config.client.pong_timeout >= config.client.ping_interval) {
    errors.push_back(fmt::format(
        "client.pong_timeout: expected less than client.ping_interval ({}), got {}",
        format_duration(config.client.ping_interval), format_duration(config.client.pong_timeout)));
  }
  check_tokens(config, errors);
  if (!config.echo.path.empty() && !config.echo.path.starts_with('/')) {
    errors.push_back(fmt::format("echo.path: expected a path that begins with \"/\", got {}",
                                 json_string(config.echo.path)));
  }
  for (std::string& error : check_channels(config)) errors.push_back(std::move(error));
  if (errors.empty()) add_warnings(config);
  return errors;
}

}  // namespace sanjay::server
