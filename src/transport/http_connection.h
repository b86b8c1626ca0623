// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/proxy_protocol.h"
#include "http/request_parser.h"
#include "transport/connection.h"

#include <cstdint>
#include <memory>
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

/// A stream in its HTTP phase: a PROXY header where one is due, requests one after the other, until
/// one of them turns it into a WebSocket. Refuses what is malformed, too large, too slow or too
/// much, and then ends.
class HttpConnection final : public Connection {
 public:
  /// Where the client's address comes from, and with it his place under the limit.
  enum class AddressSource : std::uint8_t { Peer, ProxyHeader, ForwardedFor };

  HttpConnection(ShardServices& services, runtime::Stream& stream,
                 AddressSource source = AddressSource::Peer);

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
  /// Takes what belongs to the PROXY header off the bytes.
  void take_proxy_header(std::span<char>& bytes);
  void on_head_complete();
  void on_request(std::span<char> behind);
  bool is_upgrade(const http::RequestHead& head) const;
  void upgrade(const http::RequestHead& head, std::span<char> behind);
  /// Whether the client may have this WebSocket: its address and its place, the rate of new ones.
  bool is_admitted(const http::RequestHead& head);
  /// A place for the client, unless it is a proxy of ours. False: has been refused, has too many.
  bool take_place();
  void end_after_answer();
  void respond(std::string_view response, bool keep_alive);
  void refuse(const http::RequestError& error);

  http::RequestParser parser_;
  std::unique_ptr<http::ProxyHeaderParser> proxy_header_;  // while one is due
  std::string held_;  // pipelined bytes while an answer is awaited
  bool between_requests_ = true;
  bool awaiting_answer_ = false;
  bool reads_forwarded_for_ = false;  // the peer is a trusted proxy
  bool keep_alive_ = true;            // of the request being answered
};

/// Gives an accepted stream its handler and its place among the connections of its address; refuses
/// it with 429 when there is none. A trusted proxy's connections are counted by their clients.
void accept_connection(ShardServices& services, runtime::Stream& stream);

/// Refuses a connection beyond the limit of the process: 503 at once, whatever it wants. When many
/// are being told so already, it is closed without a word.
void refuse_connection(ShardServices& services, runtime::Stream& stream);

/// Connections of one shard that are told at a time why they are refused.
inline constexpr std::uint32_t kRefusalsMax = 128;

}  // namespace sanjay::transport
