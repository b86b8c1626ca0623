// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "transport/response_connection.h"
#include "transport/session_connection.h"

#include <span>
#include <string>
#include <string_view>

namespace sanjay::transport {

/// A client of the Centrifuge protocol over the response to one HTTP request: HTTP-stream or SSE,
/// bidirectional by emulation, or unidirectional.
class StreamConnection final : public SessionConnection<ResponseConnection> {
 public:
  /// `chunked` unless the client speaks HTTP/1.0; the form is `always_held` then.
  StreamConnection(ShardServices& services, runtime::Stream& stream,
                   const session::Session::Form& form, bool chunked)
      : SessionConnection(services, stream, form, chunked) {}

  /// Begins the response; `message` came with the request, `behind` after it.
  void start(std::string_view head, std::string_view message, std::span<char> behind);
  void on_commands(std::string&& commands) override;

 private:
  // ResponseConnection
  void on_message(std::string_view commands) override { hear(commands); }
  void on_excess() override { end(protocol::kDisconnectBadRequest); }
};

}  // namespace sanjay::transport
