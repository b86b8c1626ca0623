// SPDX-License-Identifier: Apache-2.0
#include "server/setting_flags.h"

#include "server/config_schema.h"

#include <array>
#include <utility>
#include <variant>
#include <vector>

namespace sanjay::server {
namespace {

/// One letter, as with Centrifugo.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kLetters{
    {{"http_server.port", "-p,"}, {"http_server.address", "-a,"}}};

/// What Centrifugo 6 has (DefineFlags in internal/config/config.go) beyond the settings here; those
/// that need a value.
constexpr std::array<std::string_view, 8> kForeignOptions{
    "pid_file",        "engine.type",   "broker.type",   "presence_manager.type",
    "map_broker.type", "grpc_api.port", "uni_grpc.port", "log.file"};
constexpr std::array<std::string_view, 15> kForeignSwitches{
    "broker.enabled",  "presence_manager.enabled", "debug.enabled",   "admin.enabled",
    "admin.external",  "admin.insecure",           "swagger.enabled", "uni_websocket.enabled",
    "uni_sse.enabled", "uni_http_stream.enabled",  "sse.enabled",     "http_stream.enabled",
    "init.enabled",    "grpc_api.enabled",         "uni_grpc.enabled"};

SettingFlag flag_of(const Setting& setting) {
  const std::string path(setting.path);
  Config any;
  SettingFlag flag{"--" + path, "--" + path, path, "", false};
  flag.is_switch = std::holds_alternative<bool*>(setting.target(any));
  if (setting.flag.empty()) return flag;
  flag.names = std::string(setting.flag) + "," + flag.names;
  for (const auto& [key, letter] : kLetters) {
    if (key == path) flag.names.insert(0, letter);
  }
  flag.shown = setting.flag;
  flag.help = setting.help;
  return flag;
}

}  // namespace

std::span<const SettingFlag> setting_flags() {
  static const std::vector<SettingFlag> kFlags = [] {
    std::vector<SettingFlag> flags;
    for (const Setting& setting : settings()) {
      if (!setting.is_secret) flags.push_back(flag_of(setting));
    }
    const auto add_foreign = [&](std::string_view key, bool is_switch) {
      const std::string path(key);
      if (find_setting(path) == nullptr) {
        flags.push_back({"--" + path, "--" + path, path, "", is_switch});
      }
    };
    for (const std::string_view key : kForeignOptions) add_foreign(key, false);
    for (const std::string_view key : kForeignSwitches) add_foreign(key, true);
    return flags;
  }();
  return kFlags;
}

}  // namespace sanjay::server
