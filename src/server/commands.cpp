// SPDX-License-Identifier: Apache-2.0
#include "server/commands.h"

#include "core/assert.h"
#include "server/config_commands.h"
#include "server/token_commands.h"

#include <unistd.h>

namespace sanjay::server {
namespace {

/// The file the command line means: without a name config.json of the working directory, if there
/// is one, as with Centrifugo. What a command writes is not what it reads.
std::string config_path_of(const CommandLine& line) {
  if (line.command == Command::DefaultConfig || line.command == Command::DefaultEnv) {
    return line.base_path;
  }
  if (!line.config_path.empty()) return line.config_path;
  const std::string path(kDefaultConfigPath);
  const bool is_there = access(path.c_str(), F_OK) == 0;
  return is_there || line.command == Command::CheckConfig ? path : "";
}

}  // namespace

core::Result<Config> config_for(const CommandLine& line,
                                std::span<const EnvironmentVariable> environment) {
  ConfigSources sources{line.presets, nullptr, environment, line.overrides, line.is_strict};
  const std::string path = config_path_of(line);
  if (path.empty()) return load_config(sources);
  SANJAY_TRY(const ConfigFile file, read_config_file(path));
  sources.file = &file;
  SANJAY_TRY(Config config, load_config(sources));
  if (path != line.config_path && path == kDefaultConfigPath) {
    config.notices.push_back("read " + path + " of the working directory");
  }
  return config;
}

CommandOutput run_command(const CommandLine& line, std::span<const EnvironmentVariable> environment,
                          core::WallTime now) {
  ASSERT(line.command != Command::Serve);
  if (line.command == Command::Version) return {0, "sanjay " SANJAY_VERSION "\n", ""};
  if (line.command == Command::ConfigDoc) return document_config(line);
  if (line.command == Command::GenConfig) return generate_config(line);
  const auto config = config_for(line, environment);
  if (!config) return {kExitBadUsage, "", config.error().message + "\n"};
  switch (line.command) {
    case Command::GenToken:
    case Command::GenSubToken:
      return generate_token(line, *config, now);
    case Command::CheckToken:
    case Command::CheckSubToken:
      return check_token(line, *config, now);
    case Command::DefaultConfig:
      return write_default_config(line, *config);
    case Command::DefaultEnv:
      return write_default_environment(line, *config);
    default:
      return check_configuration(line, *config, now);
  }
}

}  // namespace sanjay::server
