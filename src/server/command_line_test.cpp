// SPDX-License-Identifier: Apache-2.0
#include "server/command_line.h"

#include "auth/token_verifier.h"
#include "server/commands.h"
#include "server/config_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace sanjay::server {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr core::WallTime kNow{std::chrono::seconds(1'700'000'000)};

core::Result<CommandLine, CommandOutput> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "sanjay");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

std::string usage_error_of(std::vector<const char*> arguments) {
  const auto line = parse(std::move(arguments));
  if (line) return "no error";
  EXPECT_EQ(line.error().exit_code, 2);
  EXPECT_EQ(line.error().out, "");
  return line.error().err;
}

CommandOutput run(std::vector<const char*> arguments,
                  std::vector<EnvironmentVariable> environment = {}) {
  return run_command(*parse(std::move(arguments)), environment, kNow);
}

/// A configuration file that exists as long as the test.
class CommandLineFile : public testing::Test {
 protected:
  ~CommandLineFile() override { std::filesystem::remove(path_); }
  const char* write(const char* text) {
    std::ofstream(path_, std::ios::binary) << text;
    return path_.c_str();
  }
  const std::string path_ = testing::TempDir() + "sanjay_command_line_test.toml";
};

TEST(CommandLine, NothingMeansServe) {
  const auto line = parse({});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->command, Command::Serve);
  EXPECT_EQ(line->config_path, "");
  EXPECT_TRUE(line->overrides.empty());
  EXPECT_TRUE(line->presets.empty());
}

TEST(CommandLine, ServeTakesItsFlagsWithAndWithoutItsName) {
  const std::vector<const char*> flags = {"--config",
                                          "c.toml",
                                          "--address",
                                          "::1",
                                          "--port",
                                          "9000",
                                          "--shards",
                                          "2",
                                          "--io",
                                          "uring",
                                          "--echo",
                                          "/echo",
                                          "--private-file-tables",
                                          "--log-level=debug"};
  std::vector<const char*> named = flags;
  named.insert(named.begin(), "serve");
  for (const auto& arguments : {flags, named}) {
    const auto line = parse(arguments);
    ASSERT_TRUE(line) << line.error().err;
    EXPECT_EQ(line->command, Command::Serve);
    EXPECT_EQ(line->config_path, "c.toml");
    const auto config = load_config({line->presets, nullptr, {}, line->overrides});
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->http_server.address, "::1");
    EXPECT_EQ(config->http_server.port, 9000);
    EXPECT_EQ(config->runtime.shards, 2U);
    EXPECT_EQ(config->runtime.io, IoChoice::Uring);
    EXPECT_TRUE(config->runtime.private_file_tables);
    EXPECT_EQ(config->echo.path, "/echo");
    EXPECT_EQ(config->log.level, telemetry::Level::Debug);
  }
}

TEST(CommandLine, DevChangesDefaultsButNothingThatIsSet) {
  const auto line = parse({"--dev"});
  ASSERT_TRUE(line);
  const auto config = config_for(*line, {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->http_server.address, "127.0.0.1");
  EXPECT_TRUE(config->client.insecure);
  EXPECT_TRUE(config->http_api.insecure);
  EXPECT_TRUE(config->demo.enabled);
  EXPECT_THAT(config->client.allowed_origins, testing::ElementsAre("*"));
  EXPECT_TRUE(config->warnings.empty());

  const EnvironmentVariable environment[] = {{"SANJAY_HTTP_API_INSECURE", "false"}};
  const auto changed = config_for(*parse({"--dev", "--address", "0.0.0.0"}), environment);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->http_server.address, "0.0.0.0");
  EXPECT_FALSE(changed->http_api.insecure);
}

TEST(CommandLine, BadUsageIsNamed) {
  EXPECT_THAT(usage_error_of({"--bogus"}), HasSubstr("--bogus"));
  EXPECT_THAT(usage_error_of({"bogus"}), HasSubstr("bogus"));
  EXPECT_THAT(usage_error_of({"--port"}), HasSubstr("--port"));
  EXPECT_THAT(usage_error_of({"--port", "1", "--port", "2"}), HasSubstr("--port"));
  EXPECT_THAT(usage_error_of({"version", "--port", "1"}), HasSubstr("--port"));
  EXPECT_THAT(usage_error_of({"--port", "1", "version"}),
              HasSubstr("options belong behind the command \"version\""));
  EXPECT_THAT(usage_error_of({"gensubtoken"}), HasSubstr("--channel"));
  EXPECT_THAT(usage_error_of({"checktoken"}), HasSubstr("token"));
  EXPECT_THAT(usage_error_of({"gentoken", "--algorithm", "none"}),
              HasSubstr("--algorithm: expected HS256, HS384 or HS512"));
  EXPECT_THAT(usage_error_of({"version", "configdoc"}), HasSubstr("configdoc"));
  for (const char* ttl : {"-2", "0", "x", "7w", "", "7.", "9999999999"}) {
    EXPECT_THAT(usage_error_of({"gentoken", "--user", "u", "--ttl", ttl}),
                HasSubstr("--ttl: expected a duration such as \"7d\" or \"1h30m\", a number of "
                          "seconds, or -1 for no expiry"))
        << ttl;
  }
}

TEST(CommandLine, HelpIsNoErrorAndComesFromTheSchema) {
  const auto line = parse({"serve", "--help"});
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().exit_code, 0);
  EXPECT_EQ(line.error().err, "");
  for (const Setting& setting : settings()) {
    EXPECT_THAT(line.error().out, HasSubstr(std::string(setting.flag)));
  }
  EXPECT_THAT(line.error().out, HasSubstr("event-loop threads; 0: one per CPU"));
}

TEST(CommandLine, BadSettingsAreNamedByTheirFlag) {
  EXPECT_EQ(config_for(*parse({"--port", "http"}), {}).error().message,
            "--port: expected a whole number from 0 to 65535, got \"http\"");
  EXPECT_EQ(config_for(*parse({"--io", "iocp"}), {}).error().message,
            "--io: expected one of \"auto\", \"uring\" or \"epoll\", got \"iocp\"");
  EXPECT_EQ(config_for(*parse({"--config", "/nonexistent.toml"}), {}).error().message,
            "/nonexistent.toml: No such file or directory");
}

TEST(Commands, VersionAndConfigDocNeedNoConfiguration) {
  const EnvironmentVariable broken{"SANJAY_HTTP_SERVER_PORT", "x"};
  EXPECT_THAT(run({"version"}, {broken}).out, testing::MatchesRegex("sanjay [0-9.]+\n"));
  const CommandOutput doc = run({"configdoc"}, {broken});
  EXPECT_EQ(doc.exit_code, 0);
  EXPECT_EQ(doc.out, write_toml(Config{}, TomlDetail::Documented));
}

TEST_F(CommandLineFile, CheckConfigPrintsTheConfigurationWithoutSecrets) {
  const CommandOutput output =
      run({"checkconfig", "--config", write("http_api.key = \"hush\"\nhttp_server.port = 7\n")});
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_THAT(output.out, HasSubstr("port = 7\n"));
  EXPECT_THAT(output.out, Not(HasSubstr("hush")));
  EXPECT_THAT(output.err, HasSubstr("warning: no client can connect"));
  EXPECT_THAT(output.err, HasSubstr(path_ + ": the configuration is good\n"));
}

TEST_F(CommandLineFile, CheckConfigFailsWithEveryError) {
  const CommandOutput output =
      run({"checkconfig", "--config", write("a = 1\nb = 2\n")}, {{"SANJAY_X", "1"}});
  EXPECT_EQ(output.exit_code, 2);
  EXPECT_EQ(output.out, "");
  EXPECT_EQ(output.err, path_ + ":1: a: unknown key\n" + path_ +
                            ":2: b: unknown key\nSANJAY_X: unknown environment variable\n");
}

TEST_F(CommandLineFile, CheckConfigReadsTheTokenKeys) {
  const char* path = write("client.token.rsa_public_key = \"/nonexistent.pem\"\n");
  const CommandOutput output = run({"checkconfig", "--config", path});
  EXPECT_EQ(output.exit_code, 2);
  EXPECT_EQ(output.out, "");
  EXPECT_EQ(output.err,
            "client.token.rsa_public_key: /nonexistent.pem: No such file or directory\n");
}

TEST_F(CommandLineFile, GenTokenMakesTokensThatTheServerAccepts) {
  const char* path = write("client.token.hmac_secret_key = \"hush\"\n");
  const auto verifier = auth::TokenVerifier::create({.hmac_secret_key = "hush"});
  const auto claims_of = [&](std::vector<const char*> arguments) {
    const CommandOutput output = run(std::move(arguments));
    EXPECT_EQ(output.exit_code, 0) << output.err;
    const std::string token = output.out.substr(0, output.out.find('\n'));
    return *verifier->verify_connection(token, kNow);
  };
  const auto week = claims_of({"gentoken", "--config", path, "--user", "a\"\n", "-q"});
  EXPECT_EQ(week.user, "a\"\n");
  EXPECT_EQ(week.expire_at, kNow + 168h);
  EXPECT_EQ(claims_of({"gentoken", "--config", path, "--user", "u", "--ttl", "1m", "-q"}).expire_at,
            kNow + 1min);
  EXPECT_EQ(claims_of({"gentoken", "--config", path, "--user", "u", "--ttl", "-1", "-q"}).expire_at,
            std::nullopt);
  const std::string text = run({"gentoken", "--config", path, "--user", "u"}).out;
  EXPECT_THAT(text, HasSubstr("HS256 token for user \"u\", valid for 7d:\ney"));
  EXPECT_THAT(text, Not(HasSubstr("hush")));
}

TEST(CommandLine, CentrifugosFlagsAreTaken) {
  const auto config =
      config_for(*parse({"-a", "127.0.0.1", "-p", "9000", "--client.insecure",
                         "--http_api.insecure=true", "--health.enabled=false", "--log.level",
                         "DEBUG", "--http_server.internal_port", "9001", "--engine.type", "memory",
                         "--admin.enabled=false", "--channel.max_length", "100"}),
                 {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->http_server.address, "127.0.0.1");
  EXPECT_EQ(config->http_server.port, 9000);
  EXPECT_EQ(config->http_server.internal_port, 9001);
  EXPECT_TRUE(config->client.insecure);
  EXPECT_TRUE(config->http_api.insecure);
  EXPECT_FALSE(config->health.enabled);
  EXPECT_EQ(config->log.level, telemetry::Level::Debug);
  EXPECT_EQ(config->channel.max_length, 100U);
  EXPECT_TRUE(config->warnings.empty());

  const auto warned = config_for(*parse({"--engine.type", "redis", "--admin.enabled"}), {});
  ASSERT_TRUE(warned);
  EXPECT_THAT(warned->warnings.front(),
              HasSubstr("--engine.type (everything is kept in the memory"));
  EXPECT_THAT(warned->warnings.front(), HasSubstr("--admin.enabled (there is no admin page"));
  EXPECT_FALSE(config_for(*parse({"--engine.type", "redis", "--strict"}), {}));
  EXPECT_THAT(usage_error_of({"--client.token.hmac_secret_key", "x"}), HasSubstr("hmac_secret_key"))
      << "arguments are public";
}

TEST_F(CommandLineFile, CheckConfigIsStrictWhenAsked) {
  const char* path = write("engine.type = \"redis\"\n");
  const CommandOutput lax = run({"checkconfig", "-c", path});
  EXPECT_EQ(lax.exit_code, 0);
  EXPECT_THAT(lax.err, HasSubstr("warning: set for Centrifugo and not supported: engine.type ("));
  const CommandOutput strict = run({"checkconfig", "--strict", "-c", path});
  EXPECT_EQ(strict.exit_code, 2);
  EXPECT_EQ(strict.out, "");
  EXPECT_THAT(strict.err, testing::StartsWith("set for Centrifugo and not supported: engine.type"));
  EXPECT_EQ(run({"checkconfig", "-s", "-c", path}).exit_code, 2);
}

TEST_F(CommandLineFile, TokensOfEverySecretAreMadeAndChecked) {
  const char* path = write(
      "[client.token]\nhmac_secret_key = \"hush-1\"\naudience = \"chat\"\nissuer = \"us\"\n"
      "user_id_claim = \"uid\"\n"
      "[client.subscription_token]\nenabled = true\nhmac_secret_key = \"hush-2\"\n");
  const auto token_of = [&](std::vector<const char*> arguments) {
    arguments.insert(arguments.end(), {"-q", "-c", path});
    const CommandOutput output = run(std::move(arguments));
    EXPECT_EQ(output.exit_code, 0) << output.err;
    return output.out.substr(0, output.out.find('\n'));
  };
  for (const char* algorithm : {"HS256", "HS384", "HS512"}) {
    const std::string connection =
        token_of({"gentoken", "-u", "ann", "-t", "3600", "--algorithm", algorithm});
    const CommandOutput good = run({"checktoken", "-c", path, connection.c_str()});
    EXPECT_EQ(good.exit_code, 0) << good.err;
    EXPECT_EQ(good.out,
              "valid token for user \"ann\"\npayload: {\"iat\":1700000000,\"sub\":\"ann\","
              "\"uid\":\"ann\",\"iss\":\"us\",\"aud\":\"chat\",\"exp\":1700003600}\n");
    const std::string subscription =
        token_of({"gensubtoken", "-u", "ann", "-s", "news", "--algorithm", algorithm});
    const CommandOutput sub = run({"checksubtoken", "-c", path, subscription.c_str()});
    EXPECT_EQ(sub.exit_code, 0) << sub.err;
    EXPECT_THAT(sub.out,
                testing::StartsWith("valid subscription token for user \"ann\" and channel "
                                    "\"news\"\npayload: {"));
    // Neither is ever taken for the other: their keys are not the same, nor what they say.
    EXPECT_EQ(run({"checksubtoken", "-c", path, connection.c_str()}).exit_code, 2);
    EXPECT_EQ(run({"checktoken", "-c", path, subscription.c_str()}).exit_code, 2);
  }
  const std::string anonymous = token_of({"gentoken"});
  EXPECT_THAT(run({"checktoken", "-c", path, anonymous.c_str()}).out,
              testing::StartsWith("valid token for an anonymous user\n"));
}

TEST_F(CommandLineFile, CheckTokenSaysWhyATokenIsNotValid) {
  const char* path = write("client.token.hmac_secret_key = \"hush\"\n");
  const std::string old = [&] {
    const CommandLine line = *parse({"gentoken", "-u", "ann", "-t", "60", "-q", "-c", path});
    const std::string text = run_command(line, {}, kNow - 1h).out;
    return text.substr(0, text.size() - 1);
  }();
  const CommandOutput expired = run({"checktoken", "-c", path, old.c_str()});
  EXPECT_EQ(expired.exit_code, 2);
  EXPECT_EQ(expired.out, "");
  EXPECT_THAT(expired.err, testing::StartsWith("not a valid connection token: "));
  EXPECT_THAT(expired.err, HasSubstr("exp"));
  EXPECT_THAT(expired.err, HasSubstr("\npayload: \"{\\\"iat\\\":"));
  EXPECT_THAT(expired.err, Not(HasSubstr("hush")));
  const CommandOutput forged = run({"checktoken", "-c", path, (old + "x").c_str()});
  EXPECT_EQ(forged.exit_code, 2);
  EXPECT_THAT(forged.err, testing::StartsWith("not a valid connection token: "));
  EXPECT_EQ(run({"checktoken", "-c", path, "garbage"}).exit_code, 2);
  EXPECT_THAT(run({"checktoken", "x"}).err, HasSubstr("client.token has no key"));
}

TEST_F(CommandLineFile, DefaultsAreWrittenInEveryFormatAndOverTheBase) {
  const char* base = write("client.channel_limit = 7\nhttp_api.key = \"a$b\"\n");
  for (const char* name : {"x.json", "x.yaml", "x.toml"}) {
    const CommandOutput output = run({"defaultconfig", "-d", "-c", name, "-b", base});
    ASSERT_EQ(output.exit_code, 0) << output.err;
    EXPECT_FALSE(std::filesystem::exists(name));
    const ConfigFile file{name, output.out};
    const auto config = load_config({{}, &file, {}, {}, true});
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->client.channel_limit, 7U);
    EXPECT_EQ(config->http_api.key, "a$b");
  }
  EXPECT_EQ(run({"defaultconfig", "-d", "-c", "x.conf"}).exit_code, 2);
  const std::string target = path_ + ".json";
  std::filesystem::remove(target);
  EXPECT_EQ(run({"defaultconfig", "-c", target.c_str()}).exit_code, 0);
  EXPECT_EQ(run({"defaultconfig", "-c", target.c_str()}).exit_code, 2) << "it is there already";
  EXPECT_EQ(run({"checkconfig", "--strict", "-c", target.c_str()}).exit_code, 0);
  std::filesystem::remove(target);

  EXPECT_EQ(run({"defaultenv", "-b", base, "--base-non-zero-only"}).out,
            "SANJAY_CLIENT_CHANNEL_LIMIT=7\nSANJAY_HTTP_API_KEY=\"a\\$b\"\n");
  const std::string all = run({"defaultenv"}).out;
  EXPECT_EQ(std::ranges::count(all, '\n'), std::ssize(settings()));
  EXPECT_THAT(all, HasSubstr("SANJAY_CLIENT_PING_INTERVAL=\"25s\"\n"));
}

TEST(Commands, ConfigDocHasMarkdownToo) {
  EXPECT_THAT(run({"configdoc", "-m"}).out, HasSubstr("| `http_server.port` | `8000` | port for"));
  const std::string section = run({"configdoc", "-s", "log"}).out;
  EXPECT_THAT(section, testing::StartsWith("## `log`\n"));
  EXPECT_THAT(section, Not(HasSubstr("http_server")));
  EXPECT_EQ(run({"configdoc", "-s", "nothing"}).exit_code, 2);
  EXPECT_THAT(run({"configdoc", "--centrifugo"}).out, HasSubstr("| `engine` | warned of |"));
}

TEST(Commands, GenTokenTakesTheSecretFromTheEnvironmentAndNeedsOne) {
  EXPECT_EQ(
      run({"gentoken", "--user", "u", "-q"}, {{"SANJAY_CLIENT_TOKEN_HMAC_SECRET_KEY", "hush"}})
          .exit_code,
      0);
  const CommandOutput output = run({"gentoken", "--user", "u"});
  EXPECT_EQ(output.exit_code, 2);
  EXPECT_EQ(output.err,
            "client.token.hmac_secret_key is not set: set it in the configuration file or in "
            "SANJAY_CLIENT_TOKEN_HMAC_SECRET_KEY\n");
}

}  // namespace
}  // namespace sanjay::server
