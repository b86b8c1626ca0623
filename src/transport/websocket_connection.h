// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "transport/connection.h"
#include "websocket/decoder.h"
#include "websocket/frame.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sanjay::transport {

/// A stream that has become a WebSocket: frames in, pongs and the closing handshake out. What the
/// messages mean is the derived class's matter: a client's session, or an echo.
///
/// Ending: our Close frame is queued, then Stream::finish() sends FIN behind it and ignores input
/// until the peer's FIN or the linger bound, so a silent peer costs no more than that.
class WebSocketConnection : public Connection {
 public:
  WebSocketConnection(ShardServices& services, runtime::Stream& stream,
                      const websocket::Limits& limits);

  /// Bytes that came behind the upgrade request.
  void start(std::span<char> bytes) { on_bytes(bytes); }

  void on_bytes(std::span<char> bytes) final;
  void on_peer_finished() final { stream_.close(runtime::StreamEnd::PeerFinished); }

 protected:
  /// A whole message; Text payloads are valid UTF-8. The view lives until the call returns.
  virtual void on_message(websocket::Opcode opcode, std::string_view payload) = 0;
  /// False: hold back what the client sends until go_on().
  virtual bool accepts_messages() const { return true; }
  /// accepts_messages() may have become true: takes what was held back and reads on.
  void go_on();

  void send_frame(websocket::Opcode opcode, std::string_view payload);
  /// Sends the Close frame and ends the connection. The first call counts.
  void close_with(std::uint16_t code, std::string_view reason);

 private:
  void take(std::span<char> bytes);

  websocket::Decoder decoder_;
  std::unique_ptr<std::string> held_;  // bytes not yet decoded because messages must wait
};

}  // namespace sanjay::transport
