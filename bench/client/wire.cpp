// SPDX-License-Identifier: Apache-2.0
#include "bench/client/wire.h"

#include "bench/client/centrifuge_wire.h"
#include "bench/client/socketio_wire.h"

namespace sanjay::bench {

const Wire& wire_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::WebSocket:
    case Protocol::Centrifuge:
      break;
    case Protocol::Protobuf:
      return protobuf_wire();
    case Protocol::SocketIo:
      return socketio_wire();
  }
  return json_wire();
}

}  // namespace sanjay::bench
