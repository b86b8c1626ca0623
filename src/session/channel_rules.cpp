// SPDX-License-Identifier: Apache-2.0
#include "session/channel_rules.h"

#include <algorithm>

namespace sanjay::session {

using protocol::Error;

std::optional<Error> check_channel_name(const ChannelRules& rules, std::string_view channel) {
  if (channel.size() > rules.name_bytes_max) return protocol::kErrorBadRequest;
  const bool ascii = std::all_of(channel.begin(), channel.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 128; });
  if (!ascii) return protocol::kErrorBadRequest;
  if (channel.find(':') != std::string_view::npos) return protocol::kErrorUnknownChannel;
  return std::nullopt;
}

std::optional<Error> check_subscribe(const ChannelRules& rules, std::string_view channel,
                                     std::string_view user, bool has_token) {
  if (channel.starts_with('$') || has_token) return protocol::kErrorPermissionDenied;
  if (rules.insecure) return std::nullopt;
  const bool known = !user.empty() || rules.allow_subscribe_for_anonymous;
  if (rules.allow_subscribe_for_client && known) return std::nullopt;
  return protocol::kErrorPermissionDenied;
}

std::optional<Error> check_publish(const ChannelRules& rules, std::string_view user,
                                   bool subscribed) {
  if (rules.insecure) return std::nullopt;
  const bool known = !user.empty() || rules.allow_publish_for_anonymous;
  if (rules.allow_publish_for_client && known) return std::nullopt;
  if (rules.allow_publish_for_subscriber && subscribed && known) return std::nullopt;
  return protocol::kErrorPermissionDenied;
}

}  // namespace sanjay::session
