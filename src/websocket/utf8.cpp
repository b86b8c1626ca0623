// SPDX-License-Identifier: Apache-2.0
#include "websocket/utf8.h"

#include <cstring>

namespace sanjay::websocket {
namespace {

// First position at or after `at` that is not ASCII, or the size. Wide steps first: most text is.
std::size_t skip_ascii(std::string_view bytes, std::size_t at) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
  std::uint64_t words[4];
  for (; bytes.size() - at >= sizeof(words); at += sizeof(words)) {
    std::memcpy(words, bytes.data() + at, sizeof(words));
    if (((words[0] | words[1] | words[2] | words[3]) & kHighBits) != 0) break;
  }
  for (; bytes.size() - at >= sizeof(words[0]); at += sizeof(words[0])) {
    std::memcpy(words, bytes.data() + at, sizeof(words[0]));
    if ((words[0] & kHighBits) != 0) break;
  }
  while (at < bytes.size() && static_cast<unsigned char>(bytes[at]) < 0x80) ++at;
  return at;
}

constexpr bool continues(unsigned octet) { return (octet & 0xc0) == 0x80; }

// Size of the valid character of two or more octets that stands whole at the start of `bytes`, else
// 0. This is only the fast path: what it does not take, the octet-wise path judges.
std::size_t whole_character(std::string_view bytes) {
  const auto octet = [&](std::size_t i) { return unsigned{static_cast<unsigned char>(bytes[i])}; };
  const unsigned lead = octet(0);
  if (bytes.size() < 2 || !continues(octet(1))) return 0;
  if (lead < 0xe0) return lead >= 0xc2 ? 2 : 0;
  if (bytes.size() < 3 || !continues(octet(2))) return 0;
  if (lead < 0xf0) {
    const unsigned point = ((lead & 0x0f) << 12) | ((octet(1) & 0x3f) << 6) | (octet(2) & 0x3f);
    return point >= 0x800 && (point < 0xd800 || point > 0xdfff) ? 3 : 0;
  }
  if (bytes.size() < 4 || !continues(octet(3))) return 0;
  const unsigned plane = ((lead & 0x0f) << 2) | ((octet(1) & 0x30) >> 4);
  return plane >= 1 && plane <= 16 ? 4 : 0;
}

}  // namespace

std::optional<std::size_t> Utf8Validator::find_bad_octet(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto octet = static_cast<unsigned char>(bytes[at]);
    if (pending_ > 0) {
      if (octet < lowest_ || octet > highest_) return at;
      lowest_ = 0x80;
      highest_ = 0xbf;
      --pending_;
      ++at;
    } else if (octet < 0x80) {
      at = skip_ascii(bytes, at);
    } else if (const std::size_t size = whole_character(bytes.substr(at)); size > 0) {
      at += size;
    } else {
      if (!begin_character(octet)) return at;
      ++at;
    }
  }
  return std::nullopt;
}

bool Utf8Validator::begin_character(unsigned char octet) {
  // C0 and C1 would start overlong forms; F5 and above lie beyond U+10FFFF.
  if (octet < 0xc2 || octet > 0xf4) return false;
  pending_ = octet < 0xe0 ? 1 : octet < 0xf0 ? 2 : 3;
  if (octet == 0xe0) lowest_ = 0xa0;   // below: overlong
  if (octet == 0xed) highest_ = 0x9f;  // above: surrogates
  if (octet == 0xf0) lowest_ = 0x90;   // below: overlong
  if (octet == 0xf4) highest_ = 0x8f;  // above: beyond U+10FFFF
  return true;
}

bool is_utf8(std::string_view bytes) {
  Utf8Validator validator;
  return !validator.find_bad_octet(bytes) && validator.complete();
}

}  // namespace sanjay::websocket
