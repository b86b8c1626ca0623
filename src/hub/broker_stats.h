// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "telemetry/counter.h"

namespace sanjay::hub {

/// Counters of one shard's broker; any thread may read them.
struct BrokerStats {
  telemetry::Counter history_channels;      // whose position is known, at present
  telemetry::Counter history_publications;  // kept, at present, with those about to be freed
  telemetry::Counter history_bytes;         // the same, with names
  telemetry::Counter idempotency_keys;      // at present
  telemetry::Counter presence_channels;     // with anybody in them, at present
  telemetry::Counter presence_entries;      // at present
  telemetry::Counter presence_bytes;        // at present

  telemetry::Counter epochs;                // begun
  telemetry::Counter suppressed;            // publications: by an idempotency key or a version
  telemetry::Counter keys_forgotten_early;  // idempotency keys, to make room for newer ones
  telemetry::Counter history_refused;       // publications and reads, because a limit was reached
  telemetry::Counter presence_refused;      // the same for entries
  telemetry::Counter reads_refused;         // because too many answers were waiting
};

}  // namespace sanjay::hub
