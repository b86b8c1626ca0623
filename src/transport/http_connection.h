// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/request_parser.h"
#include "transport/connection.h"

#include <optional>
#include <string>
#include <string_view>

namespace sanjay::transport {

/// Answers plain HTTP requests: the server API, health, pages. Implemented in server/.
class HttpApplication {
 public:
  virtual ~HttpApplication() = default;
  /// The whole response, or nothing: it then follows from publish_response(), when the hub has
  /// answered the publish that the request made in the name of `connection`.
  virtual std::optional<std::string> respond(const http::RequestHead& head, std::string_view body,
                                             core::ConnectionId connection) = 0;
  virtual std::string publish_response(hub::PublishOutcome outcome, bool keep_alive) = 0;
};

/// A stream in its HTTP phase: requests one after the other, until one of them turns it into a
/// WebSocket. Refuses what is malformed, too large or too slow, and then ends.
class HttpConnection final : public Connection {
 public:
  HttpConnection(ShardServices& services, runtime::Stream& stream);

  void on_bytes(std::span<char> bytes) override;
  /// A client may finish sending and still read: it gets the answers it has asked for.
  void on_peer_finished() override { end_after_answer(); }
  void on_published(std::uint32_t request, hub::PublishOutcome outcome) override;
  void shut_down() override { end_after_answer(); }
  void on_overflow() override { stream_.close(runtime::StreamEnd::SendFailed); }
  void on_write_stalled() override { stream_.close(runtime::StreamEnd::SendFailed); }
  void on_closed(runtime::StreamEnd) override { set_deadline(core::kNever); }

 private:
  void on_deadline() override;
  /// Handles what the bytes complete, until an answer must be awaited or the stream is ending.
  void take(std::span<char> bytes);
  void on_head_complete();
  void on_request(std::span<char> behind);
  bool is_upgrade(const http::RequestHead& head) const;
  void upgrade(const http::RequestHead& head, std::span<char> behind);
  void end_after_answer();
  void respond(std::string_view response, bool keep_alive);
  void refuse(const http::RequestError& error);

  http::RequestParser parser_;
  std::string held_;  // pipelined bytes while an answer is awaited
  bool between_requests_ = true;
  bool awaiting_answer_ = false;
  bool keep_alive_ = true;  // of the request being answered
  bool head_only_ = false;  // it is HEAD: the answer has no body
};

/// Refuses a connection beyond the limit: 503 at once, whatever it wants.
void refuse_connection(ShardServices& services, runtime::Stream& stream);

}  // namespace sanjay::transport
