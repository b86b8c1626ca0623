// SPDX-License-Identifier: Apache-2.0
#include "http/response.h"

#include "core/assert.h"

#include <algorithm>
#include <vector>

namespace sanjay::http {
namespace {

bool is_printable(std::string_view value) {
  return std::ranges::none_of(value, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

std::string begin_response(int status, std::span<const Header> headers) {
  ASSERT(status >= 200 && status <= 599);
  std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
  out.append(reason_phrase(status)).append("\r\n");
  for (const auto& [name, value] : headers) {
    ASSERT(is_token(name) && is_printable(value));
    out.append(name).append(": ").append(value).append("\r\n");
  }
  return out;
}

}  // namespace

std::string_view reason_phrase(int status) {
  static constexpr struct {
    int status;
    std::string_view phrase;
  } kPhrases[] = {
      {101, "Switching Protocols"},
      {200, "OK"},
      {204, "No Content"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {426, "Upgrade Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  };
  const auto* found =
      std::ranges::find(kPhrases, status, [](const auto& row) { return row.status; });
  return found == std::end(kPhrases) ? std::string_view{} : found->phrase;
}

std::string make_response(int status, std::span<const Header> headers, std::string_view body,
                          bool keep_alive) {
  const bool bodiless = status == 204 || status == 304;
  ASSERT(!bodiless || body.empty());
  std::string out = begin_response(status, headers);
  if (!bodiless) out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  out.append(keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n");
  return out.append(body);
}

std::string make_stream_head(std::span<const Header> headers, bool chunked) {
  std::string head = begin_response(200, headers);
  if (chunked) head.append("Transfer-Encoding: chunked\r\n");
  return head.append("Connection: close\r\n\r\n");
}

std::string make_refusal(const RequestError& error) {
  const std::string retry_after = std::to_string(error.retry_after_s);
  std::vector<Header> headers{{"Content-Type", "text/plain; charset=utf-8"}};
  if (error.status == 405) headers.push_back({"Allow", error.allow});
  if (error.status == 426) {
    headers.push_back({"Upgrade", "websocket"});
    headers.push_back({"Connection", "Upgrade"});
    headers.push_back({"Sec-WebSocket-Version", "13"});
  }
  if (error.retry_after_s > 0) headers.push_back({"Retry-After", retry_after});
  return make_response(error.status, headers, std::string(error.message) + "\n", false);
}

}  // namespace sanjay::http
