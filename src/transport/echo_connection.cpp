// SPDX-License-Identifier: Apache-2.0
#include "transport/echo_connection.h"

#include "core/failpoint.h"

#include <utility>

namespace sanjay::transport {
namespace {

constexpr std::uint16_t kCloseGoingAway = 1001;
constexpr std::uint16_t kCloseTryAgainLater = 1013;

}  // namespace

EchoConnection::EchoConnection(ShardServices& services, runtime::Stream& stream,
                               AgreedCompression compression)
    : WebSocketConnection(services, stream, services.options->echo, std::move(compression)) {
  stream.set_queue_bytes_max(services.options->echo_queue_bytes_max);
}

void EchoConnection::on_message(websocket::Opcode opcode, std::string_view payload) {
  services_.stats.of(TransportKind::WebSocket).messages_in.add();
  send_frame(opcode, payload);
  if (!accepts_messages()) stream_.notify_when_drained();
}

bool EchoConnection::accepts_messages() const {
  return stream_.queued_bytes() <= kUnreadBytesMax || FAILPOINT("transport.echo_unread");
}

void EchoConnection::shut_down() { close_with(kCloseGoingAway, "shutdown"); }

void EchoConnection::on_overflow() { close_with(kCloseTryAgainLater, "slow"); }

}  // namespace sanjay::transport
