// SPDX-License-Identifier: Apache-2.0
#include "server/channel_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace sanjay::server {
namespace {

/// Reads one table into `target`; what is wrong with it is added to `read`, its key behind `key`.
void read_namespace(const std::string& key, const SourceValue& value, channels::Namespace& target,
                    NamespacesRead& read) {
  std::vector<NamespaceFault>& faults = read.faults;
  const auto* table = std::get_if<SourceValue::Table>(&value.data);
  if (table == nullptr) {
    faults.push_back({key, value.line, "expected a table with a name and options"});
    return;
  }
  bool has_name = false;
  for (const auto& [option, given] : *table) {
    const auto fail = [&](std::string message, std::string_view unknown = {}) {
      faults.push_back({key + "." + option, given.line, std::move(message), unknown});
    };
    if (option == "name") {
      const auto* name = std::get_if<std::string>(&given.data);
      if (name == nullptr) fail("expected a string");
      has_name = true;
      if (name != nullptr) target.name = *name;
      continue;
    }
    const std::string path = std::string(kWithoutNamespace) + option;
    const auto* setting = std::ranges::find(kChannelSettings, option, &ChannelSetting::name);
    if (setting != kChannelSettings.end()) {
      if (given.is_null()) continue;
      if (auto error = assign(*setting, given, target.options)) fail(*std::move(error));
    } else if (const CentrifugoKey* entry = find_centrifugo_key(path)) {
      read.foreign.push_back({key + "." + option, path, entry, &given});
    } else {
      fail("unknown key", option);
    }
  }
  if (!has_name) faults.push_back({key + ".name", value.line, "expected a name"});
}

}  // namespace

NamespacesRead read_namespaces(const SourceValue& value, std::vector<channels::Namespace>& target) {
  const auto* list = std::get_if<SourceValue::List>(&value.data);
  NamespacesRead read;
  if (list == nullptr) {
    read.faults.push_back({std::string(kNamespacesKey), value.line,
                           "expected a list of tables, each with a name and options"});
    return read;
  }
  std::vector<channels::Namespace> namespaces(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    read_namespace(fmt::format("{}[{}]", kNamespacesKey, i), (*list)[i], namespaces[i], read);
  }
  if (read.faults.empty()) target = std::move(namespaces);
  return read;
}

std::string commented(std::string_view lines) {
  std::string text;
  for (; !lines.empty(); lines.remove_prefix(lines.find('\n') + 1)) {
    text.append("# ").append(lines.substr(0, lines.find('\n') + 1));
  }
  return text;
}

}  // namespace sanjay::server
