// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/time.h"
#include "server/config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sanjay::server {

/// What a command leaves behind: texts for the two outputs, and the exit code.
struct CommandOutput {
  int exit_code = 0;
  std::string out;
  std::string err;
};

inline constexpr int kExitBadUsage = 2;

enum class Command : std::uint8_t {
  Serve,
  Version,
  GenToken,
  GenConfig,
  CheckConfig,
  ConfigDoc,
};

/// A command line that was understood. Values of settings are still text: load_config judges them,
/// as it does everything else an operator writes.
struct CommandLine {
  Command command = Command::Serve;
  std::string config_path;                                   // empty: none given
  std::vector<Override> presets;                             // --dev
  std::vector<Override> overrides;                           // the other flags of serve
  std::string user;                                          // gentoken
  std::optional<core::Duration> ttl = std::chrono::days(7);  // gentoken; nothing: no expiry
  bool quiet = false;                                        // gentoken: print the token alone
};

/// Reads the arguments. What it returns as an error only has to be printed before leaving: the
/// help that was asked for (exit code 0), or what is wrong with the usage (2).
core::Result<CommandLine, CommandOutput> parse_command_line(int argc, const char* const* argv);

}  // namespace sanjay::server
