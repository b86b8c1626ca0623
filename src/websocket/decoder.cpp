// SPDX-License-Identifier: Apache-2.0
#include "websocket/decoder.h"

#include "core/assert.h"
#include "core/failpoint.h"
#include "websocket/encoder.h"
#include "websocket/mask.h"
#include "websocket/utf8.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <expected>
#include <string>
#include <utility>

namespace sanjay::websocket {
namespace {

constexpr ProtocolError kBadText{kCloseInvalidPayload, "invalid UTF-8"};

std::string_view view_of(std::span<const char> bytes) { return {bytes.data(), bytes.size()}; }

Event message_event(Opcode opcode, Coding coding, std::string_view payload) {
  return {.type = Event::Type::Message, .opcode = opcode, .coding = coding, .payload = payload};
}

// What does not get smaller gets a little larger; a message of the largest size passes even so.
std::uint64_t wire_bytes_max(const Limits& limits, Coding coding) {
  if (coding == Coding::Plain) return limits.message_bytes_max;
  return std::uint64_t{limits.message_bytes_max} + limits.message_bytes_max / 64 + 64;
}

// RFC 6455 §5.5.1 and §7.4: no payload at all, or a code and then a reason in UTF-8.
core::Result<Event, ProtocolError> close_event(std::string_view payload) {
  Event event{.type = Event::Type::Close, .opcode = Opcode::Close, .close_code = kCloseNoCode};
  if (payload.empty()) return event;
  if (payload.size() == 1) {
    return std::unexpected(ProtocolError{kCloseProtocolError, "close payload of one byte"});
  }
  event.close_code = static_cast<std::uint16_t>((static_cast<unsigned char>(payload[0]) << 8) |
                                                static_cast<unsigned char>(payload[1]));
  if (!is_close_code(event.close_code)) {
    return std::unexpected(ProtocolError{kCloseProtocolError, "invalid close code"});
  }
  event.payload = payload.substr(2);
  if (!is_utf8(event.payload)) return std::unexpected(kBadText);
  return event;
}

}  // namespace

/// What must outlive one feed: a header cut short, a frame's payload under way, a message of which
/// fragments have come.
struct Decoder::Partial {
  std::array<char, kHeaderBytesMax> header_bytes;
  std::size_t header_size = 0;  // octets of a header that is not complete yet

  bool in_frame = false;
  FrameHeader frame;
  std::uint64_t frame_received = 0;
  std::array<char, kControlPayloadBytesMax> control;  // payload of a control frame under way

  std::uint32_t fragments = 0;  // data frames begun of the open message; 0 when none is open
  Opcode message_opcode = Opcode::Text;
  Coding message_coding = Coding::Plain;
  Utf8Validator utf8;
  std::string message;
};

Decoder::Decoder(Role role, const Limits& limits, Extension extension)
    : limits_(limits), role_(role), extension_(extension) {}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

void Decoder::feed(std::span<char> bytes) {
  ASSERT(input_.empty());
  input_ = bytes;
}

Event Decoder::next() {
  if (state_ != State::Reading) {
    partial_.reset();
    if (state_ == State::Closed) {
      input_ = {};
      return {};
    }
    state_ = State::Reading;
  }
  const auto event = advance();
  if (event) return *event;
  state_ = State::Closed;
  return {.type = Event::Type::Violation,
          .close_code = event.error().close_code,
          .payload = event.error().reason};
}

core::Result<Event, ProtocolError> Decoder::advance() {
  for (;;) {
    if (partial_ == nullptr || !partial_->in_frame) {
      SANJAY_TRY(const auto header, read_header());
      if (!header) return Event{};
      if (const auto error = check_sequence(*header)) return std::unexpected(*error);
      const bool alone = is_control(header->opcode) || (header->fin && !message_open());
      if (alone && header->payload_bytes <= input_.size()) return take_whole_frame(*header);
      begin_frame(*header);
    }
    SANJAY_TRY(const auto event, take_payload());
    if (event) return *event;
  }
}

// The header is read where it lies; only one cut short by the end of the input is put by.
core::Result<std::optional<FrameHeader>, ProtocolError> Decoder::read_header() {
  const std::size_t kept = partial_ == nullptr ? 0 : partial_->header_size;
  std::string_view bytes = view_of(input_);
  if (kept > 0) {
    const std::size_t added = std::min(kHeaderBytesMax - kept, input_.size());
    std::copy_n(input_.begin(), added, partial_->header_bytes.begin() + kept);
    bytes = {partial_->header_bytes.data(), kept + added};
  }
  SANJAY_TRY(const auto header, parse_header(bytes, role_, extension_));
  if (header) {
    input_ = input_.subspan(header->header_bytes - kept);
    if (kept > 0) partial_->header_size = 0;
    return header;
  }
  if (!input_.empty()) {
    if (partial_ == nullptr) partial_ = std::make_unique<Partial>();
    if (kept == 0) std::copy(bytes.begin(), bytes.end(), partial_->header_bytes.begin());
    partial_->header_size = bytes.size();
    input_ = {};
  }
  return header;
}

// RFC 6455 §5.4, and the limits, before a single byte of the payload is kept.
std::optional<ProtocolError> Decoder::check_sequence(const FrameHeader& header) const {
  if (is_control(header.opcode)) return std::nullopt;
  const bool continues = header.opcode == Opcode::Continuation;
  if (continues && !message_open()) {
    return ProtocolError{kCloseProtocolError, "continuation of nothing"};
  }
  if (!continues && message_open()) {
    return ProtocolError{kCloseProtocolError, "message within a message"};
  }
  const std::uint32_t fragments = continues ? partial_->fragments : 0;
  if (fragments >= limits_.fragments_max && !FAILPOINT("websocket.fragments")) {
    return ProtocolError{kClosePolicyViolation, "too many fragments"};
  }
  const std::size_t received = continues ? partial_->message.size() : 0;
  const Coding coding = continues ? partial_->message_coding : header.coding;
  if (header.payload_bytes > wire_bytes_max(limits_, coding) - received &&
      !FAILPOINT("websocket.message_bytes")) {
    return ProtocolError{kCloseMessageTooBig, "message too big"};
  }
  return std::nullopt;
}

// The fast path: a control frame or an unfragmented message, all of it in the fed bytes.
core::Result<Event, ProtocolError> Decoder::take_whole_frame(const FrameHeader& header) {
  const std::string_view payload = view_of(take_unmasked(header.payload_bytes, header.mask, 0));
  if (is_control(header.opcode)) return control_event(header.opcode, payload);
  const bool plain_text = header.opcode == Opcode::Text && header.coding == Coding::Plain;
  if (plain_text && !is_utf8(payload)) return std::unexpected(kBadText);
  state_ = State::Delivered;
  return message_event(header.opcode, header.coding, payload);
}

void Decoder::begin_frame(const FrameHeader& header) {
  if (partial_ == nullptr) partial_ = std::make_unique<Partial>();
  partial_->in_frame = true;
  partial_->frame = header;
  partial_->frame_received = 0;
  if (is_control(header.opcode)) return;
  ++partial_->fragments;
  if (header.opcode == Opcode::Continuation) return;
  partial_->message_opcode = header.opcode;
  partial_->message_coding = header.coding;
}

// Takes what has come of the current frame. Gives an event, NeedMore among them, or nothing when
// the frame is complete but its message is not.
core::Result<std::optional<Event>, ProtocolError> Decoder::take_payload() {
  Partial& partial = *partial_;
  const FrameHeader& frame = partial.frame;
  const std::uint64_t missing = frame.payload_bytes - partial.frame_received;
  const std::span<char> bytes = take_unmasked(std::min<std::uint64_t>(missing, input_.size()),
                                              frame.mask, partial.frame_received);
  const bool control = is_control(frame.opcode);
  if (control) {
    std::copy(bytes.begin(), bytes.end(), partial.control.begin() + partial.frame_received);
  } else {
    const bool plain_text =
        partial.message_opcode == Opcode::Text && partial.message_coding == Coding::Plain;
    if (plain_text && partial.utf8.find_bad_octet(view_of(bytes))) {
      return std::unexpected(kBadText);
    }
    partial.message.append(view_of(bytes));
  }
  partial.frame_received += bytes.size();
  if (bytes.size() < missing) return Event{};

  partial.in_frame = false;
  if (control) {
    return control_event(frame.opcode, {partial.control.data(), frame.payload_bytes});
  }
  if (!frame.fin) return std::nullopt;
  if (!partial.utf8.complete()) return std::unexpected(kBadText);
  state_ = State::Delivered;
  return message_event(partial.message_opcode, partial.message_coding, partial.message);
}

core::Result<Event, ProtocolError> Decoder::control_event(Opcode opcode, std::string_view payload) {
  if (opcode == Opcode::Close) {
    SANJAY_TRY(const Event event, close_event(payload));
    state_ = State::Closed;
    return event;
  }
  // A message that is still open keeps its fragments through the control frames between them.
  if (!message_open()) state_ = State::Delivered;
  return Event{.type = opcode == Opcode::Ping ? Event::Type::Ping : Event::Type::Pong,
               .opcode = opcode,
               .payload = payload};
}

bool Decoder::message_open() const { return partial_ != nullptr && partial_->fragments > 0; }

std::span<char> Decoder::take_unmasked(std::size_t count, std::uint32_t mask, std::size_t offset) {
  const std::span<char> bytes = input_.first(count);
  input_ = input_.subspan(count);
  apply_mask(bytes, mask, offset);
  return bytes;
}

std::string Decoder::take_unread() {
  const std::span<char> unread = std::exchange(input_, {});
  return {unread.data(), unread.size()};
}

}  // namespace sanjay::websocket
