// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/error_mode.h"
#include "channels/namespaces.h"
#include "core/result.h"
#include "core/time.h"
#include "telemetry/log.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::server {

enum class IoChoice : std::uint8_t { Auto, Uring, Epoll };

/// Everything an operator can set, already checked. Only server/ sees it: wiring turns it into each
/// module's Options. Names follow Centrifugo's keys where the concept is the same; what every key
/// means and allows stands once, in config_schema.cpp.
struct Config {
  /// What one listener shows and asks for. Each is a PEM text, or a path of a file with one; those
  /// with _file at their end are paths (tls_config.h).
  struct Tls {
    bool enabled = false;
    std::string cert_pem{};
    std::string cert_pem_file{};
    std::string key_pem{};
    std::string key_pem_file{};
    std::string client_ca_pem{};
    std::string client_ca_pem_file{};
  };

  struct HttpServer {
    std::string address;
    std::uint16_t port = 8000;
    std::string internal_address;
    std::uint16_t internal_port = 0;
    core::Duration tcp_user_timeout = std::chrono::seconds(30);
    std::vector<std::string> trusted_proxies;
    bool proxy_protocol = false;
    bool tls_external = false;
    struct PublicTls : Tls {
      std::uint32_t handshakes_max = 64;
    } tls;
    Tls internal_tls;
  } http_server;

  struct Client {
    struct Token {
      std::string hmac_secret_key{};
      std::string hmac_previous_secret_key{};
      std::string rsa_public_key{};  // these three: PEM, or a path (token_keys.h)
      std::string ecdsa_public_key{};
      std::string ed25519_public_key{};
      std::string audience{};
      std::string issuer{};
      std::string audience_regex{};  // of the whole claim (auth/token_verifier.h)
      std::string issuer_regex{};
      std::string user_id_claim{};
      core::Duration leeway{0};
      std::string jwks_public_endpoint{};
      std::string jwks_ca_file{};
      core::Duration jwks_refresh_interval = std::chrono::hours(1);
      bool insecure_jwks_http = false;
      bool insecure_skip_token_signature_verify = false;

      bool has_key() const {
        return !hmac_secret_key.empty() || !rsa_public_key.empty() || !ecdsa_public_key.empty() ||
               !ed25519_public_key.empty();
      }
    } token;
    /// Keys of their own for subscription tokens; not enabled: those of `token` serve both.
    struct SubscriptionToken : Token {
      bool enabled = false;
    } subscription_token;
    bool insecure = false;
    std::vector<std::string> allowed_origins;
    bool allow_anonymous_connect_without_token = false;
    core::Duration ping_interval = std::chrono::seconds(25);
    core::Duration pong_timeout = std::chrono::seconds(8);
    core::Duration stale_close_delay = std::chrono::seconds(10);
    core::Duration expired_close_delay = std::chrono::seconds(25);
    core::Duration expired_sub_close_delay = std::chrono::seconds(25);
    std::uint32_t queue_max_size = 1048576;
    std::uint32_t channel_limit = 128;
    std::uint32_t history_max_publication_limit = 300;
    std::uint32_t recovery_max_publication_limit = 300;
    core::Duration channel_position_check_delay = std::chrono::seconds(40);
    std::uint32_t connection_limit = 0;
    std::uint32_t connection_limit_per_address = 0;
    std::uint32_t connection_rate_limit = 0;
    std::uint32_t connection_pace = 2000;
  } client;

  struct Websocket {
    std::uint32_t message_size_limit = 65536;
    core::Duration write_timeout = std::chrono::seconds(10);
    bool compression = false;
    std::uint32_t compression_level = 1;
    std::uint32_t compression_min_size = 256;
    bool compression_context_takeover = false;
    std::uint32_t compression_takeover_max = 1024;
  } websocket;

  struct HttpEndpoint {
    std::string handler_prefix;
    std::uint32_t max_request_body_size = 65536;
  };
  /// One that is off until the operator wants it.
  struct HttpTransport : HttpEndpoint {
    bool enabled = false;
  };
  HttpTransport http_stream{{"/connection/http_stream"}};
  HttpTransport sse{{"/connection/sse"}};
  HttpEndpoint emulation{"/emulation"};  // on with either of these
  HttpTransport uni_http_stream{{"/connection/uni_http_stream"}};
  HttpTransport uni_sse{{"/connection/uni_sse"}};

  struct UniWebsocket {
    bool enabled = false;
    std::string handler_prefix = "/connection/uni_websocket";
    std::uint32_t message_size_limit = 65536;
    bool join_push_messages = false;
    bool disable_disconnect_push = false;
  } uni_websocket;

  struct Init {
    bool enabled = false;
    std::string handler_prefix = "/connection/init";
  } init;

  /// Sections `channel` and `client.subscribe_to_user_personal_channel` (`personal`). Regexes are
  /// text here: make_namespaces() compiles them.
  channels::NamespacesConfig channel;

  struct HttpApi {
    std::string key;
    bool insecure = false;
    bool external = false;
    api::ErrorMode error_mode = api::ErrorMode::Body;
  } http_api;

  struct Rpc {
    struct Ping {
      bool enabled = false;
      std::string method = "ping";
    } ping;
  } rpc;

  struct Prometheus {
    bool enabled = false;
    bool external = false;
  } prometheus;

  struct Node {
    std::string name;
  } node;

  struct Runtime {
    std::uint32_t shards = 0;
    IoChoice io = IoChoice::Auto;
    bool private_file_tables = false;
    core::Duration watchdog_timeout = std::chrono::seconds(15);
    std::uint32_t spin_us = 0;
    std::vector<std::uint32_t> pin_cpus;
  } runtime;

  struct Echo {
    std::string path;
  } echo;

  struct Demo {
    bool enabled = false;
  } demo;

  struct Health {
    bool enabled = true;
    bool external = false;
  } health;

  struct Log {
    telemetry::Level level = telemetry::Level::Info;
  } log;

  struct Shutdown {
    core::Duration timeout = std::chrono::seconds(30);
  } shutdown;

  /// What is allowed but probably not meant, one sentence each, for the log.
  std::vector<std::string> warnings;
  /// What else the log should say of where this came from.
  std::vector<std::string> notices;
};

/// A configuration file in memory: JSON, YAML or TOML, by the end of its name.
struct ConfigFile {
  std::string name;
  std::string text;
};

struct EnvironmentVariable {
  std::string_view name;
  std::string_view value;
};

/// One setting given by name, from a command-line flag.
struct Override {
  std::string_view path;  // "http_server.port"; a key of the schema, or one of centrifugo_keys()
  std::string value;
  std::string_view flag;  // "--port", for messages
};

/// Where a configuration comes from, the weakest first. Views must outlive the call of load_config.
struct ConfigSources {
  std::vector<Override> presets;  // change the built-in defaults (--dev)
  const ConfigFile* file = nullptr;
  /// SANJAY_… is read, and CENTRIFUGO_… of the same names where that is not set.
  std::span<const EnvironmentVariable> environment;
  std::vector<Override> overrides;
  bool strict = false;  // what would be a warning of Centrifugo's keys is an error
};

/// Builds the configuration, or says everything that is wrong with it, one problem a line and at
/// most 20 of them. No message contains the value of a secret.
core::Result<Config> load_config(const ConfigSources& sources);

/// Reads the file at `path`, at most 1 MiB.
core::Result<ConfigFile> read_config_file(const std::string& path);

}  // namespace sanjay::server
