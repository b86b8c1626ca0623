// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/time.h"

#include <cstdint>
#include <string_view>

namespace sanjay::bench {

class Connection;

/// What one shard's connections do once they are ready. One instance per shard, called on the
/// shard's thread only; what instances share they share through atomics of the scenario. The
/// default does nothing, which is what idle connections do.
class Load {
 public:
  virtual ~Load() = default;
  /// All connections are ready. Adds `rounds` rounds of work; may come again when they are done.
  virtual void on_begin(std::uint64_t rounds) { (void)rounds; }
  /// Begin nothing new, finish what is under way.
  virtual void on_drain() {}
  /// A WebSocket message, or one push line of the Centrifuge protocol.
  virtual void on_message(Connection& connection, std::string_view message) {
    (void)connection, (void)message;
  }
  /// The successful reply to the command `id`.
  virtual void on_reply(Connection& connection, std::uint32_t id) { (void)connection, (void)id; }
  /// The error reply to the command `id` of a ready connection. Answers as on_ended().
  virtual bool on_refused(Connection& connection, std::uint32_t id) {
    (void)connection, (void)id;
    return false;
  }
  /// The server has ended a ready connection, with a Close frame of that code or (0) without one.
  /// True: the load has reckoned with it; false: a failure of the run.
  virtual bool on_ended(Connection& connection, std::uint16_t close_code) {
    (void)connection, (void)close_code;
    return false;
  }
  /// Once per loop turn. True when there is more to do at once: the shard then spins.
  virtual bool on_turn(core::Instant now) {
    (void)now;
    return false;
  }
  /// Looked at before the shard sleeps: has another shard brought work?
  virtual bool has_mail() const { return false; }
};

}  // namespace sanjay::bench
