// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "channels/channel_options.h"
#include "channels/namespaces.h"
#include "core/result.h"
#include "core/subscription_override.h"
#include "protocol/codes.h"
#include "protocol/messages.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace sanjay::channels {

/// Who may do what, as pure functions of the configuration and the request. Everything is refused
/// that no rule allows; of several rules the first that applies decides. The chains and the codes
/// are Centrifugo's; where this is stricter, it says so.

/// The client that asks for something. Views live until the call returns.
struct Asker {
  std::string_view user{};  // empty: anonymous
  bool insecure = false;    // client.insecure: what no rule refuses is allowed
  bool subscribed = false;  // to the channel in question
  bool has_token = false;   // a subscription token came with the request
};

/// The channel's options, or why the client may not use the name: 107 for a name that is too long,
/// 102 for an unknown namespace, 107 for what its regex does not match (without a regex: for bytes
/// beyond ASCII). Centrifugo looks at the length for subscribe alone; here it holds for all.
core::Result<const ChannelOptions*, protocol::Error> check_name(const Namespaces& namespaces,
                                                                std::string_view channel);

/// The first of these alone: two other checks of subscribe (105 and 106) stand behind it.
std::optional<protocol::Error> check_length(const Namespaces& namespaces, std::string_view channel);

/// The same for the server API, whose callers are trusted with any name that is not empty and not
/// too long: 107, and 102 for an unknown namespace. Centrifugo looks at no length here.
core::Result<const ChannelOptions*, protocol::Error> check_api_channel(const Namespaces& namespaces,
                                                                       std::string_view channel);

/// What lets a client subscribe.
enum class SubscribeGround : std::uint8_t {
  Token,     // nothing but the token decides; it is the caller's to verify
  UserList,  // the channel's name lists the user
  Client,    // allow_subscribe_for_client
  Insecure,  // client.insecure
};

/// After check_name(): on what ground the client may subscribe, or 103.
core::Result<SubscribeGround, protocol::Error> check_subscribe(const Namespaces& namespaces,
                                                               const ChannelOptions& options,
                                                               std::string_view channel,
                                                               const Asker& asker);

/// After check_name() and check_data(): 103, or nothing.
std::optional<protocol::Error> check_publish(const ChannelOptions& options, const Asker& asker);

/// For presence and presence_stats, after check_name(): 108 without presence, 103, or nothing.
std::optional<protocol::Error> check_presence(const ChannelOptions& options, const Asker& asker);

/// After check_name(): 108 without history, 103, or nothing.
std::optional<protocol::Error> check_history(const ChannelOptions& options, const Asker& asker);

/// Whether `data` is what publications of the channel hold, else 107. `is_json`: it was validated
/// as JSON already, or is absent. JSON from elsewhere is held to the bounds of JsonOptions.
std::optional<protocol::Error> check_data(const ChannelOptions& options, std::string_view data,
                                          bool is_json);

/// Whether subscribers may ask for it.
bool allows(const ChannelOptions& options, DeltaType type);

using Override = core::SubscriptionOverride;

/// What one subscription brings.
struct Grants {
  bool presence = false;         // he is listed
  bool join_leave = false;       // his coming and going is published
  bool join_leave_push = false;  // he hears of the others'
  bool positioned = false;       // he is told of every loss; follows from recoverable
  bool recoverable = false;
  RecoveryMode recovery_mode = RecoveryMode::Stream;
  bool auto_cache_recover = false;  // recover though he did not ask: cache mode only
  bool delta = false;               // he is sent differences; never with a tags filter

  friend bool operator==(const Grants&, const Grants&) = default;
};

/// Of a server-side subscription: what options and changes force. Nothing is positioned
/// without history; Centrifugo promises it and then loses what was published meanwhile.
Grants grant(const ChannelOptions& options, const Override& changes = {});

/// Of a client's subscription: that, and what he asked for where he may have it.
Grants grant(const ChannelOptions& options, const Asker& asker,
             const protocol::SubscribeRequest& request, const Override& changes = {});

}  // namespace sanjay::channels
