// SPDX-License-Identifier: Apache-2.0
#include "server/commands.h"

#include "auth/token_signer.h"
#include "core/assert.h"
#include "server/config_schema.h"
#include "server/duration_text.h"
#include "server/json_text.h"
#include "server/token_keys.h"

#include <fmt/format.h>

namespace sanjay::server {
namespace {

CommandOutput failed(const std::string& message) { return {kExitBadUsage, "", message + "\n"}; }

CommandOutput generate_token(const CommandLine& line, const Config& config, core::WallTime now) {
  const std::string& secret = config.client.token.hmac_secret_key;
  if (secret.empty()) {
    return failed(
        fmt::format("client.token.hmac_secret_key is not set: set it in the "
                    "configuration file or in {}",
                    environment_name("client.token.hmac_secret_key")));
  }
  std::string claims = "{\"sub\":" + json_string(line.user);
  if (line.ttl) {
    const auto exp = std::chrono::floor<std::chrono::seconds>(now + *line.ttl);
    claims += fmt::format(",\"exp\":{}", exp.time_since_epoch().count());
  }
  const auto token = auth::sign_hs256(claims + "}", secret);
  if (!token) return failed(token.error().message);
  if (line.quiet) return {0, *token + "\n", ""};
  return {
      0,
      fmt::format("HS256 token for {}, {}:\n{}\n",
                  line.user.empty() ? "an anonymous user" : "user " + json_string(line.user),
                  line.ttl ? "valid for " + format_duration(*line.ttl) : "valid for ever", *token),
      ""};
}

CommandOutput check_configuration(const CommandLine& line, const Config& config) {
  const auto verifier = make_token_verifier(config.client.token);
  if (!verifier) return failed(verifier.error().message);
  CommandOutput output{0, write_toml(config, TomlDetail::ValuesOnly), ""};
  for (const std::string& warning : config.warnings) output.err += "warning: " + warning + "\n";
  output.err += line.config_path + ": the configuration is good\n";
  return output;
}

}  // namespace

core::Result<Config> config_for(const CommandLine& line,
                                std::span<const EnvironmentVariable> environment) {
  ConfigSources sources{line.presets, nullptr, environment, line.overrides};
  if (line.config_path.empty()) return load_config(sources);
  SANJAY_TRY(const ConfigFile file, read_config_file(line.config_path));
  sources.file = &file;
  return load_config(sources);
}

CommandOutput run_command(const CommandLine& line, std::span<const EnvironmentVariable> environment,
                          core::WallTime now) {
  ASSERT(line.command != Command::Serve);
  if (line.command == Command::Version) return {0, "sanjay " SANJAY_VERSION "\n", ""};
  if (line.command == Command::ConfigDoc) {
    return {0, write_toml(Config{}, TomlDetail::Documented), ""};
  }
  const auto config = config_for(line, environment);
  if (!config) return failed(config.error().message);
  return line.command == Command::GenToken ? generate_token(line, *config, now)
                                           : check_configuration(line, *config);
}

}  // namespace sanjay::server
