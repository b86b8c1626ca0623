// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/assert.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace sanjay::core {

/// Slots of T at stable addresses, found by index in O(1), freed slots reused last-in first-out.
/// Grows by blocks of kBlock slots up to a fixed maximum and never moves a T. Each slot counts its
/// tenants (generation), so that a stale reference is recognised. One thread.
template <class T, std::uint32_t kBlock = 256>
class Slab {
 public:
  explicit Slab(std::uint32_t slots_max) : slots_max_(slots_max) {}

  struct Place {
    std::uint32_t slot;
    std::uint32_t generation;
    T* item;
  };

  /// Constructs a T in a free slot; nothing when slots_max are in use.
  template <class... Arguments>
  std::optional<Place> emplace(Arguments&&... arguments) {
    if (free_.empty() && !grow()) return std::nullopt;
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    Cell& cell = cell_at(slot);
    ++cell.generation;
    cell.item.emplace(std::forward<Arguments>(arguments)...);
    ++size_;
    return Place{slot, cell.generation, &*cell.item};
  }

  /// Destroys the T in `slot`, which must be in use.
  void erase(std::uint32_t slot) {
    Cell& cell = cell_at(slot);
    ASSERT(cell.item.has_value());
    cell.item.reset();
    --size_;
    free_.push_back(slot);
  }

  /// The tenant of `slot` if it is still the one of that generation.
  T* find(std::uint32_t slot, std::uint32_t generation) {
    if (slot >= capacity()) return nullptr;
    Cell& cell = cell_at(slot);
    return cell.item && cell.generation == generation ? &*cell.item : nullptr;
  }

  /// The tenant of a slot known to be in use.
  T& at(std::uint32_t slot) {
    Cell& cell = cell_at(slot);
    ASSERT(cell.item.has_value());
    return *cell.item;
  }

  const T& at(std::uint32_t slot) const {
    const Cell& cell = cell_at(slot);
    ASSERT(cell.item.has_value());
    return *cell.item;
  }

  bool in_use(std::uint32_t slot) { return slot < capacity() && cell_at(slot).item.has_value(); }
  std::uint32_t size() const { return size_; }
  std::uint32_t slots_max() const { return slots_max_; }
  std::uint32_t capacity() const { return static_cast<std::uint32_t>(blocks_.size()) * kBlock; }

 private:
  struct Cell {
    std::uint32_t generation = 0;
    std::optional<T> item;
  };

  Cell& cell_at(std::uint32_t slot) { return blocks_[slot / kBlock][slot % kBlock]; }
  const Cell& cell_at(std::uint32_t slot) const { return blocks_[slot / kBlock][slot % kBlock]; }

  bool grow() {
    const std::uint32_t first = capacity();
    if (first >= slots_max_) return false;
    blocks_.push_back(std::make_unique<Cell[]>(kBlock));
    const std::uint32_t end = std::min(first + kBlock, slots_max_);
    for (std::uint32_t slot = end; slot > first; --slot) free_.push_back(slot - 1);
    return true;
  }

  std::vector<std::unique_ptr<Cell[]>> blocks_;
  std::vector<std::uint32_t> free_;
  std::uint32_t size_ = 0;
  std::uint32_t slots_max_;
};

}  // namespace sanjay::core
