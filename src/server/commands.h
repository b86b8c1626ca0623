// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/time.h"
#include "server/command_line.h"
#include "server/config.h"

#include <span>

namespace sanjay::server {

/// The configuration a command line asks for: its file, which is read here, the environment, its
/// flags.
core::Result<Config> config_for(const CommandLine& line,
                                std::span<const EnvironmentVariable> environment);

/// Runs any command but Serve: computes what it prints.
CommandOutput run_command(const CommandLine& line, std::span<const EnvironmentVariable> environment,
                          core::WallTime now);

}  // namespace sanjay::server
