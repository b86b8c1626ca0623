// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "core/random.h"
#include "websocket/utf8.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sanjay::websocket {
namespace {

/// The table of RFC 3629 §4, an octet at a time: the first octet no valid text can have there.
std::optional<std::size_t> reference(std::string_view bytes, bool& complete) {
  struct Lead {
    unsigned from, to, count, low, high;
  };
  constexpr Lead kLeads[] = {
      {0x00, 0x7f, 0, 0, 0},       {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf},
      {0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
      {0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f}};
  const auto octet = [&](std::size_t at) {
    return unsigned{static_cast<unsigned char>(bytes[at])};
  };
  complete = true;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto* const lead = std::ranges::find_if(
        kLeads, [&](const Lead& l) { return octet(at) >= l.from && octet(at) <= l.to; });
    if (lead == std::end(kLeads)) return at;
    for (unsigned i = 1; i <= lead->count; ++i) {
      if (at + i == bytes.size()) {
        complete = false;
        return std::nullopt;
      }
      const unsigned low = i == 1 ? lead->low : 0x80;
      const unsigned high = i == 1 ? lead->high : 0xbf;
      if (octet(at + i) < low || octet(at + i) > high) return at + i;
    }
    at += 1 + lead->count;
  }
  return std::nullopt;
}

}  // namespace

/// First octet: the seed of the cuts. The verdict is that of the RFC's table, however it is cut.
void fuzz_utf8(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  bool complete = false;
  const auto expected = reference(text, complete);
  ASSERT(is_utf8(text) == (!expected && complete));

  core::Random random(data[0]);
  Utf8Validator validator;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view piece = text.substr(at, 1 + random.below(random.below(2) == 0 ? 3 : 60));
    if (const auto bad = validator.find_bad_octet(piece)) {
      ASSERT(expected == at + *bad);
      return;
    }
    at += piece.size();
  }
  ASSERT(!expected && validator.complete() == complete);
}

}  // namespace sanjay::websocket

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::websocket::fuzz_utf8(data, size);
  return 0;
}
#endif
