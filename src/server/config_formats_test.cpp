// SPDX-License-Identifier: Apache-2.0
#include "server/config.h"
#include "server/config_schema.h"
#include "server/config_source.h"
#include "server/config_write.h"
#include "server/yaml_scalar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sanjay::server {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

core::Result<Config> load(const std::string& name, const std::string& text,
                          std::vector<EnvironmentVariable> environment = {}) {
  const ConfigFile file{name, text};
  return load_config({{}, &file, environment, {}});
}

core::Result<Config> load_yaml(const std::string& text) { return load("config.yaml", text); }

std::string error_of(const core::Result<Config>& result) {
  return result ? "no error" : result.error().message;
}

std::string syntax_error_of(const std::string& yaml) {
  const auto root = read_yaml(yaml);
  return root ? "no error" : std::to_string(root.error().line) + ": " + root.error().message;
}

constexpr const char* kJson = R"({
  "http_server": {"port": "9000", "internal_port": ""},
  "client": {
    "allowed_origins": "https://example.com",
    "insecure": "true",
    "ping_interval": "1m0.5s",
    "channel_limit": 64.0,
    "token": {"hmac_secret_key": 12345, "audience": null}
  },
  "channel": {
    "history_meta_ttl": "720h0m0s",
    "namespaces": [
      {"name": "chat", "history_size": 10, "history_ttl": "60s", "force_recovery": true},
      {"name": "news", "presence": 1}
    ]
  },
  "log": {"level": "WARN"}
})";

constexpr const char* kYaml = R"(# the same
http_server: {port: "9000", internal_port: ''}
client:
  allowed_origins: https://example.com
  insecure: "true"
  ping_interval: 1m0.5s
  channel_limit: 64.0
  token:
    hmac_secret_key: 12_345
    audience: ~
channel:
  history_meta_ttl: 720h0m0s
  namespaces:
  - name: chat
    history_size: 10
    history_ttl: 60s
    force_recovery: True
  - name: news
    presence: 1
log: {level: WARN}
)";

constexpr const char* kToml = R"(
client.allowed_origins = "https://example.com"
client.insecure = "true"
client.ping_interval = "1m0.5s"
client.channel_limit = 64.0
[http_server]
port = "9000"
internal_port = ""
[client.token]
hmac_secret_key = 12345
[channel]
history_meta_ttl = "720h0m0s"
[[channel.namespaces]]
name = "chat"
history_size = 10
history_ttl = "60s"
force_recovery = true
[[channel.namespaces]]
name = "news"
presence = 1
[log]
level = "WARN"
)";

TEST(ConfigFormats, OneConfigurationInThreeFormatsIsTheSame) {
  const auto json = load("config.json", kJson);
  const auto yaml = load("config.yml", kYaml);
  const auto toml = load("config.toml", kToml);
  ASSERT_TRUE(json) << error_of(json);
  ASSERT_TRUE(yaml) << error_of(yaml);
  ASSERT_TRUE(toml) << error_of(toml);
  EXPECT_EQ(json->http_server.port, 9000);
  EXPECT_EQ(json->http_server.internal_port, 0);
  EXPECT_THAT(json->client.allowed_origins, ElementsAre("https://example.com"));
  EXPECT_TRUE(json->client.insecure);
  EXPECT_EQ(json->client.ping_interval, 60500ms);
  EXPECT_EQ(json->client.channel_limit, 64U);
  EXPECT_EQ(json->client.token.hmac_secret_key, "12345");
  EXPECT_EQ(json->channel.namespaces.size(), 2U);
  EXPECT_EQ(json->log.level, telemetry::Level::Warn);
  // With its secrets, unlike what checkconfig prints.
  const auto whole = [](const Config& config) {
    return write_config(ConfigFormat::Json, config_tree(config));
  };
  EXPECT_EQ(whole(*yaml), whole(*json));
  EXPECT_EQ(whole(*toml), whole(*json));
}

TEST(ConfigFormats, WhatIsWrittenIsReadAgainAsTheSameInEveryFormat) {
  auto config = load("config.json", kJson);
  ASSERT_TRUE(config);
  config->http_api.key = "a\"b\\c$d\n\x7f";
  config->client.allowed_origins = {"https://a.example", "*"};
  config->runtime.pin_cpus = {0, 3};
  const std::string json = write_config(ConfigFormat::Json, config_tree(*config));
  for (const auto& [name, format] :
       {std::pair("x.json", ConfigFormat::Json), std::pair("x.yaml", ConfigFormat::Yaml),
        std::pair("x.toml", ConfigFormat::Toml)}) {
    const auto again = load(name, write_config(format, config_tree(*config)));
    ASSERT_TRUE(again) << name << ": " << error_of(again);
    EXPECT_EQ(write_config(ConfigFormat::Json, config_tree(*again)), json) << name;
  }
}

TEST(ConfigFormats, ANameMustSayWhichItIs) {
  for (const char* name : {"config", "config.conf", "config.JSON", "json", "config.yaml.bak"}) {
    EXPECT_EQ(error_of(load(name, "")), std::string(name) + ": " + std::string(kConfigFormats));
  }
}

TEST(ConfigFormats, ValuesThatSayTheSameAsCentrifugosAreTaken) {
  const auto config = load_yaml(
      "client:\n  channel_limit: 0\n  ping_interval: 0s\n  queue_max_size: ''\n"
      "  pong_timeout: null\n  allowed_origins:\n  connection_limit:\n"
      "http_api:\n"
      "log: {level: none}\nchannel: {without_namespace: {force_recovery_mode: ''}}\n");
  ASSERT_TRUE(config) << error_of(config);
  EXPECT_EQ(config->client.channel_limit, 128U);
  EXPECT_EQ(config->client.ping_interval, 25s);
  EXPECT_EQ(config->client.queue_max_size, 1048576U);
  EXPECT_EQ(config->log.level, telemetry::Level::Error);
  EXPECT_EQ(error_of(load_yaml("client: {ping_interval: 25}")),
            "config.yaml:1: client.ping_interval: expected a duration from 1s to 1h, such as "
            "\"1m30s\", got 25");
}

TEST(ConfigYaml, NamesFileLineKeyAndWhatWasExpected) {
  const std::pair<const char*, const char*> cases[] = {
      {"http_server:\n  port: abc\n",
       "config.yaml:2: http_server.port: expected a whole number from 0 to 65535, got \"abc\""},
      {"http_server:\n  prot: 1\n",
       "config.yaml:2: http_server.prot: unknown key; did you mean \"http_server.port\"?"},
      {"client:\n  insecure: yes\n",
       "config.yaml:2: client.insecure: expected true or false, got \"yes\""},
      {"channel:\n  namespaces:\n    - name: chat\n      presance: true\n",
       "config.yaml:4: channel.namespaces[0].presance: unknown key; did you mean \"presence\"?"},
      {"log: info\n", "config.yaml:1: log: expected a section with keys of its own"},
      {"- a\n", "config.yaml:1: expected an object"},
      {"log:\n  level: info\nlog:\n  level: warn\n",
       "config.yaml:3: the key \"log\" is given twice, in line 1 and in line 3"},
      {"log: {level: info}\n---\nlog: {level: warn}\n",
       "config.yaml:2: expected one document, got another"},
  };
  for (const auto& [text, error] : cases) EXPECT_EQ(error_of(load_yaml(text)), error);
  EXPECT_THAT(error_of(load_yaml("log:\n\tlevel: info\n")),
              StartsWith("config.yaml:2: not valid YAML: "));
  EXPECT_THAT(error_of(load_yaml("log: {level: [info}\n")),
              StartsWith("config.yaml:1: not valid YAML: "));
  EXPECT_THAT(error_of(load_yaml("a: \"\xff\"")), StartsWith("config.yaml: not valid YAML: "));
  for (const char* empty : {"", "# nothing\n", "---\n", "~", "{}"}) {
    EXPECT_EQ(error_of(load_yaml(empty)), "no error") << empty;
  }
}

TEST(ConfigYaml, ScalarsAreWhatGoTakesThemFor) {
  const auto is = [](const char* text, const SourceData& wanted) {
    const SourceData found = resolve_yaml_scalar(text);
    if (found.index() != wanted.index()) return false;
    if (const auto* number = std::get_if<std::int64_t>(&found)) {
      return *number == std::get<std::int64_t>(wanted);
    }
    if (const auto* real = std::get_if<double>(&found)) return *real == std::get<double>(wanted);
    if (const auto* flag = std::get_if<bool>(&found)) return *flag == std::get<bool>(wanted);
    const auto* string = std::get_if<std::string>(&found);
    return string == nullptr || *string == std::get<std::string>(wanted);
  };
  const auto whole = [](std::int64_t number) { return SourceData(number); };
  EXPECT_TRUE(is("0", whole(0)));
  EXPECT_TRUE(is("-12", whole(-12)));
  EXPECT_TRUE(is("+12", whole(12)));
  EXPECT_TRUE(is("0x1f", whole(31)));
  EXPECT_TRUE(is("0o17", whole(15)));
  EXPECT_TRUE(is("017", whole(15)));
  EXPECT_TRUE(is("0b11", whole(3)));
  EXPECT_TRUE(is("1_000", whole(1000)));
  EXPECT_TRUE(is("08", SourceData(8.0)));
  EXPECT_TRUE(is("1e3", SourceData(1000.0)));
  EXPECT_TRUE(is("-.5", SourceData(-0.5)));
  EXPECT_TRUE(is("9223372036854775808", SourceData(9223372036854775808.0)));
  EXPECT_TRUE(is("TRUE", SourceData(true)));
  EXPECT_TRUE(is("False", SourceData(false)));
  for (const char* text : {"", "~", "null", "Null", "NULL"}) {
    EXPECT_TRUE(is(text, SourceValue::Other{"null"})) << text;
  }
  for (const char* text : {"yes", "on", "tRue", "nUll", "1.2.3", "25s", "0x", "-", ".", "e3", "1e",
                           "2020-01-01", "1e999", "192.168.0.1", "12:30", "_", "1e3x"}) {
    EXPECT_TRUE(is(text, SourceData(std::string(text)))) << text;
  }
  const auto root = read_yaml("a: '1'\nb: !!str 1\nc: ! 1\nd: |\n  1\n");
  ASSERT_TRUE(root);
  for (const SourceEntry& entry : std::get<SourceValue::Table>(root->data)) {
    EXPECT_TRUE(std::holds_alternative<std::string>(entry.value.data)) << entry.key;
  }
}

TEST(ConfigYaml, AnchorsAndMergeKeysAreUnderstood) {
  const auto config = load_yaml(
      "channel:\n"
      "  namespaces:\n"
      "  - &base {name: base, presence: true, history_size: 5, history_ttl: &ttl 1m}\n"
      "  - {<<: *base, name: chat, history_size: 6}\n"
      "  - <<: [{name: news, join_leave: true}, *base]\n"
      "    history_ttl: *ttl\n");
  ASSERT_TRUE(config) << error_of(config);
  ASSERT_EQ(config->channel.namespaces.size(), 3U);
  const auto& chat = config->channel.namespaces[1];
  EXPECT_EQ(chat.name, "chat");
  EXPECT_TRUE(chat.options.presence);
  EXPECT_EQ(chat.options.history.size, 6U);
  const auto& news = config->channel.namespaces[2];
  EXPECT_EQ(news.name, "news");
  EXPECT_TRUE(news.options.join_leave && news.options.presence);

  EXPECT_EQ(syntax_error_of("a: *b\n"), "1: no anchor &b before, or it is this value's own");
  EXPECT_EQ(syntax_error_of("a: &a\n  b: *a\n"),
            "2: no anchor &a before, or it is this value's own");
  EXPECT_EQ(syntax_error_of("a:\n  <<: 1\n"), "2: <<: expected a table or a list of tables");
  EXPECT_EQ(syntax_error_of("a:\n  <<: [[]]\n"), "2: <<: expected tables");
}

TEST(ConfigYaml, ABillionLaughsEndSoon) {
  std::string text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char name = 'b'; name < 'j'; ++name) {
    const char before = static_cast<char>(name - 1);
    text += std::string(1, name) + ": &" + name + " [";
    for (int i = 0; i < 10; ++i) text += std::string(i == 0 ? "*" : ", *") + before;
    text += "]\n";
  }
  const std::string bound =
      "expected no more than 100000 values of 4194304 bytes in all, copies of anchors included";
  EXPECT_THAT(syntax_error_of(text), HasSubstr(bound));
}

TEST(ConfigYaml, CopiesOfAnchorsCount) {
  const std::string bound =
      "expected no more than 100000 values of 4194304 bytes in all, copies of anchors included";
  // Few values, but many bytes.
  const std::string text =
      "a: &a " + std::string(500'000, 'x') + "\nb: [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n";
  EXPECT_EQ(syntax_error_of(text), "2: " + bound);
}

TEST(ConfigYaml, NestsToItsBoundAliasesIncluded) {
  const auto nested = [](std::size_t depth) {
    return syntax_error_of("a: " + std::string(depth, '[') + std::string(depth, ']'));
  };
  EXPECT_EQ(nested(16), "no error");
  EXPECT_EQ(nested(17), "1: nested too deeply");
  EXPECT_EQ(syntax_error_of("a: &a [[[[[[[[1]]]]]]]]\nb: [[[[[[*a]]]]]]\n"), "no error");
  EXPECT_EQ(syntax_error_of("a: &a [[[[[[[[1]]]]]]]]\nb: [[[[[[[[*a]]]]]]]]\n"),
            "2: nested too deeply");
}

TEST(ConfigYaml, DeepTextDoesNotFillTheStack) {
  for (const char* level : {"[", "{a: ", "- ", "? "}) {
    std::string text;
    for (int i = 0; i < 200'000; ++i) text += level;
    EXPECT_FALSE(read_yaml(text)) << level;
  }
}

TEST(ConfigYaml, TagsAndOddKeysAreRefused) {
  EXPECT_EQ(syntax_error_of("a: !!python/object:os.system [x]\n"), "no error");
  EXPECT_EQ(syntax_error_of("a: !include other.yaml\n"), "1: expected no tag, got !include");
  EXPECT_EQ(syntax_error_of("? [a]\n: b\n"), "1: expected a key that is a string");
}

TEST(ConfigFormats, NoFormatTakesMoreValuesThanAllowed) {
  const auto list = [](std::size_t items) {
    std::string text = "[";
    for (std::size_t i = 0; i < items; ++i) text += i == 0 ? "1" : ",1";
    return text + "]";
  };
  const std::string most = list(kConfigValuesMax - 2);  // the root and the list count too
  const std::string more = list(kConfigValuesMax - 1);
  EXPECT_TRUE(read_json("{\"a\":" + most + "}"));
  EXPECT_FALSE(read_json("{\"a\":" + more + "}"));
  EXPECT_TRUE(read_yaml("a: " + most));
  EXPECT_FALSE(read_yaml("a: " + more));
  EXPECT_TRUE(read_toml("a = " + most));
  EXPECT_FALSE(read_toml("a = " + more));
  EXPECT_FALSE(read_toml("a = " + std::string(17, '[') + std::string(17, ']')));
  EXPECT_TRUE(read_toml("a = " + std::string(16, '[') + std::string(16, ']')));
}

TEST(ConfigFormats, StringsMayNameVariables) {
  const std::vector<EnvironmentVariable> environment = {{"CENTRIFUGO_VAR_HOST", "example.com"},
                                                        {"SANJAY_VAR_KEY", "${SANJAY_VAR_KEY}"},
                                                        {"HOME", "/root"}};
  const auto config = load("config.yaml",
                           "client: {allowed_origins: ['https://${CENTRIFUGO_VAR_HOST}:1']}\n"
                           "http_api: {key: 'a${SANJAY_VAR_KEY}b${HOME}${'}\n",
                           environment);
  ASSERT_TRUE(config) << error_of(config);
  EXPECT_THAT(config->client.allowed_origins, ElementsAre("https://example.com:1"));
  EXPECT_EQ(config->http_api.key, "a${SANJAY_VAR_KEY}b${HOME}${") << "looked at once";
  EXPECT_EQ(error_of(load("config.json", "{\"http_api\":\n{\"key\": \"${CENTRIFUGO_VAR_X}\"}}",
                          environment)),
            "config.json:2: http_api.key: the environment variable CENTRIFUGO_VAR_X is not set");
}

}  // namespace
}  // namespace sanjay::server
