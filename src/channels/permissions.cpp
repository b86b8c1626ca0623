// SPDX-License-Identifier: Apache-2.0
#include "channels/permissions.h"

#include "core/failpoint.h"
#include "protocol/json_scanner.h"

#include <re2/re2.h>

#include <algorithm>
#include <string>

namespace sanjay::channels {
namespace {

using protocol::Error;

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 128; });
}

/// Whether a rule for clients holds for this one too.
bool is_known(const Asker& asker, bool for_anonymous) {
  return !asker.user.empty() || for_anonymous || FAILPOINT("channels.anonymous");
}

/// The chain that publish, presence and history share.
bool may(const Asker& asker, bool for_client, bool for_subscriber, bool for_anonymous) {
  const bool known = is_known(asker, for_anonymous);
  if (for_client && known) return true;
  if (for_subscriber && asker.subscribed && known) return true;
  return asker.insecure;
}

bool may_read_history(const ChannelOptions& options, const Asker& asker) {
  return may(asker, options.allow_history_for_client, options.allow_history_for_subscriber,
             options.allow_history_for_anonymous);
}

bool may_read_presence(const ChannelOptions& options, const Asker& asker) {
  return may(asker, options.allow_presence_for_client, options.allow_presence_for_subscriber,
             options.allow_presence_for_anonymous);
}

bool is_valid_json(std::string_view data) {
  std::string scratch;
  protocol::JsonScanner scanner(data, {}, scratch);
  scanner.skip_value();
  scanner.expect_end();
  return !scanner.failed();
}

/// Of valid JSON.
bool is_object(std::string_view json) {
  const std::size_t at = json.find_first_not_of(" \t\r\n");
  return at != json.npos && json[at] == '{';
}

}  // namespace

std::optional<Error> check_length(const Namespaces& namespaces, std::string_view channel) {
  if (channel.size() > namespaces.name_bytes_max() && !FAILPOINT("channels.length")) {
    return protocol::kErrorBadRequest;
  }
  return std::nullopt;
}

core::Result<const ChannelOptions*, Error> check_name(const Namespaces& namespaces,
                                                      std::string_view channel) {
  if (const auto error = check_length(namespaces, channel)) return std::unexpected(*error);
  const ChannelOptions* options = namespaces.find(channel);
  if (options == nullptr) return std::unexpected(protocol::kErrorUnknownChannel);
  if (options->compiled_regex != nullptr) {
    const std::string_view rest = namespaces.split(channel).rest;
    const re2::StringPiece text(rest.data(), rest.size());
    if (!re2::RE2::PartialMatch(text, *options->compiled_regex) && !FAILPOINT("channels.regex")) {
      return std::unexpected(protocol::kErrorBadRequest);
    }
  } else if (!is_ascii(channel) && !FAILPOINT("channels.ascii")) {
    return std::unexpected(protocol::kErrorBadRequest);
  }
  return options;
}

core::Result<const ChannelOptions*, Error> check_api_channel(const Namespaces& namespaces,
                                                             std::string_view channel) {
  if (channel.empty()) return std::unexpected(protocol::kErrorBadRequest);
  if (const auto error = check_length(namespaces, channel)) return std::unexpected(*error);
  const ChannelOptions* options = namespaces.find(channel);
  if (options == nullptr) return std::unexpected(protocol::kErrorUnknownChannel);
  return options;
}

core::Result<SubscribeGround, Error> check_subscribe(const Namespaces& namespaces,
                                                     const ChannelOptions& options,
                                                     std::string_view channel, const Asker& asker) {
  if (asker.has_token) return SubscribeGround::Token;
  if (namespaces.is_private(channel) && !FAILPOINT("channels.private_prefix")) {
    return std::unexpected(protocol::kErrorPermissionDenied);
  }
  if (namespaces.is_user_limited(channel, options)) {
    if (namespaces.user_listed(channel, asker.user) || FAILPOINT("channels.user_limited")) {
      return SubscribeGround::UserList;
    }
  } else if (options.allow_subscribe_for_client &&
             is_known(asker, options.allow_subscribe_for_anonymous)) {
    return SubscribeGround::Client;
  }
  if (asker.insecure) return SubscribeGround::Insecure;
  return std::unexpected(protocol::kErrorPermissionDenied);
}

std::optional<Error> check_publish(const ChannelOptions& options, const Asker& asker) {
  if (may(asker, options.allow_publish_for_client, options.allow_publish_for_subscriber,
          options.allow_publish_for_anonymous)) {
    return std::nullopt;
  }
  return protocol::kErrorPermissionDenied;
}

std::optional<Error> check_presence(const ChannelOptions& options, const Asker& asker) {
  if (!options.presence) return protocol::kErrorNotAvailable;
  if (may_read_presence(options, asker)) return std::nullopt;
  return protocol::kErrorPermissionDenied;
}

std::optional<Error> check_history(const ChannelOptions& options, const Asker& asker) {
  if (!options.history.enabled()) return protocol::kErrorNotAvailable;
  if (may_read_history(options, asker)) return std::nullopt;
  return protocol::kErrorPermissionDenied;
}

std::optional<Error> check_data(const ChannelOptions& options, std::string_view data,
                                bool is_json) {
  const DataFormat format = options.publication_data_format;
  if (format == DataFormat::Binary) return std::nullopt;
  if (data.empty()) return protocol::kErrorBadRequest;
  if (format == DataFormat::NotEmpty) return std::nullopt;
  if (!is_json && !is_valid_json(data)) return protocol::kErrorBadRequest;
  if (format == DataFormat::JsonObject && !is_object(data)) return protocol::kErrorBadRequest;
  return std::nullopt;
}

bool allows(const ChannelOptions& options, DeltaType type) {
  return std::ranges::find(options.allowed_delta_types, type) != options.allowed_delta_types.end();
}

Grants grant(const ChannelOptions& options, const Override& changes) {
  const bool has_history = options.history.enabled() || FAILPOINT("channels.history_position");
  Grants grants;
  grants.presence = changes.presence.value_or(options.presence);
  grants.join_leave = changes.join_leave.value_or(options.join_leave);
  grants.join_leave_push = changes.force_push_join_leave.value_or(options.force_push_join_leave);
  grants.recoverable = changes.force_recovery.value_or(options.force_recovery) && has_history;
  grants.positioned =
      grants.recoverable ||
      (changes.force_positioning.value_or(options.force_positioning) && has_history);
  grants.recovery_mode = options.force_recovery_mode;
  grants.auto_cache_recover = options.auto_cache_recover && grants.recoverable &&
                              options.force_recovery_mode == RecoveryMode::Cache;
  return grants;
}

Grants grant(const ChannelOptions& options, const Asker& asker,
             const protocol::SubscribeRequest& request, const Override& changes) {
  Grants grants = grant(options, changes);
  Asker subscriber = asker;
  subscriber.subscribed = true;  // he is about to be
  if (options.history.enabled() || FAILPOINT("channels.history_position")) {
    const bool may_read = may_read_history(options, subscriber);
    if (request.recoverable && (options.allow_recovery || may_read)) grants.recoverable = true;
    if (request.positioned && (options.allow_positioning || may_read)) grants.positioned = true;
    grants.positioned = grants.positioned || grants.recoverable;
  }
  if (request.join_leave && options.join_leave && may_read_presence(options, subscriber)) {
    grants.join_leave_push = true;
  }
  grants.delta = request.delta == "fossil" && allows(options, DeltaType::Fossil) &&
                 (!request.tags_filter || FAILPOINT("channels.filter_delta"));
  return grants;
}

}  // namespace sanjay::channels
