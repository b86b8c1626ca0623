// SPDX-License-Identifier: Apache-2.0
#include "channels/namespaces.h"

#include "core/assert.h"
#include "core/failpoint.h"
#include "protocol/json_string.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

namespace sanjay::channels {
namespace {

bool is_namespace_name(std::string_view name) {
  return name.size() >= 2 && std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

std::string quoted(std::string_view text) {
  std::string out;
  protocol::append_json_string(out, text);
  return out;
}

/// Compiles the regex of one set of options, whose name in messages is `key`.
void compile_regex(const std::string& key, ChannelOptions& options,
                   std::vector<std::string>& errors) {
  options.compiled_regex = nullptr;
  if (options.channel_regex.empty()) return;
  re2::RE2::Options how;
  how.set_log_errors(false);
  how.set_never_capture(true);
  if (!FAILPOINT("channels.regex_memory")) how.set_max_mem(kRegexMemoryMax);
  auto regex = std::make_shared<const re2::RE2>(options.channel_regex, how);
  if (regex->ok()) {
    options.compiled_regex = std::move(regex);
    return;
  }
  errors.push_back(key + ".channel_regex: expected a regular expression of RE2, got " +
                   quoted(options.channel_regex) + ": " + regex->error());
}

void inherit(const NamespacesConfig& config, ChannelOptions& options) {
  if (options.history.meta_ttl == core::Duration::zero()) {
    options.history.meta_ttl = config.history_meta_ttl;
  }
  if (options.publication_data_format == DataFormat::NotEmpty) {
    options.publication_data_format = config.publication_data_format;
  }
}

void check_boundaries(const NamespacesConfig& config, std::vector<std::string>& errors) {
  for (const auto& [key, value] : {std::pair("private_prefix", &config.private_prefix),
                                   std::pair("namespace_boundary", &config.namespace_boundary),
                                   std::pair("user_boundary", &config.user_boundary),
                                   std::pair("user_separator", &config.user_separator)}) {
    if (value->size() <= kBoundaryBytesMax) continue;
    errors.push_back("channel." + std::string(key) + ": expected at most " +
                     std::to_string(kBoundaryBytesMax) + " bytes, got " +
                     std::to_string(value->size()));
  }
}

/// Why a namespace cannot have this name, or nothing.
std::string name_fault(const NamespacesConfig& config, const std::string& name) {
  if (!is_namespace_name(name)) {
    return "expected two or more letters, digits, '-', '_' or '.', got " + quoted(name);
  }
  // The name would end at its own boundary.
  if (!config.namespace_boundary.empty() &&
      (name + config.namespace_boundary).find(config.namespace_boundary) < name.size()) {
    return "expected a name without channel.namespace_boundary (" +
           quoted(config.namespace_boundary) + "), got " + quoted(name);
  }
  // Only private channels could be in it, or those of another namespace would be.
  if (!config.private_prefix.empty() && name.starts_with(config.private_prefix)) {
    return "expected a name that does not begin with channel.private_prefix (" +
           quoted(config.private_prefix) + "), got " + quoted(name);
  }
  return "";
}

}  // namespace

Namespaces::Namespaces(NamespacesConfig config) : config_(std::move(config)) {}

core::Result<Namespaces> Namespaces::create(NamespacesConfig config) {
  std::vector<std::string> errors;
  std::vector<Namespace> described = std::exchange(config.namespaces, {});
  if (described.size() > kNamespacesMax && !FAILPOINT("channels.namespaces_max")) {
    return core::failure("channel.namespaces: expected at most " + std::to_string(kNamespacesMax) +
                         ", got " + std::to_string(described.size()));
  }
  check_boundaries(config, errors);
  inherit(config, config.without_namespace);
  compile_regex("channel.without_namespace", config.without_namespace, errors);

  Namespaces result(std::move(config));
  result.by_name_.reserve(described.size());
  for (std::size_t i = 0; i < described.size(); ++i) {
    auto& [name, options] = described[i];
    const std::string key = "channel.namespaces[" + std::to_string(i) + "]";
    if (const std::string fault = name_fault(result.config_, name); !fault.empty()) {
      errors.push_back(key + ".name: " + fault);
      continue;
    }
    inherit(result.config_, options);
    compile_regex("channel.namespaces[" + quoted(name) + "]", options, errors);
    if (!result.by_name_.emplace(name, std::move(options)).second) {
      errors.push_back(key + ".name: expected a name of its own, got " + quoted(name) +
                       " a second time");
    }
  }
  const std::string& personal = result.config_.personal.personal_channel_namespace;
  if (result.config_.personal.enabled && !personal.empty() && !result.by_name_.contains(personal)) {
    errors.push_back(
        "client.subscribe_to_user_personal_channel.personal_channel_namespace: expected the name "
        "of a namespace, got " +
        quoted(personal));
  }
  if (errors.empty()) return result;

  std::string message;
  for (const std::string& error : errors) message.append(message.empty() ? "" : "\n").append(error);
  return core::failure(std::move(message));
}

NameParts Namespaces::split(std::string_view channel) const {
  const std::string& boundary = config_.namespace_boundary;
  if (boundary.empty()) return {"", channel};
  const std::string_view trimmed = channel.substr(
      channel.starts_with(config_.private_prefix) ? config_.private_prefix.size() : 0);
  const std::size_t at = trimmed.find(boundary);
  if (at == trimmed.npos) return {"", channel};
  return {trimmed.substr(0, at), trimmed.substr(at + boundary.size())};
}

const ChannelOptions* Namespaces::find(std::string_view channel) const {
  const std::string_view ns = split(channel).ns;
  if (ns.empty()) return &config_.without_namespace;
  const auto found = by_name_.find(ns);
  if (found != by_name_.end()) return &found->second;
  return FAILPOINT("channels.unknown_namespace") ? &config_.without_namespace : nullptr;
}

bool Namespaces::is_private(std::string_view channel) const {
  return !config_.private_prefix.empty() && channel.starts_with(config_.private_prefix);
}

bool Namespaces::is_user_limited(std::string_view channel, const ChannelOptions& options) const {
  return options.allow_user_limited_channels && !config_.user_boundary.empty() &&
         channel.find(config_.user_boundary) != channel.npos;
}

bool Namespaces::user_listed(std::string_view channel, std::string_view user) const {
  if (user.empty() && !FAILPOINT("channels.anonymous_listed")) return false;
  const std::string& boundary = config_.user_boundary;
  if (boundary.empty() || channel.find(boundary) == channel.npos) return false;
  // From the left, as Centrifugo cuts: it matters for a boundary such as "##" in "a###42".
  std::string_view users = channel;
  for (std::size_t at = users.find(boundary); at != users.npos; at = users.find(boundary)) {
    users.remove_prefix(at + boundary.size());
  }
  const std::string& separator = config_.user_separator;
  if (separator.empty()) return users == user;
  for (;;) {
    const std::size_t end = users.find(separator);
    if (users.substr(0, end) == user) return true;
    if (end == users.npos) return false;
    users.remove_prefix(end + separator.size());
  }
}

std::string Namespaces::personal_channel(std::string_view user) const {
  if (!config_.personal.enabled || user.empty()) return "";
  std::string channel;
  if (!config_.personal.personal_channel_namespace.empty()) {
    channel = config_.personal.personal_channel_namespace + config_.namespace_boundary;
  }
  channel.append(config_.user_boundary).append(user);
  // An id that holds the namespace boundary may lead elsewhere.
  if (split(channel).ns != config_.personal.personal_channel_namespace) return "";
  const ChannelOptions* options = find(channel);
  ASSERT(options != nullptr);
  if (is_user_limited(channel, *options) && !user_listed(channel, user) &&
      !FAILPOINT("channels.personal_user")) {
    return "";
  }
  return channel;
}

}  // namespace sanjay::channels
