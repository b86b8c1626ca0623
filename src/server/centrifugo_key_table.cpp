// SPDX-License-Identifier: Apache-2.0
#include "server/centrifugo_keys.h"

#include <array>

namespace sanjay::server {
namespace {

using enum KeyEffect;

constexpr KeyGroup kLater = KeyGroup::Later;
constexpr KeyGroup kPro = KeyGroup::Pro;

constexpr std::string_view kNoAcme =
    "let an ACME client such as certbot write the files of http_server.tls, and send SIGHUP";
constexpr std::string_view kClientsTls = "it means nothing to a server's end of TLS";
constexpr std::string_view kOptionsDecide =
    "nobody asks the back end: the namespace's other options and tokens alone would decide";
constexpr std::string_view kNoBackEnd = "nobody asks a back end";
constexpr std::string_view kNotFound = "there is no such endpoint; it answers 404";
constexpr std::string_view kMemory =
    "everything is kept in the memory of this process, and it knows nothing of other nodes";
constexpr std::string_view kStreamsOnly =
    "there are stream subscriptions only; others are answered with error 103";
constexpr std::string_view kFixedPath = "the path is always the default one";
constexpr std::string_view kOwnMetrics = "the metrics are those of docs/metrics.md";
constexpr std::string_view kProOnly = "there is nothing of the kind";

/// What comes with a later version: whoever adds it takes its line out.
constexpr std::array kToCome = std::to_array<CentrifugoKey>({
    {"http_server.tls_autocert", Ignored, kNoAcme, kLater},
    {"http_server.tls_autocert.enabled", Refused, kNoAcme, kLater},
    {"uni_grpc", Ignored, "there is no gRPC port", kLater},
    {"grpc_api", Ignored, "there is no gRPC port; the server API is HTTP's", kLater},
    {"channel.without_namespace.subscribe_proxy_enabled", Refused, kOptionsDecide, kLater},
    {"channel.without_namespace.subscribe_proxy_name", Ignored, kNoBackEnd, kLater},
    {"channel.without_namespace.publish_proxy_enabled", Refused, kOptionsDecide, kLater},
    {"channel.without_namespace.publish_proxy_name", Ignored, kNoBackEnd, kLater},
    {"channel.without_namespace.sub_refresh_proxy_enabled", Refused, kOptionsDecide, kLater},
    {"channel.without_namespace.sub_refresh_proxy_name", Ignored, kNoBackEnd, kLater},
    {"channel.without_namespace.subscribe_stream_proxy_enabled", Refused, kOptionsDecide, kLater},
    {"channel.without_namespace.subscribe_stream_proxy_name", Ignored, kNoBackEnd, kLater},
    {"channel.without_namespace.subscribe_stream_proxy_bidirectional", Ignored, kNoBackEnd, kLater},
    {"client.proxy.connect", Ignored,
     "nobody asks the back end: who has no token is refused, unless he may be anonymous", kLater},
    {"client.proxy.refresh", Ignored, "connections are refreshed by tokens alone", kLater},
    {"channel.proxy", Ignored, kNoBackEnd, kLater},
    {"rpc.proxy", Ignored, "a remote call is answered with error 108", kLater},
    {"rpc.without_namespace", Ignored, "a remote call is answered with error 108", kLater},
    {"rpc.namespaces", Ignored, "a remote call is answered with error 108", kLater},
    {"rpc.namespace_boundary", Ignored, "a remote call is answered with error 108", kLater},
    {"proxies", Ignored, kNoBackEnd, kLater},
});

constexpr std::array kOthers = std::to_array<CentrifugoKey>({
    {"http_server.tls.server_ca_pem", Ignored, kClientsTls},
    {"http_server.tls.insecure_skip_verify", Ignored, kClientsTls},
    {"http_server.tls.server_name", Ignored, kClientsTls},
    {"http_server.internal_tls.server_ca_pem", Ignored, kClientsTls},
    {"http_server.internal_tls.insecure_skip_verify", Ignored, kClientsTls},
    {"http_server.internal_tls.server_name", Ignored, kClientsTls},
    {"http_server.http3", Ignored, "HTTP/1.1 is spoken"},
    {"http_server.h2c_external", Ignored, "HTTP/1.1 is spoken"},
    {"log.file", Ignored, "the log goes to standard error: let the shell or systemd redirect it"},
    {"engine", Ignored, kMemory},
    {"broker", Ignored, kMemory},
    {"presence_manager", Ignored, kMemory},
    {"controller", Ignored, kMemory},
    {"map_broker", Ignored, kStreamsOnly},
    {"shared_poll", Ignored, kStreamsOnly},
    {"channel.without_namespace.subscription_type", Ignored, kStreamsOnly},
    {"channel.without_namespace.map", Ignored, kStreamsOnly},
    {"channel.without_namespace.shared_poll", Ignored, kStreamsOnly},
    {"channel.without_namespace.map_clients_presence_channel_prefix", Ignored, kStreamsOnly},
    {"channel.without_namespace.map_users_presence_channel_prefix", Ignored, kStreamsOnly},
    {"client.token.hmac_previous_secret_key_valid_until", Ignored,
     "the previous secret is good for as long as it stands in the configuration"},
    {"client.subscription_token.hmac_previous_secret_key_valid_until", Ignored,
     "the previous secret is good for as long as it stands in the configuration"},
    {"client.token.insecure_skip_jwks_endpoint_safety_check", None,
     "an endpoint is one fixed URL, so that there is nothing to check"},
    {"client.subscription_token.insecure_skip_jwks_endpoint_safety_check", None,
     "an endpoint is one fixed URL, so that there is nothing to check"},
    {"client.disallow_anonymous_connection_tokens", Refused,
     "a good token without a user would be accepted, as an anonymous user's"},
    {"client.presence_update_interval", None,
     "a connection is present for as long as it is there: nothing has to be renewed"},
    {"client.concurrency", Ignored, "commands of a client are carried out one after the other"},
    {"client.channel_position_max_time_lag", Ignored,
     "positions are compared every client.channel_position_check_delay only"},
    {"client.user_connection_limit", Ignored,
     "users are not counted; addresses are, by client.connection_limit_per_address"},
    {"client.connect_include_server_time", Ignored, "the reply to connect holds no time"},
    {"client.insecure_skip_token_signature_verify", Ignored,
     "signatures are verified; for tests set client.token.insecure_skip_token_signature_verify"},
    {"client.user_id_http_header", Ignored, "users are named by tokens alone"},
    {"http_api.disabled", Refused,
     "the API would be there; without http_api.key it answers 401 to everything"},
    {"http_api.handler_prefix", Ignored, kFixedPath},
    {"websocket.disabled", Refused, "clients could connect"},
    {"websocket.handler_prefix", Ignored, kFixedPath},
    {"websocket.read_buffer_size", None, "connections share the buffers of their thread"},
    {"websocket.write_buffer_size", None, "connections share the buffers of their thread"},
    {"websocket.use_write_buffer_pool", None, "connections share the buffers of their thread"},
    {"websocket.decompressed_message_size_limit", Ignored,
     "it is ten times websocket.message_size_limit"},
    {"client.connect_code_to_unidirectional_disconnect", Ignored,
     "the codes are those that Centrifugo has without it"},
    {"uni_websocket.compression", Ignored, "messages of this transport are sent uncompressed"},
    {"uni_websocket.compression_min_size", None, "nothing is compressed"},
    {"uni_websocket.compression_level", None, "nothing is compressed"},
    {"uni_websocket.decompressed_message_size_limit", None, "nothing is compressed"},
    {"uni_websocket.read_buffer_size", None, "connections share the buffers of their thread"},
    {"uni_websocket.write_buffer_size", None, "connections share the buffers of their thread"},
    {"uni_websocket.use_write_buffer_pool", None, "connections share the buffers of their thread"},
    {"uni_websocket.write_timeout", Ignored, "websocket.write_timeout is that of all transports"},
    {"uni_websocket.disable_closing_handshake", Ignored, "a Close frame is sent"},
    {"uni_sse.connect_code_to_http_response", Ignored,
     "who may not connect is told so by a disconnect push"},
    {"uni_http_stream.connect_code_to_http_response", Ignored,
     "who may not connect is told so by a disconnect push"},
    {"webtransport", Ignored, kNotFound},
    {"admin", Ignored, "there is no admin page; the server API and /metrics tell what it tells"},
    {"prometheus.handler_prefix", Ignored, kFixedPath},
    {"prometheus.instrument_http_handlers", Ignored, kOwnMetrics},
    {"prometheus.recovered_publications_histogram", Ignored, kOwnMetrics},
    {"prometheus.native_histograms", Ignored, kOwnMetrics},
    {"health.handler_prefix", Ignored, kFixedPath},
    {"swagger", Ignored, kNotFound},
    {"debug", Ignored, kNotFound},
    {"opentelemetry", Ignored, "nothing is traced"},
    {"graphite", Ignored, "let Prometheus or its exporter read /metrics"},
    {"usage_stats", None, "nothing is ever sent to anybody"},
    {"node.info_metrics_aggregate_interval", None, "the server API counts when it is asked"},
    {"pid_file", Ignored, "no such file is written: systemd and docker know the process"},
    {"consumers", Ignored, "nothing is consumed: publish with the server API"},
    {"enable_unreleased_features", None, "there are none"},
});

constexpr std::array kProKeys = std::to_array<CentrifugoKey>({
    {"license", None, "none is needed", kPro},
    {"admin.oidc", Ignored, "there is no admin page", kPro},
    {"channel.patterns", Ignored, "a channel belongs to the namespace before its boundary", kPro},
    {"channel.without_namespace.allow_channel_compaction", Ignored, kProOnly, kPro},
    {"channel.without_namespace.batch_flush_latest", Ignored, kProOnly, kPro},
    {"channel.without_namespace.batch_max_delay", Ignored, kProOnly, kPro},
    {"channel.without_namespace.batch_max_size", Ignored, kProOnly, kPro},
    {"channel.without_namespace.cache_empty_proxy_enabled", Ignored, kProOnly, kPro},
    {"channel.without_namespace.cache_empty_proxy_name", Ignored, kProOnly, kPro},
    {"channel.without_namespace.client_publish_debounce_interval", Ignored, kProOnly, kPro},
    {"channel.without_namespace.history_cel", Refused, kOptionsDecide, kPro},
    {"channel.without_namespace.keep_latest_publication", Ignored, kProOnly, kPro},
    {"channel.without_namespace.presence_cel", Refused, kOptionsDecide, kPro},
    {"channel.without_namespace.publish_cel", Refused, kOptionsDecide, kPro},
    {"channel.without_namespace.shared_position_sync", Ignored, kProOnly, kPro},
    {"channel.without_namespace.state_proxy_enabled", Ignored, kProOnly, kPro},
    {"channel.without_namespace.state_proxy_name", Ignored, kProOnly, kPro},
    {"channel.without_namespace.subscribe_cel", Refused, kOptionsDecide, kPro},
    {"clickhouse_analytics", Ignored, kProOnly, kPro},
    {"client.rate_limit", Ignored, "commands of a client are not counted", kPro},
    {"database", Ignored, kProOnly, kPro},
    {"distributed_rate_limit", Ignored, kProOnly, kPro},
    {"process_stats", Ignored, "the server API's info tells them", kPro},
    {"push_notifications", Ignored, kProOnly, kPro},
    {"token_revocation", Ignored, kProOnly, kPro},
    {"user_block", Ignored, kProOnly, kPro},
    {"user_status", Ignored, kProOnly, kPro},
});

constexpr auto kKeys = [] {
  std::array<CentrifugoKey, kToCome.size() + kOthers.size() + kProKeys.size()> all{};
  auto* end = all.data();
  for (const CentrifugoKey& key : kToCome) *end++ = key;
  for (const CentrifugoKey& key : kOthers) *end++ = key;
  for (const CentrifugoKey& key : kProKeys) *end++ = key;
  return all;
}();

}  // namespace

std::span<const CentrifugoKey> centrifugo_keys() { return kKeys; }

}  // namespace sanjay::server
