// SPDX-License-Identifier: Apache-2.0
#include "server/wiring.h"

#include "runtime/entropy.h"
#include "runtime/shard_threads.h"
#include "server/channel_config.h"
#include "server/tls_config.h"
#include "transport/http_connection.h"

#include <algorithm>
#include <array>

namespace sanjay::server {
namespace {

// Descriptors kept for listeners, rings, logs, and for telling refused connections so.
constexpr std::size_t kDescriptorsReserved = 256;
constexpr unsigned kShardsMax = 1024;

runtime::DriverChoice driver_choice(IoChoice choice) {
  switch (choice) {
    case IoChoice::Uring:
      return runtime::DriverChoice::Uring;
    case IoChoice::Epoll:
      return runtime::DriverChoice::Epoll;
    case IoChoice::Auto:
      break;
  }
  return runtime::DriverChoice::Auto;
}

core::Result<session::SessionOptions> session_options(const Config& config,
                                                      const TokenVerifiers& tokens) {
  session::SessionOptions options;
  options.insecure = config.client.insecure;
  options.allow_anonymous_connect_without_token =
      config.client.allow_anonymous_connect_without_token;
  options.ping_interval = config.client.ping_interval;
  options.pong_timeout = config.client.pong_timeout;
  options.stale_close_delay = config.client.stale_close_delay;
  options.expired_close_delay = config.client.expired_close_delay;
  options.expired_subscription_close_delay = config.client.expired_sub_close_delay;
  if (config.rpc.ping.enabled) options.rpc_ping_method = config.rpc.ping.method;
  options.subscriptions_max = config.client.channel_limit;
  options.server_version = "sanjay " SANJAY_VERSION;
  options.history_publications_max = config.client.history_max_publication_limit;
  options.recovery_publications_max = config.client.recovery_max_publication_limit;
  SANJAY_TRY(auto namespaces, make_namespaces(config));
  options.namespaces = std::make_shared<const channels::Namespaces>(std::move(namespaces));
  options.verifier = tokens.connection;
  options.subscription_verifier = tokens.subscription;
  return options;
}

core::SipKey random_key() {
  core::SipKey key;
  runtime::fill_random(std::as_writable_bytes(std::span(&key.k0, 1)));
  runtime::fill_random(std::as_writable_bytes(std::span(&key.k1, 1)));
  return key;
}

core::Result<std::shared_ptr<const session::SessionIds>> make_session_ids() {
  std::array<char, 32> secret;
  runtime::fill_random(std::as_writable_bytes(std::span(secret)));
  SANJAY_TRY(auto ids, session::SessionIds::create({secret.data(), secret.size()}));
  return std::make_shared<const session::SessionIds>(std::move(ids));
}

/// The paths of client transports, which must tell them apart.
core::Status set_transports(transport::TransportOptions& options, const Config& config) {
  options.uni_websocket.limits.message_bytes_max = config.uni_websocket.message_size_limit;
  options.uni_websocket.join_push_messages = config.uni_websocket.join_push_messages;
  options.uni_websocket.disconnect_push = !config.uni_websocket.disable_disconnect_push;
  options.echo_path = config.echo.path;
  std::vector<std::string> taken{options.websocket_path};
  if (!options.echo_path.empty()) taken.push_back(options.echo_path);
  const auto set_path = [&](std::string_view section, bool enabled, std::string_view prefix,
                            std::string& path) -> core::Status {
    if (!enabled) return {};
    while (prefix.size() > 1 && prefix.ends_with('/')) prefix.remove_suffix(1);
    const std::string key = std::string(section) + ".handler_prefix";
    if (!prefix.starts_with('/') || prefix.find_first_of("?# ") != std::string_view::npos) {
      return core::failure(key + ": must be a path that begins with /");
    }
    if (std::ranges::find(taken, prefix) != taken.end()) {
      return core::failure(key + ": another endpoint has this path");
    }
    path = taken.emplace_back(prefix);
    return {};
  };
  const auto set_endpoint = [&](std::string_view section, bool enabled,
                                const Config::HttpEndpoint& from,
                                transport::TransportOptions::HttpEndpoint& to) {
    to.body_bytes_max = from.max_request_body_size;
    return set_path(section, enabled, from.handler_prefix, to.path);
  };
  const bool emulation = config.http_stream.enabled || config.sse.enabled;
  for (const core::Status& status :
       {set_endpoint("http_stream", config.http_stream.enabled, config.http_stream,
                     options.http_stream),
        set_endpoint("sse", config.sse.enabled, config.sse, options.sse),
        set_endpoint("emulation", emulation, config.emulation, options.emulation),
        set_path("uni_websocket", config.uni_websocket.enabled, config.uni_websocket.handler_prefix,
                 options.uni_websocket.path),
        set_endpoint("uni_http_stream", config.uni_http_stream.enabled, config.uni_http_stream,
                     options.uni_http_stream),
        set_endpoint("uni_sse", config.uni_sse.enabled, config.uni_sse, options.uni_sse),
        set_path("init", config.init.enabled, config.init.handler_prefix, options.init_path)}) {
    if (!status) return status;
  }
  return {};
}

core::Status set_addresses(Wiring& wiring, const Config& config) {
  const auto address =
      runtime::Endpoint::parse(config.http_server.address, config.http_server.port);
  if (!address) return core::failure("http_server.address: " + address.error().message);
  wiring.address = *address;
  if (config.http_server.internal_port != 0) {
    const std::string& internal = config.http_server.internal_address;
    const auto parsed = runtime::Endpoint::parse(
        internal.empty() ? config.http_server.address : internal, config.http_server.internal_port);
    if (!parsed) return core::failure("http_server.internal_address: " + parsed.error().message);
    wiring.internal_address = *parsed;
  }
  return {};
}

void set_websocket_options(const Config::Websocket& config, transport::TransportOptions& options) {
  // As in Centrifugo. A decoder's own bound is the most that the limit can be set to.
  constexpr std::uint64_t kInflatedTimes = 10;
  constexpr std::uint64_t kInflatedBytesMax = 1 << 30;
  options.websocket.message_bytes_max = config.message_size_limit;
  options.websocket.inflated_bytes_max = static_cast<std::uint32_t>(
      std::min(kInflatedTimes * config.message_size_limit, kInflatedBytesMax));
  options.compression = {config.compression, static_cast<std::uint8_t>(config.compression_level),
                         config.compression_min_size, config.compression_context_takeover,
                         config.compression_takeover_max};
}

void set_pages(Wiring& wiring, const Config& config) {
  wiring.demo = config.demo.enabled;
  wiring.health = {config.health.enabled, config.health.external};
  wiring.metrics = {config.prometheus.enabled, config.prometheus.external};
  wiring.http_api = {true, config.http_api.external};
}

/// Threads, their descriptors, and what a stream is allowed.
core::Status set_shards(Wiring& wiring, const Config& config, std::size_t open_files_max) {
  const unsigned shards =
      config.runtime.shards != 0 ? config.runtime.shards : runtime::available_cpus();
  wiring.shards = static_cast<core::ShardIndex>(std::min(shards, kShardsMax));
  wiring.drivers.choice = driver_choice(config.runtime.io);
  wiring.drivers.shards = wiring.shards;
  wiring.drivers.private_file_tables = config.runtime.private_file_tables;

  if (open_files_max < 2 * kDescriptorsReserved) {
    return core::failure("the limit of open files (ulimit -n) is " +
                         std::to_string(open_files_max) + ", at least " +
                         std::to_string(2 * kDescriptorsReserved) + " are needed");
  }
  const auto per_table = static_cast<std::uint32_t>(
      std::min<std::size_t>(open_files_max - kDescriptorsReserved, 1U << 24));
  const std::uint32_t tables = config.runtime.private_file_tables ? wiring.shards : 1U;
  wiring.connections_max = per_table * tables;
  if (config.client.connection_limit != 0) {
    wiring.connections_max = std::min(wiring.connections_max, config.client.connection_limit);
  }
  wiring.shard.streams.streams_max =
      per_table + transport::kRefusalsMax + transport::kInternalConnectionsMax;
  wiring.shard.streams.queue_bytes_max = config.client.queue_max_size;
  wiring.shard.streams.write_stall_max = config.websocket.write_timeout;
  wiring.shard.streams.tls.handshakes_max = config.http_server.tls.handshakes_max;
  wiring.shard.yield = wiring.shards > runtime::available_cpus();
  wiring.shard.spin = std::chrono::microseconds(config.runtime.spin_us);
  for (const std::uint32_t cpu : config.runtime.pin_cpus) {
    wiring.pin_cpus.push_back(static_cast<int>(cpu));
  }
  return {};
}

}  // namespace

core::Result<Wiring> wire(const Config& config, std::size_t open_files_max,
                          JwksEndpoints* endpoints,
                          std::shared_ptr<runtime::TicketKeys> ticket_keys) {
  Wiring wiring;
  if (const auto parsed = set_addresses(wiring, config); !parsed) {
    return std::unexpected(parsed.error());
  }
  wiring.tcp_user_timeout = config.http_server.tcp_user_timeout;
  wiring.node_name = config.node.name;

  if (const auto set = set_shards(wiring, config, open_files_max); !set) {
    return std::unexpected(set.error());
  }
  wiring.hub.shards = wiring.shards;
  wiring.hub.key = random_key();
  wiring.hub.home.position_check_every = config.client.channel_position_check_delay;
  wiring.broker.key = random_key();

  SANJAY_TRY(wiring.tokens, make_token_verifiers(config.client, endpoints));
  SANJAY_TRY(wiring.session, session_options(config, wiring.tokens));
  set_websocket_options(config.websocket, wiring.transport);
  SANJAY_TRY(wiring.session_ids, make_session_ids());
  if (const auto set = set_transports(wiring.transport, config); !set) {
    return std::unexpected(set.error());
  }
  auto origins = http::OriginPolicy::parse(config.client.allowed_origins);
  if (!origins) return core::failure("client.allowed_origins: " + origins.error().message);
  wiring.transport.origins = *std::move(origins);
  auto proxies = http::TrustedProxies::parse(config.http_server.trusted_proxies);
  if (!proxies) return core::failure("http_server.trusted_proxies: " + proxies.error().message);
  wiring.transport.trusted_proxies = *std::move(proxies);
  wiring.transport.proxy_protocol = config.http_server.proxy_protocol;
  SANJAY_TRY(const auto tls, make_tls(config.http_server, std::move(ticket_keys)));
  wiring.transport.tls = tls.external;
  wiring.transport.internal_tls = tls.internal;
  wiring.admission = {config.client.connection_limit_per_address,
                      config.client.connection_rate_limit, random_key()};
  wiring.transport.upgrades_per_second = config.client.connection_pace;

  wiring.api = {config.http_api.key, config.http_api.insecure, config.channel.max_length};
  wiring.api.error_mode = config.http_api.error_mode;
  set_pages(wiring, config);
  return wiring;
}

}  // namespace sanjay::server
