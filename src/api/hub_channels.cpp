// SPDX-License-Identifier: Apache-2.0
#include "api/hub_channels.h"

#include "channels/permissions.h"

namespace sanjay::api {

std::optional<ChannelSettings> HubChannels::find(std::string_view channel) const {
  const channels::ChannelOptions* options = namespaces_->find(channel);
  if (options == nullptr) return std::nullopt;
  const channels::HistorySettings& history = options->history;
  return ChannelSettings{{history.size, history.ttl, history.meta_ttl},
                         options->presence,
                         options->publication_data_format,
                         options->delta_publish};
}

std::optional<protocol::Error> HubChannels::check_data(channels::DataFormat format,
                                                       std::string_view data, bool is_json) const {
  channels::ChannelOptions options;
  options.publication_data_format = format;
  return channels::check_data(options, data, is_json);
}

std::optional<hub::Answer> HubChannels::publish(std::string_view channel,
                                                const hub::Publication& publication,
                                                const hub::PublishOptions& options,
                                                const hub::ReplyTo& reply_to) {
  return hub_.publish(channel, publication, options, reply_to);
}

std::optional<hub::Answer> HubChannels::history(std::string_view channel,
                                                const hub::HistoryQuery& query,
                                                const hub::ReplyTo& reply_to) {
  return hub_.history(channel, query, reply_to);
}

std::optional<hub::Answer> HubChannels::remove_history(std::string_view channel,
                                                       const hub::ReplyTo& reply_to) {
  return hub_.remove_history(channel, reply_to);
}

std::optional<hub::Answer> HubChannels::presence(std::string_view channel,
                                                 const hub::ReplyTo& reply_to) {
  return hub_.presence(channel, reply_to);
}

std::optional<hub::Answer> HubChannels::presence_stats(std::string_view channel,
                                                       const hub::ReplyTo& reply_to) {
  return hub_.presence_stats(channel, reply_to);
}

}  // namespace sanjay::api
