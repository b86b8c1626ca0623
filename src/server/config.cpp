// SPDX-License-Identifier: Apache-2.0
#include "server/config.h"

#include "core/assert.h"
#include "server/channel_settings.h"
#include "server/config_check.h"
#include "server/config_load.h"
#include "server/config_schema.h"
#include "server/config_suggestion.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace sanjay::server {
namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

void apply_overrides(const std::vector<Override>& overrides, LoadState& state) {
  for (const Override& given : overrides) {
    const auto complain = [&](const std::string& error) {
      state.errors.push_back(fmt::format("{}: {}", given.flag, error));
    };
    if (const Setting* setting = find_setting(given.path)) {
      if (auto error = assign_text(*setting, given.value, state.config)) complain(*error);
      continue;
    }
    const CentrifugoKey* foreign = find_centrifugo_key(given.path);
    ASSERT(foreign != nullptr);
    apply_foreign_key(std::string(given.flag), given.path, *foreign, {given.value, 0}, "", state);
  }
}

std::string message_of(const std::vector<std::string>& errors) {
  const std::size_t shown = std::min(errors.size(), kConfigErrorsMax);
  std::string message =
      fmt::format("{}", fmt::join(errors.begin(), errors.begin() + std::ptrdiff_t(shown), "\n"));
  if (shown < errors.size()) message += fmt::format("\nand {} more", errors.size() - shown);
  return message;
}

}  // namespace

std::string LoadState::suggest(std::string_view name,
                               std::vector<std::string> (*candidates)()) const {
  return errors.size() < kConfigErrorsMax ? suggestion(name, candidates()) : std::string();
}

std::vector<std::string> setting_names() {
  std::vector<std::string> names;
  for (const Setting& setting : settings()) names.emplace_back(setting.path);
  return names;
}

std::vector<std::string> section_names() {
  std::vector<std::string> names;
  for (const Setting& setting : settings()) {
    names.emplace_back(setting.path.substr(0, setting.path.rfind('.')));
  }
  return names;
}

std::vector<std::string> option_names() {
  std::vector<std::string> names{"name"};
  for (const ChannelSetting& setting : kChannelSettings) names.emplace_back(setting.name);
  return names;
}

std::vector<std::string> variable_names() {
  std::vector<std::string> names;
  for (const Setting& setting : settings()) names.push_back(environment_name(setting.path));
  return names;
}

std::string place_of(const std::string& source, unsigned line) {
  return line == 0 ? source + ": " : fmt::format("{}:{}: ", source, line);
}

core::Result<Config> load_config(const ConfigSources& sources) {
  LoadState state;
  apply_overrides(sources.presets, state);
  if (sources.file != nullptr) apply_file(*sources.file, sources.environment, state);
  apply_environment(sources.environment, state);
  apply_overrides(sources.overrides, state);
  if (std::string foreign = state.foreign.to_string(); !foreign.empty()) {
    (sources.strict ? state.errors : state.config.warnings).push_back(std::move(foreign));
  }
  if (state.errors.empty()) state.errors = check_config(state.config);
  if (!state.errors.empty()) return core::failure(message_of(state.errors));
  return std::move(state.config);
}

core::Result<ConfigFile> read_config_file(const std::string& path) {
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rb"), close);
  const auto failed = [&](const std::string& why) { return core::failure(path + ": " + why); };
  if (!file) return failed(std::generic_category().message(errno));
  ConfigFile result{path, std::string(kFileBytesMax + 1, '\0')};
  result.text.resize(std::fread(result.text.data(), 1, result.text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return failed(std::generic_category().message(errno));
  if (result.text.size() > kFileBytesMax) return failed("larger than 1 MiB");
  return result;
}

}  // namespace sanjay::server
