// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/session.h"
#include "transport/websocket_connection.h"

namespace sanjay::transport {

/// A client of the Centrifuge protocol over WebSocket.
class ClientConnection final : public WebSocketConnection, private session::SessionOutput {
 public:
  ClientConnection(ShardServices& services, runtime::Stream& stream,
                   const session::Session::Form& form, AgreedCompression compression);

  void on_subscribed(hub::SubscriptionNumber subscription,
                     hub::SubscriptionResult&& result) override;
  void on_hub_answer(std::uint32_t request, hub::Answer&& answer) override;
  void on_trouble(hub::SubscriptionNumber subscription, hub::Trouble trouble) override;
  void keep(const core::SegmentRef& bytes) override;
  void on_resume() override;
  void shut_down() override;

  void on_overflow() override;
  void on_write_stalled() override;

 private:
  // WebSocketConnection
  void on_message(websocket::Opcode opcode, std::string_view payload) override;
  bool accepts_messages() const override { return !session_.blocked(); }
  void on_pong_frame() override;
  void record_end(EndRecord end) override;
  void on_gone() override;
  // Connection
  void on_deadline() override;
  // SessionOutput
  void send(std::string_view message) override;
  void send_held() override;
  void ping() override;
  void disconnect(const protocol::Disconnect& disconnect) override;

  /// After every call into the session: its deadline, its wish to be asked again.
  void settle();
  /// An answer has come: goes on later in the turn.
  void resume_soon();
  void end(const protocol::Disconnect& disconnect);

  session::Session session_;
  std::vector<core::SegmentRef> held_;  // what came for held subscriptions
  std::size_t held_bytes_ = 0;
  const websocket::Opcode opcode_;
  bool awaiting_keys_ = false;
  bool retrying_ = false;
  bool resuming_ = false;
};

}  // namespace sanjay::transport
