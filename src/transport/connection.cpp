// SPDX-License-Identifier: Apache-2.0
#include "transport/connection.h"

namespace sanjay::transport {

void Connection::set_deadline(core::Instant deadline) {
  if (deadline == deadline_) return;
  deadline_ = deadline;
  if (deadline == core::kNever) {
    disarm();
  } else {
    services_.shard.timers().arm(*this, deadline);
  }
}

}  // namespace sanjay::transport
