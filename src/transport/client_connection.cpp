// SPDX-License-Identifier: Apache-2.0
#include "transport/client_connection.h"

#include <utility>

namespace sanjay::transport {
namespace {

const websocket::Limits& limits_for(const TransportOptions& options, hub::Encoding encoding) {
  return session::is_unidirectional(encoding) ? options.uni_websocket.limits : options.websocket;
}

}  // namespace

ClientConnection::ClientConnection(ShardServices& services, runtime::Stream& stream,
                                   const session::Session::Form& form,
                                   AgreedCompression compression)
    : SessionConnection(services, stream, form, limits_for(*services.options, form.encoding),
                        std::move(compression)) {}

}  // namespace sanjay::transport
