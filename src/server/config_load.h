// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/config.h"
#include "server/config_source.h"
#include "server/foreign_keys.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::server {

inline constexpr std::size_t kConfigErrorsMax = 20;  // shown

/// What the sources have made so far, the weakest first. config.cpp's own, for load_config().
struct LoadState {
  Config config;
  std::vector<std::string> errors;
  ForeignKeys foreign;

  /// What may have been meant, for those errors that will be shown: the search is not cheap.
  std::string suggest(std::string_view name, std::vector<std::string> (*candidates)()) const;
};

/// The names there are, for suggest().
std::vector<std::string> setting_names();
std::vector<std::string> section_names();
std::vector<std::string> option_names();
std::vector<std::string> variable_names();

/// "config.toml:12: ".
std::string place_of(const std::string& source, unsigned line);

/// Sets what the file says. Its strings may name variables of the environment (expand_variables).
void apply_file(const ConfigFile& file, std::span<const EnvironmentVariable> environment,
                LoadState& state);

/// Sets what the variables say: first those called CENTRIFUGO_…, then those called SANJAY_….
void apply_environment(std::span<const EnvironmentVariable> environment, LoadState& state);

/// Reads the list of namespaces. `source` is a file's name or a variable's.
void apply_namespaces(const std::string& source, const SourceValue& value, LoadState& state);

/// Notes that a key of Centrifugo was set that is none of ours. `path` is its name in Centrifugo,
/// options of namespaces as channel.without_namespace.…; `name` what the operator wrote.
void apply_foreign_key(const std::string& name, std::string_view path, const CentrifugoKey& key,
                       const SourceValue& value, std::string_view place, LoadState& state);

/// Replaces ${CENTRIFUGO_VAR_X} and ${SANJAY_VAR_X} by the variables' values, in every string of
/// the value, once: what comes in is not looked at again. Returns the name of one that is not set.
std::optional<std::string> expand_variables(SourceValue& value,
                                            std::span<const EnvironmentVariable> environment);

}  // namespace sanjay::server
