// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment_queue.h"

#include "core/assert.h"

#include <algorithm>
#include <utility>

namespace sanjay::runtime {

void SegmentQueue::push(core::SegmentRef segment) {
  if (segment.size() == 0) return;
  bytes_ += segment.size();
  if (!first_) {
    first_ = std::move(segment);
    return;
  }
  if (!rest_) rest_ = std::make_unique<Rest>();
  rest_->segments.push_back(std::move(segment));
}

std::size_t SegmentQueue::front(std::span<std::string_view> pieces) const {
  if (!first_ || pieces.empty()) return 0;
  pieces[0] = first_.bytes().substr(offset_);
  std::size_t count = 1;
  if (rest_) {
    const auto& segments = rest_->segments;
    for (std::size_t i = rest_->head; i < segments.size() && count < pieces.size(); ++i) {
      pieces[count++] = segments[i].bytes();
    }
  }
  return count;
}

void SegmentQueue::pop_first() {
  offset_ = 0;
  first_ = core::SegmentRef();
  if (!rest_) return;
  auto& segments = rest_->segments;
  first_ = std::move(segments[rest_->head++]);
  if (rest_->head == segments.size()) {
    rest_.reset();
  } else if (rest_->head >= kCompactFrom && rest_->head * 2 >= segments.size()) {
    // A queue that never runs empty must not keep the places of all it ever held.
    segments.erase(segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(rest_->head));
    rest_->head = 0;
  }
}

void SegmentQueue::consume(std::size_t bytes) {
  ASSERT(bytes <= bytes_);
  bytes_ -= bytes;
  while (bytes > 0) {
    const std::size_t left = first_.size() - offset_;
    if (bytes < left) {
      offset_ += bytes;
      return;
    }
    bytes -= left;
    pop_first();
  }
}

void SegmentQueue::drop_after(std::size_t pieces) {
  if (offset_ > 0) pieces = std::max<std::size_t>(pieces, 1);
  if (pieces == 0) {
    first_ = core::SegmentRef();
    rest_.reset();
    bytes_ = offset_ = 0;
    return;
  }
  if (!rest_) return;
  auto& segments = rest_->segments;
  const std::size_t keep = rest_->head + pieces - 1;
  while (segments.size() > keep) {
    bytes_ -= segments.back().size();
    segments.pop_back();
  }
  if (rest_->head == segments.size()) rest_.reset();
}

}  // namespace sanjay::runtime
