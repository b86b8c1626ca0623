// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/codes.h"

#include <cstddef>
#include <optional>
#include <string_view>

namespace sanjay::session {

/// What clients may do with channels, deny by default. Namespaces are not offered yet: a channel
/// with the boundary ':' is unknown.
struct ChannelRules {
  std::size_t name_bytes_max = 255;
  bool insecure = false;  // everything is allowed to everybody
  bool allow_subscribe_for_client = false;
  bool allow_subscribe_for_anonymous = false;
  bool allow_publish_for_client = false;
  bool allow_publish_for_subscriber = false;
  bool allow_publish_for_anonymous = false;
};

/// Why a client may not use the channel's name at all, or nothing.
std::optional<protocol::Error> check_channel_name(const ChannelRules& rules,
                                                  std::string_view channel);
/// Why this user (empty: anonymous) may not subscribe, or nothing. `has_token`: a subscription
/// token came with the request; none is valid yet.
std::optional<protocol::Error> check_subscribe(const ChannelRules& rules, std::string_view channel,
                                               std::string_view user, bool has_token);
std::optional<protocol::Error> check_publish(const ChannelRules& rules, std::string_view user,
                                             bool subscribed);

}  // namespace sanjay::session
