// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

namespace sanjay::http {

/// The value of one hexadecimal digit, as percent-escapes and chunk sizes write them.
constexpr std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace sanjay::http
