// SPDX-License-Identifier: Apache-2.0
#include "api/http_api.h"

#include "http/response.h"
#include "http/target.h"
#include "protocol/api_json.h"
#include "protocol/codes.h"
#include "protocol/json_string.h"

namespace sanjay::api {
namespace {

constexpr http::Header kJson{"Content-Type", "application/json"};
constexpr http::Header kText{"Content-Type", "text/plain; charset=utf-8"};

// Takes the same time wherever the first difference is, so that a key cannot be guessed by parts.
bool equals_in_constant_time(std::string_view given, std::string_view expected) {
  unsigned difference = given.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size() && !expected.empty(); ++i) {
    difference |= static_cast<unsigned char>(given[i]) ^
                  static_cast<unsigned char>(expected[i % expected.size()]);
  }
  return difference == 0;
}

std::string error_response(const protocol::Error& error, bool keep_alive) {
  std::string body = "{\"error\":{\"code\":" + std::to_string(error.code) + ",\"message\":";
  protocol::append_json_string(body, error.message);
  body += "}}";
  return http::make_response(200, {kJson}, body, keep_alive);
}

}  // namespace

std::optional<std::string> HttpApi::respond(const http::RequestHead& head, std::string_view body,
                                            core::ConnectionId connection) {
  if (head.method != "POST") {
    return http::make_response(405, {kText, {"Allow", "POST"}}, "method not allowed\n",
                               head.keep_alive);
  }
  if (!is_authorized(head)) return http::make_response(401, {}, "", head.keep_alive);
  if (head.path.substr(kPrefix.size()) == "publish") return publish(head, body, connection);
  return http::make_response(404, {kText}, "no such API method\n", head.keep_alive);
}

// As in Centrifugo, the first of the three places that holds anything decides.
bool HttpApi::is_authorized(const http::RequestHead& head) const {
  if (options_.insecure) return true;
  if (options_.key.empty()) return false;
  if (const auto key = head.headers.find("X-API-Key")) {
    return equals_in_constant_time(*key, options_.key);
  }
  if (const auto authorization = head.headers.find("Authorization")) {
    constexpr std::string_view kScheme = "apikey ";
    return authorization->size() > kScheme.size() &&
           http::equals_ignoring_case(authorization->substr(0, kScheme.size()), kScheme) &&
           equals_in_constant_time(authorization->substr(kScheme.size()), options_.key);
  }
  const auto parameter = http::query_parameter(head.query, "api_key");
  return parameter && equals_in_constant_time(*parameter, options_.key);
}

std::optional<std::string> HttpApi::publish(const http::RequestHead& head, std::string_view body,
                                            core::ConnectionId connection) {
  const auto request = protocol::decode_api_publish(body);
  if (!request) {
    return http::make_response(400, {kText}, request.error().message + "\n", head.keep_alive);
  }
  // Data that is not JSON could not reach any of today's subscribers, who all speak JSON.
  if (request->channel.empty() || request->channel.size() > options_.channel_bytes_max ||
      request->data.empty() || !request->data_is_json) {
    return error_response(protocol::kErrorBadRequest, head.keep_alive);
  }
  if (request->channel.find(':') != std::string::npos) {
    return error_response(protocol::kErrorUnknownChannel, head.keep_alive);
  }
  const auto outcome = hub_.publish(request->channel, {request->data, {}}, {connection, 0});
  if (outcome == hub::PublishOutcome::Pending) return std::nullopt;
  return publish_response(outcome, head.keep_alive);
}

std::string HttpApi::publish_response(hub::PublishOutcome outcome, bool keep_alive) {
  if (outcome == hub::PublishOutcome::Accepted) {
    return http::make_response(200, {kJson}, "{\"result\":{}}", keep_alive);
  }
  return http::make_response(429, {kText, {"Retry-After", "1"}}, "too many requests\n", keep_alive);
}

}  // namespace sanjay::api
