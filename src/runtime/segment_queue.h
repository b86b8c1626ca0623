// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/segment.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace sanjay::runtime {

/// What one stream still has to send, first in first out. One segment stands in place, so a stream
/// that is sent one message at a time never allocates; more stand in a vector that is given back
/// when the queue has run empty.
class SegmentQueue {
 public:
  bool empty() const { return bytes_ == 0; }
  /// Bytes not yet taken by the kernel.
  std::size_t bytes() const { return bytes_; }

  /// Appends; an empty segment is ignored.
  void push(core::SegmentRef segment);
  /// Views of the first pieces, up to the span's length; answers how many were filled in.
  std::size_t front(std::span<std::string_view> pieces) const;
  /// Forgets the first `bytes` bytes: they were sent.
  void consume(std::size_t bytes);
  /// Drops what has not been handed to a send in flight: keeps the first `pieces` segments, and a
  /// first segment of which a part was sent already, since the peer waits for its rest.
  void drop_after(std::size_t pieces);

 private:
  struct Rest {
    std::vector<core::SegmentRef> segments;
    std::size_t head = 0;  // those before it are gone
  };
  static constexpr std::size_t kCompactFrom = 32;

  void pop_first();

  core::SegmentRef first_;
  std::unique_ptr<Rest> rest_;
  std::size_t bytes_ = 0;
  std::size_t offset_ = 0;  // bytes of first_ already sent
};

}  // namespace sanjay::runtime
