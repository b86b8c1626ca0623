// SPDX-License-Identifier: Apache-2.0
#pragma once

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
  struct HttpServer {
    std::string address;
    std::uint16_t port = 8000;
    std::string internal_address;
    std::uint16_t internal_port = 0;
    core::Duration tcp_user_timeout = std::chrono::seconds(30);
    std::vector<std::string> trusted_proxies;
    bool proxy_protocol = false;
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
      core::Duration leeway{0};
    } token;
    bool insecure = false;
    std::vector<std::string> allowed_origins;
    bool allow_anonymous_connect_without_token = false;
    core::Duration ping_interval = std::chrono::seconds(25);
    core::Duration pong_timeout = std::chrono::seconds(8);
    core::Duration stale_close_delay = std::chrono::seconds(10);
    core::Duration expired_close_delay = std::chrono::seconds(25);
    std::uint32_t queue_max_size = 1048576;
    std::uint32_t channel_limit = 128;
    std::uint32_t connection_limit = 0;
    std::uint32_t connection_limit_per_address = 0;
    std::uint32_t connection_rate_limit = 0;
  } client;

  struct Websocket {
    std::uint32_t message_size_limit = 65536;
    core::Duration write_timeout = std::chrono::seconds(10);
  } websocket;

  struct Channel {
    struct WithoutNamespace {
      bool allow_subscribe_for_client = false;
      bool allow_subscribe_for_anonymous = false;
      bool allow_publish_for_client = false;
      bool allow_publish_for_subscriber = false;
      bool allow_publish_for_anonymous = false;
    } without_namespace;
    std::uint32_t max_length = 255;
  } channel;

  struct HttpApi {
    std::string key;
    bool insecure = false;
    bool external = false;
  } http_api;

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
};

/// A configuration file in memory. TOML, or JSON when the name ends in ".json".
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
  std::string_view path;  // "http_server.port"; must be a key of the schema
  std::string value;
  std::string_view flag;  // "--port", for messages
};

/// Where a configuration comes from, the weakest first. Views must outlive the call of load_config.
struct ConfigSources {
  std::vector<Override> presets;  // change the built-in defaults (--dev)
  const ConfigFile* file = nullptr;
  std::span<const EnvironmentVariable> environment;  // only SANJAY_… is read
  std::vector<Override> overrides;
};

/// Builds the configuration, or says everything that is wrong with it, one problem a line and at
/// most 20 of them. No message contains the value of a secret.
core::Result<Config> load_config(const ConfigSources& sources);

/// Reads the file at `path`, at most 1 MiB.
core::Result<ConfigFile> read_config_file(const std::string& path);

}  // namespace sanjay::server
