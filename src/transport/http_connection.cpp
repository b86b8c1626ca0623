// SPDX-License-Identifier: Apache-2.0
#include "transport/http_connection.h"

#include "core/failpoint.h"
#include "http/response.h"
#include "http/target.h"
#include "http/upgrade.h"
#include "transport/client_connection.h"
#include "transport/echo_connection.h"

#include <array>
#include <memory>
#include <utility>

namespace sanjay::transport {
namespace {

constexpr std::array<std::string_view, 1> kSubprotocols{"centrifuge-json"};
constexpr std::string_view kProtobufSubprotocol = "centrifuge-protobuf";

// Why the client's wish for another encoding than JSON cannot be met, or nothing.
std::optional<http::RequestError> check_encoding(const http::RequestHead& head) {
  for (const std::string_view key : {"cf_protocol", "format"}) {
    const auto wanted = http::query_parameter(head.query, key);
    if (wanted && *wanted != "json") return http::RequestError{400, "only JSON is spoken here"};
  }
  const bool wants_protobuf =
      head.headers.has_token("Sec-WebSocket-Protocol", kProtobufSubprotocol);
  const bool takes_json = head.headers.has_token("Sec-WebSocket-Protocol", kSubprotocols[0]);
  if (wants_protobuf && !takes_json) return http::RequestError{400, "only JSON is spoken here"};
  return std::nullopt;
}

std::string_view without_body(std::string_view response) {
  constexpr std::string_view kHeadEnd = "\r\n\r\n";
  const std::size_t end = response.find(kHeadEnd);
  return end == std::string_view::npos ? response : response.substr(0, end + kHeadEnd.size());
}

}  // namespace

HttpConnection::HttpConnection(ShardServices& services, runtime::Stream& stream)
    : Connection(services, stream), parser_(services.options.http) {
  set_deadline(services.shard.now() + services.options.request_time_max);
}

void HttpConnection::on_bytes(std::span<char> bytes) {
  if (awaiting_answer_) {
    held_.append(bytes.data(), bytes.size());
    stream_.pause_reading();
    return;
  }
  take(bytes);
}

void HttpConnection::take(std::span<char> bytes) {
  while (!bytes.empty() && stream_.open() && stream_.handler() == this) {
    if (awaiting_answer_) {
      held_.assign(bytes.data(), bytes.size());
      stream_.pause_reading();
      return;
    }
    if (between_requests_) {
      between_requests_ = false;
      set_deadline(services_.shard.now() + services_.options.request_time_max);
    }
    const auto progress = parser_.feed({bytes.data(), bytes.size()});
    bytes = bytes.subspan(progress.consumed);
    switch (progress.state) {
      case http::RequestParser::State::NeedMore:
        return;
      case http::RequestParser::State::HeadComplete:
        on_head_complete();
        break;
      case http::RequestParser::State::Complete:
        on_request(bytes);
        break;
      case http::RequestParser::State::Failed:
        return refuse(parser_.error());
    }
  }
}

void HttpConnection::on_head_complete() {
  if (parser_.head().expects_continue) {
    stream_.send(core::SegmentRef::copy_of(http::kContinueResponse));
  }
}

bool HttpConnection::is_upgrade(const http::RequestHead& head) const {
  const TransportOptions& options = services_.options;
  return head.path == options.websocket_path ||
         (!options.echo_path.empty() && head.path == options.echo_path);
}

void HttpConnection::on_request(std::span<char> behind) {
  ++services_.stats.requests;
  const http::RequestHead& head = parser_.head();
  head_only_ = head.method == "HEAD";
  if (is_upgrade(head)) return upgrade(head, behind);
  keep_alive_ = head.keep_alive;
  set_deadline(core::kNever);
  const auto response = services_.http.respond(head, parser_.body(), stream_.id());
  if (response) return respond(*response, keep_alive_);
  awaiting_answer_ = true;
}

void HttpConnection::on_published(std::uint32_t, hub::PublishOutcome outcome) {
  if (!awaiting_answer_) return;
  awaiting_answer_ = false;
  respond(services_.http.publish_response(outcome, keep_alive_), keep_alive_);
  if (!stream_.open()) return;
  std::string held = std::exchange(held_, {});
  take({held.data(), held.size()});
  if (held_.empty()) stream_.resume_reading();
}

void HttpConnection::respond(std::string_view response, bool keep_alive) {
  // To HEAD a body would be the beginning of the next answer (RFC 9110 §9.3.2).
  stream_.send(core::SegmentRef::copy_of(head_only_ ? without_body(response) : response));
  if (!keep_alive) return stream_.finish();
  parser_.next_request();
  head_only_ = false;
  between_requests_ = true;
  set_deadline(services_.shard.now() + services_.options.keep_alive_max);
}

void HttpConnection::refuse(const http::RequestError& error) {
  ++services_.stats.requests_refused;
  set_deadline(core::kNever);
  const std::string refusal = http::make_refusal(error);
  stream_.send(core::SegmentRef::copy_of(head_only_ ? without_body(refusal) : refusal));
  stream_.finish();
}

void HttpConnection::upgrade(const http::RequestHead& head, std::span<char> behind) {
  const bool echo = head.path != services_.options.websocket_path;
  if (!services_.options.origins.allows(head.headers.find("Origin"))) {
    return refuse({403, "origin not allowed"});
  }
  if (!echo) {
    if (const auto refusal = check_encoding(head)) return refuse(*refusal);
  }
  const auto subprotocols = echo ? std::span<const std::string_view>{} : kSubprotocols;
  const auto accepted = http::accept_upgrade(head, subprotocols);
  if (!accepted) return refuse(accepted.error());
  ++services_.stats.upgrades;
  set_deadline(core::kNever);
  stream_.send(core::SegmentRef::copy_of(accepted->response));
  std::unique_ptr<WebSocketConnection> next;
  if (echo) {
    next = std::make_unique<EchoConnection>(services_, stream_);
  } else {
    next = std::make_unique<ClientConnection>(services_, stream_);
  }
  WebSocketConnection& websocket = *next;
  stream_.set_handler(std::move(next));
  if (!behind.empty()) websocket.start(behind);
}

void HttpConnection::on_deadline() {
  if (between_requests_) return stream_.finish();
  if (!FAILPOINT("http.request_time")) refuse({408, "request not complete in time"});
}

void HttpConnection::end_after_answer() {
  if (!awaiting_answer_) return stream_.finish();
  keep_alive_ = false;  // the answer is the last thing sent
}

void refuse_connection(ShardServices& services, runtime::Stream& stream) {
  ++services.stats.requests_refused;
  stream.set_handler(std::make_unique<HttpConnection>(services, stream));
  stream.send(core::SegmentRef::copy_of(
      http::make_refusal({503, "too many connections, try again later"})));
  stream.finish();
}

}  // namespace sanjay::transport
