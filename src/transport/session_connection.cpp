// SPDX-License-Identifier: Apache-2.0
#include "transport/session_connection.h"

#include "protocol/codes.h"
#include "transport/response_connection.h"
#include "transport/websocket_connection.h"

#include <string>
#include <utility>

namespace sanjay::transport {

template <class Transport>
void SessionConnection<Transport>::begin() {
  services_.stats.of(encoding()).clients.add();
  this->set_deadline(session_.deadline());
}

template <class Transport>
void SessionConnection<Transport>::hear(std::string_view message) {
  if (session_.closed()) return;
  services_.stats.of(encoding()).messages_in.add();
  session_.on_message(message, services_.now());
  settle();
}

template <class Transport>
void SessionConnection<Transport>::hear_pong() {
  session_.on_transport_pong();
  settle();
}

template <class Transport>
void SessionConnection<Transport>::settle() {
  this->set_deadline(session_.deadline());
  if (session_.wants_retry() && !retrying_) {
    retrying_ = true;
    services_.retries.push_back(stream_.id());
  }
  if (session_.wants_keys() && !awaiting_keys_) {
    awaiting_keys_ = true;
    services_.awaiting_keys.push_back(stream_.id());
  }
}

template <class Transport>
void SessionConnection<Transport>::resume_soon() {
  if (std::exchange(resuming_, true)) return;
  services_.resumable.push_back(stream_.id());
}

template <class Transport>
void SessionConnection<Transport>::on_subscribed(hub::SubscriptionNumber subscription,
                                                 hub::SubscriptionResult&& result) {
  session_.on_subscribed(subscription, std::move(result), services_.now());
  resume_soon();
}

template <class Transport>
void SessionConnection<Transport>::on_hub_answer(std::uint32_t request, hub::Answer&& answer) {
  session_.on_answer(request, std::move(answer), services_.now());
  resume_soon();
}

template <class Transport>
void SessionConnection<Transport>::on_trouble(hub::SubscriptionNumber subscription,
                                              hub::Trouble trouble) {
  session_.on_trouble(subscription, trouble);
  settle();
}

template <class Transport>
void SessionConnection<Transport>::keep(const core::SegmentRef& bytes) {
  if (!holding_) return this->send_framed(bytes);
  held_bytes_ += bytes.bytes().size();
  if (held_bytes_ > stream_.queue_bytes_max()) return on_overflow();
  held_.push_back(bytes);
}

template <class Transport>
void SessionConnection<Transport>::send_held() {
  holding_ = false;
  held_bytes_ = 0;
  for (const core::SegmentRef& bytes : std::exchange(held_, {})) this->send_framed(bytes);
}

template <class Transport>
void SessionConnection<Transport>::on_resume() {
  retrying_ = resuming_ = awaiting_keys_ = false;
  session_.resume(services_.now());
  settle();
  this->go_on();
}

template <class Transport>
void SessionConnection<Transport>::on_deadline() {
  session_.on_deadline(services_.now());
  settle();
  this->go_on();
}

template <class Transport>
void SessionConnection<Transport>::send(std::string_view message) {
  this->send_message(encoding(), message);
}

template <class Transport>
void SessionConnection<Transport>::ping() {
  this->send_ping();
}

template <class Transport>
void SessionConnection<Transport>::close(const protocol::Disconnect& disconnect,
                                         runtime::Linger linger) {
  if (this->pushes_disconnect(encoding())) {
    std::string push;
    session::replies_of(encoding()).disconnect_push(push, disconnect);
    this->send_message(encoding(), push);
  }
  this->close_with(disconnect.code, disconnect.reason, linger);
}

template <class Transport>
void SessionConnection<Transport>::disconnect(const protocol::Disconnect& disconnect) {
  const bool silent = disconnect == protocol::kDisconnectNoPong;
  close(disconnect, silent ? runtime::Linger::Brief : runtime::Linger::Full);
}

template <class Transport>
void SessionConnection<Transport>::end(const protocol::Disconnect& disconnect) {
  close(disconnect, runtime::Linger::Full);
  session_.close();
  this->set_deadline(core::kNever);
}

template <class Transport>
void SessionConnection<Transport>::record_end(EndRecord end) {
  const auto client = session_.client().text();
  end.transport = kind_of(encoding());
  if (session_.connected()) end.client = session::view(client);
  end.user = session_.user();
  services_.ends.record(end, services_.shard.now());
}

template <class Transport>
void SessionConnection<Transport>::shut_down() {
  end(protocol::kDisconnectShutdown);
}

template <class Transport>
void SessionConnection<Transport>::on_overflow() {
  services_.stats.slow_disconnects.add();
  end(protocol::kDisconnectSlow);
}

// Nothing can be said to a peer that takes nothing: not even why.
template <class Transport>
void SessionConnection<Transport>::on_write_stalled() {
  services_.stats.slow_disconnects.add();
  this->note_end(protocol::kDisconnectSlow.code, protocol::kDisconnectSlow.reason);
  stream_.close(runtime::StreamEnd::SendFailed);
}

template <class Transport>
void SessionConnection<Transport>::on_gone() {
  services_.stats.of(encoding()).clients.subtract();
  session_.close();
}

template class SessionConnection<WebSocketConnection>;
template class SessionConnection<ResponseConnection>;

}  // namespace sanjay::transport
