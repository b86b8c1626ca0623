// SPDX-License-Identifier: Apache-2.0
#include "api/http_api.h"

#include "api/json_replies.h"
#include "core/failpoint.h"
#include "http/response.h"
#include "http/target.h"
#include "protocol/api_json.h"
#include "protocol/json_writer.h"

#include <algorithm>
#include <utility>

namespace sanjay::api {
namespace {

using protocol::Error;

constexpr http::Header kJson{"Content-Type", "application/json"};
constexpr http::Header kText{"Content-Type", "text/plain; charset=utf-8"};
constexpr std::size_t kBatch = kMethodNames.size() - 1;

// Takes the same time wherever the first difference is, so that a key cannot be guessed by parts.
bool equals_in_constant_time(std::string_view given, std::string_view expected) {
  unsigned difference = given.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size() && !expected.empty(); ++i) {
    difference |= static_cast<unsigned char>(given[i]) ^
                  static_cast<unsigned char>(expected[i % expected.size()]);
  }
  return difference == 0;
}

std::string bad_body_response(std::string_view reason, bool keep_alive) {
  return http::make_response(400, {kText}, std::string(reason) + "\n", keep_alive);
}

std::string busy_response(bool keep_alive) {
  return http::make_response(429, {kText, {"Retry-After", "1"}}, "too many requests\n", keep_alive);
}

/// The status of an error in transport mode.
int status_of(const Error& error) {
  switch (error.code) {
    case protocol::kErrorInternal.code:
      return 500;
    case protocol::kErrorUnknownChannel.code:
    case protocol::kApiErrorNotFound.code:
      return 404;
    case protocol::kErrorUnrecoverablePosition.code:
      return 416;
    case protocol::kApiErrorConflict.code:
      return 409;
    default:
      return 400;
  }
}

/// {"replies":[…]}; without any, as Centrifugo has it, {}.
std::string batch_body(const std::vector<std::size_t>& methods, const Commands::Replies& replies) {
  if (replies.empty()) return "{}";
  std::string body = "{\"replies\":[";
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (i > 0) body += ',';
    // A refused command has no method of its own, and its reply is an error.
    const std::size_t method = std::min(methods[i], kBatch);
    append_batch_reply(body, kMethodNames[method], replies[i]);
  }
  return body + "]}";
}

/// {"id":1,"result":{…}}, one a line.
std::string stream_body(const std::vector<std::uint32_t>& ids, const Commands::Replies& replies) {
  std::string body;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (i > 0) body += '\n';
    protocol::ObjectWriter object(body);
    object.integer("id", ids[i]);
    if (replies[i]) {
      append_result(object.member("result"), *replies[i]);
    } else {
      append_error(object.member("error"), replies[i].error());
    }
  }
  return body;
}

}  // namespace

CommandLimits HttpApi::limits_of(const HttpApiOptions& options) {
  CommandLimits limits;
  limits.channel_bytes_max = options.channel_bytes_max;
  limits.channels_max = options.channels_max;
  return limits;
}

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
  Request request{connection, Shape::Single, error_mode_of(head), head.keep_alive};
  if (head.path == kStreamPath) return respond_to_stream(body, std::move(request), now);
  const auto* const name = std::ranges::find(kMethodNames, head.path.substr(kPrefix.size()));
  if (name == kMethodNames.end()) {
    return http::make_response(404, {kText}, "no such API method\n", head.keep_alive);
  }
  const auto method = static_cast<std::size_t>(name - kMethodNames.begin());
  stats_.calls[method].add();
  if (method == kBatch) return respond_to_batch(body, std::move(request), now);
  return respond_to_call(method, body, std::move(request), now);
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

ErrorMode HttpApi::error_mode_of(const http::RequestHead& head) const {
  const auto wanted = head.headers.find("X-Centrifugo-Error-Mode");
  return wanted && *wanted == "transport" ? ErrorMode::Transport : options_->error_mode;
}

HttpApi::Response HttpApi::respond_to_call(std::size_t method, std::string_view body,
                                           Request&& request, core::Instant now) {
  auto command = protocol::decode_api_request(method, body);
  if (!command) return bad_body_response(command.error().message, request.keep_alive);
  std::vector<protocol::ApiRequest> commands;
  commands.push_back(*std::move(command));
  return start(std::move(commands), Commands::Order::Sequential, std::move(request), now);
}

HttpApi::Response HttpApi::respond_to_batch(std::string_view body, Request&& request,
                                            core::Instant now) {
  auto batch = protocol::decode_api_batch(body);
  if (!batch) return bad_body_response(batch.error().message, request.keep_alive);
  request.shape = Shape::Batch;
  for (const protocol::ApiRequest& command : batch->commands) {
    request.methods.push_back(command.index());
    if (command.index() < kBatch) stats_.calls[command.index()].add();
  }
  const auto order = batch->parallel ? Commands::Order::Parallel : Commands::Order::Sequential;
  return start(std::move(batch->commands), order, std::move(request), now);
}

HttpApi::Response HttpApi::respond_to_stream(std::string_view body, Request&& request,
                                             core::Instant now) {
  auto stream = protocol::decode_api_stream(body);
  if (!stream) return bad_body_response(stream.error().message, request.keep_alive);
  request.shape = Shape::Stream;
  std::vector<protocol::ApiRequest> commands;
  for (protocol::ApiStreamCommand& command : *stream) {
    request.ids.push_back(command.id);
    if (command.request.index() < kBatch) stats_.calls[command.request.index()].add();
    commands.push_back(std::move(command.request));
  }
  return start(std::move(commands), Commands::Order::Sequential, std::move(request), now);
}

HttpApi::Response HttpApi::start(std::vector<protocol::ApiRequest> commands, Commands::Order order,
                                 Request&& request, core::Instant now) {
  auto started = commands_.start(std::move(commands), order, request.connection, now);
  if (const auto* replies = std::get_if<Commands::Replies>(&started)) {
    return write_response(request, *replies);
  }
  request.call = std::get<Commands::CallNumber>(started);
  forget(request.connection);
  requests_.insert_or_assign(request.connection.slot, std::move(request));
  return std::nullopt;
}

std::optional<std::string> HttpApi::on_answer(std::uint32_t request, hub::Answer&& answer) {
  auto done = finish(commands_.on_answer(request, std::move(answer)));
  if (!done) return std::nullopt;
  return std::move(done->response);
}

std::optional<HttpApi::Done> HttpApi::on_shard_answer(std::uint32_t number, ShardAnswer&& answer) {
  return finish(commands_.on_shard_answer(number, std::move(answer)));
}

std::optional<HttpApi::Done> HttpApi::finish(std::optional<Commands::Finished>&& finished) {
  if (!finished) return std::nullopt;
  const auto found = requests_.find(finished->connection.slot);
  if (found == requests_.end() || found->second.call != finished->call) return std::nullopt;
  Done done{finished->connection, write_response(found->second, finished->replies)};
  requests_.erase(found);
  return done;
}

void HttpApi::forget(core::ConnectionId connection) {
  const auto found = requests_.find(connection.slot);
  if (found == requests_.end()) return;
  commands_.cancel(found->second.call);
  requests_.erase(found);
}

std::string HttpApi::write_response(const Request& request, const Commands::Replies& replies) {
  switch (request.shape) {
    case Shape::Single:
      return write_single(request, replies.front());
    case Shape::Batch:
      return http::make_response(200, {kJson}, batch_body(request.methods, replies),
                                 request.keep_alive);
    case Shape::Stream:
      break;
  }
  return http::make_response(200, {kJson}, stream_body(request.ids, replies), request.keep_alive);
}

std::string HttpApi::write_single(const Request& request, const Reply& reply) {
  std::string body;
  int status = 200;
  if (!reply && reply.error().code == protocol::kErrorTooManyRequests.code) {
    return busy_response(request.keep_alive);
  }
  if (!reply && request.error_mode == ErrorMode::Transport) {
    status = status_of(reply.error());
    append_error(body, reply.error());
  } else {
    append_reply(body, reply);
  }
  return http::make_response(status, {kJson}, body, request.keep_alive);
}

}  // namespace sanjay::api
