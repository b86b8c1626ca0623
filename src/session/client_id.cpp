// SPDX-License-Identifier: Apache-2.0
#include "session/client_id.h"

#include <cstring>

namespace sanjay::session {

ClientId::ClientId(core::Random& random) {
  const std::array<std::uint64_t, 2> words{random.next(), random.next()};
  std::memcpy(bytes_.data(), words.data(), bytes_.size());
  bytes_[6] = static_cast<std::uint8_t>((bytes_[6] & 0x0f) | 0x40);  // version 4
  bytes_[8] = static_cast<std::uint8_t>((bytes_[8] & 0x3f) | 0x80);  // variant 10
}

ClientId::Text ClientId::text() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  Text text;
  std::size_t at = 0;
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
    text[at++] = kDigits[bytes_[i] >> 4];
    text[at++] = kDigits[bytes_[i] & 0x0f];
  }
  return text;
}

}  // namespace sanjay::session
