// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "websocket/permessage_deflate.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::websocket {

/// First octet: bit 0 the policy, bits 1-3 its window; the rest is a header's value. Whatever it
/// is, an answer is one well-formed offer that would be agreed on again, to the same terms, and no
/// more than what was asked for.
void fuzz_permessage_deflate(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const DeflatePolicy policy{(data[0] & 1) != 0,
                             static_cast<std::uint8_t>(9 + ((data[0] >> 1) & 7) % 7)};
  const std::string_view value(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view values[] = {value};
  const auto answer = answer_offers(values, policy);
  if (!answer || !*answer) return;
  const auto& [terms, extension] = **answer;
  ASSERT(value.find("permessage-deflate") != value.npos);
  ASSERT(policy.context_takeover || !terms.keeps_context());
  ASSERT(terms.server_window_bits >= kWindowBitsMin && terms.server_window_bits <= kWindowBitsMax);
  ASSERT(terms.client_window_bits >= 8 && terms.client_window_bits <= kWindowBitsMax);
  for (const bool server : {true, false}) {
    const bool keeps = server ? terms.server_keeps_context : terms.client_keeps_context;
    const auto bits = server ? terms.server_window_bits : terms.client_window_bits;
    ASSERT(!keeps || bits <= policy.takeover_window_bits);
  }
  // Nobody is told of a window size that he did not speak of (§7.1.2.2).
  for (const std::string_view name : {"server_max_window_bits", "client_max_window_bits"}) {
    ASSERT(extension.find(name) == extension.npos || value.find(name) != value.npos);
  }
  const std::string_view again[] = {extension};
  const auto second = answer_offers(again, policy);
  ASSERT(second && *second);
  ASSERT((*second)->terms == terms && (*second)->extension == extension);
}

}  // namespace sanjay::websocket

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::websocket::fuzz_permessage_deflate(data, size);
  return 0;
}
#endif
