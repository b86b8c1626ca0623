// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "websocket/scratch_buffer.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace sanjay::websocket {

/// Whether a message may refer to those before it (RFC 7692 §4, "context takeover").
enum class Context : std::uint8_t { Reset, Keep };

/// Compresses messages for permessage-deflate (RFC 7692 §7.2.1). Without context one serves all
/// connections of a shard; with it there is one for each connection. Memory, taken with the first
/// message: 4 · 2^window_bits + 512 · 2^memory_level bytes and 6 KiB.
class Deflater {
 public:
  struct Options {
    std::uint8_t level = 1;         // 1: fast … 9: small
    std::uint8_t window_bits = 15;  // 9…15: how far back a message may refer
    std::uint8_t memory_level = 7;  // 1…9: the hash table and the block
  };

  Deflater(Context context, const Options& options);
  Deflater(Deflater&&) noexcept;
  Deflater& operator=(Deflater&&) noexcept;
  ~Deflater();

  /// The payload to send for `message`: whole DEFLATE blocks without the 00 00 ff ff of their end.
  /// Lies in `scratch`. With a context it must be sent, however large it is.
  std::string_view compress(std::string_view message, ScratchBuffer& scratch);

 private:
  struct Stream;

  std::unique_ptr<Stream> stream_;  // none before the first message
  Options options_;
  Context context_;
};

}  // namespace sanjay::websocket
