// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace sanjay::api {

/// Whether `text` matches the whole pattern: '*' stands for any run of characters, '?' for one. An
/// empty pattern matches everything. Time is at most pattern × text, whatever the pattern.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace sanjay::api
