// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "core/intrusive_list.h"
#include "core/time.h"
#include "telemetry/counter.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sanjay::runtime {

/// What handshakes of one shard may cost the others.
struct TlsLimits {
  std::uint32_t handshakes_max = 64;  // under way at a time; others wait, in order
  std::uint32_t waiting_max = 1024;   // beyond it connections are closed
  core::Duration handshake_time_max = std::chrono::seconds(10);  // accept → end of the handshake
  /// In a turn no step is begun when those before it took so long.
  core::Duration turn_time_max = std::chrono::milliseconds(2);
  /// A peer that has been silent for so long leaves its place to one that waits. It goes on when it
  /// speaks again, so this costs nobody anything but whoever holds places for nothing.
  core::Duration silence_max = std::chrono::milliseconds(100);
};

/// What became of handshakes; any thread may read it. Each ends in exactly one way.
struct TlsStats {
  telemetry::Counter connections;  // at present, with a handshake that is done
  telemetry::Counter handshakes;   // at present: under way, waiting, silent
  telemetry::Counter done;
  telemetry::Counter resumed;  // of these, with a ticket
  telemetry::Counter failed;   // wrong, or given up by either side
  telemetry::Counter timed_out;
  telemetry::Counter refused;  // too many were waiting
};

/// One handshake that is not done: its stream holds it while it lasts, and it leaves every list
/// when it is destroyed.
class PendingHandshake {
 public:
  enum class Place : std::uint8_t { Waiting, Held, Given };

  core::ConnectionId stream() const { return stream_; }
  /// Bytes of the peer that no step has taken yet.
  std::string& input() { return input_; }
  /// Whether its turn to begin has not come: nothing is read from the peer.
  bool waits() const { return place_ == Place::Waiting; }

  /// Whether there is anything to do for it when its turn has come.
  bool has_step() const { return speaks_first || !input_.empty(); }

  bool speaks_first = false;      // ours is the client's end
  bool input_ended = false;       // the peer's FIN came behind the input
  bool receiving_paused = false;  // by the handshake, not by the handler

  ~PendingHandshake();
  PendingHandshake(const PendingHandshake&) = delete;
  PendingHandshake& operator=(const PendingHandshake&) = delete;

 private:
  friend class HandshakeQueue;
  struct Hook : core::ListNode {
    explicit Hook(PendingHandshake& o) : owner(o) {}
    PendingHandshake& owner;
  };

  PendingHandshake(class HandshakeQueue& queue, core::ConnectionId stream, core::Instant now);

  HandshakeQueue& queue_;
  const core::ConnectionId stream_;
  const core::Instant since_;
  core::Instant heard_;  // the last step, or when its turn came
  std::string input_;
  Place place_ = Place::Waiting;
  Hook by_age_{*this};
  Hook in_place_{*this};  // among those waiting, or those that hold a place
  Hook ready_{*this};     // has a step to do
};

/// Who of a shard's handshakes may go on: so many at a time, first come first served, each within
/// its time. Knows no stream and no cryptography. One thread.
class HandshakeQueue {
 public:
  explicit HandshakeQueue(const TlsLimits& limits) : limits_(limits) {}
  HandshakeQueue(const HandshakeQueue&) = delete;
  HandshakeQueue& operator=(const HandshakeQueue&) = delete;

  /// A new one; nothing when too many wait.
  std::unique_ptr<PendingHandshake> begin(core::ConnectionId stream, core::Instant now);
  /// There is something to do for it.
  void make_ready(PendingHandshake& handshake);

  /// The next that has a step to do, which counts as done from now on; null: none has.
  PendingHandshake* take_ready(core::Instant now);
  /// The next of those waiting if there is a place for it, which it then holds; else null.
  PendingHandshake* take_waiting(core::Instant now);
  /// The oldest, if its time is over; else null. It must be destroyed.
  PendingHandshake* overdue(core::Instant now);

  bool has_ready() const { return !ready_.empty(); }
  bool empty() const { return size_ == 0; }
  std::uint32_t size() const { return size_; }
  std::uint32_t waiting() const { return waiting_count_; }
  /// When overdue() or take_waiting() have something to answer next.
  core::Instant next_deadline();
  const TlsLimits& limits() const { return limits_; }

 private:
  friend class PendingHandshake;
  using List = core::IntrusiveList<PendingHandshake::Hook>;

  bool has_place() const;
  void hold_place(PendingHandshake& handshake, core::Instant now);
  void leave_place(PendingHandshake& handshake);

  const TlsLimits limits_;
  List by_age_;
  List waiting_;
  List holding_;  // the one silent for longest first
  List ready_;
  std::uint32_t size_ = 0;
  std::uint32_t waiting_count_ = 0;
  std::uint32_t holding_count_ = 0;
};

}  // namespace sanjay::runtime
