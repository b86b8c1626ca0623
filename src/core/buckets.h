// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace sanjay::core {

/// To be called after an erase: gives back most of the buckets of an unordered map that has shrunk
/// to an eighth, which the map itself never does. Amortized O(1); iterators become invalid.
template <class Map>
void give_back_buckets(Map& map) {
  constexpr std::size_t kKept = 1024;
  if (map.bucket_count() > kKept && map.size() < map.bucket_count() / 8) {
    map.rehash(2 * map.size());
  }
}

}  // namespace sanjay::core
