// SPDX-License-Identifier: Apache-2.0
#include "server/config.h"

#include "core/assert.h"
#include "server/channel_settings.h"
#include "server/config_check.h"
#include "server/config_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <numeric>
#include <system_error>

namespace sanjay::server {
namespace {

constexpr std::size_t kErrorsMax = 20;
constexpr std::size_t kFileBytesMax = 1 << 20;
constexpr std::string_view kVariablePrefix = "SANJAY_";
constexpr std::string_view kWithoutNamespace = "channel.without_namespace.";

/// Levenshtein distance, or `limit` if it is not below that.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) >= limit) return limit;
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    std::size_t least = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
      least = std::min(least, row[j + 1]);
    }
    if (least >= limit) return limit;
  }
  return row[b.size()];
}

/// `; did you mean "…"?` with the known name nearest to `given`, or nothing if none is near.
std::string suggestion(std::string_view given, const std::vector<std::string>& known) {
  if (given.size() > 128) return "";
  std::size_t nearest_distance = std::clamp<std::size_t>(given.size() / 4, 2, 4) + 1;
  const std::string* nearest = nullptr;
  for (const std::string& name : known) {
    // A right name in no section or the wrong one is the other way keys get lost.
    const bool same_name = name.ends_with("." + std::string(given.substr(given.rfind('.') + 1)));
    const std::size_t distance = same_name ? 2 : edit_distance(given, name, nearest_distance);
    if (distance >= nearest_distance) continue;
    nearest_distance = distance;
    nearest = &name;
  }
  return nearest == nullptr ? "" : fmt::format("; did you mean \"{}\"?", *nearest);
}

/// Kubernetes gives every container variables about the services around it, named after them: a
/// service called "sanjay" makes SANJAY_SERVICE_HOST, SANJAY_PORT=tcp://… and more. Not ours.
bool is_kubernetes_service_link(const EnvironmentVariable& variable) {
  const std::string_view name = variable.name;
  const std::size_t port = name.find("_PORT_");
  return name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != name.npos ||
         (name.ends_with("_PORT") && variable.value.find("://") != name.npos) ||
         (port != name.npos && name.find_first_of("0123456789", port) == port + 6);
}

class ConfigLoader {
 public:
  core::Result<Config> load(const ConfigSources& sources) {
    apply_overrides(sources.presets);
    if (sources.file != nullptr) apply_file(*sources.file);
    for (const EnvironmentVariable& variable : sources.environment) apply_variable(variable);
    apply_overrides(sources.overrides);
    if (errors_.empty()) errors_ = check_config(config_);
    if (errors_.empty()) return std::move(config_);

    const std::size_t shown = std::min(errors_.size(), kErrorsMax);
    std::string message = fmt::format(
        "{}", fmt::join(errors_.begin(), errors_.begin() + std::ptrdiff_t(shown), "\n"));
    if (shown < errors_.size()) message += fmt::format("\nand {} more", errors_.size() - shown);
    return core::failure(std::move(message));
  }

 private:
  void apply_overrides(const std::vector<Override>& overrides) {
    for (const Override& given : overrides) {
      const Setting* setting = find_setting(given.path);
      ASSERT(setting != nullptr);
      if (auto error = assign_text(*setting, given.value, config_)) {
        errors_.push_back(fmt::format("{}: {}", given.flag, *error));
      }
    }
  }

  void apply_file(const ConfigFile& file) {
    const auto root = file.name.ends_with(".json") ? read_json(file.text) : read_toml(file.text);
    if (!root) {
      errors_.push_back(place(file.name, root.error().line) + root.error().message);
    } else if (const auto* table = std::get_if<SourceValue::Table>(&root->data)) {
      apply_table(file.name, "", *table);
    } else {
      errors_.push_back(place(file.name, 1) + "expected an object");
    }
  }

  void apply_table(const std::string& file, const std::string& prefix,
                   const SourceValue::Table& table) {
    for (const auto& [key, value] : table) {
      const std::string path = prefix + key;
      std::optional<std::string> error;
      if (path == kNamespacesKey) {
        apply_namespaces(file, value);
      } else if (const Setting* setting = find_setting(path)) {
        error = assign(*setting, value, config_);
      } else if (is_unsupported(path)) {
        error = kUnsupported;
      } else if (const auto* section = std::get_if<SourceValue::Table>(&value.data)) {
        if (is_section(path)) {
          apply_table(file, path + ".", *section);
        } else {
          error = "unknown section" + suggest(path, section_names);
        }
      } else if (is_section(path)) {
        error = "expected a section with keys of its own";
      } else {
        error = "unknown key" + suggest(path, key_names);
      }
      if (error) errors_.push_back(fmt::format("{}{}: {}", place(file, value.line), path, *error));
    }
  }

  /// Where `source` is a file's name or a variable's.
  void apply_namespaces(const std::string& source, const SourceValue& value) {
    for (NamespaceFault& fault : read_namespaces(value, config_.channel.namespaces)) {
      if (!fault.unknown.empty()) fault.message += suggest(fault.unknown, option_names);
      errors_.push_back(
          fmt::format("{}{}: {}", place(source, fault.line), fault.key, fault.message));
    }
  }

  /// A list of tables does not fit into a variable but as JSON, whose lines then count.
  void apply_namespaces_variable(const EnvironmentVariable& variable) {
    const std::string name(variable.name);
    if (variable.value.empty()) return config_.channel.namespaces.clear();
    const auto list = read_json(variable.value);
    if (list) return apply_namespaces(name, *list);
    errors_.push_back(place(name, list.error().line) + list.error().message);
  }

  void apply_variable(const EnvironmentVariable& variable) {
    if (!variable.name.starts_with(kVariablePrefix)) return;
    if (variable.name == environment_name(kNamespacesKey)) {
      return apply_namespaces_variable(variable);
    }
    const auto all = settings();
    const auto setting = std::ranges::find_if(all, [&](const Setting& candidate) {
      return environment_name(candidate.path) == variable.name;
    });
    std::optional<std::string> error;
    if (setting != all.end()) {
      error = assign_text(*setting, variable.value, config_);
    } else if (is_unsupported_variable(variable.name)) {
      error = kUnsupported;
    } else if (!is_kubernetes_service_link(variable)) {
      error = "unknown environment variable" + suggest(variable.name, variable_names);
    }
    if (error) errors_.push_back(fmt::format("{}: {}", variable.name, *error));
  }

  /// What may have been meant, for those errors that will be shown: the search is not cheap.
  template <class Name>
  std::string suggest(const Name& name, std::vector<std::string> (*candidates)()) const {
    return errors_.size() < kErrorsMax ? suggestion(name, candidates()) : std::string();
  }

  /// "config.toml:12: ".
  static std::string place(const std::string& file, unsigned line) {
    return line == 0 ? file + ": " : fmt::format("{}:{}: ", file, line);
  }

  static bool is_unsupported(std::string_view path) {
    return path.starts_with(kWithoutNamespace) &&
           is_unsupported_option(path.substr(kWithoutNamespace.size()));
  }

  static bool is_unsupported_variable(std::string_view name) {
    const std::string prefix = environment_name(kWithoutNamespace);
    if (!name.starts_with(prefix)) return false;
    std::string option(name.substr(prefix.size()));
    for (char& c : option) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return is_unsupported_option(option);
  }

  static std::vector<std::string> option_names() {
    std::vector<std::string> names{"name"};
    for (const ChannelSetting& setting : kChannelSettings) names.emplace_back(setting.name);
    return names;
  }

  static std::vector<std::string> key_names() {
    std::vector<std::string> names;
    for (const Setting& setting : settings()) names.emplace_back(setting.path);
    return names;
  }

  static std::vector<std::string> section_names() {
    std::vector<std::string> names;
    for (const Setting& setting : settings()) {
      names.emplace_back(setting.path.substr(0, setting.path.rfind('.')));
    }
    return names;
  }

  static std::vector<std::string> variable_names() {
    std::vector<std::string> names;
    for (const Setting& setting : settings()) names.push_back(environment_name(setting.path));
    return names;
  }

  Config config_;
  std::vector<std::string> errors_;
};

}  // namespace

core::Result<Config> load_config(const ConfigSources& sources) {
  return ConfigLoader().load(sources);
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
