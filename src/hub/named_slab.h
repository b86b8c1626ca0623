// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/buckets.h"
#include "core/siphash.h"
#include "core/slab.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace sanjay::hub {

/// Channels found by name or by number. T is constructed from its name and has a member `name`
/// that never changes. Keyed hashing: clients choose the names. One shard's thread.
template <class T>
class NamedSlab {
 public:
  NamedSlab(const core::SipKey& key, std::uint32_t items_max)
      : by_name_(0, Hasher{key}), items_(items_max) {}

  /// The number of the item so named, created if need be; nothing when items_max exist.
  std::optional<std::uint32_t> find_or_create(std::string_view name) {
    if (const auto found = by_name_.find(name); found != by_name_.end()) return found->second;
    const auto place = items_.emplace(name);
    if (!place) return std::nullopt;
    by_name_.emplace(std::string_view(place->item->name), place->slot);
    return place->slot;
  }
  std::optional<std::uint32_t> find(std::string_view name) const {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return std::nullopt;
    return found->second;
  }
  T& at(std::uint32_t number) { return items_.at(number); }
  const T& at(std::uint32_t number) const { return items_.at(number); }
  void erase(std::uint32_t number) {
    by_name_.erase(std::string_view(items_.at(number).name));
    items_.erase(number);
    core::give_back_buckets(by_name_);
  }
  std::uint32_t size() const { return items_.size(); }
  /// Numbers below this may be in use.
  std::uint32_t capacity() const { return items_.capacity(); }
  bool in_use(std::uint32_t number) { return items_.in_use(number); }

 private:
  struct Hasher {
    core::SipKey key;
    std::size_t operator()(std::string_view name) const { return core::siphash(key, name); }
  };

  std::unordered_map<std::string_view, std::uint32_t, Hasher> by_name_;
  core::Slab<T> items_;
};

}  // namespace sanjay::hub
