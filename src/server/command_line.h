// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/hmac.h"
#include "core/result.h"
#include "core/time.h"
#include "server/config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::server {

/// What a command leaves behind: texts for the two outputs, and the exit code.
struct CommandOutput {
  int exit_code = 0;
  std::string out;
  std::string err;
};

inline constexpr int kExitBadUsage = 2;

/// Read where no file is named and there is one; what genconfig and defaultconfig write.
inline constexpr std::string_view kDefaultConfigPath = "config.json";

enum class Command : std::uint8_t {
  Serve,
  Version,
  GenToken,
  GenSubToken,
  CheckToken,
  CheckSubToken,
  GenConfig,
  CheckConfig,
  DefaultConfig,
  DefaultEnv,
  ConfigDoc,
};

/// A command line that was understood. Values of settings are still text: load_config judges them,
/// as it does everything else an operator writes.
struct CommandLine {
  Command command = Command::Serve;
  std::string config_path;          // empty: none given
  std::vector<Override> presets;    // --dev
  std::vector<Override> overrides;  // the other flags of serve
  bool is_strict = false;           // what is set for Centrifugo alone is an error

  // gentoken and gensubtoken:
  std::string user;  // empty: anonymous
  std::string channel;
  std::optional<core::Duration> ttl = std::chrono::days(7);  // nothing: no expiry
  auth::HmacAlgorithm algorithm = auth::HmacAlgorithm::Hs256;
  bool quiet = false;  // print the token alone

  std::string token;  // checktoken and checksubtoken

  // defaultconfig and defaultenv:
  std::string base_path;         // empty: none
  bool is_dry_run = false;       // print it instead
  bool is_changed_only = false;  // without what has its default

  // configdoc:
  bool is_markdown = false;
  bool is_centrifugo = false;  // what becomes of Centrifugo's keys
  std::string section;         // empty: all

  bool is_for_subscription() const {
    return command == Command::GenSubToken || command == Command::CheckSubToken;
  }
};

/// Reads the arguments. What it returns as an error only has to be printed before leaving: the
/// help that was asked for (exit code 0), or what is wrong with the usage (2).
core::Result<CommandLine, CommandOutput> parse_command_line(int argc, const char* const* argv);

}  // namespace sanjay::server
