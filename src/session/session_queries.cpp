// SPDX-License-Identifier: Apache-2.0

// The part of Session that asks about channels: presence and history.

#include "session/pending.h"
#include "session/session.h"

#include <algorithm>

namespace sanjay::session {

// Asked after what was published before: the home shard then answers with it.
Session::Step Session::ask(std::uint32_t id, const std::optional<hub::Answer>& answer) {
  if (answer) {
    on_query_answer(id, *answer);
  } else {
    query_id_ = id;
    wait_ = Wait::Query;
  }
  return Step::Done;
}

Session::Step Session::presence(std::uint32_t id, std::string_view channel, bool only_stats) {
  if (channel.empty()) {
    end(protocol::kDisconnectBadRequest);
    return Step::Done;
  }
  if (publishes_in_flight_ > 0) {
    wait_ = Wait::Publishes;
    return Step::Again;
  }
  const auto options = channels::check_name(namespaces(), channel);
  const auto error = options ? channels::check_presence(**options, asker(channel))
                             : std::optional(options.error());
  if (error) {
    reply_error(id, *error);
    return Step::Done;
  }
  const hub::ReplyTo reply_to{connection_, id};
  return ask(id, only_stats ? context_.hub.presence_stats(channel, reply_to)
                            : context_.hub.presence(channel, reply_to));
}

Session::Step Session::history(std::uint32_t id, const protocol::HistoryRequest& request) {
  if (request.channel.empty()) {
    end(protocol::kDisconnectBadRequest);
    return Step::Done;
  }
  if (publishes_in_flight_ > 0) {
    wait_ = Wait::Publishes;
    return Step::Again;
  }
  const auto options = channels::check_name(namespaces(), request.channel);
  auto error = options ? channels::check_history(**options, asker(request.channel))
                       : std::optional(options.error());
  if (!error && request.reverse && request.has_since && request.since_offset == 0) {
    error = protocol::kErrorBadRequest;
  }
  if (error) {
    reply_error(id, *error);
    return Step::Done;
  }
  const auto most = static_cast<std::int32_t>(context_.options->history_publications_max);
  hub::HistoryQuery query;
  query.limit = request.limit < 0 ? most : std::min(request.limit, most);
  query.has_since = request.has_since;
  if (request.has_since) query.since = {request.since_offset, std::string(request.since_epoch)};
  query.reverse = request.reverse;
  query.meta_ttl = (*options)->history.meta_ttl;
  return ask(id, context_.hub.history(request.channel, query, {connection_, id}));
}

void Session::on_query_answer(std::uint32_t id, const hub::Answer& answer) {
  if (const auto* history = std::get_if<hub::History>(&answer)) {
    reply_history(id, *history);
  } else if (const auto* presence = std::get_if<hub::Presence>(&answer)) {
    reply_presence(id, *presence);
  } else if (const auto* stats = std::get_if<hub::PresenceStats>(&answer)) {
    reply([&](std::string& out) {
      encoding().presence_stats(out, id, {stats->clients, stats->users});
    });
  } else if (std::holds_alternative<hub::Busy>(answer)) {
    reply_error(id, protocol::kErrorTooManyRequests);
  } else {
    reply_error(id, protocol::kErrorInternal);
  }
}

void Session::reply_history(std::uint32_t id, const hub::History& history) {
  if (!history.epoch_matches) return reply_error(id, protocol::kErrorUnrecoverablePosition);
  PublicationList publications;
  if (!publications.add(history.publications, {encoding().carries_binary})) {
    return end(protocol::kDisconnectInappropriateProtocol);
  }
  reply([&](std::string& out) {
    encoding().history(out, id, {publications.view(), history.top.epoch, history.top.offset});
  });
}

void Session::reply_presence(std::uint32_t id, const hub::Presence& presence) {
  std::vector<protocol::ClientInfo> clients;
  clients.reserve(presence.clients.size());
  for (const hub::OwnedClientInfo& client : presence.clients) {
    clients.push_back(to_reply(client.view()));
  }
  reply([&](std::string& out) { encoding().presence(out, id, {clients}); });
}

}  // namespace sanjay::session
