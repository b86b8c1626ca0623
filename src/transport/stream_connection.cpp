// SPDX-License-Identifier: Apache-2.0
#include "transport/stream_connection.h"

#include <utility>

namespace sanjay::transport {

void StreamConnection::start(std::string_view head, std::string_view message,
                             std::span<char> behind) {
  stream_.send(core::SegmentRef::copy_of(head));
  hear(message);
  if (!behind.empty() && stream_.open()) on_bytes(behind);
}

void StreamConnection::on_commands(std::string&& commands) {
  if (session::is_emulated(encoding())) take_commands(std::move(commands));
}

}  // namespace sanjay::transport
