// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/shared_bytes.h"

#include <cstdint>
#include <string_view>
#include <utility>

namespace sanjay::core {

class SegmentRef;

/// Finished bytes on their way out of one shard: a reply (bytes stored behind this header, one
/// allocation) or this shard's share of a publication (bytes owned by a SharedBytes). Counted
/// without atomics, so a fan-out to 50,000 write queues costs 50,000 plain increments; it must
/// never leave its shard.
class Segment {
 public:
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  std::string_view bytes() const { return {data_, size_}; }
  std::size_t size() const { return size_; }

 private:
  friend class SegmentRef;
  friend class SegmentBuilder;

  Segment(const char* data, std::size_t size, SharedBytes shared)
      : size_(size), data_(data), shared_(std::move(shared)) {}
  static Segment* allocate(std::size_t capacity);
  static void destroy(Segment* segment) noexcept;
  char* inline_bytes() { return reinterpret_cast<char*>(this + 1); }

  std::uint32_t references_ = 1;
  std::size_t size_;
  const char* data_;
  SharedBytes shared_;
};

/// Counted pointer to a Segment. Cheap to copy within the shard.
class SegmentRef {
 public:
  SegmentRef() = default;
  /// A segment with its own copy of the bytes.
  static SegmentRef copy_of(std::string_view bytes);
  /// A segment that shares the bytes of a publication; one atomic increment was already paid by
  /// whoever copied `bytes` for this shard.
  static SegmentRef share(SharedBytes bytes);

  SegmentRef(const SegmentRef& other) : segment_(other.segment_) {
    if (segment_ != nullptr) ++segment_->references_;
  }
  SegmentRef(SegmentRef&& other) noexcept : segment_(std::exchange(other.segment_, nullptr)) {}
  SegmentRef& operator=(SegmentRef other) noexcept {
    std::swap(segment_, other.segment_);
    return *this;
  }
  ~SegmentRef() {
    if (segment_ != nullptr && --segment_->references_ == 0) Segment::destroy(segment_);
  }

  explicit operator bool() const { return segment_ != nullptr; }
  std::string_view bytes() const {
    return segment_ == nullptr ? std::string_view{} : segment_->bytes();
  }
  std::size_t size() const { return segment_ == nullptr ? 0 : segment_->size_; }

 private:
  friend class SegmentBuilder;
  explicit SegmentRef(Segment* segment) : segment_(segment) {}

  Segment* segment_ = nullptr;
};

/// Fills a new segment in place: reserve, append up to that many bytes, finish.
class SegmentBuilder {
 public:
  explicit SegmentBuilder(std::size_t capacity);
  SegmentBuilder(const SegmentBuilder&) = delete;
  SegmentBuilder& operator=(const SegmentBuilder&) = delete;
  ~SegmentBuilder();

  /// Appends; the total must stay within the capacity.
  void append(std::string_view bytes);
  /// Hands out the segment; the builder is empty afterwards.
  SegmentRef finish();

 private:
  Segment* segment_;
  std::size_t capacity_;
};

}  // namespace sanjay::core
