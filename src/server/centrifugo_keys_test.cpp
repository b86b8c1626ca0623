// SPDX-License-Identifier: Apache-2.0
#include "server/centrifugo_keys.h"

#include "server/config.h"
#include "server/config_schema.h"
#include "server/config_write.h"
#include "server/setting_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <string>

namespace sanjay::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

core::Result<Config> load(const std::string& name, const std::string& text, bool strict = false) {
  const ConfigFile file{name, text};
  return load_config({{}, &file, {}, {}, strict});
}

core::Result<Config> load_variables(std::vector<EnvironmentVariable> variables,
                                    bool strict = false) {
  return load_config({{}, nullptr, variables, {}, strict});
}

std::string error_of(const core::Result<Config>& result) {
  return result ? "no error" : result.error().message;
}

/// Calls `each` with every key of Centrifugo and its default.
void for_each_key(const SourceValue& value, const std::string& path,
                  const std::function<void(const std::string&, const SourceValue&)>& each) {
  const auto* table = std::get_if<SourceValue::Table>(&value.data);
  if (table == nullptr || table->empty()) return each(path, value);
  for (const SourceEntry& entry : *table) {
    for_each_key(entry.value, path.empty() ? entry.key : path + "." + entry.key, each);
  }
}

// The three files are what `centrifugo defaultconfig` of version 6.9.1 writes.
TEST(Centrifugo, ItsDefaultsAreTakenAsTheyAreInEveryFormat) {
  const auto ours = load_config({});
  ASSERT_TRUE(ours);
  const std::string corpus = SANJAY_CORPUS_DIR;
  for (const std::string& path :
       {corpus + "/../centrifugo/defaults.json", corpus + "/centrifugo/defaults.yaml",
        corpus + "/centrifugo/defaults.toml"}) {
    const std::string text = text_of(path);
    ASSERT_GT(text.size(), 20'000U) << path;
    const auto config = load(path, text, true);
    ASSERT_TRUE(config) << error_of(config);
    // What a configuration that sets nothing is warned of.
    EXPECT_EQ(config->warnings, ours->warnings);
    EXPECT_THAT(config->notices, IsEmpty());
    // Where the defaults differ on purpose; Centrifugo's file is believed.
    EXPECT_FALSE(config->health.enabled);
    EXPECT_EQ(config->websocket.write_timeout, std::chrono::seconds(1));
    EXPECT_EQ(config->client.queue_max_size, ours->client.queue_max_size);
  }
}

TEST(Centrifugo, EveryKeyIsASettingOrInTheTable) {
  std::size_t keys = 0;
  std::set<std::string_view> used;
  for_each_key(centrifugo_defaults(), "", [&](const std::string& path, const SourceValue& value) {
    ++keys;
    const CentrifugoKey* entry = find_centrifugo_key(path);
    if (find_setting(path) != nullptr) return;
    ASSERT_NE(entry, nullptr) << path;
    EXPECT_NE(entry->group, KeyGroup::Pro) << path;
    EXPECT_TRUE(is_centrifugo_default(path, value)) << path;
    used.insert(entry->path);
  });
  EXPECT_GT(keys, 700U);
  for (const CentrifugoKey& key : centrifugo_keys()) {
    EXPECT_EQ(find_setting(key.path), nullptr) << key.path << " is supported: take its line out";
    EXPECT_FALSE(key.instead.empty()) << key.path;
    if (key.group == KeyGroup::Pro) {
      EXPECT_EQ(find_centrifugo_default(key.path), nullptr) << key.path << " is not PRO's alone";
    } else {
      EXPECT_TRUE(used.contains(key.path)) << key.path << ": all of it is supported, or in another "
                                           << "line: take this one out";
    }
  }
}

TEST(Centrifugo, OneWarningNamesWhatIsSetAndSaysWhatHappensInstead) {
  const std::string text =
      "engine: {type: redis, redis: {address: 'redis://hush@redis:6379', io_timeout: 4s}}\n"
      "admin: {enabled: true, password: hush}\n"
      "uni_grpc: {enabled: true}\n"
      "user_status: {enabled: true}\n"
      "usage_stats: {disabled: true}\n"
      "websocket: {use_write_buffer_pool: true}\n"
      "broker: {type: memory, nats: {dial_timeout: 1000ms}}\n";
  const auto config = load("config.yaml", text);
  ASSERT_TRUE(config) << error_of(config);
  const std::string warning =
      "set for Centrifugo and not supported: engine.type, engine.redis.address (everything is kept "
      "in the memory of this process, and it knows nothing of other nodes); admin.enabled, "
      "admin.password (there is no admin page; the server API and /metrics tell what it tells); "
      "uni_grpc.enabled (not yet: there is no gRPC port); user_status (of Centrifugo PRO: there is "
      "nothing of the kind)";
  EXPECT_EQ(config->warnings.front(), warning);
  for (const std::string& other : config->warnings) EXPECT_THAT(other, Not(HasSubstr("hush")));
  EXPECT_EQ(error_of(load("config.yaml", text, true)), warning);
}

TEST(Centrifugo, ALongListOfKeysIsCut) {
  std::string text;
  for (const char* section : {"broker", "engine", "presence_manager"}) {
    for (const char* key : {"user", "password", "client_name", "sentinel_user", "sentinel_password",
                            "sentinel_master_name", "sentinel_client_name", "prefix"}) {
      text += std::string(section) + ".redis." + key + " = \"x\"\n";
    }
  }
  const auto config = load("config.toml", text);
  ASSERT_TRUE(config) << error_of(config);
  EXPECT_THAT(config->warnings.front(), HasSubstr(" and 4 more (everything is kept"));
}

TEST(Centrifugo, WhatWouldOpenSomethingIsRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"http_server.tls_autocert.enabled", "let an ACME client such as certbot"},
      {"client.disallow_anonymous_connection_tokens", "a good token without a user"},
      {"http_api.disabled", "the API would be there"},
      {"websocket.disabled", "clients could connect"},
      {"channel.without_namespace.publish_proxy_enabled", "nobody asks the back end"},
  };
  for (const auto& [path, instead] : cases) {
    if (find_setting(path) != nullptr) continue;  // supported by now
    EXPECT_THAT(error_of(load("config.toml", std::string(path) + " = true")),
                StartsWith("config.toml:1: " + std::string(path) +
                           ": not supported by this version, and not ignored: " + instead));
    EXPECT_EQ(error_of(load("config.toml", std::string(path) + " = false")), "no error");
  }
}

TEST(Centrifugo, KeysThatNeitherKnowsStayErrors) {
  EXPECT_EQ(error_of(load("config.yaml", "engine:\n  tpye: redis\n")),
            "config.yaml:2: engine.tpye: unknown key");
  EXPECT_EQ(error_of(load("config.yaml", "engine: redis\n")),
            "config.yaml:1: engine: expected a section with keys of its own");
  EXPECT_EQ(error_of(load("config.json", "{\"allowed_origins\": []}")),
            "config.json:1: allowed_origins: unknown key; did you mean "
            "\"client.allowed_origins\"?");
}

TEST(Centrifugo, ItsVariablesAreReadWhereOursAreNotSet) {
  const auto config =
      load_variables({{"SANJAY_CLIENT_CHANNEL_LIMIT", "2"},
                      {"CENTRIFUGO_CLIENT_CHANNEL_LIMIT", "1"},
                      {"CENTRIFUGO_CLIENT_INSECURE", "1"},
                      {"CENTRIFUGO_CLIENT_ALLOWED_ORIGINS", "https://a.example https://b.example"},
                      {"CENTRIFUGO_CLIENT_PING_INTERVAL", ""},
                      {"CENTRIFUGO_CHANNEL_NAMESPACES", "chat"},
                      {"CENTRIFUGO_CHANNEL_NAMESPACES_CHAT_PRESENCE", "t"},
                      {"CENTRIFUGO_VAR_ANYTHING", "x"},
                      {"CENTRIFUGO_PORT_8000_TCP", "tcp://10.0.0.1:8000"}},
                     true);
  ASSERT_TRUE(config) << error_of(config);
  EXPECT_EQ(config->client.channel_limit, 2U);
  EXPECT_TRUE(config->client.insecure);
  EXPECT_THAT(config->client.allowed_origins,
              ElementsAre("https://a.example", "https://b.example"));
  ASSERT_EQ(config->channel.namespaces.size(), 1U);
  EXPECT_TRUE(config->channel.namespaces[0].options.presence);
  EXPECT_THAT(config->notices,
              ElementsAre("read as SANJAY_… of the same name: CENTRIFUGO_CHANNEL_NAMESPACES, "
                          "CENTRIFUGO_CLIENT_CHANNEL_LIMIT, CENTRIFUGO_CLIENT_INSECURE, "
                          "CENTRIFUGO_CLIENT_ALLOWED_ORIGINS, "
                          "CENTRIFUGO_CHANNEL_NAMESPACES_CHAT_PRESENCE"));
  EXPECT_EQ(error_of(load_variables({{"CENTRIFUGO_CLIENT_CHANNEL_LIMIT", "x"}})),
            "CENTRIFUGO_CLIENT_CHANNEL_LIMIT: expected a whole number from 1 to 1000000, got "
            "\"x\"");
}

TEST(Centrifugo, ItsOtherVariablesAreWarnedOf) {
  const std::vector<EnvironmentVariable> variables = {
      {"CENTRIFUGO_ENGINE_TYPE", "redis"},
      {"CENTRIFUGO_PROXIES_MINE_ENDPOINT", "http://x"},
      {"CENTRIFUGO_ADMIN_ENABLED", "false"},
      {"CENTRIFUGO_LICENSE", "hush"},
      {"CENTRIFUGO_TYPO", "1"}};
  const auto config = load_variables(variables);
  ASSERT_TRUE(config) << error_of(config);
  const std::string& warning = config->warnings.front();
  EXPECT_THAT(warning, HasSubstr("CENTRIFUGO_ENGINE_TYPE (everything is kept"));
  EXPECT_THAT(warning, HasSubstr("CENTRIFUGO_PROXIES_MINE_ENDPOINT"));
  EXPECT_THAT(warning, testing::EndsWith("CENTRIFUGO_TYPO (unknown variables)"));
  EXPECT_THAT(warning, Not(HasSubstr("ADMIN")));
  EXPECT_FALSE(load_variables(variables, true));
}

TEST(Centrifugo, FlagsAreTakenByTheirKeys) {
  std::set<std::string> paths;
  for (const SettingFlag& flag : setting_flags()) {
    EXPECT_TRUE(paths.insert(flag.path).second) << flag.path;
    const Setting* setting = find_setting(flag.path);
    EXPECT_TRUE(setting != nullptr || find_centrifugo_key(flag.path) != nullptr) << flag.path;
    EXPECT_TRUE(setting == nullptr || !setting->is_secret) << "arguments are public";
  }
  // Those of Centrifugo 6.9.1, all of them.
  for (const char* path : {"pid_file",
                           "http_server.address",
                           "http_server.port",
                           "http_server.internal_address",
                           "http_server.internal_port",
                           "engine.type",
                           "broker.enabled",
                           "broker.type",
                           "presence_manager.enabled",
                           "presence_manager.type",
                           "map_broker.type",
                           "log.level",
                           "log.file",
                           "debug.enabled",
                           "admin.enabled",
                           "admin.external",
                           "prometheus.enabled",
                           "swagger.enabled",
                           "health.enabled",
                           "uni_websocket.enabled",
                           "uni_sse.enabled",
                           "uni_http_stream.enabled",
                           "sse.enabled",
                           "http_stream.enabled",
                           "init.enabled",
                           "client.insecure",
                           "http_api.insecure",
                           "http_api.external",
                           "admin.insecure",
                           "grpc_api.enabled",
                           "grpc_api.port",
                           "uni_grpc.enabled",
                           "uni_grpc.port"}) {
    EXPECT_TRUE(paths.contains(path)) << path;
  }
}

TEST(Centrifugo, ThePageForThoseWhoComeHasTheTableAsItIs) {
  const std::string page = text_of(SANJAY_CORPUS_DIR "/../../../docs/from-centrifugo.md");
  EXPECT_TRUE(page.find(write_centrifugo_markdown()) != page.npos)
      << "docs/from-centrifugo.md: put the output of `sanjay configdoc --centrifugo` between its "
         "marks";
}

}  // namespace
}  // namespace sanjay::server
