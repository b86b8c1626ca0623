// SPDX-License-Identifier: Apache-2.0
#include "transport/websocket_connection.h"

#include "core/assert.h"
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
                                         const websocket::Limits& limits,
                                         AgreedCompression compression)
    : Connection(services, stream),
      decoder_(
          websocket::Role::Server, limits,
          compression.terms ? websocket::Extension::PermessageDeflate : websocket::Extension::None),
      window_bits_(compression.terms ? compression.terms->server_window_bits : std::uint8_t{0}),
      inflated_bytes_max_(limits.inflated_bytes_max),
      contexts_(std::move(compression.contexts)) {
  if (contexts_ && contexts_->deflater) stream.mark();
}

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
  std::size_t inflated = 0;
  while (stream_.open()) {
    if (!accepts_messages()) {
      hold_unread();
      break;
    }
    const Event event = decoder_.next();
    switch (event.type) {
      case Event::Type::NeedMore:
        if (pong) stream_.send(std::move(pong));
        return;
      case Event::Type::Message:
        if (event.coding == websocket::Coding::Plain) {
          on_message(event.opcode, event.payload);
        } else {
          on_compressed(event, inflated);
        }
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

void WebSocketConnection::hold_unread() {
  if (held_) return;
  held_ = std::make_unique<std::string>(decoder_.take_unread());
  stream_.pause_reading();
}

void WebSocketConnection::on_compressed(const Event& event, std::size_t& inflated) {
  Compression& compression = services_.compression;
  const Event message = compression.inflate(event, inflated_bytes_max_, contexts_.get());
  if (message.type == Event::Type::Violation) {
    return close_with(message.close_code, message.payload);
  }
  on_message(message.opcode, message.payload);
  inflated += message.payload.size();
  compression.trim();
  if (inflated < kInflatedBytesAtOnce || FAILPOINT("websocket.inflated_turn")) return;
  hold_unread();
  services_.resumable.push_back(stream_.id());
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
  if (window_bits_ == 0 || websocket::is_control(opcode)) {
    stream_.send(websocket::make_frame(opcode, payload));
  } else {
    stream_.send(message_frame(opcode, payload));
  }
}

// What comes for many is made once and plain; here it is taken apart and compressed in this
// connection's own context.
void WebSocketConnection::deliver(const core::SegmentRef& bytes, runtime::Urgency urgency) {
  if (!contexts_ || !contexts_->deflater) return stream_.send(bytes, urgency);
  std::string_view rest = bytes.bytes();
  while (!rest.empty()) {
    const auto header = websocket::parse_header(rest, websocket::Role::Client);
    ASSERT(header && *header && (*header)->header_bytes + (*header)->payload_bytes <= rest.size());
    rest.remove_prefix((*header)->header_bytes);
    const auto payload_bytes = static_cast<std::size_t>((*header)->payload_bytes);
    stream_.send(message_frame((*header)->opcode, rest.substr(0, payload_bytes)), urgency);
    rest.remove_prefix(payload_bytes);
  }
}

core::SegmentRef WebSocketConnection::message_frame(websocket::Opcode opcode,
                                                    std::string_view payload) {
  Compression& compression = services_.compression;
  const auto compressed = contexts_ && contexts_->deflater
                              ? compression.compress(payload, *contexts_)
                              : compression.compress(payload, window_bits_);
  if (!compressed) return websocket::make_frame(opcode, payload);
  core::SegmentRef frame = websocket::make_frame(opcode, *compressed, websocket::Coding::Deflated);
  compression.trim();
  return frame;
}

void WebSocketConnection::send_message(hub::Encoding encoding, std::string_view message) {
  if (encoding == hub::Encoding::UniJsonWebSocket &&
      !services_.options->uni_websocket.join_push_messages) {
    return stream_.send(make_framed(encoding, message));
  }
  send_frame(hub::is_protobuf(encoding) ? websocket::Opcode::Binary : websocket::Opcode::Text,
             message);
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
