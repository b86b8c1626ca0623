// SPDX-License-Identifier: Apache-2.0
#include "server/config.h"

#include "core/random.h"
#include "server/config_schema.h"
#include "server/config_source.h"
#include "server/duration_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>

namespace sanjay::server {

void fuzz_config(const std::uint8_t* data, std::size_t size);

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

core::Result<Config> load_file(const std::string& name, const std::string& text) {
  const ConfigFile file{name, text};
  return load_config({{}, &file, {}, {}});
}

core::Result<Config> load_toml(const std::string& text) { return load_file("config.toml", text); }
core::Result<Config> load_json(const std::string& text) { return load_file("config.json", text); }

core::Result<Config> load_variables(std::vector<EnvironmentVariable> variables) {
  return load_config({{}, nullptr, variables, {}});
}

std::string error_of(const core::Result<Config>& result) {
  return result ? "no error" : result.error().message;
}

TEST(Config, DefaultsAreThoseOfCentrifugo) {
  const auto config = load_config({});
  ASSERT_TRUE(config) << error_of(config);
  EXPECT_EQ(config->http_server.address, "");
  EXPECT_EQ(config->http_server.port, 8000);
  EXPECT_FALSE(config->client.insecure);
  EXPECT_EQ(config->client.ping_interval, 25s);
  EXPECT_EQ(config->client.pong_timeout, 8s);
  EXPECT_EQ(config->client.stale_close_delay, 10s);
  EXPECT_EQ(config->client.expired_close_delay, 25s);
  EXPECT_EQ(config->client.queue_max_size, 1048576U);
  EXPECT_EQ(config->client.channel_limit, 128U);
  EXPECT_EQ(config->websocket.message_size_limit, 65536U);
  EXPECT_EQ(config->channel.max_length, 255U);
  EXPECT_FALSE(config->channel.without_namespace.allow_publish_for_client);
  EXPECT_TRUE(config->health.enabled);
  EXPECT_EQ(config->log.level, telemetry::Level::Info);
  EXPECT_EQ(config->shutdown.timeout, 30s);
}

constexpr const char* kEveryTypeToml = R"(
[http_server]
address = "127.0.0.1"
port = 9000
[client]
insecure = true
allowed_origins = ["https://example.com", "https://*.example.org:8443"]
ping_interval = "1m30s"
token.hmac_secret_key = "0123456789abcdef0123456789abcdef"
[runtime]
shards = 4
io = "epoll"
pin_cpus = [0, 2]
[log]
level = "debug"
)";

constexpr const char* kEveryTypeJson = R"({
  "http_server": {"address": "127.0.0.1", "port": 9000},
  "client": {
    "insecure": true,
    "allowed_origins": ["https://example.com", "https://*.example.org:8443"],
    "ping_interval": "1m30s",
    "token": {"hmac_secret_key": "0123456789abcdef0123456789abcdef"}
  },
  "runtime": {"shards": 4, "io": "epoll", "pin_cpus": [0, 2]},
  "log": {"level": "debug"}
})";

TEST(Config, EverySourceSetsEveryType) {
  const auto toml = load_toml(kEveryTypeToml);
  ASSERT_TRUE(toml) << error_of(toml);
  EXPECT_EQ(toml->http_server.address, "127.0.0.1");
  EXPECT_EQ(toml->http_server.port, 9000);
  EXPECT_TRUE(toml->client.insecure);
  EXPECT_THAT(toml->client.allowed_origins,
              ElementsAre("https://example.com", "https://*.example.org:8443"));
  EXPECT_EQ(toml->client.ping_interval, 90s);
  EXPECT_EQ(toml->client.token.hmac_secret_key, "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(toml->runtime.shards, 4U);
  EXPECT_EQ(toml->runtime.io, IoChoice::Epoll);
  EXPECT_THAT(toml->runtime.pin_cpus, ElementsAre(0, 2));
  EXPECT_EQ(toml->log.level, telemetry::Level::Debug);

  const auto json = load_json(kEveryTypeJson);
  const auto variables = load_variables(
      {{"SANJAY_HTTP_SERVER_ADDRESS", "127.0.0.1"},
       {"SANJAY_HTTP_SERVER_PORT", "9000"},
       {"SANJAY_CLIENT_INSECURE", "true"},
       {"SANJAY_CLIENT_ALLOWED_ORIGINS", "https://example.com,https://*.example.org:8443"},
       {"SANJAY_CLIENT_PING_INTERVAL", "1m30s"},
       {"SANJAY_CLIENT_TOKEN_HMAC_SECRET_KEY", "0123456789abcdef0123456789abcdef"},
       {"SANJAY_RUNTIME_SHARDS", "4"},
       {"SANJAY_RUNTIME_IO", "epoll"},
       {"SANJAY_RUNTIME_PIN_CPUS", "[0, 2]"},
       {"SANJAY_LOG_LEVEL", "debug"},
       {"PATH", "/bin"}});
  ASSERT_TRUE(json) << error_of(json);
  ASSERT_TRUE(variables) << error_of(variables);
  const std::string written = write_toml(*toml, TomlDetail::ValuesOnly);
  EXPECT_EQ(write_toml(*json, TomlDetail::ValuesOnly), written);
  EXPECT_EQ(write_toml(*variables, TomlDetail::ValuesOnly), written);
  EXPECT_EQ(json->client.token.hmac_secret_key, toml->client.token.hmac_secret_key);
  EXPECT_EQ(variables->client.token.hmac_secret_key, toml->client.token.hmac_secret_key);
}

TEST(Config, LaterSourcesWin) {
  const ConfigFile file{"config.toml",
                        "[http_server]\nport = 2\n[client]\nchannel_limit = 2\n"
                        "queue_max_size = 2000\n"};
  const EnvironmentVariable variables[] = {{"SANJAY_CLIENT_CHANNEL_LIMIT", "3"},
                                           {"SANJAY_CLIENT_QUEUE_MAX_SIZE", "3000"}};
  const auto config = load_config({{{"http_server.port", "1", "--dev"},
                                    {"client.channel_limit", "1", "--dev"},
                                    {"client.connection_limit", "1", "--dev"}},
                                   &file,
                                   variables,
                                   {{"client.queue_max_size", "4000", "--queue"}}});
  ASSERT_TRUE(config) << error_of(config);
  EXPECT_EQ(config->client.connection_limit, 1U);
  EXPECT_EQ(config->http_server.port, 2);
  EXPECT_EQ(config->client.channel_limit, 3U);
  EXPECT_EQ(config->client.queue_max_size, 4000U);
}

TEST(Config, NamesWhatIsWrongWithATomlValue) {
  const std::pair<const char*, const char*> cases[] = {
      {"[http_server]\n\nport = \"abc\"",
       "config.toml:3: http_server.port: expected a whole number from 0 to 65535, got \"abc\""},
      {"http_server.port = 65536",
       "config.toml:1: http_server.port: expected a whole number from 0 to 65535, got 65536"},
      {"http_server.port = -1",
       "config.toml:1: http_server.port: expected a whole number from 0 to 65535, got -1"},
      {"http_server.port = 8000.5",
       "config.toml:1: http_server.port: expected a whole number from 0 to 65535, got 8000.5"},
      {"http_server.port = true",
       "config.toml:1: http_server.port: expected a whole number from 0 to 65535, got true"},
      {"http_server.port = [8000]",
       "config.toml:1: http_server.port: expected a whole number from 0 to 65535, got a list"},
      {"http_server.port = {a = 1}",
       "config.toml:1: http_server.port: expected a whole number from 0 to 65535, got a table"},
      {"http_server.port = 2020-01-01",
       "config.toml:1: http_server.port: expected a whole number from 0 to 65535, got a date or "
       "time"},
      {"http_server.address = 1.5",
       "config.toml:1: http_server.address: expected a string, got 1.5"},
      {"client.insecure = \"yes\"",
       "config.toml:1: client.insecure: expected true or false, got \"yes\""},
      {"client.insecure = 2", "config.toml:1: client.insecure: expected true or false, got 2"},
      {"client.ping_interval = 25",
       "config.toml:1: client.ping_interval: expected a duration from 1s to 1h, such as "
       "\"1m30s\", got 25"},
      {"client.ping_interval = \"25\"",
       "config.toml:1: client.ping_interval: expected a duration from 1s to 1h, such as "
       "\"1m30s\", got \"25\""},
      {"client.ping_interval = \"999ms\"",
       "config.toml:1: client.ping_interval: expected a duration from 1s to 1h, such as "
       "\"1m30s\", got \"999ms\""},
      {"runtime.io = \"kqueue\"",
       "config.toml:1: runtime.io: expected one of \"auto\", \"uring\" or \"epoll\", got "
       "\"kqueue\""},
      {"log.level = \"loud\"",
       "config.toml:1: log.level: expected one of \"trace\", \"debug\", \"info\", \"warn\" or "
       "\"error\", got \"loud\""},
      {"log.level = 3",
       "config.toml:1: log.level: expected one of \"trace\", \"debug\", \"info\", \"warn\" or "
       "\"error\", got 3"},
      {"client.allowed_origins = true",
       "config.toml:1: client.allowed_origins: expected a list of strings, got true"},
      {"client.allowed_origins = [\"*\", true]",
       "config.toml:1: client.allowed_origins: expected a list of strings, got a list"},
      {"runtime.pin_cpus = [0, 1024]",
       "config.toml:1: runtime.pin_cpus: expected a list of whole numbers from 0 to 1023, got a "
       "list"},
      {"http_server = 8000", "config.toml:1: http_server: expected a section with keys of its own"},
  };
  for (const auto& [text, error] : cases) EXPECT_EQ(error_of(load_toml(text)), error);
}

TEST(Config, SuggestsTheKeyThatWasMeant) {
  const std::pair<const char*, const char*> cases[] = {
      {"[http_server]\nprot = 1",
       "config.toml:2: http_server.prot: unknown key; did you mean \"http_server.port\"?"},
      {"port = 1", "config.toml:1: port: unknown key; did you mean \"http_server.port\"?"},
      {"[websocket]\nping_interval = \"5s\"",
       "config.toml:2: websocket.ping_interval: unknown key; did you mean "
       "\"client.ping_interval\"?"},
      {"[http_servr]\nport = 1",
       "config.toml:1: http_servr: unknown section; did you mean \"http_server\"?"},
      {"[zzzzzz]\nport = 1", "config.toml:1: zzzzzz: unknown section"},
      {"qqqqqq = 1", "config.toml:1: qqqqqq: unknown key"},
  };
  for (const auto& [text, error] : cases) EXPECT_EQ(error_of(load_toml(text)), error);
}

TEST(Config, NamesTheLineOfASyntaxError) {
  EXPECT_THAT(error_of(load_toml("[http_server]\nport = \n")),
              testing::StartsWith("config.toml:2: not valid TOML: "));
  EXPECT_THAT(error_of(load_toml("[log]\n[log]\n")),
              testing::StartsWith("config.toml:2: not valid TOML: "));
  for (const char* text : {"{\n\"log\": {\"level\": \"info\",}}", "{\n\"log\": {\"level\": inf}}",
                           "{\n\"log\" {\"level\": \"info\"}}", "{\n\"log\": {\"level\": \"\\x\"}}",
                           "{\n\"log\": {\"level\": 01}}", "{\n\"log\": {\"level\": nul}}",
                           "{\n\"log\": {\"level\": truth}}", "{\n}, {}", "{\n} x"}) {
    EXPECT_THAT(error_of(load_json(text)), testing::StartsWith("config.json:2: not valid JSON: "))
        << text;
  }
  EXPECT_THAT(error_of(load_json("{\"a\": \"\xff\"}")),
              testing::StartsWith("config.json: not valid JSON: "));
  EXPECT_THAT(error_of(load_json("")), testing::StartsWith("config.json: not valid JSON: "));
  EXPECT_THAT(error_of(load_json(std::string(1000, '['))), HasSubstr("not valid JSON: "));
  EXPECT_THAT(error_of(load_json(std::string(20, '[') + std::string(20, ']'))),
              HasSubstr("not valid JSON: "));
  EXPECT_EQ(error_of(load_json("[]")), "config.json:1: expected an object");
}

TEST(Config, NamesWhatIsWrongWithAJsonValueAndItsLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"{\n \"http_server\": {\n  \"port\": \"abc\"\n }\n}",
       "config.json:3: http_server.port: expected a whole number from 0 to 65535, got \"abc\""},
      {"{\"http_server\": {\"port\":\n 70000}}",
       "config.json:2: http_server.port: expected a whole number from 0 to 65535, got 70000"},
      {"{\"http_server\": {\"port\": 1.5}}",
       "config.json:1: http_server.port: expected a whole number from 0 to 65535, got 1.5"},
      {"{\"http_server\": {\"port\": 18446744073709551615}}",
       "config.json:1: http_server.port: expected a whole number from 0 to 65535, got "
       "1.8446744073709552e+19"},
      {"{\"client\": {\"allowed_origins\": [null]}}",
       "config.json:1: client.allowed_origins: expected a list of strings, got a list"},
      {"{\"client\":\n{\"allowed_origins\":\n[\"*\",\n{}]}}",
       "config.json:3: client.allowed_origins: expected a list of strings, got a list"},
      {"{\n\"http_server\": {},\n\"htp_server\": {}}",
       "config.json:3: htp_server: unknown section; did you mean \"http_server\"?"},
      {"{\"log\": {\"level\": \"info\",\n\"level\": \"warn\"}}",
       "config.json:2: the key \"level\" is given twice, in line 1 and in line 2"},
  };
  for (const auto& [text, error] : cases) EXPECT_EQ(error_of(load_json(text)), error);
}

TEST(Config, JsonMayBeNestedToItsBound) {
  const auto nested = [](std::size_t depth) {
    return error_of(load_json("{\"client\":{\"allowed_origins\":" + std::string(depth, '[') +
                              std::string(depth, ']') + "}}"));
  };
  // Sixteen levels below the outermost object: understood, if not what was wanted.
  EXPECT_THAT(nested(15), HasSubstr("client.allowed_origins: expected a list of strings"));
  EXPECT_THAT(nested(16), HasSubstr("not valid JSON: "));
  EXPECT_THAT(nested(100'000), HasSubstr("not valid JSON: "));
}

TEST(Config, NamesWhatIsWrongWithAVariable) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"SANJAY_HTTP_SERVER_PORT", "abc",
       "SANJAY_HTTP_SERVER_PORT: expected a whole number from 0 to 65535, got \"abc\""},
      {"SANJAY_HTTP_SERVER_PORT", "",
       "SANJAY_HTTP_SERVER_PORT: expected a whole number from 0 to 65535, got \"\""},
      {"SANJAY_HTTP_SERVER_PORT", "8000 ",
       "SANJAY_HTTP_SERVER_PORT: expected a whole number from 0 to 65535, got \"8000 \""},
      {"SANJAY_HTTP_SERVER_PORT", "99999",
       "SANJAY_HTTP_SERVER_PORT: expected a whole number from 0 to 65535, got 99999"},
      {"SANJAY_CLIENT_INSECURE", "yes",
       "SANJAY_CLIENT_INSECURE: expected true or false, got \"yes\""},
      {"SANJAY_RUNTIME_PIN_CPUS", "[0,",
       "SANJAY_RUNTIME_PIN_CPUS: expected a list of whole numbers from 0 to 1023, got \"[0,\""},
      {"SANJAY_RUNTIME_PIN_CPUS", "0,x",
       "SANJAY_RUNTIME_PIN_CPUS: expected a list of whole numbers from 0 to 1023, got a list"},
      {"SANJAY_HTTP_SERVER_PROT", "1",
       "SANJAY_HTTP_SERVER_PROT: unknown environment variable; did you mean "
       "\"SANJAY_HTTP_SERVER_PORT\"?"},
      {"SANJAY_", "1", "SANJAY_: unknown environment variable"},
      {"SANJAY_PORT", "8000", "SANJAY_PORT: unknown environment variable"},
  };
  for (const auto& [name, value, error] : cases) {
    EXPECT_EQ(error_of(load_variables({{name, value}})), error);
  }
}

TEST(Config, NamesWhatIsWrongWithAFlag) {
  EXPECT_EQ(error_of(load_config({{}, nullptr, {}, {{"http_server.port", "x", "--port"}}})),
            "--port: expected a whole number from 0 to 65535, got \"x\"");
}

TEST(Config, ProxiesAreNetworksAndAPrerequisiteOfTheProxyProtocol) {
  const auto config = load_toml(
      "http_server.trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\nhttp_server.proxy_protocol = true\n"
      "client.connection_limit_per_address = 100\nclient.connection_rate_limit = 500\n");
  ASSERT_TRUE(config) << error_of(config);
  EXPECT_THAT(config->http_server.trusted_proxies, ElementsAre("10.0.0.0/8", "::1"));
  EXPECT_TRUE(config->http_server.proxy_protocol);
  EXPECT_EQ(config->client.connection_limit_per_address, 100U);
  EXPECT_EQ(config->client.connection_rate_limit, 500U);
  EXPECT_EQ(load_config({})->client.connection_limit_per_address, 0U);
  EXPECT_EQ(load_config({})->client.connection_rate_limit, 0U);

  EXPECT_EQ(error_of(load_toml("http_server.trusted_proxies = [\"10.0.0.1/8\", \"proxy\"]")),
            "http_server.trusted_proxies: \"10.0.0.1/8\" has bits set behind its prefix; the "
            "network is \"10.0.0.0/8\"\n"
            "http_server.trusted_proxies: expected an address or a network such as "
            "\"10.0.0.0/8\", got \"proxy\"");
  EXPECT_EQ(
      error_of(load_toml("http_server.proxy_protocol = true")),
      "http_server.proxy_protocol: needs http_server.trusted_proxies, since anybody can write "
      "a PROXY header");
  EXPECT_THAT(load_toml("http_server.trusted_proxies = [\"0.0.0.0/0\"]")->warnings,
              testing::Contains(HasSubstr("holds everybody")));
}

TEST(Config, ListsInVariablesMayBeEmptyOrSeparatedByCommas) {
  const auto empty = load_variables({{"SANJAY_RUNTIME_PIN_CPUS", ""}});
  ASSERT_TRUE(empty);
  EXPECT_THAT(empty->runtime.pin_cpus, IsEmpty());
  const auto commas = load_variables({{"SANJAY_RUNTIME_PIN_CPUS", "3,1,2"}});
  ASSERT_TRUE(commas);
  EXPECT_THAT(commas->runtime.pin_cpus, ElementsAre(3, 1, 2));
}

TEST(Config, IgnoresTheVariablesKubernetesMakesForAServiceCalledSanjay) {
  EXPECT_TRUE(load_variables({{"SANJAY_SERVICE_HOST", "10.0.0.1"},
                              {"SANJAY_SERVICE_PORT", "8000"},
                              {"SANJAY_SERVICE_PORT_HTTP", "8000"},
                              {"SANJAY_PORT", "tcp://10.0.0.1:8000"},
                              {"SANJAY_PORT_8000_TCP", "tcp://10.0.0.1:8000"},
                              {"SANJAY_PORT_8000_TCP_ADDR", "10.0.0.1"},
                              {"SANJAY_REDIS_PORT", "tcp://10.0.0.2:6379"}}));
}

TEST(Config, ReportsSeveralErrorsAtOnceAndAtMostTwenty) {
  EXPECT_EQ(error_of(load_toml("log.level = 1\nhttp_server.port = -1\n")),
            "config.toml:1: log.level: expected one of \"trace\", \"debug\", \"info\", \"warn\" or "
            "\"error\", got 1\n"
            "config.toml:2: http_server.port: expected a whole number from 0 to 65535, got -1");
  std::string text;
  for (int i = 0; i < 25; ++i) text += "unknown_" + std::to_string(i) + " = 1\n";
  const std::string error = error_of(load_toml(text));
  EXPECT_EQ(std::ranges::count(error, '\n'), 20);
  EXPECT_THAT(error, testing::EndsWith("\nand 5 more"));
  text.clear();
  for (int i = 0; i < 20; ++i) text += "unknown_" + std::to_string(i) + " = 1\n";
  EXPECT_EQ(std::ranges::count(error_of(load_toml(text)), '\n'), 19);
}

TEST(Config, CutsLongValuesInMessages) {
  const std::string error = error_of(load_toml("log.level = \"" + std::string(1000, 'x') + "\""));
  EXPECT_THAT(error, testing::EndsWith("got \"" + std::string(64, 'x') + "\"…"));
  const std::string whole = "\"" + std::string(64, 'x') + "\"";
  EXPECT_THAT(error_of(load_toml("log.level = " + whole)), testing::EndsWith("got " + whole));
}

TEST(Config, ChecksValuesAgainstEachOther) {
  const std::pair<const char*, const char*> cases[] = {
      {"client.ping_interval = \"5s\"\nclient.pong_timeout = \"5s\"",
       "client.pong_timeout: expected less than client.ping_interval (5s), got 5s"},
      {"http_server.address = \"localhost\"",
       "http_server.address: expected an IPv4 or IPv6 address, got \"localhost\""},
      {"echo.path = \"echo\"", "echo.path: expected a path that begins with \"/\", got \"echo\""},
      {"client.allowed_origins = [\"https://example.com/\"]",
       "client.allowed_origins: expected \"*\" or an origin such as \"https://example.com\", "
       "without a path, got \"https://example.com/\""},
      {"client.allowed_origins = [\"example.com\"]",
       "client.allowed_origins: expected \"*\" or an origin such as \"https://example.com\", "
       "without a path, got \"example.com\""},
      {"client.token.hmac_previous_secret_key = \"old\"",
       "client.token.hmac_previous_secret_key: expected client.token.hmac_secret_key to be set "
       "too; the one secret there is belongs there"},
      {"client.token.hmac_secret_key = \"-----BEGIN PUBLIC KEY-----\"",
       "client.token.hmac_secret_key: expected a secret, got a key in PEM; a public key belongs in "
       "client.token.rsa_public_key, ecdsa_public_key or ed25519_public_key"},
  };
  for (const auto& [text, error] : cases) EXPECT_EQ(error_of(load_toml(text)), error);
  EXPECT_TRUE(load_toml("client.ping_interval = \"5s\"\nclient.pong_timeout = \"4999ms\""));
}

TEST(Config, WarnsOfWhatIsProbablyNotMeant) {
  const auto warnings_of = [](const char* text) { return load_toml(text)->warnings; };
  EXPECT_THAT(
      warnings_of(""),
      ElementsAre("no client can connect: set client.token.hmac_secret_key or a public "
                  "key beside it, client.allow_anonymous_connect_without_token or client.insecure",
                  "the server API answers 401 to everything: set http_api.key"));
  EXPECT_THAT(warnings_of("client.token.hmac_secret_key = \"0123456789abcdef0123456789abcdef\"\n"
                          "http_api.key = \"k\""),
              IsEmpty());
  for (const char* key : {"rsa_public_key", "ecdsa_public_key", "ed25519_public_key"}) {
    EXPECT_THAT(
        load_toml("http_api.key = \"k\"\nclient.token." + std::string(key) + " = \"key.pem\"")
            ->warnings,
        IsEmpty());
  }
  EXPECT_THAT(
      warnings_of("client.token.hmac_secret_key = \"secret\"\nhttp_api.key = \"k\""),
      ElementsAre("client.token.hmac_secret_key is shorter than 32 bytes and can be guessed "
                  "offline"));
  EXPECT_THAT(
      warnings_of("client.insecure = true\nhttp_api.insecure = true"),
      ElementsAre("client.insecure is on: whoever reaches the port may read and publish everything",
                  "http_api.insecure is on: whoever reaches the port may call the server API"));
  EXPECT_THAT(warnings_of("client.insecure = true\nhttp_api.insecure = true\n"
                          "http_server.address = \"127.0.0.1\""),
              IsEmpty());
}

TEST(Config, TokenSettingsAreCheckedInBothSections) {
  for (const std::string section : {"client.token", "client.subscription_token"}) {
    const std::pair<std::string, std::string> cases[] = {
        {"hmac_previous_secret_key = \"old\"",
         "hmac_previous_secret_key: expected " + section +
             ".hmac_secret_key to be set too; the one secret there is belongs there"},
        {"hmac_secret_key = \"-----BEGIN PUBLIC KEY-----\"",
         "hmac_secret_key: expected a secret, got a key in PEM; a public key belongs in " +
             section + ".rsa_public_key, ecdsa_public_key or ed25519_public_key"},
        {"user_id_claim = \"user-id\"",
         "user_id_claim: expected letters and underscores, got \"user-id\""},
        {"user_id_claim = \"a.b\"", "user_id_claim: expected letters and underscores, got \"a.b\""},
        {"user_id_claim = \"id2\"", "user_id_claim: expected letters and underscores, got \"id2\""},
        {"issuer = \"a\"\nissuer_regex = \"b\"",
         "issuer_regex: expected " + section + ".issuer not to be set as well"},
        {"audience = \"a\"\naudience_regex = \"b\"",
         "audience_regex: expected " + section + ".audience not to be set as well"},
        {"jwks_public_endpoint = \"http://id.example/keys\"",
         "jwks_public_endpoint: expected an https URL, without user and fragment, got "
         "\"http://id.example/keys\"; keys that are fetched without encryption can be replaced on "
         "the way"},
        {"jwks_public_endpoint = \"https://id.example/{{tenant}}\"",
         "jwks_public_endpoint: expected one fixed URL, got \"https://id.example/{{tenant}}\": "
         "endpoints made of a token's claims are not supported, since whoever writes a token could "
         "then choose what this server connects to (GHSA-j77h-rr39-c552)"},
    };
    for (const auto& [text, error] : cases) {
      EXPECT_EQ(error_of(load_toml("[" + section + "]\n" + text)), section + "." + error);
    }
    EXPECT_EQ(error_of(load_toml("[" + section +
                                 "]\nuser_id_claim = \"user_Id\"\n"
                                 "jwks_public_endpoint = \"http://id.example/keys\"\n"
                                 "insecure_jwks_http = true\njwks_refresh_interval = \"5m\"")),
              "no error");
  }
}

TEST(Config, WarnsOfTokenSettingsThatAreProbablyNotMeant) {
  const auto warnings_of = [](const std::string& text) {
    return load_toml("http_api.key = \"k\"\n" + text)->warnings;
  };
  const std::string jwks = "[client.token]\njwks_public_endpoint = \"https://id.example/keys\"\n";
  EXPECT_THAT(warnings_of(jwks + "audience = \"chat\""), IsEmpty());
  EXPECT_THAT(warnings_of(jwks + "issuer_regex = \"https://.*\""), IsEmpty());
  EXPECT_THAT(
      warnings_of(jwks),
      ElementsAre("client.token.jwks_public_endpoint without client.token.audience or "
                  "client.token.issuer: a token that the issuer made for any other service is "
                  "accepted here, too"));
  EXPECT_THAT(warnings_of(jwks + "issuer = \"x\"\nrsa_public_key = \"key.pem\""),
              ElementsAre("client.token.jwks_public_endpoint is set: the other keys of "
                          "client.token are not used"));
  EXPECT_THAT(warnings_of("[client.token]\njwks_public_endpoint = \"http://id.example/keys\"\n"
                          "insecure_jwks_http = true\nissuer = \"x\""),
              ElementsAre("client.token.jwks_public_endpoint is fetched without encryption: "
                          "whoever is on the way can replace the keys"));
  const std::string secret = "hmac_secret_key = \"0123456789abcdef0123456789abcdef\"\n";
  const std::string token = "[client.token]\n" + secret + "[client.subscription_token]\n";
  EXPECT_THAT(warnings_of(token + "enabled = true\n" + secret), IsEmpty());
  EXPECT_THAT(warnings_of(token + "enabled = true"),
              ElementsAre("client.subscription_token is enabled without a key: no subscription "
                          "token is accepted"));
  EXPECT_THAT(warnings_of(token + secret),
              ElementsAre("client.subscription_token is not enabled: its keys are not used, those "
                          "of client.token are"));
  EXPECT_THAT(warnings_of(token + "enabled = true\nhmac_secret_key = \"short\""),
              ElementsAre("client.subscription_token.hmac_secret_key is shorter than 32 bytes and "
                          "can be guessed offline"));
}

// GHSA-q926-c743-49qj: a server that verified no signature at all said nothing of it.
TEST(Advisory, GhsaQ926SignaturesThatAreNotVerifiedAreWarnedOf) {
  for (const std::string address : {"", "127.0.0.1", "::1"}) {
    for (const std::string section : {"client.token", "client.subscription_token"}) {
      const auto config =
          load_toml("http_server.address = \"" + address + "\"\nclient.insecure = true\n" +
                    "client.subscription_token.enabled = true\n" + section +
                    ".insecure_skip_token_signature_verify = true\n");
      ASSERT_TRUE(config) << error_of(config);
      EXPECT_THAT(config->warnings,
                  testing::Contains(section +
                                    ".insecure_skip_token_signature_verify is on: SIGNATURES ARE "
                                    "NOT VERIFIED, whoever can reach this server is believed to be "
                                    "any user he names"));
    }
  }
  EXPECT_FALSE(Config{}.client.token.insecure_skip_token_signature_verify);
  EXPECT_FALSE(Config{}.client.subscription_token.insecure_skip_token_signature_verify);
}

TEST(Config, NeverShowsASecret) {
  EXPECT_EQ(error_of(load_toml("http_api.key = 1234.56789")),
            "config.toml:1: http_api.key: expected a string, got something else");
  const auto config = load_toml(
      "http_api.key = \"hush-1\"\n[client.token]\n"
      "hmac_secret_key = \"hush-2\"\n"
      "hmac_previous_secret_key = \"hush-3\"\n[client.subscription_token]\n"
      "hmac_secret_key = \"hush-4\"\nhmac_previous_secret_key = \"hush-5\"");
  ASSERT_TRUE(config);
  for (const auto detail : {TomlDetail::ValuesOnly, TomlDetail::Documented}) {
    const std::string text = write_toml(*config, detail);
    EXPECT_THAT(text, Not(HasSubstr("hush")));
    EXPECT_THAT(text, HasSubstr("hmac_secret_key = \"<redacted>\""));
  }
}

TEST(ConfigSchema, DocumentationIsAFileOfTheDefaults) {
  const std::string text = write_toml(Config{}, TomlDetail::Documented);
  EXPECT_THAT(text, HasSubstr("[http_server]\n"));
  EXPECT_THAT(text, HasSubstr("\n# a whole number from 0 to 65535; SANJAY_HTTP_SERVER_PORT; "
                              "not reloaded\nport = 8000\n"));
  const auto config = load_toml(text);
  ASSERT_TRUE(config) << error_of(config);
  EXPECT_EQ(write_toml(*config, TomlDetail::Documented), text);
}

TEST(ConfigSchema, SettingsAreCoherent) {
  std::set<std::string_view> paths;
  std::set<std::string> variables;
  std::set<std::string_view> flags;
  Config config;
  std::set<const void*> targets;
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(paths.insert(setting.path).second) << setting.path;
    EXPECT_TRUE(variables.insert(environment_name(setting.path)).second) << setting.path;
    EXPECT_FALSE(setting.help.empty()) << setting.path;
    EXPECT_FALSE(is_section(setting.path)) << "a key cannot be a section too: " << setting.path;
    EXPECT_FALSE(setting.is_secret && !setting.flag.empty()) << "arguments are public";
    EXPECT_TRUE(setting.flag.empty() || flags.insert(setting.flag).second) << setting.flag;
    const Target target = setting.target(config);
    std::visit([&](const auto* field) { EXPECT_TRUE(targets.insert(field).second); }, target);
    if (std::holds_alternative<std::uint16_t*>(target)) {
      EXPECT_LE(setting.max, std::numeric_limits<std::uint16_t>::max());
    }
    EXPECT_LE(setting.max == 0 ? 0 : setting.min + 1, setting.max);
  }
  EXPECT_TRUE(is_section("client.token"));
  EXPECT_FALSE(is_section("client.tok"));
}

TEST(ConfigSchema, EverySettingTakesItsBoundsAndNothingBeyond) {
  const auto text_of = [](const Target& target, std::int64_t number) {
    if (!std::holds_alternative<core::Duration*>(target)) return std::to_string(number);
    return number < 0 ? "-1ms" : format_duration(core::Duration(number));
  };
  std::set<std::string_view> bounded;
  for (const Setting& setting : settings()) {
    if (setting.max == 0) continue;
    Config config;
    const Target target = setting.target(config);
    const std::int64_t step = std::holds_alternative<core::Duration*>(target) ? 1'000'000 : 1;
    for (const std::int64_t number : {setting.min, setting.max}) {
      EXPECT_EQ(assign_text(setting, text_of(target, number), config), std::nullopt)
          << setting.path << " = " << number;
    }
    for (const std::int64_t number : {setting.min - step, setting.max + step}) {
      const auto refused = assign_text(setting, text_of(target, number), config);
      ASSERT_TRUE(refused) << setting.path << " = " << number;
      EXPECT_THAT(*refused, testing::StartsWith("expected " + expectation(setting) + ", got "));
    }
    bounded.insert(setting.path);
  }
  EXPECT_GE(bounded.size(), 18U);
  EXPECT_EQ(find_setting("client.token.leeway")->max, core::Duration(5min).count());
  EXPECT_EQ(find_setting("client.queue_max_size")->max, 1 << 30);
  EXPECT_EQ(find_setting("runtime.shards")->max, 1024);
  EXPECT_EQ(find_setting("channel.max_length")->max, 4096);
}

TEST(DurationText, ReadsWhatPeopleWrite) {
  const std::pair<const char*, core::Duration> good[] = {
      {"25s", 25s},       {"500ms", 500ms},
      {"1m30s", 90s},     {"1h", 1h},
      {"7d", 168h},       {"1d2h3m4s5ms", 24h + 2h + 3min + 4s + 5ms},
      {"0", 0s},          {"0s", 0s},
      {"90s", 90s},       {"36500d", std::chrono::days(36500)},
      {"1.5s", 1500ms},   {"1.5h", 90min},
      {".5m", 30s},       {"2.s", 2s},
      {"1us", 1us},       {"1m0s", 1min},
      {"7\u00b5s", 7us},  {"7\u03bcs3ns", 7us + 3ns},
      {"720h0m0s", 720h}, {"0.1234567899999s", 123456789ns}};
  for (const auto& [text, duration] : good) EXPECT_EQ(parse_duration(text), duration) << text;
  for (const char* text : {"",
                           "25",
                           "s",
                           "-1s",
                           "+1s",
                           "1.5",
                           ".s",
                           "1.2.3s",
                           "36500.1d",
                           "36500d0.1s",
                           " 1s",
                           "1s ",
                           "1 s",
                           "1S",
                           "1s1s",
                           "1s1m",
                           "1ms1s",
                           "1w",
                           "1ns1us",
                           "36501d",
                           "99999999999999999999s",
                           "4294967295d",
                           "36500d1ms",
                           "0x10s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(DurationText, WritesWhatItReads) {
  for (const char* text :
       {"0s", "5ms", "25s", "1m30s", "1h", "7d", "1d2h3m4s5ms", "1us", "1ms2us3ns"}) {
    EXPECT_EQ(format_duration(*parse_duration(text)), text);
  }
}

TEST(ConfigFile, IsReadWholeOrNamedInTheError) {
  const std::string path = testing::TempDir() + "sanjay_config_test.toml";
  std::ofstream(path, std::ios::binary) << "[log]\nlevel = \"warn\"\n";
  const auto file = read_config_file(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->name, path);
  EXPECT_EQ(file->text, "[log]\nlevel = \"warn\"\n");
  std::ofstream(path, std::ios::binary) << std::string(1 << 20, '#');
  EXPECT_EQ(read_config_file(path)->text.size(), 1U << 20);
  std::ofstream(path, std::ios::binary) << std::string((1 << 20) + 1, '#');
  EXPECT_EQ(read_config_file(path).error().message, path + ": larger than 1 MiB");
  std::filesystem::remove(path);
  EXPECT_EQ(read_config_file(path).error().message, path + ": No such file or directory");
  EXPECT_EQ(read_config_file(testing::TempDir()).error().message,
            testing::TempDir() + ": Is a directory");
}

TEST(ConfigFuzz, SurvivesTheCorpusAndItsMutations) {
  core::Random random(1);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SANJAY_CORPUS_DIR "/config")) {
    ++files;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string seed((std::istreambuf_iterator<char>(file)), {});
    fuzz_config(reinterpret_cast<const std::uint8_t*>(seed.data()), seed.size());
    for (int i = 0; i < 400; ++i) {
      std::string input = seed;
      for (std::uint64_t edits = 1 + random.below(4); edits > 0 && !input.empty(); --edits) {
        const auto place = static_cast<std::size_t>(random.below(input.size()));
        switch (random.below(3)) {
          case 0:
            input[place] = static_cast<char>(random.below(256));
            break;
          case 1:
            input.erase(place, 1 + static_cast<std::size_t>(random.below(4)));
            break;
          default:
            input.insert(place, input, 0, static_cast<std::size_t>(random.below(16)));
        }
      }
      fuzz_config(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
    }
  }
  EXPECT_GE(files, 5U);
}

}  // namespace
}  // namespace sanjay::server
