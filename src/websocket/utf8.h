// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sanjay::websocket {

/// Checks UTF-8 as it arrives (RFC 3629 §4: no surrogates, no overlong forms, nothing above
/// U+10FFFF). Pieces may be cut anywhere. Three bytes of state, no allocation.
class Utf8Validator {
 public:
  /// Position in `bytes` of the first octet that no valid text can have there; empty when there is
  /// none. After a bad octet the validator is spent.
  std::optional<std::size_t> find_bad_octet(std::string_view bytes);

  /// Whether the text may end here, which is not so within a character.
  bool complete() const { return pending_ == 0; }

 private:
  bool begin_character(unsigned char octet);

  std::uint8_t pending_ = 0;  // continuation octets still to come
  // Bounds of the next continuation octet; narrower than 80..BF after E0, ED, F0 and F4.
  std::uint8_t lowest_ = 0x80;
  std::uint8_t highest_ = 0xbf;
};

/// Whether `bytes` is one whole valid text.
bool is_utf8(std::string_view bytes);

}  // namespace sanjay::websocket
