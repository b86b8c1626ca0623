// SPDX-License-Identifier: Apache-2.0
#include "server/config_schema.h"

#include "server/channel_settings.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace sanjay::server {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t ns(core::Duration duration) { return duration.count(); }

constexpr std::int64_t kBytesMax = 1 << 30;
constexpr std::int64_t kBodyMax = 1 << 20;  // of any HTTP request
constexpr std::int64_t kCpuMax = 1023;      // what a cpu_set_t can name
constexpr std::int64_t kPublicationsMax = 10'000;

/// Those that stand before the options of channels without namespace.
constexpr std::array kSettingsBefore = std::to_array<Setting>({
    {"http_server.address", [](Config& c) -> Target { return &c.http_server.address; },
     "IP address to listen on; empty: all interfaces", 0, 0, "--address"},
    {"http_server.port", [](Config& c) -> Target { return &c.http_server.port; },
     "port for clients and the API; 0: any free one", 0, 65535, "--port"},
    {"http_server.internal_address",
     [](Config& c) -> Target { return &c.http_server.internal_address; },
     "IP address of the internal port; empty: as http_server.address", 0, 0, "--internal-address"},
    {"http_server.internal_port", [](Config& c) -> Target { return &c.http_server.internal_port; },
     "port for the API, /metrics and /health instead of http_server.port; 0: they stay there", 0,
     65535, "--internal-port"},
    {"http_server.tcp_user_timeout",
     [](Config& c) -> Target { return &c.http_server.tcp_user_timeout; },
     "how long the kernel waits for a peer's acknowledgement before it ends a connection", ns(1s),
     ns(1h)},
    {"http_server.trusted_proxies",
     [](Config& c) -> Target { return &c.http_server.trusted_proxies; },
     "networks of the proxies in front, such as \"10.0.0.0/8\"; their X-Forwarded-For is believed"},
    {"http_server.proxy_protocol",
     [](Config& c) -> Target { return &c.http_server.proxy_protocol; },
     "trusted proxies begin each connection with a PROXY header, which names the client; "
     "X-Forwarded-For is then ignored"},
    {"http_server.tls_external", [](Config& c) -> Target { return &c.http_server.tls_external; },
     "http_server.tls is for http_server.port only, not for the internal one"},

    {"http_server.tls.enabled", [](Config& c) -> Target { return &c.http_server.tls.enabled; },
     "speak TLS on http_server.port, and on the internal port unless it has TLS of its own "
     "or http_server.tls_external says otherwise"},
    {"http_server.tls.cert_pem", [](Config& c) -> Target { return &c.http_server.tls.cert_pem; },
     "certificate in PEM, those up to its issuer's behind it; or a file's path"},
    {"http_server.tls.cert_pem_file",
     [](Config& c) -> Target { return &c.http_server.tls.cert_pem_file; },
     "path of a file with it, instead"},
    {"http_server.tls.key_pem", [](Config& c) -> Target { return &c.http_server.tls.key_pem; },
     "its private key in PEM, not encrypted; or a file's path", 0, 0, "", true},
    {"http_server.tls.key_pem_file",
     [](Config& c) -> Target { return &c.http_server.tls.key_pem_file; },
     "path of a file with it, instead"},
    {"http_server.tls.client_ca_pem",
     [](Config& c) -> Target { return &c.http_server.tls.client_ca_pem; },
     "certificates in PEM, or a file's path: clients must show one that comes from these; "
     "empty: they are not asked"},
    {"http_server.tls.client_ca_pem_file",
     [](Config& c) -> Target { return &c.http_server.tls.client_ca_pem_file; },
     "path of a file with them, instead"},
    {"http_server.tls.handshakes_max",
     [](Config& c) -> Target { return &c.http_server.tls.handshakes_max; },
     "TLS handshakes one shard has under way at a time; others wait their turn", 1, 65536},
    {"http_server.internal_tls.enabled",
     [](Config& c) -> Target { return &c.http_server.internal_tls.enabled; },
     "speak TLS on http_server.internal_port with the certificate of this section"},
    {"http_server.internal_tls.cert_pem",
     [](Config& c) -> Target { return &c.http_server.internal_tls.cert_pem; },
     "as http_server.tls.cert_pem"},
    {"http_server.internal_tls.cert_pem_file",
     [](Config& c) -> Target { return &c.http_server.internal_tls.cert_pem_file; },
     "as http_server.tls.cert_pem_file"},
    {"http_server.internal_tls.key_pem",
     [](Config& c) -> Target { return &c.http_server.internal_tls.key_pem; },
     "as http_server.tls.key_pem", 0, 0, "", true},
    {"http_server.internal_tls.key_pem_file",
     [](Config& c) -> Target { return &c.http_server.internal_tls.key_pem_file; },
     "as http_server.tls.key_pem_file"},
    {"http_server.internal_tls.client_ca_pem",
     [](Config& c) -> Target { return &c.http_server.internal_tls.client_ca_pem; },
     "as http_server.tls.client_ca_pem"},
    {"http_server.internal_tls.client_ca_pem_file",
     [](Config& c) -> Target { return &c.http_server.internal_tls.client_ca_pem_file; },
     "as http_server.tls.client_ca_pem_file"},

    {"client.insecure", [](Config& c) -> Target { return &c.client.insecure; },
     "every client may connect, subscribe and publish without a token; for development only"},
    {"client.allowed_origins", [](Config& c) -> Target { return &c.client.allowed_origins; },
     "web origins that may connect, such as \"https://example.com\"; \"*\": all; empty: none"},
    {"client.allow_anonymous_connect_without_token",
     [](Config& c) -> Target { return &c.client.allow_anonymous_connect_without_token; },
     "a client without a token is an anonymous user instead of being refused"},
    {"client.ping_interval", [](Config& c) -> Target { return &c.client.ping_interval; },
     "how often the server pings an idle client", ns(1s), ns(1h)},
    {"client.pong_timeout", [](Config& c) -> Target { return &c.client.pong_timeout; },
     "how long a pong may take before the client is taken for dead", ns(100ms), ns(1h)},
    {"client.stale_close_delay", [](Config& c) -> Target { return &c.client.stale_close_delay; },
     "how long a client may take to send its connect command", ns(100ms), ns(1h)},
    {"client.expired_close_delay",
     [](Config& c) -> Target { return &c.client.expired_close_delay; },
     "how long a client whose token has expired may take to send a new one", ns(100ms), ns(1h)},
    {"client.expired_sub_close_delay",
     [](Config& c) -> Target { return &c.client.expired_sub_close_delay; },
     "the same for the token of a subscription", ns(100ms), ns(1h)},
    {"client.queue_max_size", [](Config& c) -> Target { return &c.client.queue_max_size; },
     "bytes waiting for one client before it is disconnected as slow", 1024, kBytesMax},
    {"client.channel_limit", [](Config& c) -> Target { return &c.client.channel_limit; },
     "channels one client may be subscribed to", 1, 1'000'000},
    {"client.history_max_publication_limit",
     [](Config& c) -> Target { return &c.client.history_max_publication_limit; },
     "publications one history request is answered with at most", 1, kPublicationsMax},
    {"client.recovery_max_publication_limit",
     [](Config& c) -> Target { return &c.client.recovery_max_publication_limit; },
     "publications a client that comes back is given at most; who missed more recovers nothing", 1,
     kPublicationsMax},
    {"client.channel_position_check_delay",
     [](Config& c) -> Target { return &c.client.channel_position_check_delay; },
     "how old a subscription's position may be before it is compared with the channel's", ns(1s),
     ns(1h)},
    {"client.connection_limit", [](Config& c) -> Target { return &c.client.connection_limit; },
     "connections this server takes; 0: as many as its descriptors allow", 0, 100'000'000},
    {"client.connection_limit_per_address",
     [](Config& c) -> Target { return &c.client.connection_limit_per_address; },
     "connections one IP address (IPv6: /64) may have, trusted proxies aside; 0: no limit; "
     "behind a proxy that is not in http_server.trusted_proxies all clients share one address",
     0, 100'000'000},
    {"client.connection_rate_limit",
     [](Config& c) -> Target { return &c.client.connection_rate_limit; },
     "new WebSocket connections this server takes per second; 0: no limit", 0, 1'000'000},

    {"client.connection_pace", [](Config& c) -> Target { return &c.client.connection_pace; },
     "new clients each shard begins per second; the others wait for their turn, up to 5 s, so that "
     "who is connected feels less of very many who come back; 0: nobody waits",
     0, 1'000'000},

    {"client.token.hmac_secret_key",
     [](Config& c) -> Target { return &c.client.token.hmac_secret_key; },
     "secret of HS256, HS384 and HS512 connection tokens; empty: none of these is accepted", 0, 0,
     "", true},
    {"client.token.hmac_previous_secret_key",
     [](Config& c) -> Target { return &c.client.token.hmac_previous_secret_key; },
     "the secret before, still accepted while keys are rotated", 0, 0, "", true},
    {"client.token.rsa_public_key",
     [](Config& c) -> Target { return &c.client.token.rsa_public_key; },
     "public keys for RS256 to RS512 and PS256 to PS512, of 2048 bits or more: PEM, or a file's "
     "path; up to 4, one after the other, while keys are rotated"},
    {"client.token.ecdsa_public_key",
     [](Config& c) -> Target { return &c.client.token.ecdsa_public_key; },
     "the same for ES256 (P-256), ES384 (P-384) and ES512 (P-521)"},
    {"client.token.ed25519_public_key",
     [](Config& c) -> Target { return &c.client.token.ed25519_public_key; },
     "the same for EdDSA with Ed25519"},
    {"client.token.jwks_public_endpoint",
     [](Config& c) -> Target { return &c.client.token.jwks_public_endpoint; },
     "https URL of the issuer's key set (JWKS); its keys are then the only ones, by kid; http only "
     "on this machine"},
    {"client.token.jwks_ca_file", [](Config& c) -> Target { return &c.client.token.jwks_ca_file; },
     "path of the PEM certificates that the endpoint's must come from; empty: those of the system"},
    {"client.token.jwks_refresh_interval",
     [](Config& c) -> Target { return &c.client.token.jwks_refresh_interval; },
     "how old fetched keys may get before they are fetched again; an unknown kid does so, too, at "
     "most every 30 s",
     ns(30s), ns(24h)},
    {"client.token.insecure_jwks_http",
     [](Config& c) -> Target { return &c.client.token.insecure_jwks_http; },
     "fetch keys without encryption from other machines, too"},
    {"client.token.audience", [](Config& c) -> Target { return &c.client.token.audience; },
     "what a token's aud must hold; empty: not checked"},
    {"client.token.issuer", [](Config& c) -> Target { return &c.client.token.issuer; },
     "what a token's iss must be; empty: not checked"},
    {"client.token.audience_regex",
     [](Config& c) -> Target { return &c.client.token.audience_regex; },
     "RE2 regular expression that a whole value of aud must match; instead of audience"},
    {"client.token.issuer_regex", [](Config& c) -> Target { return &c.client.token.issuer_regex; },
     "the same for iss, instead of issuer"},
    {"client.token.user_id_claim",
     [](Config& c) -> Target { return &c.client.token.user_id_claim; },
     "claim that names the user instead of sub"},
    {"client.token.leeway", [](Config& c) -> Target { return &c.client.token.leeway; },
     "how far the clock of the token's signer may differ from ours", 0, ns(5min)},
    {"client.token.insecure_skip_token_signature_verify",
     [](Config& c) -> Target { return &c.client.token.insecure_skip_token_signature_verify; },
     "believe every token, whoever made it; for tests only"},

    {"client.subscription_token.enabled",
     [](Config& c) -> Target { return &c.client.subscription_token.enabled; },
     "subscription tokens are verified with the keys of this section; else with those of "
     "client.token"},
    {"client.subscription_token.hmac_secret_key",
     [](Config& c) -> Target { return &c.client.subscription_token.hmac_secret_key; },
     "as client.token.hmac_secret_key", 0, 0, "", true},
    {"client.subscription_token.hmac_previous_secret_key",
     [](Config& c) -> Target { return &c.client.subscription_token.hmac_previous_secret_key; },
     "as client.token.hmac_previous_secret_key", 0, 0, "", true},
    {"client.subscription_token.rsa_public_key",
     [](Config& c) -> Target { return &c.client.subscription_token.rsa_public_key; },
     "as client.token.rsa_public_key"},
    {"client.subscription_token.ecdsa_public_key",
     [](Config& c) -> Target { return &c.client.subscription_token.ecdsa_public_key; },
     "as client.token.ecdsa_public_key"},
    {"client.subscription_token.ed25519_public_key",
     [](Config& c) -> Target { return &c.client.subscription_token.ed25519_public_key; },
     "as client.token.ed25519_public_key"},
    {"client.subscription_token.jwks_public_endpoint",
     [](Config& c) -> Target { return &c.client.subscription_token.jwks_public_endpoint; },
     "as client.token.jwks_public_endpoint"},
    {"client.subscription_token.jwks_ca_file",
     [](Config& c) -> Target { return &c.client.subscription_token.jwks_ca_file; },
     "as client.token.jwks_ca_file"},
    {"client.subscription_token.jwks_refresh_interval",
     [](Config& c) -> Target { return &c.client.subscription_token.jwks_refresh_interval; },
     "as client.token.jwks_refresh_interval", ns(30s), ns(24h)},
    {"client.subscription_token.insecure_jwks_http",
     [](Config& c) -> Target { return &c.client.subscription_token.insecure_jwks_http; },
     "as client.token.insecure_jwks_http"},
    {"client.subscription_token.audience",
     [](Config& c) -> Target { return &c.client.subscription_token.audience; },
     "as client.token.audience"},
    {"client.subscription_token.issuer",
     [](Config& c) -> Target { return &c.client.subscription_token.issuer; },
     "as client.token.issuer"},
    {"client.subscription_token.audience_regex",
     [](Config& c) -> Target { return &c.client.subscription_token.audience_regex; },
     "as client.token.audience_regex"},
    {"client.subscription_token.issuer_regex",
     [](Config& c) -> Target { return &c.client.subscription_token.issuer_regex; },
     "as client.token.issuer_regex"},
    {"client.subscription_token.user_id_claim",
     [](Config& c) -> Target { return &c.client.subscription_token.user_id_claim; },
     "as client.token.user_id_claim"},
    {"client.subscription_token.leeway",
     [](Config& c) -> Target { return &c.client.subscription_token.leeway; },
     "as client.token.leeway", 0, ns(5min)},
    {"client.subscription_token.insecure_skip_token_signature_verify",
     [](Config& c)
         -> Target { return &c.client.subscription_token.insecure_skip_token_signature_verify; },
     "as client.token.insecure_skip_token_signature_verify"},

    {"client.subscribe_to_user_personal_channel.enabled",
     [](Config& c) -> Target { return &c.channel.personal.enabled; },
     "every client with a user is subscribed to a channel of the user's own"},
    {"client.subscribe_to_user_personal_channel.personal_channel_namespace",
     [](Config& c) -> Target { return &c.channel.personal.personal_channel_namespace; },
     "namespace of the personal channels; empty: they have none"},
    {"client.subscribe_to_user_personal_channel.single_connection",
     [](Config& c) -> Target { return &c.channel.personal.single_connection; },
     "a new connection of a user ends his others; needs presence in that namespace"},

    {"websocket.message_size_limit",
     [](Config& c) -> Target { return &c.websocket.message_size_limit; },
     "bytes of the largest message a client may send", 64, kBytesMax},
    {"websocket.write_timeout", [](Config& c) -> Target { return &c.websocket.write_timeout; },
     "how long one write may be stuck before the client is disconnected", ns(100ms), ns(1h)},
    {"websocket.compression", [](Config& c) -> Target { return &c.websocket.compression; },
     "compress messages for clients that offer permessage-deflate"},
    {"websocket.compression_level",
     [](Config& c) -> Target { return &c.websocket.compression_level; },
     "how hard to try: 1 is fast, 9 small", 1, 9},
    {"websocket.compression_min_size",
     [](Config& c) -> Target { return &c.websocket.compression_min_size; },
     "bytes of the smallest message that is compressed", 0, kBytesMax},
    {"websocket.compression_context_takeover",
     [](Config& c) -> Target { return &c.websocket.compression_context_takeover; },
     "let each client keep a compression context of its own, 42 KiB, where it offers to"},
    {"websocket.compression_takeover_max",
     [](Config& c) -> Target { return &c.websocket.compression_takeover_max; },
     "connections of one shard with such a context; the next ones keep none", 1, 1'000'000},

    {"http_stream.enabled", [](Config& c) -> Target { return &c.http_stream.enabled; },
     "offer HTTP-stream: the response to a POST brings what a WebSocket would"},
    {"http_stream.handler_prefix",
     [](Config& c) -> Target { return &c.http_stream.handler_prefix; }, "path of it"},
    {"http_stream.max_request_body_size",
     [](Config& c) -> Target { return &c.http_stream.max_request_body_size; },
     "bytes of the largest body of a request there", 64, kBodyMax},

    {"sse.enabled", [](Config& c) -> Target { return &c.sse.enabled; },
     "offer SSE (EventSource), which does the same with events"},
    {"sse.handler_prefix", [](Config& c) -> Target { return &c.sse.handler_prefix; }, "path of it"},
    {"sse.max_request_body_size", [](Config& c) -> Target { return &c.sse.max_request_body_size; },
     "bytes of the largest body of a request there", 64, kBodyMax},

    {"emulation.handler_prefix", [](Config& c) -> Target { return &c.emulation.handler_prefix; },
     "path where clients of these two send their commands"},
    {"emulation.max_request_body_size",
     [](Config& c) -> Target { return &c.emulation.max_request_body_size; },
     "bytes of the largest body of a request there", 64, kBodyMax},

    {"uni_websocket.enabled", [](Config& c) -> Target { return &c.uni_websocket.enabled; },
     "offer WebSocket for clients that only listen"},
    {"uni_websocket.handler_prefix",
     [](Config& c) -> Target { return &c.uni_websocket.handler_prefix; }, "path of it"},
    {"uni_websocket.message_size_limit",
     [](Config& c) -> Target { return &c.uni_websocket.message_size_limit; },
     "bytes of the largest message such a client may send", 64, kBytesMax},
    {"uni_websocket.join_push_messages",
     [](Config& c) -> Target { return &c.uni_websocket.join_push_messages; },
     "pushes that come together may leave in one frame, joined by line breaks"},
    {"uni_websocket.disable_disconnect_push",
     [](Config& c) -> Target { return &c.uni_websocket.disable_disconnect_push; },
     "the Close frame alone tells such a client why it is disconnected"},

    {"uni_http_stream.enabled", [](Config& c) -> Target { return &c.uni_http_stream.enabled; },
     "offer HTTP-stream for clients that only listen"},
    {"uni_http_stream.handler_prefix",
     [](Config& c) -> Target { return &c.uni_http_stream.handler_prefix; }, "path of it"},
    {"uni_http_stream.max_request_body_size",
     [](Config& c) -> Target { return &c.uni_http_stream.max_request_body_size; },
     "bytes of the largest body of a request there", 64, kBodyMax},

    {"uni_sse.enabled", [](Config& c) -> Target { return &c.uni_sse.enabled; },
     "offer SSE for clients that only listen"},
    {"uni_sse.handler_prefix", [](Config& c) -> Target { return &c.uni_sse.handler_prefix; },
     "path of it"},
    {"uni_sse.max_request_body_size",
     [](Config& c) -> Target { return &c.uni_sse.max_request_body_size; },
     "bytes of the largest body of a request there", 64, kBodyMax},

    {"init.enabled", [](Config& c) -> Target { return &c.init.enabled; },
     "answer GET with {}, so that a proxy can set its cookie before a browser connects"},
    {"init.handler_prefix", [](Config& c) -> Target { return &c.init.handler_prefix; },
     "path of it"},

    {"channel.max_length", [](Config& c) -> Target { return &c.channel.max_length; },
     "bytes of the longest channel name", 1, 4096},
    {"channel.private_prefix", [](Config& c) -> Target { return &c.channel.private_prefix; },
     "what begins the name of a channel that takes a token; empty: nothing does"},
    {"channel.namespace_boundary",
     [](Config& c) -> Target { return &c.channel.namespace_boundary; },
     "what ends the namespace in a channel's name; empty: there are no namespaces"},
    {"channel.user_boundary", [](Config& c) -> Target { return &c.channel.user_boundary; },
     "what stands before the users in the name of a user-limited channel; empty: there are none"},
    {"channel.user_separator", [](Config& c) -> Target { return &c.channel.user_separator; },
     "what stands between these users; empty: it is one user"},
    {"channel.history_meta_ttl", [](Config& c) -> Target { return &c.channel.history_meta_ttl; },
     "how long a channel's position is known after its last use, where a namespace says nothing",
     ns(1s), ns(kHistoryTtlMax)},
    {"channel.publication_data_format",
     [](Config& c) -> Target { return &c.channel.publication_data_format; },
     "what publications must hold, where a namespace says nothing; \"\": anything of a byte or "
     "more"},
    {kNamespacesKey, [](Config& c) -> Target { return &c.channel.namespaces; },
     "the namespaces: the channels of \"chat\" are called chat:…, and it has the options of "
     "channel.without_namespace; a variable holds them as a JSON array"},
});

constexpr std::array kSettingsAfter = std::to_array<Setting>({
    {"http_api.key", [](Config& c) -> Target { return &c.http_api.key; },
     "key that callers of the server API send; empty: the API is closed", 0, 0, "", true},
    {"http_api.insecure", [](Config& c) -> Target { return &c.http_api.insecure; },
     "the server API asks for no key; for development only"},

    {"http_api.external", [](Config& c) -> Target { return &c.http_api.external; },
     "serve the API on http_server.port even if there is an internal one"},

    {"http_api.error_mode", [](Config& c) -> Target { return &c.http_api.error_mode; },
     "how errors are told: \"\" in a body with status 200, transport by the status"},

    {"rpc.ping.enabled", [](Config& c) -> Target { return &c.rpc.ping.enabled; },
     "answer one remote call with nothing, for clients that measure the way there and back"},
    {"rpc.ping.method", [](Config& c) -> Target { return &c.rpc.ping.method; },
     "the name of that call"},

    {"prometheus.enabled", [](Config& c) -> Target { return &c.prometheus.enabled; },
     "answer GET /metrics"},
    {"prometheus.external", [](Config& c) -> Target { return &c.prometheus.external; },
     "serve it on http_server.port even if there is an internal one"},

    {"node.name", [](Config& c) -> Target { return &c.node.name; },
     "name of this server in the API; empty: host name and port"},

    {"runtime.shards", [](Config& c) -> Target { return &c.runtime.shards; },
     "event-loop threads; 0: one per CPU", 0, 1024, "--shards"},
    {"runtime.io", [](Config& c) -> Target { return &c.runtime.io; },
     "how shards wait for sockets; auto: io_uring where it works, else epoll", 0, 0, "--io"},
    {"runtime.private_file_tables",
     [](Config& c) -> Target { return &c.runtime.private_file_tables; },
     "each shard has a descriptor table of its own", 0, 0, "--private-file-tables"},
    {"runtime.watchdog_timeout", [](Config& c) -> Target { return &c.runtime.watchdog_timeout; },
     "a shard stuck for so long makes the process abort, to be restarted; 0: never", 0, ns(1h)},
    {"runtime.spin_us", [](Config& c) -> Target { return &c.runtime.spin_us; },
     "microseconds a shard looks for work before it sleeps", 0, 1'000'000},
    {"runtime.pin_cpus", [](Config& c) -> Target { return &c.runtime.pin_cpus; },
     "CPUs to bind shards to, in turn; empty: not bound", 0, kCpuMax},

    {"echo.path", [](Config& c) -> Target { return &c.echo.path; },
     "path of a WebSocket endpoint that sends every message back; empty: none", 0, 0, "--echo"},

    {"demo.enabled", [](Config& c) -> Target { return &c.demo.enabled; },
     "serve the demonstration page"},

    {"health.enabled", [](Config& c) -> Target { return &c.health.enabled; },
     "answer GET /health, /health/live, /health/ready and /health/startup"},
    {"health.external", [](Config& c) -> Target { return &c.health.external; },
     "serve them on http_server.port even if there is an internal one"},

    {"log.level", [](Config& c) -> Target { return &c.log.level; },
     "the least severe records that are written", 0, 0, "--log-level"},

    {"shutdown.timeout", [](Config& c) -> Target { return &c.shutdown.timeout; },
     "how long clients are given to leave before the process ends", 0, ns(1h)},
});

template <std::size_t kIndex>
constexpr auto kOptionPath = [] {
  constexpr std::string_view section = "channel.without_namespace.";
  constexpr std::string_view name = kChannelSettings[kIndex].name;
  std::array<char, section.size() + name.size()> path{};
  std::ranges::copy(name, std::ranges::copy(section, path.begin()).out);
  return path;
}();

template <std::size_t kIndex>
Target option_target(Config& config) {
  return std::visit([](auto* option) -> Target { return option; },
                    kChannelSettings[kIndex].target(config.channel.without_namespace));
}

/// All settings, those of channels without namespace made from the options there are.
template <std::size_t... kIndex>
constexpr auto joined(std::index_sequence<kIndex...>) {
  std::array<Setting, kSettingsBefore.size() + sizeof...(kIndex) + kSettingsAfter.size()> all{};
  const Setting options[] = {
      {std::string_view(kOptionPath<kIndex>.data(), kOptionPath<kIndex>.size()),
       option_target<kIndex>, kChannelSettings[kIndex].help, kChannelSettings[kIndex].min,
       kChannelSettings[kIndex].max}...};
  auto end = std::ranges::copy(kSettingsBefore, all.begin()).out;
  end = std::ranges::copy(options, end).out;
  std::ranges::copy(kSettingsAfter, end);
  return all;
}

constexpr auto kSettings = joined(std::make_index_sequence<kChannelSettings.size()>());

/// Certificates expire while the server runs: within a section that needs a restart they need none.
constexpr std::array<std::string_view, 6> kReloaded{
    "cert_pem", "cert_pem_file", "key_pem", "key_pem_file", "client_ca_pem", "client_ca_pem_file"};

/// Keys, and with a dot at their end whole sections, that shape what is built at start.
constexpr std::array<std::string_view, 8> kNeedRestart{"http_server.",
                                                       "runtime.",
                                                       "node.",
                                                       "client.queue_max_size",
                                                       "client.connection_limit_per_address",
                                                       "client.connection_rate_limit",
                                                       "client.connection_pace",
                                                       "websocket.write_timeout"};

constexpr std::array<std::string_view, 3> kIoNames{"auto", "uring", "epoll"};
constexpr std::array<std::string_view, 2> kRecoveryModeNames{"stream", "cache"};
constexpr std::array<std::string_view, 1> kDeltaTypeNames{"fossil"};
constexpr std::array<std::string_view, 4> kDataFormatNames{"", "json", "json_object", "binary"};
constexpr std::array<std::string_view, 2> kErrorModeNames{"", "transport"};
constexpr std::array<std::string_view, 5> kLevelNames{"trace", "debug", "info", "warn", "error"};

}  // namespace

std::span<const Setting> settings() { return kSettings; }

const Setting* find_setting(std::string_view path) {
  const auto* found = std::ranges::find(kSettings, path, &Setting::path);
  return found == kSettings.end() ? nullptr : found;
}

bool is_section(std::string_view path) {
  return std::ranges::any_of(kSettings, [&](const Setting& setting) {
    return setting.path.size() > path.size() && setting.path.starts_with(path) &&
           setting.path[path.size()] == '.';
  });
}

bool needs_restart(std::string_view path) {
  const std::string_view section = path.substr(0, path.rfind('.'));
  if ((section == "http_server.tls" || section == "http_server.internal_tls") &&
      std::ranges::find(kReloaded, path.substr(section.size() + 1)) != kReloaded.end()) {
    return false;
  }
  return std::ranges::any_of(kNeedRestart, [&](std::string_view key) {
    return key.ends_with('.') ? path.starts_with(key) : path == key;
  });
}

std::string environment_name(std::string_view path) {
  std::string name = "SANJAY_";
  for (const char c : path) {
    name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

std::span<const std::string_view> choice_names(IoChoice) { return kIoNames; }
std::span<const std::string_view> choice_names(telemetry::Level) { return kLevelNames; }
std::span<const std::string_view> choice_names(channels::RecoveryMode) {
  return kRecoveryModeNames;
}
std::span<const std::string_view> choice_names(channels::DataFormat) { return kDataFormatNames; }
std::span<const std::string_view> choice_names(channels::DeltaType) { return kDeltaTypeNames; }
std::span<const std::string_view> choice_names(api::ErrorMode) { return kErrorModeNames; }

}  // namespace sanjay::server
