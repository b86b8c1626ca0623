// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "transport/connection.h"

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sanjay::transport {

/// A stream that is the endless response to one HTTP request: messages go out, in chunks or, for
/// HTTP/1.0, as they are until the end of the connection. What the client has to say comes by
/// requests of its own, one after the other (on_commands); what it sends here is passed over, and
/// not for long.
///
/// Ending: the last chunk, then FIN. The peer's FIN means that it has gone, as for a WebSocket.
class ResponseConnection : public Connection {
 public:
  /// Bytes behind the request that are passed over.
  static constexpr std::size_t kExcessBytesMax = 1024;
  /// Commands that wait while one of the session's must wait itself; each costs kCommandBytes more.
  static constexpr std::size_t kWaitingBytesMax = 128 * 1024;
  static constexpr std::size_t kCommandBytes = 64;

  ResponseConnection(ShardServices& services, runtime::Stream& stream, bool chunked)
      : Connection(services, stream), chunked_(chunked) {}

  void on_bytes(std::span<char> bytes) final;
  void on_peer_finished() final { stream_.close(runtime::StreamEnd::PeerFinished); }
  void on_closed(runtime::StreamEnd end) final;

 protected:
  /// Whole commands of the client's.
  virtual void on_message(std::string_view commands) = 0;
  virtual bool accepts_messages() const = 0;
  /// The client sends more than may be passed over.
  virtual void on_excess() = 0;
  /// Takes commands now, or when others before them are through; too many: on_overflow().
  void take_commands(std::string&& commands);
  /// accepts_messages() may have become true: takes what waits.
  void go_on();

  void send_message(hub::Encoding encoding, std::string_view message);
  /// Bytes that were finished for many.
  void send_framed(const core::SegmentRef& bytes);
  void send_ping() {}
  bool pushes_disconnect(hub::Encoding) const { return true; }
  /// Ends the response and the connection. The first call counts.
  void close_with(std::uint16_t code, std::string_view reason, runtime::Linger linger);
  /// Says how the connection ended; the first call counts. close_with() does it by itself.
  void note_end(std::uint16_t code, std::string_view reason);
  /// Fills in whose connection it is, and records its end.
  virtual void record_end(EndRecord) = 0;
  /// The stream is gone; the end has been noted.
  virtual void on_gone() = 0;

 private:
  struct Waiting {
    std::deque<std::string> commands;
    std::size_t bytes = 0;
  };

  std::unique_ptr<Waiting> waiting_;
  std::uint16_t excess_bytes_ = 0;
  const bool chunked_;
  bool ended_ = false;  // noted
};

}  // namespace sanjay::transport
