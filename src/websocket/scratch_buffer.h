// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

namespace sanjay::websocket {

/// Memory that one message after the other is compressed or decompressed into. One per shard: what
/// it holds lives until it is used again. Grows with what is written, never with what a peer says.
class ScratchBuffer {
 public:
  /// What trim() lets it keep.
  static constexpr std::size_t kKeptBytesMax = 64 * 1024;

  /// Room for `bytes` in all; the first `used` bytes keep their contents.
  std::span<char> grow(std::size_t bytes, std::size_t used) {
    if (bytes > size_) {
      auto larger = std::make_unique_for_overwrite<char[]>(bytes);
      if (used > 0) std::memcpy(larger.get(), bytes_.get(), used);
      bytes_ = std::move(larger);
      size_ = bytes;
    }
    return {bytes_.get(), size_};
  }

  std::size_t size() const { return size_; }

  /// Gives back what a rare large message has left behind.
  void trim() {
    if (size_ <= kKeptBytesMax) return;
    bytes_.reset();
    size_ = 0;
  }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

}  // namespace sanjay::websocket
