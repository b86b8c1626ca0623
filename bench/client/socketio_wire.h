// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/wire.h"

namespace sanjay::bench {

/// Socket.IO v5 on Engine.IO v4 over WebSocket: the default namespace, and one event "m" with one
/// argument. The target's path must be /socket.io/?EIO=4&transport=websocket. Stateless; any
/// thread.
const Wire& socketio_wire();

}  // namespace sanjay::bench
