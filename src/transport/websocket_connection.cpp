// SPDX-License-Identifier: Apache-2.0
#include "transport/websocket_connection.h"

#include "websocket/encoder.h"

#include <utility>

namespace sanjay::transport {

using websocket::Event;

WebSocketConnection::WebSocketConnection(ShardServices& services, runtime::Stream& stream,
                                         const websocket::Limits& limits)
    : Connection(services, stream), decoder_(websocket::Role::Server, limits) {}

void WebSocketConnection::on_bytes(std::span<char> bytes) {
  if (held_) {
    held_->append(bytes.data(), bytes.size());
    return;
  }
  take(bytes);
}

void WebSocketConnection::take(std::span<char> bytes) {
  decoder_.feed(bytes);
  while (stream_.open()) {
    if (!accepts_messages()) {
      held_ = std::make_unique<std::string>(decoder_.take_unread());
      stream_.pause_reading();
      return;
    }
    const Event event = decoder_.next();
    switch (event.type) {
      case Event::Type::NeedMore:
        return;
      case Event::Type::Message:
        services_.stats.messages_in.add();
        on_message(event.opcode, event.payload);
        break;
      case Event::Type::Ping:
        send_frame(websocket::Opcode::Pong, event.payload);
        break;
      case Event::Type::Pong:
        break;
      case Event::Type::Close:
        stream_.send(websocket::make_close_answer(event.close_code));
        stream_.finish();
        return;
      case Event::Type::Violation:
        close_with(event.close_code, event.payload);
        return;
    }
  }
}

void WebSocketConnection::go_on() {
  if (!held_ || !accepts_messages() || !stream_.open()) return;
  const auto held = std::exchange(held_, nullptr);
  take({held->data(), held->size()});
  if (!held_) stream_.resume_reading();
}

void WebSocketConnection::send_frame(websocket::Opcode opcode, std::string_view payload) {
  stream_.send(websocket::make_frame(opcode, payload));
}

void WebSocketConnection::close_with(std::uint16_t code, std::string_view reason) {
  stream_.send(websocket::make_close_frame(code, reason));
  stream_.finish();
}

}  // namespace sanjay::transport
