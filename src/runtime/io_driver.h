// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/time.h"
#include "runtime/endpoint.h"
#include "telemetry/counter.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sanjay::runtime {

/// A socket's number within its shard: the slot of its Stream. The driver keeps its own record
/// under the same number, so that no descriptor is seen above it.
using SocketSlot = std::uint32_t;

/// Which of a driver's listeners, in the order in which they were opened.
using ListenerIndex = std::uint8_t;

struct ListenOptions {
  int backlog = 128;
  /// How long sent bytes may stay unacknowledged, or a peer's window closed, before the kernel ends
  /// the connection (TCP_USER_TIMEOUT, RFC 5482); inherited by what is accepted. Zero: its default.
  core::Duration user_timeout = core::Duration::zero();
};

/// Why an operation ended early, as far as those above have to tell apart.
enum class IoFailure : std::uint8_t { None, Refused, Reset, TimedOut, Unreachable, Other };

enum class DriverKind : std::uint8_t { Uring, Epoll, Simulated };

std::string_view name_of(DriverKind kind);

/// What a driver reports, always from inside turn() on the shard's own thread.
class IoEvents {
 public:
  /// The kernel wait is over; whatever follows in this turn happens "now".
  virtual void on_wake() = 0;
  /// A peer connected to the listener. Answers the slot it gets, or nothing: the driver then closes
  /// it at once. From inside, only set_receiving() may be called for that slot.
  virtual std::optional<SocketSlot> on_accept(const Endpoint& peer, ListenerIndex listener) = 0;
  /// Accepting failed for want of descriptors or memory and is suspended until resume_accepting().
  virtual void on_accept_suspended() = 0;
  virtual void on_connect(SocketSlot slot, IoFailure failure) = 0;
  /// Bytes from the peer, in the driver's own memory: writable (they may be unmasked in place),
  /// gone when the call returns.
  virtual void on_receive(SocketSlot slot, std::span<char> bytes) = 0;
  /// Nothing more will be received: None is the peer's orderly end (FIN).
  virtual void on_receive_end(SocketSlot slot, IoFailure failure) = 0;
  /// A send that answered "pending" is over: `bytes` of it were taken (a short send is a success;
  /// 0 means: room again, try the rest).
  virtual void on_send(SocketSlot slot, std::size_t bytes) = 0;
  virtual void on_send_failure(SocketSlot slot, IoFailure failure) = 0;
  /// release() has finished: no operation of the slot is in flight, the slot may be used again.
  virtual void on_released(SocketSlot slot) = 0;

 protected:
  ~IoEvents() = default;
};

/// Counters a driver keeps; any thread may read them.
struct DriverStats {
  telemetry::Counter turns;
  telemetry::Counter submits;           // system calls that submit or wait
  telemetry::Counter buffer_shortages;  // receives put back: all shared buffers were taken
  telemetry::Counter completion_overflows;
  telemetry::Counter sends;
  telemetry::Counter receives;
};

/// Moves bytes for one shard. Three implementations: io_uring, epoll, and the simulator. All calls
/// come from the shard's thread, except wake(). No call reports an event from inside itself:
/// events come from turn() only.
///
/// Life of a slot: accepted or connect()ed → receiving and at most one send in flight at a time →
/// release() → on_released().
class IoDriver {
 public:
  virtual ~IoDriver() = default;

  virtual DriverKind kind() const = 0;
  virtual const DriverStats& stats() const = 0;

  /// First call, on the shard's thread, after it has left the shared descriptor table (if it does).
  virtual core::Status start() = 0;

  /// Opens one more listener (SO_REUSEPORT, so that every shard may have its own on one port) and
  /// begins to accept. Answers the address bound, with the port chosen if it was 0.
  virtual core::Result<Endpoint> listen(const Endpoint& endpoint, const ListenOptions& options) = 0;
  virtual void resume_accepting() = 0;
  /// Takes what already waits in the listener's accept queue, then refuses: for draining.
  virtual void stop_listening(ListenerIndex listener) = 0;

  /// Begins a connection on a free slot; on_connect follows. `from` binds the source address.
  virtual core::Status connect(SocketSlot slot, const Endpoint& to,
                               const std::optional<Endpoint>& from) = 0;

  /// Turns receiving on (as it is after accept and connect, unless it was turned off before) or
  /// off. Bytes already taken from the kernel may still be reported in this turn after turning it
  /// off.
  virtual void set_receiving(SocketSlot slot, bool on) = 0;

  /// Sends the pieces in order. Answers how many bytes were taken at once, or nothing: then the
  /// send is in flight, the pieces' bytes must stay until on_send or on_send_failure, and no other
  /// send may start on the slot before.
  virtual std::optional<std::size_t> send(SocketSlot slot,
                                          std::span<const std::string_view> pieces) = 0;
  static constexpr std::size_t kPiecesMax = 16;

  /// Tells the peer that nothing more will be sent (FIN), once all sends are over.
  virtual void finish_sending(SocketSlot slot) = 0;

  /// Cancels whatever is in flight and closes; no event of the slot but on_released follows. Not
  /// from inside turn().
  virtual void release(SocketSlot slot) = 0;

  /// One turn: submits what was asked for, waits up to `wait_max` (0: does not wait) unless there
  /// is something to report, and reports. True when anything was reported.
  virtual bool turn(core::Duration wait_max, IoEvents& events) = 0;

  /// Ends the wait of a sleeping shard. Any thread.
  virtual void wake() = 0;
};

}  // namespace sanjay::runtime
