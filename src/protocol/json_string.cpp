// SPDX-License-Identifier: Apache-2.0
#include "protocol/json_string.h"

#include "protocol/json_bytes.h"

#include <cstddef>
#include <cstdint>

namespace sanjay::protocol {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

/// The length of the well-formed multi-byte character at `at` (Unicode 15, table 3-7); 0 if the
/// bytes are none.
std::size_t character_length(const char* at, const char* end) {
  const auto byte = [at](std::size_t i) { return static_cast<unsigned char>(at[i]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0xC2   ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length == 0 || static_cast<std::size_t>(end - at) < length) return 0;
  // Only the second byte has a narrower range: no overlong forms, surrogates or code points above
  // U+10FFFF.
  const unsigned char lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < lowest || byte(1) > highest) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

void append_escape(std::string& out, char special) {
  const auto byte = static_cast<unsigned char>(special);
  switch (special) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      out.append("\\u00").append({kHexDigits[byte >> 4], kHexDigits[byte & 15]});
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  const char* at = text.data();
  const char* end = at + text.size();
  const char* clean = at;
  for (;;) {
    at = find_special(at, end, StopAt::SpecialOrNonAscii);
    if (at == end) break;
    const bool non_ascii = static_cast<unsigned char>(*at) >= 0x80;
    if (non_ascii) {
      // A whole character stays in the run that is copied at once.
      if (const std::size_t length = character_length(at, end)) {
        at += length;
        continue;
      }
    }
    out.append(clean, at);
    if (non_ascii) {
      out.append(kReplacementCharacter);
    } else {
      append_escape(out, *at);
    }
    clean = ++at;
  }
  out.append(clean, end);
  out.push_back('"');
}

}  // namespace sanjay::protocol
