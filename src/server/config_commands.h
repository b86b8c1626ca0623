// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/time.h"
#include "server/command_line.h"
#include "server/config.h"

#include <span>

namespace sanjay::server {

/// genconfig: a file with new random secrets, in the format that its name asks for.
CommandOutput generate_config(const CommandLine& line);

/// checkconfig: everything that is wrong, and the whole configuration with its secrets left out.
CommandOutput check_configuration(const CommandLine& line, const Config& config,
                                  core::WallTime now);

/// defaultconfig and defaultenv: all settings with their defaults, or as the base file has them;
/// secrets too, since it is for a server to read.
CommandOutput write_default_config(const CommandLine& line, const Config& config);
CommandOutput write_default_environment(const CommandLine& line, const Config& config);

/// configdoc, which needs no configuration.
CommandOutput document_config(const CommandLine& line);

}  // namespace sanjay::server
