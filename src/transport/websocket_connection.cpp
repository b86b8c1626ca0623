// SPDX-License-Identifier: Apache-2.0
#include "transport/websocket_connection.h"

#include "core/failpoint.h"
#include "protocol/codes.h"
#include "transport/framing.h"
#include "websocket/encoder.h"

#include <algorithm>
#include <utility>

namespace sanjay::transport {

using websocket::Event;

bool ControlFrameRate::take(core::Instant now) {
  paid_off_ = std::max(paid_off_, now) + kPrice;
  return owed(now) <= kBurst;
}

std::int64_t ControlFrameRate::owed(core::Instant now) const {
  return std::max(paid_off_ - now, core::Duration::zero()) / kPrice;
}

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
  core::SegmentRef pong;
  while (stream_.open()) {
    if (!accepts_messages()) {
      held_ = std::make_unique<std::string>(decoder_.take_unread());
      stream_.pause_reading();
      break;
    }
    const Event event = decoder_.next();
    switch (event.type) {
      case Event::Type::NeedMore:
        if (pong) stream_.send(std::move(pong));
        return;
      case Event::Type::Message:
        on_message(event.opcode, event.payload);
        break;
      case Event::Type::Ping:
      case Event::Type::Pong:
        on_control(event, pong);
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
  if (pong) stream_.send(std::move(pong));
}

void WebSocketConnection::on_control(const Event& event, core::SegmentRef& pong) {
  const core::Instant now = services_.shard.now();
  if (!control_rate_.take(now) && !FAILPOINT("websocket.control_rate")) {
    return close_with(websocket::kClosePolicyViolation, "too many control frames");
  }
  if (event.type == Event::Type::Pong) return on_pong_frame();
  pong = websocket::make_frame(websocket::Opcode::Pong, event.payload);
  if (control_rate_.owed(now) <= kPongsEach || FAILPOINT("websocket.pongs")) {
    stream_.send(std::exchange(pong, {}));
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

void WebSocketConnection::send_message(hub::Encoding encoding, std::string_view message) {
  const bool join = encoding == hub::Encoding::UniJsonWebSocket &&
                    services_.options->uni_websocket.join_push_messages;
  stream_.send(make_framed(join ? hub::Encoding::JsonWebSocket : encoding, message));
}

bool WebSocketConnection::pushes_disconnect(hub::Encoding encoding) const {
  return encoding == hub::Encoding::UniJsonWebSocket &&
         services_.options->uni_websocket.disconnect_push;
}

void WebSocketConnection::close_with(std::uint16_t code, std::string_view reason,
                                     runtime::Linger linger) {
  note_end(code, reason);
  stream_.send(websocket::make_close_frame(code, reason));
  stream_.finish(linger);
}

void WebSocketConnection::note_end(std::uint16_t code, std::string_view reason) {
  if (std::exchange(ended_, true)) return;
  record_end({code, reason, stream_.id(), stream_.peer(), "", ""});
}

void WebSocketConnection::on_closed(runtime::StreamEnd) {
  note_end(protocol::kDisconnectConnectionClosed.code,
           protocol::kDisconnectConnectionClosed.reason);
  set_deadline(core::kNever);
  on_gone();
}

}  // namespace sanjay::transport
