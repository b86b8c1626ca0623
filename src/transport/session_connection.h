// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/session.h"
#include "transport/connection.h"

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::transport {

/// A client of the protocol on some transport: drives its session and lets it speak. `Transport` is
/// a WebSocketConnection or a ResponseConnection, which say how messages, pings and the end look on
/// the wire. The definitions are in session_connection.cpp, made there for these two.
template <class Transport>
class SessionConnection : public Transport, private session::SessionOutput {
 public:
  void on_subscribed(hub::SubscriptionNumber subscription, hub::SubscriptionResult&& result) final;
  void on_hub_answer(std::uint32_t request, hub::Answer&& answer) final;
  void on_trouble(hub::SubscriptionNumber subscription, hub::Trouble trouble) final;
  void keep(const core::SegmentRef& bytes) final;
  void on_resume() final;
  void shut_down() final;

  void on_overflow() final;
  void on_write_stalled() final;

 protected:
  using Transport::services_;
  using Transport::stream_;

  template <class... Arguments>
  SessionConnection(ShardServices& services, runtime::Stream& stream,
                    const session::Session::Form& form, Arguments&&... arguments)
      : Transport(services, stream, std::forward<Arguments>(arguments)...),
        session_(services.session, *this, stream.id(), form, services.now()) {
    begin();
  }

  /// A message of the client's has come.
  void hear(std::string_view message);
  /// A ping of the transport's was answered.
  void hear_pong();
  bool accepts_messages() const final { return !session_.blocked(); }
  hub::Encoding encoding() const { return session_.wire_encoding(); }
  /// Tells the client why, ends the connection, and leaves all channels.
  void end(const protocol::Disconnect& disconnect);

 private:
  void begin();
  // Transport
  void record_end(EndRecord end) final;
  void on_gone() final;
  // Connection
  void on_deadline() final;
  // SessionOutput
  void send(std::string_view message) final;
  void send_held() final;
  void ping() final;
  void disconnect(const protocol::Disconnect& disconnect) final;

  /// After every call into the session: its deadline, its wish to be asked again.
  void settle();
  /// An answer has come: goes on later in the turn.
  void resume_soon();
  /// Ends the connection so that the client learns the code.
  void close(const protocol::Disconnect& disconnect, runtime::Linger linger);

  session::Session session_;
  std::vector<core::SegmentRef> held_;  // what came for held subscriptions
  std::size_t held_bytes_ = 0;
  bool awaiting_keys_ = false;
  bool retrying_ = false;
  bool resuming_ = false;
  bool holding_ = true;  // the client has not been told of his subscriptions
};

}  // namespace sanjay::transport
