// SPDX-License-Identifier: Apache-2.0
#include "api/commands.h"
#include "core/failpoint.h"

#include <algorithm>
#include <string>
#include <utility>

// The commands about channels. Their rules are Centrifugo's; where it has none, ours are bounds.
namespace sanjay::api {
namespace {

using protocol::Error;

bool is_within_bounds(const std::vector<protocol::ApiTag>& tags) {
  using Limits = CommandLimits;
  return tags.size() <= Limits::kTagsMax && std::ranges::all_of(tags, [](const auto& tag) {
           return tag.key.size() <= Limits::kTagKeyBytesMax &&
                  tag.value.size() <= Limits::kTagValueBytesMax;
         });
}

bool is_within_bounds(const protocol::ApiPublication& publication) {
  using Limits = CommandLimits;
  if (FAILPOINT("api.publication")) return true;
  return is_within_bounds(publication.tags) &&
         publication.idempotency_key.size() <= Limits::kIdempotencyKeyBytesMax &&
         publication.version_epoch.size() <= Limits::kVersionEpochBytesMax;
}

std::vector<hub::Tag> views_of(const std::vector<protocol::ApiTag>& tags) {
  std::vector<hub::Tag> views;
  views.reserve(tags.size());
  for (const protocol::ApiTag& tag : tags) views.push_back({tag.key, tag.value});
  return views;
}

}  // namespace

core::Result<ChannelSettings, Error> Commands::find(std::string_view channel) const {
  if (channel.empty() || channel.size() > limits_.channel_bytes_max) {
    return std::unexpected(protocol::kErrorBadRequest);
  }
  const auto settings = channels_.find(channel);
  if (!settings) return std::unexpected(protocol::kErrorUnknownChannel);
  return *settings;
}

std::optional<Error> Commands::check_data(Command& command, const ChannelSettings& settings,
                                          const protocol::ApiPayload& data) const {
  auto& checked = command.data_checks.at(static_cast<std::size_t>(settings.data_format));
  if (!checked) checked = channels_.check_data(settings.data_format, data.bytes, data.is_json);
  return *checked;
}

void Commands::publish(Call& call, const Place& place, std::string_view channel,
                       const protocol::ApiPublication& publication) {
  Command& command = call.commands[place.command];
  const auto settings = find(channel);
  if (!settings) return settle(call, place, std::unexpected(settings.error()));
  if (const auto error = check_data(command, *settings, publication.data)) {
    return settle(call, place, std::unexpected(*error));
  }
  hub::Publication published;
  published.data = publication.data.bytes;
  published.data_is_json = publication.data.is_json;
  published.received = call.received;
  published.tags = command.tags;
  published.delta = publication.delta || settings->delta_publish;
  hub::PublishOptions options;
  if (!publication.skip_history) options.history = settings->history;
  options.idempotency_key = publication.idempotency_key;
  options.version = publication.version;
  options.version_epoch = publication.version_epoch;
  const hub::ReplyTo reply_to = next_reply_to(call);
  auto answer = channels_.publish(channel, published, options, reply_to);
  if (!answer) return await(call, place, reply_to);
  settle(call, place, reply_of(*std::move(answer)));
}

Commands::Progress Commands::run(Call& call, const Place& place,
                                 const protocol::ApiPublishRequest& request) {
  const protocol::ApiPublication& publication = request.publication;
  if (publication.data.malformed || !is_within_bounds(publication)) {
    return refuse(call, place, protocol::kErrorBadRequest);
  }
  call.commands[place.command].tags = views_of(publication.tags);
  publish(call, place, request.channel, publication);
  return Progress::Begun;
}

Commands::Progress Commands::run(Call& call, const Place& place,
                                 const protocol::ApiBroadcastRequest& request) {
  Command& command = call.commands[place.command];
  const protocol::ApiPublication& publication = request.publication;
  if (command.next_target == 0) {
    if (publication.data.malformed || !is_within_bounds(publication) || request.channels.empty()) {
      return refuse(call, place, protocol::kErrorBadRequest);
    }
    command.tags = views_of(publication.tags);
    BroadcastResult result;
    result.responses.resize(request.channels.size());
    decide(call, place, std::move(result));
  }
  Place target = place;
  for (std::size_t& next = command.next_target; next < request.channels.size(); ++next) {
    if (call.pending() >= kWindow && !FAILPOINT("api.window")) return Progress::Waiting;
    target.target = static_cast<std::uint32_t>(next);
    publish(call, target, request.channels[next], publication);
  }
  return Progress::Begun;
}

template <class Ask>
Commands::Progress Commands::ask_of(Call& call, const Place& place, std::string_view channel,
                                    Ask&& ask) {
  const auto settings = find(channel);
  if (!settings) return refuse(call, place, settings.error());
  const hub::ReplyTo reply_to = next_reply_to(call);
  core::Result<std::optional<hub::Answer>, Error> asked = ask(*settings, reply_to);
  if (!asked) return refuse(call, place, asked.error());
  if (*asked) return decide(call, place, reply_of(**std::move(asked)));
  await(call, place, reply_to);
  return Progress::Begun;
}

namespace {

using Asked = core::Result<std::optional<hub::Answer>, Error>;

Asked not_available() { return std::unexpected(protocol::kErrorNotAvailable); }

}  // namespace

Commands::Progress Commands::run(Call& call, const Place& place,
                                 const protocol::ApiHistoryRequest& request) {
  return ask_of(call, place, request.channel,
                [&](const ChannelSettings& settings, const hub::ReplyTo& reply_to) -> Asked {
                  if (!settings.history.enabled()) return not_available();
                  hub::HistoryQuery query;
                  query.limit = request.limit;
                  query.has_since = request.since.has_value();
                  if (request.since) query.since = {request.since->offset, request.since->epoch};
                  query.reverse = request.reverse;
                  query.meta_ttl = settings.history.meta_ttl;
                  // Before the first publication there is nothing.
                  const bool before_first = query.has_since && query.since.offset == 0;
                  if (query.limit < hub::HistoryQuery::kAll || (query.reverse && before_first)) {
                    return std::unexpected(protocol::kErrorBadRequest);
                  }
                  return channels_.history(request.channel, query, reply_to);
                });
}

Commands::Progress Commands::run(Call& call, const Place& place,
                                 const protocol::ApiHistoryRemoveRequest& request) {
  return ask_of(call, place, request.channel,
                [&](const ChannelSettings& settings, const hub::ReplyTo& reply_to) -> Asked {
                  if (!settings.history.enabled()) return not_available();
                  return channels_.remove_history(request.channel, reply_to);
                });
}

Commands::Progress Commands::run(Call& call, const Place& place,
                                 const protocol::ApiPresenceRequest& request) {
  return ask_of(call, place, request.channel,
                [&](const ChannelSettings& settings, const hub::ReplyTo& reply_to) -> Asked {
                  if (!settings.presence) return not_available();
                  return channels_.presence(request.channel, reply_to);
                });
}

Commands::Progress Commands::run(Call& call, const Place& place,
                                 const protocol::ApiPresenceStatsRequest& request) {
  return ask_of(call, place, request.channel,
                [&](const ChannelSettings& settings, const hub::ReplyTo& reply_to) -> Asked {
                  if (!settings.presence) return not_available();
                  return channels_.presence_stats(request.channel, reply_to);
                });
}

}  // namespace sanjay::api
