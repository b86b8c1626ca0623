// SPDX-License-Identifier: Apache-2.0
#include "protocol/messages.h"

#include <utility>

namespace sanjay::protocol {

bool outranks(const Request& candidate, const Request& current) {
  return std::holds_alternative<Pong>(current) || candidate.index() <= current.index();
}

core::Result<Command, DecodeError> make_command(std::uint32_t id, Request request, bool has_ping) {
  const bool is_connect = std::holds_alternative<ConnectRequest>(request);
  const bool is_pong = std::holds_alternative<Pong>(request);
  const bool is_send = std::holds_alternative<SendRequest>(request);
  if (has_ping && !is_connect) return std::unexpected(DecodeError{"ping is not a client command"});
  if (is_pong && id != 0) return std::unexpected(DecodeError{"command without request"});
  if (!is_pong && !is_send && id == 0) return std::unexpected(DecodeError{"request without id"});
  return Command{id, std::move(request)};
}

}  // namespace sanjay::protocol
