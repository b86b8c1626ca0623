// SPDX-License-Identifier: Apache-2.0
#include "websocket/mask.h"

#include <array>
#include <bit>
#include <cstring>

namespace sanjay::websocket {

void apply_mask(std::span<char> bytes, std::uint32_t mask, std::size_t offset) {
  if (mask == 0) return;
  // The key in memory order, turned so that its first octet meets the first byte, repeated over one
  // wide word. 32 is a multiple of the key's length, so it never has to be turned again.
  std::uint32_t turned = std::rotl(mask, static_cast<int>(8 * (offset % 4)));
  if constexpr (std::endian::native == std::endian::little) turned = std::byteswap(turned);
  const std::uint64_t key = (std::uint64_t{turned} << 32) | turned;

  char* at = bytes.data();
  std::size_t left = bytes.size();
  std::array<std::uint64_t, 4> words;
  for (; left >= sizeof(words); at += sizeof(words), left -= sizeof(words)) {
    std::memcpy(words.data(), at, sizeof(words));
    for (std::uint64_t& word : words) word ^= key;
    std::memcpy(at, words.data(), sizeof(words));
  }
  for (; left >= sizeof(key); at += sizeof(key), left -= sizeof(key)) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    word ^= key;
    std::memcpy(at, &word, sizeof(word));
  }
  std::array<char, sizeof(key)> octets;
  std::memcpy(octets.data(), &key, sizeof(key));
  for (std::size_t i = 0; i < left; ++i) at[i] = static_cast<char>(at[i] ^ octets[i]);
}

}  // namespace sanjay::websocket
