// SPDX-License-Identifier: Apache-2.0
#include "server/channel_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

namespace sanjay::server {
namespace {

/// Options of Centrifugo 6 that are not offered.
constexpr std::array<std::string_view, 15> kUnsupportedOptions{
    "map",
    "map_clients_presence_channel_prefix",
    "map_users_presence_channel_prefix",
    "publish_proxy_enabled",
    "publish_proxy_name",
    "shared_poll",
    "sub_refresh_proxy_enabled",
    "sub_refresh_proxy_name",
    "subscribe_proxy_enabled",
    "subscribe_proxy_name",
    "subscribe_stream_bidirectional",
    "subscribe_stream_proxy_bidirectional",
    "subscribe_stream_proxy_enabled",
    "subscribe_stream_proxy_name",
    "subscription_type",
};

/// Reads one table into `target`; what is wrong with it is added to `faults`, its key behind `key`.
void read_namespace(const std::string& key, const SourceValue& value, channels::Namespace& target,
                    std::vector<NamespaceFault>& faults) {
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
    const auto* setting = std::ranges::find(kChannelSettings, option, &ChannelSetting::name);
    if (setting != kChannelSettings.end()) {
      if (auto error = assign(*setting, given, target.options)) fail(*std::move(error));
    } else if (is_unsupported_option(option)) {
      fail(std::string(kUnsupported));
    } else {
      fail("unknown key", option);
    }
  }
  if (!has_name) faults.push_back({key + ".name", value.line, "expected a name"});
}

}  // namespace

std::vector<NamespaceFault> read_namespaces(const SourceValue& value,
                                            std::vector<channels::Namespace>& target) {
  const auto* list = std::get_if<SourceValue::List>(&value.data);
  if (list == nullptr) {
    return {{std::string(kNamespacesKey), value.line,
             "expected a list of tables, each with a name and options"}};
  }
  std::vector<NamespaceFault> faults;
  std::vector<channels::Namespace> namespaces(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    read_namespace(fmt::format("{}[{}]", kNamespacesKey, i), (*list)[i], namespaces[i], faults);
  }
  if (faults.empty()) target = std::move(namespaces);
  return faults;
}

std::string commented(std::string_view lines) {
  std::string text;
  for (; !lines.empty(); lines.remove_prefix(lines.find('\n') + 1)) {
    text.append("# ").append(lines.substr(0, lines.find('\n') + 1));
  }
  return text;
}

bool is_unsupported_option(std::string_view name) {
  return std::ranges::find(kUnsupportedOptions, name) != kUnsupportedOptions.end();
}

}  // namespace sanjay::server
