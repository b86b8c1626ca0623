// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace sanjay::protocol {

/// Whether a search inside a JSON string also stops at bytes of multi-byte characters.
enum class StopAt : std::uint8_t { Special, SpecialOrNonAscii };

inline constexpr std::uint64_t kOnes = 0x0101010101010101;  // 1 in each byte
inline constexpr std::uint64_t kTops = 0x8080808080808080;  // the top bit of each byte

/// The first byte in [at, end) that cannot be passed over inside a JSON string: quote, backslash,
/// control character, and with SpecialOrNonAscii any byte >= 0x80; `end` when there is none.
/// Looks at eight bytes a time: subtracting from each byte borrows into its top bit exactly when
/// the byte is smaller, and the lowest hit of a word is always a true one (Mycroft's test).
inline const char* find_special(const char* at, const char* end, StopAt stop) {
  static_assert(std::endian::native == std::endian::little);
  const std::uint64_t wanted_tops = stop == StopAt::SpecialOrNonAscii ? kTops : 0;
  while (end - at >= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    const std::uint64_t quote = word ^ (kOnes * '"');
    const std::uint64_t backslash = word ^ (kOnes * '\\');
    const std::uint64_t below = (word - kOnes * 0x20) | (quote - kOnes) | (backslash - kOnes);
    const std::uint64_t hits = (below & ~word & kTops) | (word & wanted_tops);
    if (hits != 0) return at + std::countr_zero(hits) / 8;
    at += 8;
  }
  for (; at != end; ++at) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte < 0x20 || byte == '"' || byte == '\\' || (byte & wanted_tops) != 0) break;
  }
  return at;
}

}  // namespace sanjay::protocol
