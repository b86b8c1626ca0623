// SPDX-License-Identifier: Apache-2.0
#include "server/channel_config.h"

#include "channels/permissions.h"
#include "server/channel_settings.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/config_reload.h"
#include "server/config_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::server {
namespace {

using namespace std::chrono_literals;
using channels::ChannelOptions;
using channels::DataFormat;
using channels::RecoveryMode;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

core::Result<Config> load_file(const std::string& name, const std::string& text) {
  const ConfigFile file{name, text};
  return load_config({{}, &file, {}, {}});
}

core::Result<Config> load_toml(const std::string& text) { return load_file("config.toml", text); }

core::Result<Config> load_variables(std::vector<EnvironmentVariable> variables) {
  return load_config({{}, nullptr, variables, {}});
}

std::string error_of(const core::Result<Config>& result) {
  return result ? "no error" : result.error().message;
}

/// The lines as options of the one namespace "chat".
std::string chat(const std::string& lines) {
  return "[[channel.namespaces]]\nname = \"chat\"\n" + lines;
}

constexpr const char* kToml = R"(
[channel]
history_meta_ttl = "100h"
private_prefix = "!"
publication_data_format = "json"

[channel.without_namespace]
allow_user_limited_channels = true

[[channel.namespaces]]
name = "chat"
presence = true
history_size = 100
history_ttl = "5m"
force_recovery = true
force_recovery_mode = "cache"
auto_cache_recover = true
channel_regex = "^[a-z]+$"
allowed_delta_types = ["fossil"]
delta_publish = true
allow_tags_filter = true

[[channel.namespaces]]
name = "dialog"
allow_subscribe_for_client = true
publication_data_format = "binary"

[client.subscribe_to_user_personal_channel]
enabled = true
personal_channel_namespace = "dialog"
)";

constexpr const char* kJson = R"({
  "channel": {
    "history_meta_ttl": "100h", "private_prefix": "!", "publication_data_format": "json",
    "without_namespace": {"allow_user_limited_channels": true},
    "namespaces": [
      {"name": "chat", "presence": true, "history_size": 100, "history_ttl": "5m",
       "force_recovery": true, "force_recovery_mode": "cache", "auto_cache_recover": true,
       "channel_regex": "^[a-z]+$", "allowed_delta_types": ["fossil"], "delta_publish": true,
       "allow_tags_filter": true},
      {"name": "dialog", "allow_subscribe_for_client": true, "publication_data_format": "binary"}
    ]
  },
  "client": {"subscribe_to_user_personal_channel":
             {"enabled": true, "personal_channel_namespace": "dialog"}}
})";

constexpr const char* kNamespacesVariable = R"(
  [{"name": "chat", "presence": true, "history_size": 100, "history_ttl": "5m",
    "force_recovery": true, "force_recovery_mode": "cache", "auto_cache_recover": true,
    "channel_regex": "^[a-z]+$", "allowed_delta_types": ["fossil"], "delta_publish": true,
    "allow_tags_filter": true},
   {"name": "dialog", "allow_subscribe_for_client": true, "publication_data_format": "binary"}])";

TEST(ChannelConfig, EverySourceSetsTheSameNamespaces) {
  const auto toml = load_toml(kToml);
  ASSERT_TRUE(toml) << error_of(toml);
  ASSERT_EQ(toml->channel.namespaces.size(), 2U);
  const auto& [name, options] = toml->channel.namespaces[0];
  EXPECT_EQ(name, "chat");
  EXPECT_TRUE(options.presence);
  EXPECT_EQ(options.history, (channels::HistorySettings{100, 5min, 0s}));
  EXPECT_EQ(options.force_recovery_mode, RecoveryMode::Cache);
  EXPECT_EQ(options.channel_regex, "^[a-z]+$");
  EXPECT_THAT(options.allowed_delta_types, testing::ElementsAre(channels::DeltaType::Fossil));
  EXPECT_TRUE(options.delta_publish);
  EXPECT_TRUE(options.allow_tags_filter);
  EXPECT_FALSE(options.allow_subscribe_for_client);
  EXPECT_TRUE(toml->channel.namespaces[1].options.allow_subscribe_for_client);
  EXPECT_EQ(toml->channel.namespaces[1].options.publication_data_format, DataFormat::Binary);
  EXPECT_TRUE(toml->channel.without_namespace.allow_user_limited_channels);
  EXPECT_EQ(toml->channel.private_prefix, "!");
  EXPECT_EQ(toml->channel.history_meta_ttl, 100h);

  const auto json = load_file("config.json", kJson);
  ASSERT_TRUE(json) << error_of(json);
  const auto variables = load_variables(
      {{"SANJAY_CHANNEL_HISTORY_META_TTL", "100h"},
       {"SANJAY_CHANNEL_PRIVATE_PREFIX", "!"},
       {"SANJAY_CHANNEL_PUBLICATION_DATA_FORMAT", "json"},
       {"SANJAY_CHANNEL_WITHOUT_NAMESPACE_ALLOW_USER_LIMITED_CHANNELS", "true"},
       {"SANJAY_CHANNEL_NAMESPACES", kNamespacesVariable},
       {"SANJAY_CLIENT_SUBSCRIBE_TO_USER_PERSONAL_CHANNEL_ENABLED", "true"},
       {"SANJAY_CLIENT_SUBSCRIBE_TO_USER_PERSONAL_CHANNEL_PERSONAL_CHANNEL_NAMESPACE", "dialog"}});
  ASSERT_TRUE(variables) << error_of(variables);
  EXPECT_EQ(json->channel.namespaces, toml->channel.namespaces);
  EXPECT_EQ(variables->channel.namespaces, toml->channel.namespaces);
  const std::string written = write_toml(*toml, TomlDetail::ValuesOnly);
  EXPECT_EQ(write_toml(*json, TomlDetail::ValuesOnly), written);
  EXPECT_EQ(write_toml(*variables, TomlDetail::ValuesOnly), written);
}

TEST(ChannelConfig, DefaultsAreThoseOfCentrifugo) {
  const auto config = load_config({});
  ASSERT_TRUE(config) << error_of(config);
  EXPECT_EQ(config->channel.without_namespace, ChannelOptions{});
  EXPECT_THAT(config->channel.namespaces, testing::IsEmpty());
  EXPECT_EQ(config->channel.max_length, 255U);
  EXPECT_EQ(config->channel.private_prefix, "$");
  EXPECT_EQ(config->channel.namespace_boundary, ":");
  EXPECT_EQ(config->channel.user_boundary, "#");
  EXPECT_EQ(config->channel.user_separator, ",");
  EXPECT_EQ(config->channel.history_meta_ttl, 720h);
  EXPECT_EQ(config->channel.publication_data_format, DataFormat::NotEmpty);
  EXPECT_FALSE(config->channel.personal.enabled);
  EXPECT_EQ(config->client.history_max_publication_limit, 300U);
  EXPECT_EQ(config->client.recovery_max_publication_limit, 300U);
  EXPECT_EQ(config->client.channel_position_check_delay, 40s);
}

TEST(ChannelConfig, BecomesNamespaces) {
  const auto config = load_toml(kToml);
  ASSERT_TRUE(config) << error_of(config);
  const auto namespaces = make_namespaces(*config);
  ASSERT_TRUE(namespaces) << namespaces.error().message;
  EXPECT_EQ(namespaces->size(), 2U);
  const ChannelOptions* options = namespaces->find("chat:index");
  ASSERT_NE(options, nullptr);
  EXPECT_EQ(options->history, (channels::HistorySettings{100, 5min, 100h}));
  EXPECT_EQ(options->publication_data_format, DataFormat::Json);
  EXPECT_EQ(namespaces->find("dialog:1")->publication_data_format, DataFormat::Binary);
  EXPECT_EQ(namespaces->find("other:1"), nullptr);
  EXPECT_TRUE(namespaces->is_private("!chat:1"));
  EXPECT_EQ(namespaces->personal_channel("42"), "dialog:#42");
  EXPECT_TRUE(channels::check_name(*namespaces, "chat:index"));
  EXPECT_FALSE(channels::check_name(*namespaces, "chat:42"));
  EXPECT_EQ(namespaces->name_bytes_max(), 255U);
}

TEST(ChannelConfig, ALaterListReplacesAnEarlierOne) {
  const ConfigFile file{"config.toml", chat("presence = true")};
  const auto load = [&](std::string_view value) {
    const EnvironmentVariable variables[] = {{"SANJAY_CHANNEL_NAMESPACES", value}};
    return load_config({{}, &file, variables, {}});
  };
  const auto other = load(R"([{"name": "room"}])");
  ASSERT_TRUE(other) << error_of(other);
  ASSERT_EQ(other->channel.namespaces.size(), 1U);
  EXPECT_EQ(other->channel.namespaces[0].name, "room");
  for (const char* none : {"", "[]", " [ ] "}) {
    const auto empty = load(none);
    ASSERT_TRUE(empty) << error_of(empty);
    EXPECT_THAT(empty->channel.namespaces, testing::IsEmpty());
  }
  EXPECT_EQ(load_toml("channel.namespaces = []")->channel.namespaces.size(), 0U);
  EXPECT_EQ(load_toml("channel.namespaces = [{name = \"ab\"}]")->channel.namespaces.size(), 1U);
}

TEST(ChannelConfig, EveryOptionOfANamespaceIsOneOfChannelsWithoutNamespace) {
  Config config;
  ChannelOptions options;
  std::set<std::string_view> names;
  std::set<const void*> targets;
  for (const ChannelSetting& setting : kChannelSettings) {
    EXPECT_TRUE(names.insert(setting.name).second) << setting.name;
    std::visit([&](const auto* field) { EXPECT_TRUE(targets.insert(field).second); },
               setting.target(options));
    const Setting* twin = find_setting("channel.without_namespace." + std::string(setting.name));
    ASSERT_NE(twin, nullptr) << setting.name;
    EXPECT_EQ(twin->help, setting.help);
    EXPECT_EQ(twin->min, setting.min);
    EXPECT_EQ(twin->max, setting.max);
    EXPECT_FALSE(needs_restart(twin->path));
    EXPECT_EQ(find_centrifugo_key(twin->path), nullptr) << "it is supported";
    // Both lead to the same place within the options.
    const auto offset = [](const auto& target, const ChannelOptions& of) {
      return std::visit(
          [&](const auto* field) {
            return reinterpret_cast<const char*>(field) - reinterpret_cast<const char*>(&of);
          },
          target);
    };
    EXPECT_EQ(offset(twin->target(config), config.channel.without_namespace),
              offset(setting.target(options), options));
  }
  EXPECT_EQ(names.size(), 29U);
  EXPECT_FALSE(needs_restart(kNamespacesKey));
}

TEST(ChannelConfig, NamesWhatIsWrongWithANamespaceAndWhere) {
  const std::pair<std::string, const char*> cases[] = {
      {chat("history_size = \"x\""),
       "config.toml:3: channel.namespaces[0].history_size: expected a whole number from 0 to "
       "1000000, got \"x\""},
      {chat("history_size = 1000001"),
       "config.toml:3: channel.namespaces[0].history_size: expected a whole number from 0 to "
       "1000000, got 1000001"},
      {chat("history_ttl = 60"),
       "config.toml:3: channel.namespaces[0].history_ttl: expected a duration from 0s to 3650d, "
       "such as \"1m30s\", got 60"},
      {chat("presence = 2"),
       "config.toml:3: channel.namespaces[0].presence: expected true or false, got 2"},
      {chat("force_recovery_mode = \"all\""),
       "config.toml:3: channel.namespaces[0].force_recovery_mode: expected one of \"stream\" or "
       "\"cache\", got \"all\""},
      {chat("allowed_delta_types = [\"vcdiff\"]"),
       "config.toml:3: channel.namespaces[0].allowed_delta_types: expected a list of one of "
       "\"fossil\", got a list"},
      {chat("publication_data_format = \"xml\""),
       "config.toml:3: channel.namespaces[0].publication_data_format: expected one of \"\", "
       "\"json\", \"json_object\" or \"binary\", got \"xml\""},
      {chat("presense = true"),
       "config.toml:3: channel.namespaces[0].presense: unknown key; did you mean \"presence\"?"},
      {chat("") + "[[channel.namespaces]]\nnam = \"room\"",
       "config.toml:4: channel.namespaces[1].nam: unknown key; did you mean \"name\"?\n"
       "config.toml:3: channel.namespaces[1].name: expected a name"},
      {chat("name.first = 1"), "config.toml:3: not valid TOML: "},
      {"channel.namespaces = [{name = 1}]",
       "config.toml:1: channel.namespaces[0].name: expected a string"},
      {"channel.namespaces = [1]",
       "config.toml:1: channel.namespaces[0]: expected a table with a name and options"},
      {"channel.namespaces = \"chat\"",
       "config.toml:1: channel.namespaces: expected a list of tables, each with a name and "
       "options"},
      {"[channel.namespaces.chat]\npresence = true",
       "config.toml:1: channel.namespaces: expected a list of tables, each with a name and "
       "options"},
      {"[[channel.namespace]]\nname = \"chat\"",
       "config.toml:1: channel.namespace: unknown key; did you mean \"channel.namespaces\"?"},
      {chat("") + chat(""),
       "channel.namespaces[1].name: expected a name of its own, got \"chat\" a second time"},
      {"channel.namespaces = [{name = \"a b\"}]",
       "channel.namespaces[0].name: expected two or more letters, digits, '-', '_' or '.', got "
       "\"a b\""},
      {chat("channel_regex = \"[a-\""),
       "channel.namespaces[\"chat\"].channel_regex: expected a regular expression of RE2, got "
       "\"[a-\": missing ]: [a-"},
      {"channel.user_boundary = \"#################\"",
       "channel.user_boundary: expected at most 16 bytes, got 17"},
  };
  for (const auto& [text, error] : cases) {
    const std::string message = error_of(load_toml(text));
    if (std::string_view(error).ends_with(": ")) {
      EXPECT_THAT(message, testing::StartsWith(error));
    } else {
      EXPECT_EQ(message, error);
    }
  }
  EXPECT_EQ(error_of(load_file("config.json",
                               "{\"channel\": {\"namespaces\": [\n{\"name\": \"chat\",\n"
                               "\"history_size\": -1}]}}")),
            "config.json:3: channel.namespaces[0].history_size: expected a whole number from 0 to "
            "1000000, got -1");
}

TEST(ChannelConfig, NamesWhatIsWrongWithTheVariableOfNamespaces) {
  const std::pair<const char*, const char*> cases[] = {
      {"[{\"name\": \"chat\",\n\"presence\": 2}]",
       "SANJAY_CHANNEL_NAMESPACES:2: channel.namespaces[0].presence: expected true or false, got "
       "2"},
      {"[{\"name\": \"chat\", \"presense\": true}]",
       "SANJAY_CHANNEL_NAMESPACES:1: channel.namespaces[0].presense: unknown key; did you mean "
       "\"presence\"?"},
      {"{\"name\": \"chat\"}",
       "SANJAY_CHANNEL_NAMESPACES:1: channel.namespaces: expected a list of tables, each with a "
       "name and options"},
  };
  for (const auto& [value, error] : cases) {
    EXPECT_EQ(error_of(load_variables({{"SANJAY_CHANNEL_NAMESPACES", value}})), error);
  }
  for (const char* value : {"[", "[{\"name\" \"chat\"}]", "[{}] x", "chat,room"}) {
    EXPECT_THAT(error_of(load_variables({{"SANJAY_CHANNEL_NAMESPACES", value}})),
                testing::StartsWith("SANJAY_CHANNEL_NAMESPACES"))
        << value;
    EXPECT_THAT(error_of(load_variables({{"SANJAY_CHANNEL_NAMESPACES", value}})),
                HasSubstr(": not valid JSON: "))
        << value;
  }
}

TEST(ChannelConfig, WhatOnlyCentrifugoHasIsWarnedOfOrRefused) {
  const auto warning_of = [](const core::Result<Config>& config) {
    return config && !config->warnings.empty() ? config->warnings.front() : error_of(config);
  };
  const std::pair<std::string, const char*> warned[] = {
      {chat("map.mode = \"persistent\""), "channel.namespaces[0].map (there are stream"},
      {"[channel.without_namespace.shared_poll]\nrefresh_interval = \"1s\"",
       "channel.without_namespace.shared_poll.refresh_interval (there are stream"},
      {"channel.without_namespace.subscription_type = \"map\"",
       "channel.without_namespace.subscription_type (there are stream"},
  };
  for (const auto& [text, warning] : warned) {
    EXPECT_THAT(
        warning_of(load_toml(text)),
        testing::StartsWith("set for Centrifugo and not supported: " + std::string(warning)));
  }
  EXPECT_THAT(
      warning_of(load_variables({{"SANJAY_CHANNEL_WITHOUT_NAMESPACE_SUBSCRIPTION_TYPE", "map"}})),
      HasSubstr("SANJAY_CHANNEL_WITHOUT_NAMESPACE_SUBSCRIPTION_TYPE (there are stream"));
  // Options alone would let clients do what a back end was to decide.
  EXPECT_THAT(error_of(load_toml(chat("subscribe_proxy_enabled = true"))),
              testing::StartsWith("config.toml:3: channel.namespaces[0].subscribe_proxy_enabled: "
                                  "not supported by this version, and not ignored: "));
  // What is at Centrifugo's default says nothing.
  EXPECT_EQ(error_of(load_toml(chat("map = {key_ttl = \"0s\"}\nsubscribe_proxy_enabled = false\n"
                                    "subscribe_proxy_name = \"default\""))),
            "no error");
}

TEST(ChannelConfig, NamespacesAreNamedAndTheirOptionsSetByVariables) {
  const auto config = load_variables({{"SANJAY_CHANNEL_NAMESPACES_CHAT_ROOM_HISTORY_SIZE", "7"},
                                      {"SANJAY_CHANNEL_NAMESPACES_CHAT_ROOM_HISTORY_TTL", "1m"},
                                      {"SANJAY_CHANNEL_NAMESPACES_CHAT_PRESENCE", "true"},
                                      {"SANJAY_CHANNEL_NAMESPACES", "chat  chat-room"}});
  ASSERT_TRUE(config) << error_of(config);
  ASSERT_EQ(config->channel.namespaces.size(), 2U);
  EXPECT_EQ(config->channel.namespaces[0].name, "chat");
  EXPECT_TRUE(config->channel.namespaces[0].options.presence);
  EXPECT_EQ(config->channel.namespaces[1].name, "chat-room");
  EXPECT_EQ(config->channel.namespaces[1].options.history.size, 7U);
  EXPECT_EQ(error_of(load_variables({{"SANJAY_CHANNEL_NAMESPACES", "chat"},
                                     {"SANJAY_CHANNEL_NAMESPACES_CHAT_HISTORY_SIZE", "x"}})),
            "SANJAY_CHANNEL_NAMESPACES_CHAT_HISTORY_SIZE: expected a whole number from 0 to "
            "1000000, got \"x\"");
  EXPECT_THAT(error_of(load_variables({{"SANJAY_CHANNEL_NAMESPACES_NEWS_PRESENCE", "true"}})),
              HasSubstr("unknown environment variable"));
}

TEST(ChannelConfig, OptionsMustFitEachOther) {
  const std::string history = "history_size = 10\nhistory_ttl = \"60s\"\n";
  const std::pair<std::string, const char*> cases[] = {
      {"history_size = 10", "history_ttl: expected more than 0s, since history_size is 10"},
      {"history_ttl = \"60s\"", "history_size: expected more than 0, since history_ttl is 1m"},
      {"history_size = 10\nhistory_ttl = \"1500ms\"",
       "history_ttl: expected whole seconds, got 1s500ms"},
      {history + "history_meta_ttl = \"60s1ms\"",
       "history_meta_ttl: expected whole seconds, got 1m1ms"},
      {history + "history_meta_ttl = \"59s\"",
       "history_ttl: expected at most history_meta_ttl (59s), got 1m"},
      {"history_size = 10\nhistory_ttl = \"31d\"",
       "history_ttl: expected at most channel.history_meta_ttl (30d), got 31d"},
      {"force_positioning = true",
       "force_positioning: expected history_size and history_ttl to be set too, got neither or "
       "one"},
      {"allow_positioning = true",
       "allow_positioning: expected history_size and history_ttl to be set too, got neither or "
       "one"},
      {"force_recovery = true",
       "force_recovery: expected history_size and history_ttl to be set too, got neither or one"},
      {"allow_recovery = true",
       "allow_recovery: expected history_size and history_ttl to be set too, got neither or one"},
      {history + "auto_cache_recover = true",
       "auto_cache_recover: expected force_recovery = true and force_recovery_mode = \"cache\" "
       "beside it"},
      {history + "auto_cache_recover = true\nforce_recovery = true",
       "auto_cache_recover: expected force_recovery = true and force_recovery_mode = \"cache\" "
       "beside it"},
      {history + "auto_cache_recover = true\nforce_recovery_mode = \"cache\"",
       "auto_cache_recover: expected force_recovery = true and force_recovery_mode = \"cache\" "
       "beside it"},
  };
  for (const auto& [lines, error] : cases) {
    EXPECT_EQ(error_of(load_toml(chat(lines))),
              "channel.namespaces[\"chat\"]." + std::string(error));
    EXPECT_EQ(error_of(load_toml("[channel.without_namespace]\n" + lines)),
              "channel.without_namespace." + std::string(error));
  }
  for (const std::string& good :
       {history, history + "history_meta_ttl = \"60s\"",
        history + "force_recovery = true\nforce_recovery_mode = \"cache\"\nauto_cache_recover = "
                  "true",
        history + "allow_positioning = true\nforce_recovery_mode = \"\"",
        std::string("history_size = 10\nhistory_ttl = \"30d\"")}) {
    EXPECT_EQ(error_of(load_toml(chat(good))), "no error") << good;
  }
  EXPECT_EQ(error_of(load_toml("channel.history_meta_ttl = \"1500ms\"")),
            "channel.history_meta_ttl: expected whole seconds, got 1s500ms");
  EXPECT_EQ(error_of(load_toml("channel.history_meta_ttl = \"50s\"\n" + chat(history))),
            "channel.namespaces[\"chat\"].history_ttl: expected at most channel.history_meta_ttl "
            "(50s), got 1m");
}

TEST(ChannelConfig, ThePersonalChannelNeedsItsNamespaceAndPresence) {
  const std::string section = "[client.subscribe_to_user_personal_channel]\nenabled = true\n";
  const std::string single = section + "single_connection = true\n";
  const std::string in_chat = "personal_channel_namespace = \"chat\"\n";
  EXPECT_EQ(error_of(load_toml(section + in_chat)),
            "client.subscribe_to_user_personal_channel.personal_channel_namespace: expected the "
            "name of a namespace, got \"chat\"");
  EXPECT_EQ(error_of(load_toml(section + in_chat + chat(""))), "no error");
  EXPECT_EQ(error_of(load_toml(single)),
            "client.subscribe_to_user_personal_channel.single_connection: expected presence = true "
            "in channel.without_namespace");
  EXPECT_EQ(error_of(load_toml(single + "[channel.without_namespace]\npresence = true")),
            "no error");
  EXPECT_EQ(error_of(load_toml(single + in_chat + chat(""))),
            "client.subscribe_to_user_personal_channel.single_connection: expected presence = true "
            "in channel.namespaces[\"chat\"]");
  EXPECT_EQ(error_of(load_toml(single + in_chat + chat("presence = true"))), "no error");
}

TEST(ChannelConfig, WarnsOfWhatDoesNothing) {
  const auto warnings_of = [](const std::string& text) {
    const auto config = load_toml(text);
    return config ? channel_warnings(*config) : std::vector{error_of(config)};
  };
  EXPECT_THAT(
      warnings_of(chat("allow_subscribe_for_anonymous = true\nallow_publish_for_anonymous = true\n"
                       "allow_presence_for_anonymous = true\nallow_history_for_anonymous = true")),
      ElementsAre("channel.namespaces[\"chat\"].allow_subscribe_for_anonymous allows nothing "
                  "alone: set allow_subscribe_for_client too",
                  "channel.namespaces[\"chat\"].allow_publish_for_anonymous allows nothing alone: "
                  "set allow_publish_for_client or _for_subscriber too",
                  "channel.namespaces[\"chat\"].allow_presence_for_anonymous allows nothing "
                  "alone: set allow_presence_for_client or _for_subscriber too",
                  "channel.namespaces[\"chat\"].allow_history_for_anonymous allows nothing alone: "
                  "set allow_history_for_client or _for_subscriber too"));
  EXPECT_THAT(
      warnings_of(chat("allow_subscribe_for_anonymous = true\nallow_subscribe_for_client = true\n"
                       "allow_publish_for_anonymous = true\nallow_publish_for_subscriber = true\n"
                       "allow_history_for_anonymous = true\nallow_history_for_client = true")),
      testing::IsEmpty());
  EXPECT_THAT(warnings_of("channel.user_boundary = \"\"\n"
                          "channel.without_namespace.allow_user_limited_channels = true"),
              ElementsAre("channel.without_namespace.allow_user_limited_channels does nothing: "
                          "channel.user_boundary is empty"));
  EXPECT_THAT(
      warnings_of("channel.namespace_boundary = \"\"\n" + chat("")),
      ElementsAre("channel.namespaces are never used: channel.namespace_boundary is empty"));
  // They are among those that the log and checkconfig show.
  EXPECT_THAT(load_toml(chat("allow_publish_for_anonymous = true"))->warnings,
              Contains(HasSubstr("allow_publish_for_anonymous allows nothing alone")));
}

TEST(ChannelConfig, AtMostAThousandNamespaces) {
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += "[[channel.namespaces]]\nname = \"n" + std::to_string(i) + "\"\n";
  EXPECT_EQ(error_of(load_toml(text)), "no error");
  EXPECT_EQ(error_of(load_toml(text + chat(""))),
            "channel.namespaces: expected at most 1000, got 1001");
}

TEST(ChannelConfig, IsWrittenAndReadAgain) {
  const auto config = load_toml(kToml);
  ASSERT_TRUE(config) << error_of(config);
  for (const auto detail : {TomlDetail::ValuesOnly, TomlDetail::Documented}) {
    const std::string text = write_toml(*config, detail);
    EXPECT_THAT(text, HasSubstr("[[channel.namespaces]]\nname = \"dialog\"\n"));
    const auto again = load_toml(text);
    ASSERT_TRUE(again) << error_of(again);
    EXPECT_EQ(again->channel.namespaces, config->channel.namespaces);
    EXPECT_EQ(again->channel.without_namespace, config->channel.without_namespace);
    EXPECT_EQ(write_toml(*again, detail), text);
  }
}

TEST(ChannelConfig, DocumentationShowsANamespaceThatIsGood) {
  const std::string text = write_toml(Config{}, TomlDetail::Documented);
  EXPECT_THAT(text, HasSubstr("; SANJAY_CHANNEL_NAMESPACES\n# [[channel.namespaces]]\n"));
  EXPECT_THAT(text, Not(HasSubstr("not reloaded\n# [[channel.namespaces]]")));
  EXPECT_THAT(write_toml(Config{}, TomlDetail::ValuesOnly), Not(HasSubstr("namespaces")));
  const std::string example = commented(kExampleNamespace);
  const std::size_t at = text.find(example);
  ASSERT_NE(at, text.npos);
  const auto config = load_toml(std::string(text).replace(at, example.size(), kExampleNamespace));
  ASSERT_TRUE(config) << error_of(config);
  ASSERT_EQ(config->channel.namespaces.size(), 1U);
  EXPECT_EQ(config->channel.namespaces[0].name, "chat");
  EXPECT_TRUE(config->channel.namespaces[0].options.force_recovery);
  EXPECT_THAT(channel_warnings(*config), testing::IsEmpty());
}

TEST(ChannelConfig, NamespacesAreReloaded) {
  const auto running = load_toml(chat("presence = true"));
  const auto wanted = load_toml(chat("presence = false\n") +
                                "[channel]\nmax_length = 100\nprivate_prefix = \"!\"\n");
  ASSERT_TRUE(running && wanted) << error_of(running) << error_of(wanted);
  const ReloadPlan plan = plan_reload(*running, *wanted);
  EXPECT_THAT(plan.changed,
              testing::UnorderedElementsAre("channel.namespaces", "channel.max_length",
                                            "channel.private_prefix"));
  EXPECT_THAT(plan.need_restart, testing::IsEmpty());
  EXPECT_EQ(plan.config.channel.namespaces, wanted->channel.namespaces);
}

}  // namespace
}  // namespace sanjay::server
