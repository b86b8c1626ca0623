// SPDX-License-Identifier: Apache-2.0
#include "server/commands.h"

#include "auth/base64url.h"
#include "auth/token_signer.h"
#include "core/assert.h"
#include "runtime/entropy.h"
#include "server/channel_settings.h"
#include "server/config_schema.h"
#include "server/duration_text.h"
#include "server/json_text.h"
#include "server/tls_config.h"
#include "server/token_keys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <span>
#include <system_error>

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

std::string random_secret() {
  std::string bytes(32, '\0');
  runtime::fill_random(std::as_writable_bytes(std::span(bytes)));
  return auth::base64url_encode(bytes);
}

/// Only for its owner to read, and never over a file that is there.
CommandOutput generate_config(const CommandLine& line) {
  const std::string text = fmt::format(
      "# Every key with its help: sanjay configdoc\n\n"
      "[client]\n"
      "# Origins of the pages that may connect, such as \"https://example.com\".\n"
      "allowed_origins = []\n\n"
      "[client.token]\n"
      "hmac_secret_key = \"{}\"\n\n"
      "[channel.without_namespace]\n"
      "allow_subscribe_for_client = true\n\n"
      "# Channels of one kind have a namespace with options of their own.\n"
      "{}\n"
      "[http_api]\n"
      "key = \"{}\"\n",
      random_secret(), commented(kExampleNamespace), random_secret());
  const int file =
      open(line.config_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) {
    return failed(line.config_path + ": " + std::generic_category().message(errno));
  }
  const bool written = write(file, text.data(), text.size()) == std::ssize(text);
  const int error_number = errno;
  close(file);
  if (!written) {
    return failed(line.config_path + ": " + std::generic_category().message(error_number));
  }
  return {0,
          fmt::format("{} written; start with: sanjay serve --config {}\n", line.config_path,
                      line.config_path),
          ""};
}

CommandOutput check_configuration(const CommandLine& line, const Config& config,
                                  core::WallTime now) {
  if (const auto good = check_token_keys(config.client); !good) {
    return failed(good.error().message);
  }
  const auto tls = make_tls(config.http_server);
  if (!tls) return failed(tls.error().message);
  CommandOutput output{0, write_toml(config, TomlDetail::ValuesOnly), ""};
  for (const std::string& warning : config.warnings) output.err += "warning: " + warning + "\n";
  for (const std::string& warning : tls_warnings(*tls, now)) {
    output.err += "warning: " + warning + "\n";
  }
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
  if (line.command == Command::GenConfig) return generate_config(line);
  const auto config = config_for(line, environment);
  if (!config) return failed(config.error().message);
  return line.command == Command::GenToken ? generate_token(line, *config, now)
                                           : check_configuration(line, *config, now);
}

}  // namespace sanjay::server
