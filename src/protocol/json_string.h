// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace sanjay::protocol {

/// Appends `text` to `out` as a JSON string with its quotes: quotes, backslashes and control
/// characters escaped, everything else copied in runs. Each byte that is no part of valid UTF-8
/// becomes U+FFFD, so the output is always valid JSON.
void append_json_string(std::string& out, std::string_view text);

}  // namespace sanjay::protocol
