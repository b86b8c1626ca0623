// SPDX-License-Identifier: Apache-2.0
#include "api/http_api.h"

#include "core/failpoint.h"
#include "http/response.h"
#include "http/target.h"
#include "protocol/api_json.h"
#include "protocol/json_string.h"

#include <algorithm>
#include <utility>

namespace sanjay::api {
namespace {

using protocol::Error;

constexpr http::Header kJson{"Content-Type", "application/json"};
constexpr http::Header kText{"Content-Type", "text/plain; charset=utf-8"};
constexpr std::string_view kEmptyResult = "{\"result\":{}}";

// Close codes an application may use (RFC 6455 §7.4.2), and how long a reason may be there.
constexpr std::uint32_t kCloseCodeMin = 3000;
constexpr std::uint32_t kCloseCodeMax = 4999;
constexpr std::size_t kReasonBytesMax = 123;

// Takes the same time wherever the first difference is, so that a key cannot be guessed by parts.
bool equals_in_constant_time(std::string_view given, std::string_view expected) {
  unsigned difference = given.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size() && !expected.empty(); ++i) {
    difference |= static_cast<unsigned char>(given[i]) ^
                  static_cast<unsigned char>(expected[i % expected.size()]);
  }
  return difference == 0;
}

std::string json_response(std::string_view body, bool keep_alive) {
  return http::make_response(200, {kJson}, body, keep_alive);
}

std::string error_response(const Error& error, bool keep_alive) {
  return json_response(error_body(error), keep_alive);
}

std::string bad_body_response(std::string_view reason, bool keep_alive) {
  return http::make_response(400, {kText}, std::string(reason) + "\n", keep_alive);
}

std::string busy_response(bool keep_alive) {
  return http::make_response(429, {kText, {"Retry-After", "1"}}, "too many requests\n", keep_alive);
}

void append_member(std::string& out, std::string_view key, std::string_view value) {
  out.append("\"").append(key).append("\":");
  protocol::append_json_string(out, value);
}

void append_member(std::string& out, std::string_view key, std::uint64_t value) {
  out.append("\"").append(key).append("\":").append(std::to_string(value));
}

}  // namespace

std::optional<std::string> HttpApi::respond(const http::RequestHead& head, std::string_view body,
                                            core::ConnectionId connection, core::Instant now) {
  if (head.method != "POST") {
    return http::make_response(405, {kText, {"Allow", "POST"}}, "method not allowed\n",
                               head.keep_alive);
  }
  if (!is_authorized(head) && !FAILPOINT("api.key")) {
    stats_.unauthorized.add();
    return http::make_response(401, {}, "", head.keep_alive);
  }
  using Method = Response (HttpApi::*)(const Call&);
  constexpr std::array<Method, kMethodNames.size()> kMethods{
      &HttpApi::publish,    &HttpApi::broadcast, &HttpApi::unsubscribe,
      &HttpApi::disconnect, &HttpApi::channels,  &HttpApi::info};
  const auto* const name = std::ranges::find(kMethodNames, head.path.substr(kPrefix.size()));
  if (name == kMethodNames.end()) {
    return http::make_response(404, {kText}, "no such API method\n", head.keep_alive);
  }
  const auto method = static_cast<std::size_t>(name - kMethodNames.begin());
  stats_.calls[method].add();
  return (this->*kMethods[method])({body, connection, now, head.keep_alive});
}

// As in Centrifugo, the first of the three places that holds anything decides.
bool HttpApi::is_authorized(const http::RequestHead& head) const {
  if (options_->insecure) return true;
  if (options_->key.empty()) return false;
  if (const auto key = head.headers.find("X-API-Key")) {
    return equals_in_constant_time(*key, options_->key);
  }
  if (const auto authorization = head.headers.find("Authorization")) {
    constexpr std::string_view kScheme = "apikey ";
    return authorization->size() > kScheme.size() &&
           http::equals_ignoring_case(authorization->substr(0, kScheme.size()), kScheme) &&
           equals_in_constant_time(authorization->substr(kScheme.size()), options_->key);
  }
  const auto parameter = http::query_parameter(head.query, "api_key");
  return parameter && equals_in_constant_time(*parameter, options_->key);
}

std::optional<Error> HttpApi::check_channel(std::string_view channel) const {
  if (channel.empty() || channel.size() > options_->channel_bytes_max) {
    return protocol::kErrorBadRequest;
  }
  if (channel.find(':') != channel.npos) return protocol::kErrorUnknownChannel;
  return std::nullopt;
}

HttpApi::Response HttpApi::publish(const Call& call) {
  const auto request = protocol::decode_api_publish(call.body);
  if (!request) return bad_body_response(request.error().message, call.keep_alive);
  // Data that is not JSON could not reach any of today's subscribers, who all speak JSON.
  if (request->data.empty() || !request->data_is_json) {
    return error_response(protocol::kErrorBadRequest, call.keep_alive);
  }
  if (const auto error = check_channel(request->channel)) {
    return error_response(*error, call.keep_alive);
  }
  const auto outcome =
      hub_.publish(request->channel, {request->data, {}, call.now}, {call.connection, 0});
  if (outcome == hub::PublishOutcome::Pending) return std::nullopt;
  return on_published(call.connection, 0, outcome, call.keep_alive);
}

HttpApi::Response HttpApi::broadcast(const Call& call) {
  auto request = protocol::decode_api_broadcast(call.body);
  if (!request) return bad_body_response(request.error().message, call.keep_alive);
  protocol::ApiPublishRequest& publication = request->publication;
  if (publication.data.empty() || !publication.data_is_json || request->channels.empty()) {
    return error_response(protocol::kErrorBadRequest, call.keep_alive);
  }
  std::vector<Broadcast::Target> targets;
  targets.reserve(request->channels.size());
  for (std::string& channel : request->channels) {
    auto error = check_channel(channel);
    targets.push_back({std::move(channel), error});
  }
  Broadcast broadcast(std::move(targets), std::move(publication.data), call.connection, call.now);
  if (broadcast.advance(hub_)) return json_response(broadcast.body(), call.keep_alive);
  broadcasts_.insert_or_assign(call.connection.slot, std::move(broadcast));
  return std::nullopt;
}

HttpApi::Response HttpApi::on_published(core::ConnectionId connection, std::uint32_t request,
                                        hub::PublishOutcome outcome, bool keep_alive) {
  const auto found = broadcasts_.find(connection.slot);
  if (found == broadcasts_.end()) {
    if (outcome == hub::PublishOutcome::Accepted) return json_response(kEmptyResult, keep_alive);
    return busy_response(keep_alive);
  }
  Broadcast& broadcast = found->second;
  if (broadcast.connection() != connection) return std::nullopt;
  broadcast.on_published(request, outcome);
  if (!broadcast.advance(hub_)) return std::nullopt;
  std::string response = json_response(broadcast.body(), keep_alive);
  broadcasts_.erase(found);
  return response;
}

HttpApi::Response HttpApi::unsubscribe(const Call& call) {
  auto request = protocol::decode_api_unsubscribe(call.body);
  if (!request) return bad_body_response(request.error().message, call.keep_alive);
  if (request->clients.user.empty() && request->clients.client.empty()) {
    return error_response(protocol::kErrorBadRequest, call.keep_alive);
  }
  Clients clients{std::move(request->clients.user), std::move(request->clients.client), {}};
  return ask_shards(UnsubscribeClients{std::move(clients), std::move(request->channel)}, false,
                    call);
}

HttpApi::Response HttpApi::disconnect(const Call& call) {
  auto request = protocol::decode_api_disconnect(call.body);
  if (!request) return bad_body_response(request.error().message, call.keep_alive);
  const bool custom = request->code != 0;
  const bool code_allowed = request->code >= kCloseCodeMin && request->code <= kCloseCodeMax;
  if ((request->clients.user.empty() && request->clients.client.empty()) ||
      (custom && !code_allowed) || request->reason.size() > kReasonBytesMax) {
    return error_response(protocol::kErrorBadRequest, call.keep_alive);
  }
  Clients clients{std::move(request->clients.user), std::move(request->clients.client),
                  std::move(request->whitelist)};
  DisconnectClients task{std::move(clients), protocol::kDisconnectForced.code,
                         std::string(protocol::kDisconnectForced.reason)};
  if (custom) {
    task.code = static_cast<std::uint16_t>(request->code);
    task.reason = std::move(request->reason);
  }
  return ask_shards(std::move(task), false, call);
}

HttpApi::Response HttpApi::channels(const Call& call) {
  auto request = protocol::decode_api_channels(call.body);
  if (!request) return bad_body_response(request.error().message, call.keep_alive);
  return ask_shards(ListChannels{std::move(request->pattern), options_->channels_max}, true, call);
}

HttpApi::Response HttpApi::ask_shards(ShardTask task, bool lists_channels, const Call& call) {
  const std::uint32_t number = next_task_++;
  const std::size_t answers = node_.ask_shards(std::move(task), number);
  if (answers == 0) return busy_response(call.keep_alive);
  asked_.emplace(number, Asked{call.connection, answers, lists_channels});
  return std::nullopt;
}

std::optional<HttpApi::Done> HttpApi::on_shard_answer(std::uint32_t number, ShardAnswer&& answer) {
  const auto found = asked_.find(number);
  if (found == asked_.end()) return std::nullopt;
  Asked& asked = found->second;
  for (auto& [channel, subscribers] : answer.channels) {
    asked.merged.channels[channel] += subscribers;
  }
  asked.merged.truncated = asked.merged.truncated || answer.truncated;
  if (--asked.answers_left > 0) return std::nullopt;
  Done done{asked.connection,
            asked.lists_channels ? channels_body(asked.merged) : std::string(kEmptyResult)};
  asked_.erase(found);
  return done;
}

std::string HttpApi::channels_body(const ShardAnswer& answer) const {
  if (answer.truncated || answer.channels.size() > options_->channels_max) {
    return error_body(protocol::kErrorLimitExceeded);
  }
  std::string body = "{\"result\":{\"channels\":{";
  for (const auto& [channel, subscribers] : answer.channels) {
    if (body.back() != '{') body += ',';
    protocol::append_json_string(body, channel);
    body += ":{";
    append_member(body, "num_clients", subscribers);
    body += '}';
  }
  return body + "}}}";
}

HttpApi::Response HttpApi::info(const Call& call) {
  if (const auto checked = protocol::check_api_empty(call.body); !checked) {
    return bad_body_response(checked.error().message, call.keep_alive);
  }
  const NodeInfo info = node_.info();
  std::string body = "{\"result\":{\"nodes\":[{";
  append_member(body, "uid", info.uid);
  append_member(body += ',', "name", info.name);
  append_member(body += ',', "version", info.version);
  append_member(body += ',', "num_clients", info.clients);
  append_member(body += ',', "num_users", info.users);
  append_member(body += ',', "num_channels", info.channels);
  append_member(body += ',', "uptime", info.uptime_s);
  append_member(body += ',', "num_subs", info.subscriptions);
  body += ",\"process\":{";
  append_member(body, "rss", info.resident_bytes);
  return json_response(body + "}}]}}", call.keep_alive);
}

}  // namespace sanjay::api
