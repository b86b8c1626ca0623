// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/wire.h"

namespace sanjay::bench {

/// The Centrifuge client protocol in its two encodings. Stateless; any thread.
const Wire& json_wire();
const Wire& protobuf_wire();

}  // namespace sanjay::bench
