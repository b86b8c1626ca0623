// SPDX-License-Identifier: Apache-2.0
#include "core/segment.h"

#include "core/assert.h"

#include <cstring>
#include <new>

namespace sanjay::core {

Segment* Segment::allocate(std::size_t capacity) {
  void* memory = ::operator new(sizeof(Segment) + capacity);
  auto* segment = new (memory) Segment(nullptr, 0, SharedBytes());
  segment->data_ = segment->inline_bytes();
  return segment;
}

void Segment::destroy(Segment* segment) noexcept {
  segment->~Segment();
  ::operator delete(segment);
}

SegmentRef SegmentRef::copy_of(std::string_view bytes) {
  SegmentBuilder builder(bytes.size());
  builder.append(bytes);
  return builder.finish();
}

SegmentRef SegmentRef::share(SharedBytes bytes) {
  const std::string_view view = bytes.view();
  void* memory = ::operator new(sizeof(Segment));
  return SegmentRef(new (memory) Segment(view.data(), view.size(), std::move(bytes)));
}

SegmentBuilder::SegmentBuilder(std::size_t capacity)
    : segment_(Segment::allocate(capacity)), capacity_(capacity) {}

SegmentBuilder::~SegmentBuilder() {
  if (segment_ != nullptr) Segment::destroy(segment_);
}

void SegmentBuilder::append(std::string_view bytes) {
  ASSERT(segment_ != nullptr && bytes.size() <= capacity_ - segment_->size_);
  if (bytes.empty()) return;
  std::memcpy(segment_->inline_bytes() + segment_->size_, bytes.data(), bytes.size());
  segment_->size_ += bytes.size();
}

SegmentRef SegmentBuilder::finish() {
  ASSERT(segment_ != nullptr);
  return SegmentRef(std::exchange(segment_, nullptr));
}

}  // namespace sanjay::core
