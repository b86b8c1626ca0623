// SPDX-License-Identifier: Apache-2.0
#include "core/failpoint.h"
#include "server/channel_settings.h"
#include "server/config_load.h"
#include "server/config_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sanjay::server {
namespace {

constexpr std::string_view kExpectSection = "expected a section with keys of its own";
constexpr std::array<std::string_view, 2> kVariablePrefixes{"CENTRIFUGO_VAR_", "SANJAY_VAR_"};

bool is_table(const SourceValue& value) {
  return std::holds_alternative<SourceValue::Table>(value.data);
}

bool is_centrifugo_section(std::string_view path) {
  const SourceValue* known = find_centrifugo_default(path);
  return known != nullptr && is_table(*known);
}

/// Numbers and durations that say nothing: "" for any, and 0 where it is out of range. Centrifugo
/// takes its default for these, and writes "" itself.
bool is_unset(const Setting& setting, const SourceValue& value) {
  if (value.is_null()) return true;
  Config any;
  const Target target = setting.target(any);
  const bool is_number = std::holds_alternative<std::uint16_t*>(target) ||
                         std::holds_alternative<std::uint32_t*>(target) ||
                         std::holds_alternative<core::Duration*>(target);
  if (!is_number) return false;
  if (const auto* text = std::get_if<std::string>(&value.data)) {
    return text->empty() || (setting.min > 0 && (*text == "0" || *text == "0s"));
  }
  const auto* number = std::get_if<std::int64_t>(&value.data);
  return number != nullptr && *number == 0 && setting.min > 0;
}

class FileReader {
 public:
  FileReader(const ConfigFile& file, std::span<const EnvironmentVariable> environment,
             LoadState& state)
      : file_(file), environment_(environment), state_(state) {}

  void apply_table(const std::string& prefix, SourceValue::Table& table) {
    for (auto& [key, value] : table) {
      const std::string path = prefix + key;
      if (const auto error = apply(path, value)) {
        state_.errors.push_back(
            fmt::format("{}{}: {}", place_of(file_.name, value.line), path, *error));
      }
    }
  }

 private:
  std::optional<std::string> apply(const std::string& path, SourceValue& value) {
    const Setting* setting = find_setting(path);
    if (setting != nullptr) {
      if (is_unset(*setting, value)) return std::nullopt;
      if (const auto missing = expand_variables(value, environment_)) {
        return "the environment variable " + *missing + " is not set";
      }
      if (path != kNamespacesKey) return assign(*setting, value, state_.config);
      apply_namespaces(file_.name, value, state_);
      return std::nullopt;
    }
    const bool is_section_here = is_section(path);
    const bool is_section_there = is_centrifugo_section(path);
    if (is_table(value) && (is_section_here || is_section_there)) {
      apply_table(path + ".", *std::get_if<SourceValue::Table>(&value.data));
      return std::nullopt;
    }
    if (is_section_here || is_section_there) {
      if (value.is_null()) return std::nullopt;
      return std::string(kExpectSection);
    }
    if (const CentrifugoKey* foreign = find_centrifugo_key(path)) {
      apply_foreign_key(path, path, *foreign, value, place_of(file_.name, value.line), state_);
      return std::nullopt;
    }
    if (is_table(value)) return "unknown section" + state_.suggest(path, section_names);
    return "unknown key" + state_.suggest(path, setting_names);
  }

  const ConfigFile& file_;
  const std::span<const EnvironmentVariable> environment_;
  LoadState& state_;
};

std::optional<std::string> expand_text(std::string& text,
                                       std::span<const EnvironmentVariable> environment) {
  std::string expanded;
  std::string_view rest = text;
  while (true) {
    const std::size_t begin = rest.find("${");
    const std::size_t end = begin == rest.npos ? rest.npos : rest.find('}', begin);
    if (end == rest.npos) break;
    const std::string_view name = rest.substr(begin + 2, end - begin - 2);
    const bool is_ours = std::ranges::any_of(kVariablePrefixes, [&](std::string_view prefix) {
      return name.starts_with(prefix) && name.size() > prefix.size();
    });
    if (!is_ours) {  // any other text in these brackets stays as it is
      expanded += rest.substr(0, begin + 2);
      rest.remove_prefix(begin + 2);
      continue;
    }
    const auto found = std::ranges::find(environment, name, &EnvironmentVariable::name);
    if (found == environment.end()) return std::string(name.substr(0, 64));
    expanded.append(rest.substr(0, begin)).append(found->value);
    rest.remove_prefix(end + 1);
  }
  text = expanded.append(rest);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> expand_variables(SourceValue& value,
                                            std::span<const EnvironmentVariable> environment) {
  if (auto* text = std::get_if<std::string>(&value.data)) return expand_text(*text, environment);
  if (auto* list = std::get_if<SourceValue::List>(&value.data)) {
    for (SourceValue& item : *list) {
      if (auto missing = expand_variables(item, environment)) return missing;
    }
  }
  if (auto* table = std::get_if<SourceValue::Table>(&value.data)) {
    for (SourceEntry& entry : *table) {
      if (auto missing = expand_variables(entry.value, environment)) return missing;
    }
  }
  return std::nullopt;
}

void apply_foreign_key(const std::string& name, std::string_view path, const CentrifugoKey& key,
                       const SourceValue& value, std::string_view place, LoadState& state) {
  if (key.effect == KeyEffect::None || value.is_null() || is_centrifugo_default(path, value)) {
    return;
  }
  if (key.effect == KeyEffect::Ignored || FAILPOINT("config.refuse_foreign")) {
    return state.foreign.add(name, key);
  }
  state.errors.push_back(fmt::format("{}{}: not supported by this version, and not ignored: {}",
                                     place, name, key.instead));
}

void apply_namespaces(const std::string& source, const SourceValue& value, LoadState& state) {
  NamespacesRead read = read_namespaces(value, state.config.channel.namespaces);
  for (NamespaceFault& fault : read.faults) {
    if (!fault.unknown.empty()) fault.message += state.suggest(fault.unknown, option_names);
    state.errors.push_back(
        fmt::format("{}{}: {}", place_of(source, fault.line), fault.key, fault.message));
  }
  for (const ForeignOption& option : read.foreign) {
    apply_foreign_key(option.key, option.path, *option.entry, *option.value,
                      place_of(source, option.value->line), state);
  }
}

void apply_file(const ConfigFile& file, std::span<const EnvironmentVariable> environment,
                LoadState& state) {
  const auto format = config_format_of(file.name);
  if (!format) {
    state.errors.push_back(file.name + ": " + std::string(kConfigFormats));
    return;
  }
  auto root = read_config_text(*format, file.text);
  if (!root) {
    state.errors.push_back(place_of(file.name, root.error().line) + root.error().message);
  } else if (auto* table = std::get_if<SourceValue::Table>(&root->data)) {
    FileReader(file, environment, state).apply_table("", *table);
  } else {
    state.errors.push_back(place_of(file.name, 1) + "expected an object");
  }
}

}  // namespace sanjay::server
