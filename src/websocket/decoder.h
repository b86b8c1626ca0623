// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "websocket/frame.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sanjay::websocket {

struct Limits {
  std::uint32_t message_bytes_max = 65536;    // sum over the fragments; beyond: 1009
  std::uint32_t fragments_max = 1024;         // frames per message, empty ones too; beyond: 1008
  std::uint32_t inflated_bytes_max = 655360;  // of a compressed message, once it is not; then 1009
};

/// What Decoder::next() found. `payload` is the message, the ping's or pong's payload, or the
/// reason of Close and Violation; it lives until the following next(). A message whose coding is
/// Deflated is still compressed and not looked at: inflated() (inflater.h) makes the message of it.
struct Event {
  enum class Type : std::uint8_t {
    NeedMore,  // the fed bytes are used up
    Message,   // `opcode` is Text (then a Plain `payload` is valid UTF-8) or Binary
    Ping,
    Pong,
    Close,      // `close_code` is the peer's, 1005 if it gave none
    Violation,  // the peer broke the protocol: close with `close_code`
  };

  Type type = Type::NeedMore;
  Opcode opcode = Opcode::Continuation;
  Coding coding = Coding::Plain;
  std::uint16_t close_code = 0;
  std::string_view payload{};
};

/// Received bytes in, messages and control frames out (RFC 6455 §5). One per connection, owned by
/// its shard. A frame that lies whole in the fed bytes is unmasked there and handed out as a view;
/// only parts are copied, to a buffer that grows with what has arrived and goes when the message
/// is done, so an idle decoder owns no heap memory. After Close or Violation all further input is
/// dropped.
class Decoder {
 public:
  Decoder(Role role, const Limits& limits, Extension extension = Extension::None);
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();

  /// Gives the next received bytes; allowed when next() has returned NeedMore or nothing was fed
  /// yet. They are unmasked in place and must stay until next() returns NeedMore again.
  void feed(std::span<char> bytes);

  Event next();

  /// Takes back what was fed and not yet looked at, for a caller who must not decode it now; to go
  /// on, feed() it again. Allowed after any next().
  std::string take_unread();

 private:
  struct Partial;
  enum class State : std::uint8_t {
    Reading,
    Delivered,  // the event handed out may view partial_, which goes with the following next()
    Closed,
  };

  core::Result<Event, ProtocolError> advance();
  core::Result<std::optional<FrameHeader>, ProtocolError> read_header();
  std::optional<ProtocolError> check_sequence(const FrameHeader& header) const;
  core::Result<Event, ProtocolError> take_whole_frame(const FrameHeader& header);
  void begin_frame(const FrameHeader& header);
  core::Result<std::optional<Event>, ProtocolError> take_payload();
  core::Result<Event, ProtocolError> control_event(Opcode opcode, std::string_view payload);
  bool message_open() const;
  std::span<char> take_unmasked(std::size_t count, std::uint32_t mask, std::size_t offset);

  Limits limits_;
  Role role_;
  Extension extension_;
  State state_ = State::Reading;
  std::span<char> input_;  // fed and not yet used
  std::unique_ptr<Partial> partial_;
};

static_assert(sizeof(Decoder) <= 40, "there is one per connection");

}  // namespace sanjay::websocket
