// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hub/publication.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace sanjay::hub {

/// One value for each of the few frame keys that a channel's subscribers need. The first is held in
/// place: mostly there is one.
template <class T>
class ByForm {
 public:
  /// The value of that key, made if there is none.
  T& operator[](FrameKey key) {
    if (T* known = find(key)) return *known;
    if (!first_key_) {
      first_key_ = key;
      return first_;
    }
    return more_.emplace_back(key, T{}).second;
  }

  const T* find(FrameKey key) const {
    if (first_key_ == key) return &first_;
    const auto found = std::ranges::find(more_, key, &Entry::first);
    return found == more_.end() ? nullptr : &found->second;
  }
  T* find(FrameKey key) { return const_cast<T*>(std::as_const(*this).find(key)); }

  bool empty() const { return !first_key_; }
  std::size_t size() const { return (first_key_ ? 1 : 0) + more_.size(); }

  /// Calls `visit(key, value)` for each.
  template <class Visit>
  void for_each(Visit&& visit) {
    if (first_key_) visit(*first_key_, first_);
    for (auto& [key, value] : more_) visit(key, value);
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    if (first_key_) visit(*first_key_, first_);
    for (const auto& [key, value] : more_) visit(key, value);
  }

 private:
  using Entry = std::pair<FrameKey, T>;

  std::optional<FrameKey> first_key_;
  T first_{};
  std::vector<Entry> more_;
};

}  // namespace sanjay::hub
