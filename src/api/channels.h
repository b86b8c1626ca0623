// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "channels/channel_options.h"
#include "hub/answers.h"
#include "hub/publication.h"
#include "protocol/codes.h"

#include <optional>
#include <string_view>

namespace sanjay::api {

/// What the server API goes by of a channel's rules.
struct ChannelSettings {
  hub::HistorySettings history{};
  bool presence = false;
  channels::DataFormat data_format = channels::DataFormat::NotEmpty;
  bool delta_publish = false;
};

/// All channels of the node, with their rules, as the server API of one shard sees them.
///
/// The calls give their answer at once, or nothing: it then comes to the API of this shard, once
/// and with the same ReplyTo, unless the connection has gone by then. One shard's thread.
class Channels {
 public:
  virtual ~Channels() = default;

  /// Nothing: the channel's namespace does not exist.
  virtual std::optional<ChannelSettings> find(std::string_view channel) const = 0;
  /// Why data is not of that format, or nothing. May have to look at all of it.
  virtual std::optional<protocol::Error> check_data(channels::DataFormat format,
                                                    std::string_view data, bool is_json) const = 0;

  /// Published, Busy or Failure.
  virtual std::optional<hub::Answer> publish(std::string_view channel,
                                             const hub::Publication& publication,
                                             const hub::PublishOptions& options,
                                             const hub::ReplyTo& reply_to) = 0;
  /// History, Busy or Failure.
  virtual std::optional<hub::Answer> history(std::string_view channel,
                                             const hub::HistoryQuery& query,
                                             const hub::ReplyTo& reply_to) = 0;
  /// Done, Busy or Failure.
  virtual std::optional<hub::Answer> remove_history(std::string_view channel,
                                                    const hub::ReplyTo& reply_to) = 0;
  /// Presence, Busy or Failure.
  virtual std::optional<hub::Answer> presence(std::string_view channel,
                                              const hub::ReplyTo& reply_to) = 0;
  /// PresenceStats, Busy or Failure.
  virtual std::optional<hub::Answer> presence_stats(std::string_view channel,
                                                    const hub::ReplyTo& reply_to) = 0;
};

}  // namespace sanjay::api
