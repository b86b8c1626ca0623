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

/// Which listener a connection came from: the one for everybody, or the one for the operator.
enum class Port : std::uint8_t { Public, Internal };

/// Answers plain HTTP requests: the server API, health, metrics, pages. Implemented in server/.
class HttpApplication {
 public:
  virtual ~HttpApplication() = default;
  /// The whole response, or nothing: it then follows from on_hub_answer(), or by way of
  /// HttpConnection::on_response().
  virtual std::optional<std::string> respond(const http::RequestHead& head, std::string_view body,
                                             Port port, core::ConnectionId connection) = 0;
  /// The hub has answered something that a request of the connection asked: the whole response once
  /// nothing is left to be answered.
  virtual std::optional<std::string> on_hub_answer(std::uint32_t request, hub::Answer&& answer) = 0;
  /// The connection is gone; what it asked for needs no response.
  virtual void forget(core::ConnectionId connection) = 0;
};

/// A stream in its HTTP phase: a PROXY header where one is due, requests one after the other, until
/// one of them turns it into a WebSocket or into the response to a request that does not end. The
/// endpoints of client transports are served in http_endpoints.cpp, all others by the
/// HttpApplication. Refuses what is malformed, too large, too slow or too
/// much, and then ends.
class HttpConnection final : public Connection {
 public:
  /// Where the client's address comes from, and with it his place under the limit.
  enum class AddressSource : std::uint8_t { Peer, ProxyHeader, ForwardedFor };

  struct Arrival {
    Port port = Port::Public;
    AddressSource source = AddressSource::Peer;
    /// There are too many connections: it may ask, but not become a client's nor stay.
    bool over_limit = false;
  };

  HttpConnection(ShardServices& services, runtime::Stream& stream, const Arrival& arrival);

  void on_bytes(std::span<char> bytes) override;
  /// A client may finish sending and still read: it gets the answers it has asked for.
  void on_peer_finished() override { end_after_answer(); }
  void on_hub_answer(std::uint32_t request, hub::Answer&& answer) override;
  void on_response(std::string_view response) override;
  void on_resume() override;
  void shut_down() override {
    if (port_ == Port::Public) end_after_answer();
  }
  void on_overflow() override { stream_.close(runtime::StreamEnd::SendFailed); }
  void on_write_stalled() override { stream_.close(runtime::StreamEnd::SendFailed); }
  void on_closed(runtime::StreamEnd) override;

 private:
  void on_deadline() override;
  /// Handles what the bytes complete, until an answer must be awaited or the stream is ending.
  void take(std::span<char> bytes);
  /// Takes what belongs to the PROXY header off the bytes.
  void take_proxy_header(std::span<char>& bytes);
  void on_head_complete();
  void on_request(std::span<char> behind);

  // http_endpoints.cpp
  struct Endpoint;
  /// What is served there; null: nothing of the client transports.
  const Endpoint* find_endpoint(std::string_view path) const;
  /// False: the body that is announced is larger than what is taken there.
  bool admits_body();
  void serve(const Endpoint& endpoint, std::span<char> behind);
  void upgrade(const Endpoint& endpoint, std::span<char> behind);
  void begin_stream(const Endpoint& endpoint, std::span<char> behind);
  void emulate();
  void answer(int status, std::string_view body);
  /// The message that a request for a stream carries, in its body or its query.
  core::Result<std::string, http::RequestError> first_message(const Endpoint& endpoint) const;
  /// What the stream is to become: all is checked.
  struct Beginning {
    enum class As : std::uint8_t { Echo, WebSocket, Stream };

    As as = As::WebSocket;
    std::string response{};
    session::Session::Form form{};
    std::string message{};  // of the client's, that came with the request; empty: none
    AgreedCompression compression{};
  };
  core::Result<Beginning, http::RequestError> prepare_upgrade(const Endpoint& endpoint) const;
  /// At once, or when its turn has come.
  void begin(Beginning&& beginning, std::span<char> behind);
  void become(Beginning&& beginning, std::span<char> behind);
  /// The stream is the client's from now on.
  void hand_over(std::unique_ptr<Connection> next);

  /// Whether the client may have this connection: its address and its place, the rate of new ones.
  bool is_admitted(const http::RequestHead& head);
  /// A place for the client, unless it is a proxy of ours. False: has been refused, has too many.
  bool take_place();
  bool must_wait() const { return awaiting_answer_ || waiting_beginning_; }
  void end_after_answer();
  /// The awaited response has come.
  void go_on_with(std::string_view response);
  void respond(std::string_view response, bool keep_alive);
  void refuse(const http::RequestError& error);

  const Port port_;
  const bool over_limit_;
  const std::uint32_t queue_bytes_max_;  // of the stream, for whoever has it next
  http::RequestParser parser_;
  std::unique_ptr<http::ProxyHeaderParser> proxy_header_;  // while one is due
  std::string held_;  // pipelined bytes while an answer, or its turn, is awaited
  std::unique_ptr<Beginning> waiting_beginning_;  // until its turn has come
  bool between_requests_ = true;
  bool awaiting_answer_ = false;
  bool reads_forwarded_for_ = false;  // the peer is a trusted proxy
  bool keep_alive_ = true;            // of the request being answered
  bool head_only_ = false;            // it is HEAD: the answer has no body
};

/// Gives an accepted stream its handler and its place among the connections of its address; refuses
/// it with 429 when there is none, or without a word where that would cost a TLS handshake. A
/// trusted proxy's connections are counted by their clients.
void accept_connection(ShardServices& services, runtime::Stream& stream);

/// Takes a connection beyond the limit of the process for one request, which must come within a
/// second: probes and the API are answered, an upgrade is refused with 503. When there are many of
/// these already, it is closed without a word.
void accept_over_limit(ShardServices& services, runtime::Stream& stream);

/// Takes a connection of the operator's own port. Beyond the bound it is closed.
void accept_internal(ShardServices& services, runtime::Stream& stream);

/// Connections of one shard that are told at a time why they are refused.
inline constexpr std::uint32_t kRefusalsMax = 128;
/// Connections to the internal port that one shard holds at a time.
inline constexpr std::uint32_t kInternalConnectionsMax = 64;

}  // namespace sanjay::transport
