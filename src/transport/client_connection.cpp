// SPDX-License-Identifier: Apache-2.0
#include "transport/client_connection.h"

#include "protocol/codes.h"

#include <utility>

namespace sanjay::transport {

ClientConnection::ClientConnection(ShardServices& services, runtime::Stream& stream,
                                   const session::Session::Form& form,
                                   AgreedCompression compression)
    : WebSocketConnection(services, stream, services.options->websocket, std::move(compression)),
      session_(services.session, *this, stream.id(), form, services.now()),
      opcode_(hub::is_protobuf(form.encoding) ? websocket::Opcode::Binary
                                              : websocket::Opcode::Text) {
  services_.stats.clients.add();
  set_deadline(session_.deadline());
}

void ClientConnection::on_message(websocket::Opcode, std::string_view payload) {
  if (session_.closed()) return;
  session_.on_message(payload, services_.now());
  settle();
}

void ClientConnection::settle() {
  set_deadline(session_.deadline());
  if (session_.wants_retry() && !retrying_) {
    retrying_ = true;
    services_.retries.push_back(stream_.id());
  }
  if (session_.wants_keys() && !awaiting_keys_) {
    awaiting_keys_ = true;
    services_.awaiting_keys.push_back(stream_.id());
  }
}

void ClientConnection::resume_soon() {
  if (std::exchange(resuming_, true)) return;
  services_.resumable.push_back(stream_.id());
}

void ClientConnection::on_subscribed(hub::SubscriptionNumber subscription,
                                     hub::SubscriptionResult&& result) {
  session_.on_subscribed(subscription, std::move(result), services_.now());
  resume_soon();
}

void ClientConnection::on_hub_answer(std::uint32_t request, hub::Answer&& answer) {
  session_.on_answer(request, std::move(answer), services_.now());
  resume_soon();
}

void ClientConnection::on_trouble(hub::SubscriptionNumber subscription, hub::Trouble trouble) {
  session_.on_trouble(subscription, trouble);
  settle();
}

void ClientConnection::keep(const core::SegmentRef& bytes) {
  held_bytes_ += bytes.bytes().size();
  if (held_bytes_ > stream_.queue_bytes_max()) return on_overflow();
  held_.push_back(bytes);
}

void ClientConnection::ping() { send_frame(websocket::Opcode::Ping, {}); }

void ClientConnection::on_pong_frame() {
  session_.on_transport_pong();
  settle();
}

void ClientConnection::send_held() {
  held_bytes_ = 0;
  for (const core::SegmentRef& bytes : std::exchange(held_, {})) {
    deliver(bytes, runtime::Urgency::Soon);
  }
}

void ClientConnection::on_resume() {
  retrying_ = resuming_ = awaiting_keys_ = false;
  session_.resume(services_.now());
  settle();
  go_on();
}

void ClientConnection::on_deadline() {
  session_.on_deadline(services_.now());
  settle();
  go_on();
}

void ClientConnection::send(std::string_view message) { send_frame(opcode_, message); }

void ClientConnection::disconnect(const protocol::Disconnect& disconnect) {
  const bool silent = disconnect == protocol::kDisconnectNoPong;
  close_with(disconnect.code, disconnect.reason,
             silent ? runtime::Linger::Brief : runtime::Linger::Full);
}

void ClientConnection::end(const protocol::Disconnect& disconnect) {
  close_with(disconnect.code, disconnect.reason);
  session_.close();
  set_deadline(core::kNever);
}

void ClientConnection::record_end(EndRecord end) {
  const auto client = session_.client().text();
  if (session_.connected()) end.client = session::view(client);
  end.user = session_.user();
  services_.ends.record(end, services_.shard.now());
}

void ClientConnection::shut_down() { end(protocol::kDisconnectShutdown); }

void ClientConnection::on_overflow() {
  services_.stats.slow_disconnects.add();
  end(protocol::kDisconnectSlow);
}

// Nothing can be said to a peer that takes nothing: not even the Close frame.
void ClientConnection::on_write_stalled() {
  services_.stats.slow_disconnects.add();
  note_end(protocol::kDisconnectSlow.code, protocol::kDisconnectSlow.reason);
  stream_.close(runtime::StreamEnd::SendFailed);
}

void ClientConnection::on_gone() {
  services_.stats.clients.subtract();
  session_.close();
}

}  // namespace sanjay::transport
