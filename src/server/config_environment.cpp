// SPDX-License-Identifier: Apache-2.0
#include "server/channel_settings.h"
#include "server/config_load.h"
#include "server/config_schema.h"

#include <fmt/format.h>

#include <algorithm>

namespace sanjay::server {
namespace {

constexpr std::string_view kOwnPrefix = "SANJAY_";
constexpr std::string_view kCentrifugoPrefix = "CENTRIFUGO_";

/// Kubernetes gives every container variables about the services around it, named after them: a
/// service called "sanjay" makes SANJAY_SERVICE_HOST, SANJAY_PORT=tcp://… and more. Not ours.
bool is_kubernetes_service_link(const EnvironmentVariable& variable) {
  const std::string_view name = variable.name;
  const std::size_t port = name.find("_PORT_");
  return name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != name.npos ||
         (name.ends_with("_PORT") && variable.value.find("://") != name.npos) ||
         (port != name.npos && name.find_first_of("0123456789", port) == port + 6);
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    c = c == '.' || c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return result;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

/// Calls `each` with the path of every key of Centrifugo.
template <class Each>
void for_each_key(const SourceValue& value, const std::string& path, const Each& each) {
  const auto* table = std::get_if<SourceValue::Table>(&value.data);
  if (table == nullptr || table->empty()) return each(path);
  for (const SourceEntry& entry : *table) {
    for_each_key(entry.value, path.empty() ? entry.key : path + "." + entry.key, each);
  }
}

/// The key of Centrifugo whose variable this is, less its prefix; lists have variables for what
/// their entries hold. Empty: there is none.
std::string centrifugo_path_of(std::string_view name) {
  std::string found;
  for_each_key(centrifugo_defaults(), "", [&](const std::string& path) {
    const std::string variable = upper(path);
    const bool is_in_list =
        std::holds_alternative<SourceValue::List>(find_centrifugo_default(path)->data) &&
        name.starts_with(variable + "_");
    if (name == variable || (is_in_list && found.empty())) found = path;
  });
  for (const CentrifugoKey& key : centrifugo_keys()) {
    if (found.empty() && key.group == KeyGroup::Pro && name == upper(key.path)) found = key.path;
  }
  return found;
}

class EnvironmentReader {
 public:
  explicit EnvironmentReader(LoadState& state) : state_(state) {}

  /// Those with one prefix; the namespaces first, since other variables change their options.
  void apply(std::span<const EnvironmentVariable> environment, std::string_view prefix) {
    const bool is_own = prefix == kOwnPrefix;
    for (const bool namespaces : {true, false}) {
      for (const EnvironmentVariable& variable : environment) {
        if (!variable.name.starts_with(prefix)) continue;
        const std::string_view name = variable.name.substr(prefix.size());
        if (name.starts_with("VAR_") || (!is_own && variable.value.empty())) continue;
        if ((name == upper(kNamespacesKey)) != namespaces) continue;
        bool is_setting = true;
        if (namespaces) {
          apply_namespaces_variable(variable);
        } else if (!apply_option(variable, name)) {
          is_setting = is_own ? apply_own(variable) : apply_centrifugo(variable, name);
        }
        if (is_setting && !is_own) aliases_.emplace_back(variable.name);
      }
    }
  }

  /// One line that names the variables that were read under Centrifugo's name.
  void add_notice() {
    if (aliases_.empty()) return;
    state_.config.notices.push_back(
        fmt::format("read as SANJAY_… of the same name: {}", fmt::join(aliases_, ", ")));
  }

 private:
  void complain(const EnvironmentVariable& variable, std::string_view error) {
    state_.errors.push_back(fmt::format("{}: {}", variable.name, error));
  }

  /// A list of tables fits into a variable as JSON, whose lines then count; or as names alone, with
  /// a space in between, whose options are variables of their own.
  void apply_namespaces_variable(const EnvironmentVariable& variable) {
    const std::string name(variable.name);
    if (variable.value.empty()) return state_.config.channel.namespaces.clear();
    constexpr std::string_view kNames =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_. ";
    if (variable.value.find_first_not_of(kNames) == variable.value.npos) {
      return apply_namespaces(name, named_namespaces(variable.value), state_);
    }
    const auto list = read_json(variable.value);
    if (list) return apply_namespaces(name, *list, state_);
    state_.errors.push_back(place_of(name, list.error().line) + list.error().message);
  }

  static SourceValue named_namespaces(std::string_view text) {
    SourceValue::List list;
    while (!text.empty()) {
      const std::string_view name = text.substr(0, text.find(' '));
      if (!name.empty()) {
        list.push_back({SourceValue::Table{{"name", {std::string(name), 0}}}, 0});
      }
      text.remove_prefix(std::min(name.size() + 1, text.size()));
    }
    return {std::move(list), 0};
  }

  /// CHANNEL_NAMESPACES_CHAT_HISTORY_SIZE: an option of the namespace "chat", if there is one.
  bool apply_option(const EnvironmentVariable& variable, std::string_view name) {
    const std::string prefix = upper(kNamespacesKey) + "_";
    if (!name.starts_with(prefix)) return false;
    name.remove_prefix(prefix.size());
    channels::Namespace* found = nullptr;
    for (channels::Namespace& candidate : state_.config.channel.namespaces) {
      if (!name.starts_with(upper(candidate.name) + "_")) continue;
      if (found == nullptr || candidate.name.size() > found->name.size()) found = &candidate;
    }
    if (found == nullptr) return false;
    const std::string option = lower(name.substr(found->name.size() + 1));
    const auto* setting = std::ranges::find(kChannelSettings, option, &ChannelSetting::name);
    if (setting != kChannelSettings.end()) {
      const auto error = assign_text(*setting, variable.value, found->options);
      if (error) complain(variable, *error);
      return true;
    }
    const std::string path = std::string(kWithoutNamespace) + option;
    const CentrifugoKey* foreign = find_centrifugo_key(path);
    if (foreign == nullptr) return false;
    apply_foreign(variable, path, *foreign);
    return true;
  }

  void apply_foreign(const EnvironmentVariable& variable, const std::string& path,
                     const CentrifugoKey& key) {
    apply_foreign_key(std::string(variable.name), path, key, {std::string(variable.value), 0}, "",
                      state_);
  }

  static const Setting* find(std::string_view own_name) {
    const auto all = settings();
    const auto found = std::ranges::find_if(
        all, [&](const Setting& setting) { return environment_name(setting.path) == own_name; });
    return found == all.end() ? nullptr : &*found;
  }

  /// These two: whether there is such a setting.
  bool apply_own(const EnvironmentVariable& variable) {
    if (const Setting* setting = find(variable.name)) {
      const auto error = assign_text(*setting, variable.value, state_.config);
      if (error) complain(variable, *error);
      return true;
    }
    const std::string path = centrifugo_path_of(variable.name.substr(kOwnPrefix.size()));
    if (const CentrifugoKey* foreign = path.empty() ? nullptr : find_centrifugo_key(path)) {
      apply_foreign(variable, path, *foreign);
    } else if (!is_kubernetes_service_link(variable)) {
      complain(variable,
               "unknown environment variable" + state_.suggest(variable.name, variable_names));
    }
    return false;
  }

  bool apply_centrifugo(const EnvironmentVariable& variable, std::string_view name) {
    if (const Setting* setting = find(std::string(kOwnPrefix) + std::string(name))) {
      const auto error = assign_text(*setting, comma_separated(*setting, variable), state_.config);
      if (error) complain(variable, *error);
      return true;
    }
    const std::string path = centrifugo_path_of(name);
    if (const CentrifugoKey* foreign = path.empty() ? nullptr : find_centrifugo_key(path)) {
      apply_foreign(variable, path, *foreign);
    } else if (!is_kubernetes_service_link(variable)) {
      state_.foreign.add_unknown_variable(std::string(variable.name));
    }
    return false;
  }

  /// Centrifugo separates what a list holds by spaces.
  std::string comma_separated(const Setting& setting, const EnvironmentVariable& variable) const {
    std::string text(variable.value);
    const Target target = setting.target(state_.config);
    if (std::holds_alternative<std::vector<std::string>*>(target) && !text.starts_with('[')) {
      std::ranges::replace(text, ' ', ',');
    }
    return text;
  }

  LoadState& state_;
  std::vector<std::string> aliases_;
};

}  // namespace

void apply_environment(std::span<const EnvironmentVariable> environment, LoadState& state) {
  EnvironmentReader reader(state);
  reader.apply(environment, kCentrifugoPrefix);
  reader.apply(environment, kOwnPrefix);
  reader.add_notice();
}

}  // namespace sanjay::server
