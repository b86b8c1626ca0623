// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/session.h"
#include "transport/websocket_connection.h"

namespace sanjay::transport {

/// A client of the Centrifuge protocol over WebSocket.
class ClientConnection final : public WebSocketConnection, private session::SessionOutput {
 public:
  ClientConnection(ShardServices& services, runtime::Stream& stream);

  void on_subscribed(hub::SubscriptionNumber subscription) override;
  void on_published(std::uint32_t request, hub::PublishOutcome outcome) override;
  void on_resume() override;
  void shut_down() override;

  void on_overflow() override;
  void on_write_stalled() override;

 private:
  // WebSocketConnection
  void on_message(websocket::Opcode opcode, std::string_view payload) override;
  bool accepts_messages() const override { return !session_.blocked(); }
  void record_end(EndRecord end) override;
  void on_gone() override;
  // Connection
  void on_deadline() override;
  // SessionOutput
  void send(std::string_view message) override;
  void disconnect(const protocol::Disconnect& disconnect) override;

  /// After every call into the session: its deadline, its wish to be asked again.
  void settle();
  /// An answer has come: goes on later in the turn.
  void resume_soon();
  void end(const protocol::Disconnect& disconnect);

  session::Session session_;
  bool retrying_ = false;
  bool resuming_ = false;
};

}  // namespace sanjay::transport
