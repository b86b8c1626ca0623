// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/assert.h"
#include "hub/publication.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace sanjay::hub {

/// Publications of one channel, oldest first. Its room is a power of two, grows when it is full and
/// is given back when less than a quarter is used: a channel that keeps one costs one slot.
class PublicationRing {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const PublicationRef& operator[](std::size_t index) const {
    ASSERT(index < size_);
    return slots_[(head_ + index) & (slots_.size() - 1)];
  }
  const PublicationRef& front() const { return (*this)[0]; }

  void push_back(PublicationRef publication) {
    if (size_ == slots_.size()) resize(std::max<std::size_t>(1, 2 * slots_.size()));
    slots_[(head_ + size_) & (slots_.size() - 1)] = std::move(publication);
    ++size_;
  }
  PublicationRef pop_front() {
    ASSERT(size_ > 0);
    PublicationRef publication = std::move(slots_[head_]);
    head_ = (head_ + 1) & (slots_.size() - 1);
    --size_;
    if (slots_.size() > 8 && size_ < slots_.size() / 4) resize(slots_.size() / 2);
    return publication;
  }

 private:
  void resize(std::size_t room) {
    std::vector<PublicationRef> slots(room);
    for (std::size_t i = 0; i < size_; ++i) {
      slots[i] = std::move(slots_[(head_ + i) & (slots_.size() - 1)]);
    }
    slots_ = std::move(slots);
    head_ = 0;
  }

  std::vector<PublicationRef> slots_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace sanjay::hub
