// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "core/segment.h"
#include "core/slab.h"
#include "core/time.h"
#include "runtime/clock.h"
#include "runtime/endpoint.h"
#include "runtime/io_driver.h"
#include "runtime/segment_queue.h"
#include "runtime/tls/handshake_queue.h"
#include "telemetry/counter.h"
#include "telemetry/log.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::runtime {

class Stream;
class StreamTable;
class TlsContext;
struct TlsStream;

/// Bulk: part of something so large (a fan-out to very many) that what is small may pass it.
enum class Urgency : std::uint8_t { Soon, Bulk };

/// How long finish() waits for the peer.
enum class Linger : std::uint8_t { Full, Brief };

/// Why a stream came to its end, for logs and counters.
enum class StreamEnd : std::uint8_t { Closed, PeerFinished, PeerReset, SendFailed, ConnectFailed };

/// What somebody above makes of a stream's bytes: HTTP, then WebSocket, or the load generator.
/// Owned by its Stream; called on the shard's thread only. It may call anything of its Stream from
/// any of these: close() never destroys the handler before the end of the turn.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  /// A connect() begun by us has succeeded.
  virtual void on_connected() {}
  /// Bytes arrived. They may be changed in place and are gone when the call returns.
  virtual void on_bytes(std::span<char> bytes) = 0;
  /// The peer has finished sending (FIN). Unless the handler still has something to say, it closes.
  virtual void on_peer_finished() = 0;
  /// Asked for by notify_when_drained(): the write queue is empty.
  virtual void on_drained() {}
  /// The write queue would have grown past its bound; all but the send in flight was dropped.
  virtual void on_overflow() = 0;
  /// A send has been in flight for longer than the bound: the peer does not read.
  virtual void on_write_stalled() = 0;
  /// The last call: the stream is gone. Leave every list that names it.
  virtual void on_closed(StreamEnd end) = 0;
};

/// One TCP connection as those above see it: an ordered byte stream with a bounded write queue.
/// Owned by the shard's StreamTable, known elsewhere by its ConnectionId only. A pointer obtained
/// from the table is valid until the end of the turn.
///
/// States: Connecting → Open → (finish) Finishing → Closing → gone. Open → (close) Closing.
class Stream {
 public:
  enum class State : std::uint8_t { Connecting, Open, Finishing, Closing };

  Stream(StreamTable& table, core::ConnectionId id, const Endpoint& peer, State state);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  core::ConnectionId id() const { return id_; }
  /// The client: who connected, or whom a trusted proxy connects for.
  const Endpoint& peer() const { return peer_; }
  /// A trusted proxy has named the client; from now on that is the peer. Port 0: not known.
  void set_peer(const Endpoint& client) { peer_ = client; }
  State state() const { return state_; }
  bool open() const { return state_ == State::Open; }

  /// Hands the stream to another handler (HTTP → WebSocket). The old one is destroyed at the end
  /// of the turn, since it may be the caller; it gets no further call.
  void set_handler(std::unique_ptr<StreamHandler> handler);
  StreamHandler* handler() const { return handler_.get(); }

  /// From now on the stream speaks TLS: its handler goes on to see plaintext, beginning when the
  /// handshake is done; what is sent before waits for that. `received` was taken from the peer
  /// already and belongs to TLS. Once at most, before anything was sent; ignored unless Open. The
  /// stream may be closed by it: too many handshakes wait.
  void start_tls(const std::shared_ptr<const TlsContext>& context, core::Instant now,
                 std::string_view received = {});
  bool speaks_tls() const { return tls_ != nullptr; }

  /// Queues bytes; they leave at the end of the turn, many segments in one send. Ignored unless
  /// Open. Past the queue's bound the handler is told (on_overflow) at the end of the turn.
  /// The order within the stream is kept whatever the urgency.
  void send(core::SegmentRef segment, Urgency urgency = Urgency::Soon);
  /// Bytes that the kernel has not taken: with TLS, plaintext that waits and a record on its way.
  std::size_t queued_bytes() const { return tls_ ? queued_bytes_of_tls() : queue_.bytes(); }
  std::uint32_t queue_bytes_max() const { return queue_bytes_max_; }
  void set_queue_bytes_max(std::uint32_t bytes) { queue_bytes_max_ = bytes; }
  /// Asks for one on_drained(), at the earliest at the end of this turn.
  void notify_when_drained();

  /// Stops or goes on taking bytes from the peer. Bytes taken in this turn may still come.
  void pause_reading();
  void resume_reading();
  bool reading_paused() const { return reading_paused_; }

  /// A mark for those above: they find it where they look anyway, without asking the handler.
  void mark() { marked_ = true; }
  bool marked() const { return marked_; }

  /// Sends what is queued, then FIN, then waits for the peer's FIN; closes hard when all this takes
  /// longer than the table's linger time (the brief one, where the peer has shown no sign of life).
  /// Input is ignored from now on. A stream that is still connecting is closed.
  void finish(Linger linger = Linger::Full);
  /// Ends the connection at the end of the turn; queued bytes are dropped. Idempotent.
  void close(StreamEnd end = StreamEnd::Closed);

 private:
  friend class StreamTable;

  std::size_t queued_bytes_of_tls() const;
  bool has_bytes_to_send() const;

  StreamTable& table_;
  std::unique_ptr<StreamHandler> handler_;
  std::unique_ptr<TlsStream> tls_;  // null: bytes go as they are
  SegmentQueue queue_;
  core::ConnectionId id_;
  std::uint32_t queue_bytes_max_;
  Endpoint peer_;
  State state_;
  StreamEnd end_ = StreamEnd::Closed;
  std::uint8_t pieces_in_flight_ = 0;  // segments of queue_ that the send in flight refers to
  std::uint32_t send_count_ = 0;       // tells two sends of a stream apart, wraps
  bool dirty_ : 1 = false;             // stands in one of the table's lists of streams to flush
  bool dirty_in_bulk_ : 1 = false;     // and in which
  bool reading_paused_ : 1 = false;
  bool wants_drained_ : 1 = false;
  bool marked_ : 1 = false;
  bool overflowed_ : 1 = false;
  bool peer_finished_ : 1 = false;
  bool finish_sent_ : 1 = false;
  bool released_ : 1 = false;  // handed back to the driver, waiting for on_released
};

struct StreamLimits {
  std::uint32_t streams_max = 65536;
  std::uint32_t queue_bytes_max = 1 << 20;  // of one stream's write queue
  core::Duration write_stall_max = std::chrono::seconds(10);
  core::Duration linger_max = std::chrono::seconds(5);               // finish() → gone
  core::Duration brief_linger_max = std::chrono::milliseconds(500);  // the same, Linger::Brief
  TlsLimits tls;
};

/// What a table's streams have moved; any thread may read it.
struct StreamStats {
  telemetry::Counter bytes_in;
  telemetry::Counter bytes_out;
  telemetry::Counter queued_bytes;  // at present, in all write queues
  telemetry::Counter streams;       // at present
};

/// All streams of one shard. Gathers what is to be sent during a turn and hands it to the driver
/// in flush(), carries out closes in reap(). One thread.
class StreamTable {
 public:
  /// Sends that flush() hands over at most, so that one turn stays short.
  static constexpr std::size_t kSendsPerFlush = 128;
  /// Of these, so many are kept for bulk when there is any.
  static constexpr std::size_t kBulkSendsMin = 32;

  /// What a TLS session may have to say of its own accord while its peer takes nothing: more is no
  /// longer an answer to anything sensible, and the stream is closed.
  static constexpr std::size_t kTlsOutputMax = 64 * 1024;
  /// Bytes of a peer that wait for the next step of his handshake; then reading pauses.
  static constexpr std::size_t kHandshakeInputMax = 16 * 1024;

  /// The clock is asked how long handshakes take; everything else is told the time.
  StreamTable(core::ShardIndex shard, const StreamLimits& limits, IoDriver& driver,
              const Clock& clock, telemetry::Logger& log);
  ~StreamTable();
  StreamTable(const StreamTable&) = delete;
  StreamTable& operator=(const StreamTable&) = delete;

  /// A stream for an accepted peer; nothing when streams_max are in use.
  Stream* add_accepted(const Endpoint& peer);
  /// Begins a connection; on_connected or on_closed of the handler follows.
  core::Result<Stream*> connect(const Endpoint& to, const std::optional<Endpoint>& from,
                                std::unique_ptr<StreamHandler> handler);

  Stream* find(core::ConnectionId id);
  /// The stream in a slot known to be in use (hot path of the fan-out).
  Stream& at(SocketSlot slot) { return streams_.at(slot); }
  std::uint32_t size() const { return streams_.size(); }
  std::uint32_t streams_max() const { return limits_.streams_max; }
  /// Streams that wait for flush(): producers of many sends pause while it is long.
  std::size_t flush_backlog() const { return soon_.size() + bulk_.size(); }
  std::size_t queued_bytes() const { return stats_.queued_bytes.value(); }
  const StreamStats& stats() const { return stats_; }
  const TlsStats& tls_stats() const { return tls_stats_; }

  /// Calls `visit(Stream&)` for every stream there is; it may close them.
  template <class Visit>
  void for_each(Visit&& visit) {
    for (SocketSlot slot = 0; slot < streams_.capacity(); ++slot) {
      if (streams_.in_use(slot)) visit(streams_.at(slot));
    }
  }

  // The driver's events, passed on by the shard.
  void on_connect(SocketSlot slot, IoFailure failure);
  void on_receive(SocketSlot slot, std::span<char> bytes);
  void on_receive_end(SocketSlot slot, IoFailure failure);
  void on_send(SocketSlot slot, std::size_t bytes);
  void on_send_failure(SocketSlot slot);
  void on_released(SocketSlot slot);

  /// Goes on with handshakes as long as a turn may take for them, and ends those that are overdue
  /// unless their peers are not to be judged in this turn. Called each turn, before the timers, so
  /// that what ends a handshake is known.
  void run_handshakes(core::Instant now, bool judge);
  /// Sends for up to kSendsPerFlush streams; has_work() tells whether more are waiting.
  void flush(core::Instant now);
  /// Ends what was closed in this turn. Handlers of closed streams get on_closed here.
  void reap();
  /// Deals with sends and lingering closes that are past their bound; called each turn.
  void check_deadlines(core::Instant now);
  /// When check_deadlines has something to do next, as far as known.
  core::Instant next_deadline();
  /// True when flush() or reap() has something to do now: the shard must not sleep. Handlers that
  /// are told of an end in reap() may send to, finish or close other streams.
  bool has_work() const {
    return !soon_.empty() || !bulk_.empty() || !overflowed_.empty() || !finishing_.empty() ||
           !finishing_briefly_.empty() || !closing_.empty() || handshakes_.has_ready();
  }

 private:
  friend class Stream;

  struct Watched {
    core::ConnectionId id;
    core::Instant since;
    std::uint32_t send_count;
  };
  /// Entries of in_flight_ beyond one per stream before those that are over are swept out.
  static constexpr std::size_t kSweepSlack = 64;

  void mark_dirty(Stream& stream, Urgency urgency = Urgency::Soon);
  void flush_some(std::deque<SocketSlot>& dirty, std::size_t sends_max, std::size_t& sends,
                  core::Instant now);
  void mark_closing(Stream& stream);
  void flush_one(Stream& stream, core::Instant now);
  void sent(Stream& stream, std::size_t bytes);
  void after_send(Stream& stream);
  bool pending(const Watched& watched);
  void watch_sends_in_flight();
  void handle_overflows();
  void finish_sending(Stream& stream);
  void end_lingering(std::deque<Watched>& lingering, core::Duration linger_max, core::Instant now);

  // In stream_tls.cpp.
  void start_tls(Stream& stream, const std::shared_ptr<const TlsContext>& context,
                 core::Instant now, std::string_view received);
  void receive_tls(Stream& stream, std::string_view bytes);
  /// The peer's FIN. False: the handler is not to be told of it now.
  bool end_tls_input(Stream& stream);
  void step_handshake(Stream& stream);
  void finish_handshake(Stream& stream);
  void fail_handshake(Stream& stream);
  /// Leaves the queue of handshakes and counts how it ended.
  void end_handshake(Stream& stream, telemetry::Counter& outcome);
  void hold_receiving(Stream& stream, bool hold);
  void decrypt(Stream& stream, std::string_view bytes);
  std::size_t front_of_tls(Stream& stream, std::span<std::string_view> pieces);
  void encrypt_record(Stream& stream);
  void sent_by_tls(Stream& stream, std::size_t bytes);
  void count_tls_bytes(Stream& stream);

  const core::ShardIndex shard_;
  const StreamLimits limits_;
  IoDriver& driver_;
  const Clock& clock_;
  telemetry::Logger& log_;
  HandshakeQueue handshakes_;
  std::unique_ptr<char[]> record_;  // plaintext of one record; since the first TLS stream
  core::Slab<Stream> streams_;
  StreamStats stats_;
  TlsStats tls_stats_;
  std::deque<SocketSlot> soon_;  // to be flushed
  std::deque<SocketSlot> bulk_;  // the same, after these
  std::vector<core::ConnectionId> closing_;
  std::vector<core::ConnectionId> overflowed_;
  // finish() was called since the last flush.
  std::vector<core::ConnectionId> finishing_;
  std::vector<core::ConnectionId> finishing_briefly_;
  std::vector<std::unique_ptr<StreamHandler>> retired_handlers_;
  std::vector<Watched> flushed_;   // sends of the last flush, not yet known to be over
  std::deque<Watched> in_flight_;  // sends that outlived a turn, oldest first
  std::deque<Watched> lingering_;  // finishing, oldest first
  std::deque<Watched> lingering_briefly_;
};

}  // namespace sanjay::runtime
