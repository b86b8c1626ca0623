// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "transport/connection.h"
#include "websocket/decoder.h"
#include "websocket/frame.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sanjay::transport {

/// What one peer may send in pings and pongs: kPerSecond in the long run, kBurst at once. The
/// generic cell rate algorithm: all it remembers is when those taken so far will be paid off.
class ControlFrameRate {
 public:
  static constexpr std::int64_t kPerSecond = 100;
  static constexpr std::int64_t kBurst = 200;

  /// Counts one more at `now`; false: it is one too many.
  bool take(core::Instant now);
  /// Frames counted and not yet paid off.
  std::int64_t owed(core::Instant now) const;

 private:
  static constexpr core::Duration kPrice = core::Duration(std::chrono::seconds(1)) / kPerSecond;

  core::Instant paid_off_{};
};

static_assert(sizeof(ControlFrameRate) <= 8, "there is one per connection");

/// A stream that has become a WebSocket: frames in, pongs and the closing handshake out. What the
/// messages mean is the derived class's matter: a client's session, or an echo.
///
/// Ending: our Close frame is queued, then Stream::finish() sends FIN behind it and ignores input
/// until the peer's FIN or the linger bound, so a silent peer costs no more than that.
class WebSocketConnection : public Connection {
 public:
  WebSocketConnection(ShardServices& services, runtime::Stream& stream,
                      const websocket::Limits& limits, AgreedCompression compression);

  /// Bytes that came behind the upgrade request.
  void start(std::span<char> bytes) { on_bytes(bytes); }

  void on_bytes(std::span<char> bytes) final;
  void on_closed(runtime::StreamEnd end) final;
  void on_peer_finished() final { stream_.close(runtime::StreamEnd::PeerFinished); }
  void on_resume() override { go_on(); }
  /// Compresses frames for a connection that keeps a context of ours.
  void deliver(const core::SegmentRef& bytes, runtime::Urgency urgency) final;

 protected:
  /// A whole message; Text payloads are valid UTF-8. The view lives until the call returns.
  virtual void on_message(websocket::Opcode opcode, std::string_view payload) = 0;
  /// False: hold back what the client sends until go_on().
  virtual bool accepts_messages() const { return true; }
  virtual void on_pong_frame() {}
  /// accepts_messages() may have become true: takes what was held back and reads on.
  void go_on();

  void send_frame(websocket::Opcode opcode, std::string_view payload);
  void send_message(hub::Encoding encoding, std::string_view message);
  /// Bytes that were finished for many.
  void send_framed(const core::SegmentRef& bytes) { deliver(bytes, runtime::Urgency::Soon); }
  void send_ping() { send_frame(websocket::Opcode::Ping, {}); }
  /// Whether the client is told of its end before the Close frame tells it: unidirectional ones
  /// are, as on their other transports.
  bool pushes_disconnect(hub::Encoding encoding) const;
  /// Sends the Close frame and ends the connection. The first call counts. Brief: the peer has
  /// shown no sign of life, so not much time is lost on waiting for its answer.
  void close_with(std::uint16_t code, std::string_view reason,
                  runtime::Linger linger = runtime::Linger::Full);
  /// Says how the connection ended; the first call counts. close_with() does it by itself.
  void note_end(std::uint16_t code, std::string_view reason);
  /// Fills in whose connection it is, and records its end.
  virtual void record_end(EndRecord) = 0;
  /// The stream is gone; the end has been noted.
  virtual void on_gone() {}

 private:
  /// Pings owed up to which each gets its pong; beyond, only the newest of what came together does
  /// (RFC 6455 §5.5.3), so a flood is answered with next to nothing.
  static constexpr std::int64_t kPongsEach = 16;
  /// What is decompressed for one connection at a time, at most twice a turn.
  static constexpr std::size_t kInflatedBytesAtOnce = 128 * 1024;

  void take(std::span<char> bytes);
  /// Puts by what must not be decoded now.
  void hold_unread();
  /// Hands on a message that came compressed. `inflated` adds up what this turn has brought so far;
  /// beyond its bound, the rest is put by for the next one.
  void on_compressed(const websocket::Event& event, std::size_t& inflated);
  /// The frame of a data message, compressed if the client agreed and it is worth it.
  core::SegmentRef message_frame(websocket::Opcode opcode, std::string_view payload);
  /// Counts a ping or pong and answers a ping, or leaves the answer in `pong` for the end.
  void on_control(const websocket::Event& event, core::SegmentRef& pong);

  websocket::Decoder decoder_;
  ControlFrameRate control_rate_;
  bool ended_ = false;                 // noted
  std::uint8_t window_bits_;           // what is compressed here is so with this window; 0: nothing
  std::uint32_t inflated_bytes_max_;   // of one message
  std::unique_ptr<std::string> held_;  // bytes not yet decoded because messages must wait
  std::unique_ptr<KeptContexts> contexts_;
};

}  // namespace sanjay::transport
