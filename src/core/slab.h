// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/assert.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace sanjay::core {

/// Slots of T at stable addresses, found by index in O(1). Grows by blocks of kBlock slots up to a
/// fixed maximum and never moves a T. The lowest free slot is taken first, so that after a burst
/// the blocks at the end run empty; an empty block is given back, except for one that is kept in
/// reserve. Each slot counts its tenants (generation), so that a stale reference is recognised. One
/// thread.
template <class T, std::uint32_t kBlock = 256>
class Slab {
  static_assert(kBlock % 64 == 0);

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
    const auto slot = take_lowest();
    if (!slot) return std::nullopt;
    Cell& cell = cell_at(*slot);
    ++cell.generation;
    cell.item.emplace(std::forward<Arguments>(arguments)...);
    ++size_;
    return Place{*slot, cell.generation, &*cell.item};
  }

  /// Destroys the T in `slot`, which must be in use.
  void erase(std::uint32_t slot) {
    ASSERT(in_use(slot));
    cell_at(slot).item.reset();
    --size_;
    put_back(slot);
  }

  /// The tenant of `slot` if it is still the one of that generation.
  T* find(std::uint32_t slot, std::uint32_t generation) {
    if (!has_cell(slot)) return nullptr;
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

  bool in_use(std::uint32_t slot) const { return has_cell(slot) && cell_at(slot).item.has_value(); }
  std::uint32_t size() const { return size_; }
  std::uint32_t slots_max() const { return slots_max_; }
  /// Slots below this may be in use.
  std::uint32_t capacity() const { return static_cast<std::uint32_t>(blocks_.size()) * kBlock; }
  /// Slots there is memory for.
  std::uint32_t held() const { return held_blocks_ * kBlock; }

 private:
  struct Cell {
    std::uint32_t generation = 0;
    std::optional<T> item;
  };

  struct Block {
    std::unique_ptr<Cell[]> cells;  // nothing: given back
    std::uint32_t generation = 0;   // the highest of a cell when they were given back
    std::uint32_t free = 0;         // slots
    std::array<std::uint64_t, kBlock / 64> free_bits{};
  };

  static std::uint32_t first_bit(std::uint64_t bits) {
    return static_cast<std::uint32_t>(std::countr_zero(bits));
  }

  bool has_cell(std::uint32_t slot) const {
    return slot < capacity() && blocks_[slot / kBlock].cells != nullptr;
  }
  Cell& cell_at(std::uint32_t slot) { return blocks_[slot / kBlock].cells[slot % kBlock]; }
  const Cell& cell_at(std::uint32_t slot) const {
    return blocks_[slot / kBlock].cells[slot % kBlock];
  }

  std::optional<std::uint32_t> take_lowest() {
    while (lowest_ < with_room_.size() && with_room_[lowest_] == 0) ++lowest_;
    if (lowest_ == with_room_.size() && !add_block()) return std::nullopt;
    const std::uint32_t number = lowest_ * 64 + first_bit(with_room_[lowest_]);
    Block& block = blocks_[number];
    if (!block.cells) make_cells(block);
    if (number == reserve_) reserve_ = kNone;
    if (--block.free == 0) with_room_[lowest_] &= with_room_[lowest_] - 1;
    for (std::uint32_t word = 0;; ++word) {
      std::uint64_t& bits = block.free_bits[word];
      if (bits == 0) continue;
      const std::uint32_t bit = first_bit(bits);
      bits &= bits - 1;
      return number * kBlock + word * 64 + bit;
    }
  }

  void put_back(std::uint32_t slot) {
    const std::uint32_t number = slot / kBlock;
    Block& block = blocks_[number];
    block.free_bits[slot % kBlock / 64] |= std::uint64_t{1} << (slot % 64);
    with_room_[number / 64] |= std::uint64_t{1} << (number % 64);
    lowest_ = std::min(lowest_, number / 64);
    if (++block.free < slots_in(number)) return;
    if (reserve_ == kNone) {
      reserve_ = number;
    } else {
      drop_cells(block);
    }
  }

  bool add_block() {
    const auto number = static_cast<std::uint32_t>(blocks_.size());
    if (capacity() >= slots_max_) return false;
    Block& block = blocks_.emplace_back();
    block.free = slots_in(number);
    for (std::uint32_t i = 0; i < block.free; ++i) {
      block.free_bits[i / 64] |= std::uint64_t{1} << (i % 64);
    }
    if (number % 64 == 0) with_room_.push_back(0);
    with_room_[number / 64] |= std::uint64_t{1} << (number % 64);
    lowest_ = number / 64;  // nothing before has room
    return true;
  }

  void make_cells(Block& block) {
    block.cells = std::make_unique<Cell[]>(kBlock);
    for (std::uint32_t i = 0; i < kBlock; ++i) block.cells[i].generation = block.generation;
    ++held_blocks_;
  }

  void drop_cells(Block& block) {
    for (std::uint32_t i = 0; i < kBlock; ++i) {
      block.generation = std::max(block.generation, block.cells[i].generation);
    }
    block.cells.reset();
    --held_blocks_;
  }

  std::uint32_t slots_in(std::uint32_t number) const {
    return std::min(kBlock, slots_max_ - number * kBlock);
  }

  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  std::vector<Block> blocks_;
  std::vector<std::uint64_t> with_room_;  // a bit for each block
  std::uint32_t lowest_ = 0;              // no word of these before this one has a bit
  std::uint32_t reserve_ = kNone;         // the one empty block whose cells are kept
  std::uint32_t held_blocks_ = 0;
  std::uint32_t size_ = 0;
  std::uint32_t slots_max_;
};

}  // namespace sanjay::core
