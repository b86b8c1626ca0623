// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "transport/session_connection.h"
#include "transport/websocket_connection.h"

namespace sanjay::transport {

/// A client of the Centrifuge protocol over WebSocket, bidirectional or unidirectional.
class ClientConnection final : public SessionConnection<WebSocketConnection> {
 public:
  ClientConnection(ShardServices& services, runtime::Stream& stream,
                   const session::Session::Form& form, AgreedCompression compression);

  /// The connect request of a unidirectional client, where it came with the handshake.
  void connect(std::string_view request) { hear(request); }

 private:
  // WebSocketConnection
  void on_message(websocket::Opcode, std::string_view payload) override { hear(payload); }
  void on_pong_frame() override { hear_pong(); }
};

}  // namespace sanjay::transport
