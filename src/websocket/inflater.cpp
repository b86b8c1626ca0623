// SPDX-License-Identifier: Apache-2.0
#include "websocket/inflater.h"

#include "core/assert.h"
#include "core/failpoint.h"
#include "websocket/utf8.h"
#include "websocket/zlib_memory.h"

#include <algorithm>
#include <expected>
#include <limits>

namespace sanjay::websocket {
namespace {

constexpr std::string_view kTail{"\x00\x00\xff\xff", 4};  // what the sender has left off

constexpr ProtocolError kBadData{kCloseInvalidPayload, "invalid compressed data"};
constexpr ProtocolError kTooBig{kCloseMessageTooBig, "message too big when decompressed"};

// z_stream::data_type after inflate(): at the beginning of a block, and bits of the last octet that
// no block has used.
constexpr int kAtBlock = 128;
constexpr int kUnusedBits = 63;

std::uint64_t allowed_bytes(std::size_t payload_bytes, std::uint32_t bytes_max) {
  std::uint64_t allowed = bytes_max;
  if (FAILPOINT("inflater.output")) allowed = std::numeric_limits<std::uint32_t>::max();
  if (FAILPOINT("inflater.ratio")) return allowed;
  return std::min(allowed,
                  std::max(Inflater::kRatioFreeBytes, Inflater::kRatioMax * payload_bytes));
}

}  // namespace

struct Inflater::Stream {
  explicit Stream(std::uint8_t window_bits) : zlib(zlib_stream()) {
    const int result = inflateInit2(&zlib, -window_bits);
    ASSERT(result == Z_OK);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { inflateEnd(&zlib); }

  /// All input was used, up to the beginning of a block.
  bool at_block() const {
    return (zlib.data_type & kAtBlock) != 0 && (zlib.data_type & kUnusedBits) == 0;
  }

  z_stream zlib;
  bool ended = false;  // a block said that it is the last one
};

struct Inflater::Output {
  // One byte more than is allowed tells a message that is too large from one that just fits.
  std::span<char> room(std::size_t bytes) {
    const auto most = static_cast<std::size_t>(allowed + 1);
    const std::span<char> grown = scratch.grow(std::min(bytes, most), written);
    return grown.first(std::min(grown.size(), most));
  }

  ScratchBuffer& scratch;
  std::uint64_t allowed;
  std::size_t written = 0;
};

Inflater::Inflater(Context context, std::uint8_t window_bits)
    : window_bits_(window_bits), context_(context) {}
Inflater::Inflater(Inflater&&) noexcept = default;
Inflater& Inflater::operator=(Inflater&&) noexcept = default;
Inflater::~Inflater() = default;

core::Result<std::string_view, ProtocolError> Inflater::inflate(std::string_view payload,
                                                                std::uint32_t bytes_max,
                                                                ScratchBuffer& scratch) {
  ASSERT(payload.size() <= std::numeric_limits<uInt>::max());
  if (stream_ == nullptr) {
    stream_ = std::make_unique<Stream>(window_bits_);
  } else if (context_ == Context::Reset) {
    inflateReset(&stream_->zlib);
    stream_->ended = false;
  }
  Output output{scratch, allowed_bytes(payload.size(), bytes_max)};
  if (auto done = inflate_blocks(payload, output); !done) return std::unexpected(done.error());
  // Who ends with a last block owes another, empty one, whose end is the tail (§7.2.3.5); some
  // leave it off.
  if (!stream_->ended || payload.empty()) {
    if (auto done = inflate_blocks(kTail, output); !done) return std::unexpected(done.error());
    if (!stream_->ended && !stream_->at_block()) return std::unexpected(kBadData);
  }
  return std::string_view(scratch.grow(0, 0).data(), output.written);
}

core::Result<void, ProtocolError> Inflater::inflate_blocks(std::string_view blocks,
                                                           Output& output) {
  constexpr std::size_t kFirstRoom = 1024;
  constexpr std::size_t kUsualRatio = 4;
  z_stream& zlib = stream_->zlib;
  set_input(zlib, blocks);
  std::span<char> room = output.room(std::max(kFirstRoom, kUsualRatio * blocks.size()));
  for (;;) {
    if (stream_->ended && zlib.avail_in > 0) {
      inflateResetKeep(&zlib);  // more blocks follow the last one (§7.2.3.5), in the same context
      stream_->ended = false;
    }
    if (output.written == room.size()) room = output.room(2 * room.size());
    const std::size_t given = set_output(zlib, room.subspan(output.written));
    const int result = ::inflate(&zlib, Z_SYNC_FLUSH);
    if (result != Z_OK && result != Z_BUF_ERROR && result != Z_STREAM_END) {
      return std::unexpected(kBadData);
    }
    output.written += given - zlib.avail_out;
    if (output.written > output.allowed) return std::unexpected(kTooBig);
    stream_->ended = result == Z_STREAM_END;
    // Room that is left means that there was nothing more to be made of the input.
    if (zlib.avail_in == 0 && (stream_->ended || zlib.avail_out > 0)) return {};
  }
}

Event inflated(const Event& message, Inflater& inflater, std::uint32_t bytes_max,
               ScratchBuffer& scratch) {
  const auto violation = [](const ProtocolError& error) {
    return Event{
        .type = Event::Type::Violation, .close_code = error.close_code, .payload = error.reason};
  };
  const auto payload = inflater.inflate(message.payload, bytes_max, scratch);
  if (!payload) return violation(payload.error());
  if (message.opcode == Opcode::Text && !is_utf8(*payload)) {
    return violation({kCloseInvalidPayload, "invalid UTF-8"});
  }
  return {.type = Event::Type::Message, .opcode = message.opcode, .payload = *payload};
}

}  // namespace sanjay::websocket
