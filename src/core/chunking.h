// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace sanjay::core {

/// Calls `check` with the same input cut in every way a network may cut it: whole, byte by byte,
/// at each single cut point (inputs up to 512 bytes), and in `seeds` random ways. The pieces joined
/// always give `input`. For tests of sans-I/O codecs: every cut must give the same events.
void for_each_split(std::string_view input, unsigned seeds,
                    const std::function<void(std::span<const std::string_view> pieces)>& check);

}  // namespace sanjay::core
