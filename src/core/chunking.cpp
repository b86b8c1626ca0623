// SPDX-License-Identifier: Apache-2.0
#include "core/chunking.h"

#include "core/random.h"

#include <algorithm>
#include <cstddef>

namespace sanjay::core {

void for_each_split(std::string_view input, unsigned seeds,
                    const std::function<void(std::span<const std::string_view> pieces)>& check) {
  std::vector<std::string_view> pieces{input};
  check(pieces);

  pieces.clear();
  for (std::size_t i = 0; i < input.size(); ++i) pieces.push_back(input.substr(i, 1));
  check(pieces);

  if (input.size() <= 512) {
    for (std::size_t cut = 1; cut < input.size(); ++cut) {
      pieces = {input.substr(0, cut), input.substr(cut)};
      check(pieces);
    }
  }
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    Random random(seed);
    pieces.clear();
    for (std::size_t at = 0; at < input.size();) {
      const std::size_t length =
          std::min(input.size() - at, std::size_t{1} + random.below(1 + input.size() / 3));
      pieces.push_back(input.substr(at, length));
      at += length;
    }
    check(pieces);
  }
}

}  // namespace sanjay::core
