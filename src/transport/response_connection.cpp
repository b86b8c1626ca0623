// SPDX-License-Identifier: Apache-2.0
#include "transport/response_connection.h"

#include "core/failpoint.h"
#include "protocol/codes.h"
#include "transport/framing.h"

#include <utility>

namespace sanjay::transport {

void ResponseConnection::on_bytes(std::span<char> bytes) {
  if (bytes.size() <= kExcessBytesMax - excess_bytes_) {
    excess_bytes_ = static_cast<std::uint16_t>(excess_bytes_ + bytes.size());
  } else if (!FAILPOINT("transport.excess")) {
    on_excess();
  }
}

void ResponseConnection::take_commands(std::string&& commands) {
  if (!stream_.open()) return;
  if (accepts_messages() && !waiting_) return on_message(commands);
  if (!waiting_) waiting_ = std::make_unique<Waiting>();
  waiting_->bytes += commands.size() + kCommandBytes;
  if (waiting_->bytes > kWaitingBytesMax && !FAILPOINT("transport.waiting_commands")) {
    return on_overflow();
  }
  waiting_->commands.push_back(std::move(commands));
}

void ResponseConnection::go_on() {
  while (waiting_ && accepts_messages() && stream_.open()) {
    const std::string commands = std::move(waiting_->commands.front());
    waiting_->commands.pop_front();
    waiting_->bytes -= commands.size() + kCommandBytes;
    if (waiting_->commands.empty()) waiting_.reset();
    on_message(commands);
  }
}

void ResponseConnection::send_message(hub::Encoding encoding, std::string_view message) {
  send_framed(make_framed(encoding, message));
}

void ResponseConnection::send_framed(const core::SegmentRef& bytes) {
  stream_.send(chunked_ ? bytes : core::SegmentRef::copy_of(without_chunks(bytes.bytes())));
}

void ResponseConnection::close_with(std::uint16_t code, std::string_view reason,
                                    runtime::Linger linger) {
  note_end(code, reason);
  if (chunked_) stream_.send(core::SegmentRef::copy_of(kLastChunk));
  stream_.finish(linger);
}

void ResponseConnection::note_end(std::uint16_t code, std::string_view reason) {
  if (std::exchange(ended_, true)) return;
  record_end({code, reason, stream_.id(), stream_.peer(), "", ""});
}

void ResponseConnection::on_closed(runtime::StreamEnd) {
  note_end(protocol::kDisconnectConnectionClosed.code,
           protocol::kDisconnectConnectionClosed.reason);
  set_deadline(core::kNever);
  on_gone();
}

}  // namespace sanjay::transport
