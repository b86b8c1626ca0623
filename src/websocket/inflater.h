// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "websocket/decoder.h"
#include "websocket/deflater.h"
#include "websocket/scratch_buffer.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace sanjay::websocket {

/// Decompresses whole messages of permessage-deflate (RFC 7692 §7.2.2). Without context one serves
/// all connections of a shard; with it there is one for each connection, which is spent after an
/// error. Memory, taken with the first message: 2^window_bits bytes and 8 KiB.
class Inflater {
 public:
  /// No message may become more than so many times larger, if that is above kRatioFreeBytes.
  static constexpr std::uint64_t kRatioMax = 100;
  static constexpr std::uint64_t kRatioFreeBytes = 64 * 1024;

  explicit Inflater(Context context, std::uint8_t window_bits = 15);
  Inflater(Inflater&&) noexcept;
  Inflater& operator=(Inflater&&) noexcept;
  ~Inflater();

  /// The message that `payload`, without the 00 00 ff ff of its end, stands for. Lies in `scratch`,
  /// which never grows past what was found and what is allowed, whatever the payload would become.
  /// Errors: 1009 beyond `bytes_max` or the ratio, 1007 for anything but whole DEFLATE blocks.
  core::Result<std::string_view, ProtocolError> inflate(std::string_view payload,
                                                        std::uint32_t bytes_max,
                                                        ScratchBuffer& scratch);

 private:
  struct Stream;
  struct Output;

  core::Result<void, ProtocolError> inflate_blocks(std::string_view blocks, Output& output);

  std::unique_ptr<Stream> stream_;  // none before the first message
  std::uint8_t window_bits_;
  Context context_;
};

/// What a Decoder's compressed message says: a Plain message, in `scratch`, its text valid UTF-8;
/// or a violation, after which the connection is to be closed.
Event inflated(const Event& message, Inflater& inflater, std::uint32_t bytes_max,
               ScratchBuffer& scratch);

}  // namespace sanjay::websocket
