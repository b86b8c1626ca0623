// SPDX-License-Identifier: Apache-2.0
#include "server/channel_config.h"

#include "server/duration_text.h"
#include "server/json_text.h"

#include <fmt/format.h>

#include <chrono>
#include <string_view>
#include <utility>

namespace sanjay::server {
namespace {

using channels::ChannelOptions;

/// Calls `what(section, options)` for channels without namespace and for every namespace.
template <class What>
void for_each_options(const Config& config, What&& what) {
  what("channel.without_namespace", config.channel.without_namespace);
  for (const auto& [name, options] : config.channel.namespaces) {
    what(fmt::format("channel.namespaces[{}]", json_string(name)), options);
  }
}

bool is_whole_seconds(core::Duration duration) {
  return duration % std::chrono::seconds(1) == core::Duration::zero();
}

void check_history(const std::string& section, const ChannelOptions& options,
                   core::Duration default_meta_ttl, std::vector<std::string>& errors) {
  const auto& history = options.history;
  for (const auto& [key, ttl] :
       {std::pair("history_ttl", history.ttl), std::pair("history_meta_ttl", history.meta_ttl)}) {
    if (is_whole_seconds(ttl)) continue;
    errors.push_back(
        fmt::format("{}.{}: expected whole seconds, got {}", section, key, format_duration(ttl)));
  }
  const bool has_ttl = history.ttl > core::Duration::zero();
  if (history.size > 0 && !has_ttl) {
    errors.push_back(fmt::format("{}.history_ttl: expected more than 0s, since history_size is {}",
                                 section, history.size));
  }
  if (history.size == 0 && has_ttl) {
    errors.push_back(fmt::format("{}.history_size: expected more than 0, since history_ttl is {}",
                                 section, format_duration(history.ttl)));
  }
  const bool has_own = history.meta_ttl > core::Duration::zero();
  const core::Duration meta_ttl = has_own ? history.meta_ttl : default_meta_ttl;
  if (meta_ttl < history.ttl) {
    errors.push_back(fmt::format("{}.history_ttl: expected at most {} ({}), got {}", section,
                                 has_own ? "history_meta_ttl" : "channel.history_meta_ttl",
                                 format_duration(meta_ttl), format_duration(history.ttl)));
  }
}

void check_positions(const std::string& section, const ChannelOptions& options,
                     std::vector<std::string>& errors) {
  if (!options.history.enabled()) {
    for (const auto& [key, is_on] : {std::pair("force_positioning", options.force_positioning),
                                     std::pair("allow_positioning", options.allow_positioning),
                                     std::pair("force_recovery", options.force_recovery),
                                     std::pair("allow_recovery", options.allow_recovery)}) {
      if (!is_on) continue;
      errors.push_back(fmt::format(
          "{}.{}: expected history_size and history_ttl to be set too, got neither or one", section,
          key));
    }
  }
  if (options.auto_cache_recover &&
      (!options.force_recovery || options.force_recovery_mode != channels::RecoveryMode::Cache)) {
    errors.push_back(
        fmt::format("{}.auto_cache_recover: expected force_recovery = true and "
                    "force_recovery_mode = \"cache\" beside it",
                    section));
  }
}

void check_personal_channel(const Config& config, std::vector<std::string>& errors) {
  const channels::PersonalChannel& personal = config.channel.personal;
  if (!personal.enabled || !personal.single_connection) return;
  const std::string& wanted = personal.personal_channel_namespace;
  const ChannelOptions* options = wanted.empty() ? &config.channel.without_namespace : nullptr;
  for (const auto& [name, candidate] : config.channel.namespaces) {
    if (!wanted.empty() && name == wanted) options = &candidate;
  }
  if (options == nullptr || options->presence) return;  // that there is none is said elsewhere
  errors.push_back(fmt::format(
      "client.subscribe_to_user_personal_channel.single_connection: expected presence = true in {}",
      wanted.empty() ? "channel.without_namespace"
                     : fmt::format("channel.namespaces[{}]", json_string(wanted))));
}

}  // namespace

core::Result<channels::Namespaces> make_namespaces(const Config& config) {
  return channels::Namespaces::create(config.channel);
}

std::vector<std::string> check_channels(const Config& config) {
  std::vector<std::string> errors;
  if (!is_whole_seconds(config.channel.history_meta_ttl)) {
    errors.push_back(fmt::format("channel.history_meta_ttl: expected whole seconds, got {}",
                                 format_duration(config.channel.history_meta_ttl)));
  }
  for_each_options(config, [&](const std::string& section, const ChannelOptions& options) {
    check_history(section, options, config.channel.history_meta_ttl, errors);
    check_positions(section, options, errors);
  });
  check_personal_channel(config, errors);
  if (const auto namespaces = make_namespaces(config); !namespaces) {
    errors.push_back(namespaces.error().message);
  }
  return errors;
}

std::vector<std::string> channel_warnings(const Config& config) {
  std::vector<std::string> warnings;
  for_each_options(config, [&](const std::string& section, const ChannelOptions& options) {
    const auto alone = [&](std::string_view what, bool anonymous, bool client, bool subscriber) {
      if (!anonymous || client || subscriber) return;
      warnings.push_back(
          fmt::format("{0}.allow_{1}_for_anonymous allows nothing alone: set allow_{1}_for_client"
                      "{2} too",
                      section, what, what == "subscribe" ? "" : " or _for_subscriber"));
    };
    alone("subscribe", options.allow_subscribe_for_anonymous, options.allow_subscribe_for_client,
          false);
    alone("publish", options.allow_publish_for_anonymous, options.allow_publish_for_client,
          options.allow_publish_for_subscriber);
    alone("presence", options.allow_presence_for_anonymous, options.allow_presence_for_client,
          options.allow_presence_for_subscriber);
    alone("history", options.allow_history_for_anonymous, options.allow_history_for_client,
          options.allow_history_for_subscriber);
    if (options.allow_user_limited_channels && config.channel.user_boundary.empty()) {
      warnings.push_back(section +
                         ".allow_user_limited_channels does nothing: channel.user_boundary is "
                         "empty");
    }
  });
  if (!config.channel.namespaces.empty() && config.channel.namespace_boundary.empty()) {
    warnings.emplace_back("channel.namespaces are never used: channel.namespace_boundary is empty");
  }
  return warnings;
}

}  // namespace sanjay::server
