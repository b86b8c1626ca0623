// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

namespace sanjay::bench {

/// FloorMode::Echo: serves the listener until the process ends. A message must arrive in one
/// piece, as short ones on the loopback do; otherwise it fails with a clear reason.
core::Status run_echo_floor(int listener);

}  // namespace sanjay::bench
