// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace sanjay::server {

/// Appends `text` as a JSON string with its quotes: pure printable characters, whatever came in.
/// Control characters and DEL are escaped, each byte that is not part of valid UTF-8 becomes
/// U+FFFD, so that one record stays one line and no reader chokes. Also a valid TOML string.
void append_json_string(std::string& out, std::string_view text);

inline std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace sanjay::server
