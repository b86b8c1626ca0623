// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "core/random.h"
#include "websocket/utf8.h"
#include "websocket/wire_samples.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::websocket {
namespace {

std::vector<std::string> inflated_events(std::span<const std::string_view> pieces, Role role,
                                         const Limits& limits, Context context) {
  Inflater inflater(context);
  return events_of(pieces, role, limits, &inflater);
}

}  // namespace

/// First octet: bit 0 the context, bits 1-7 the seed of the cuts; the rest is what a client sent,
/// without masks, after permessage-deflate was agreed on. Whatever it is, the events are the same
/// for every cut and within the limits, and what was understood comes back from our own compressor.
void fuzz_inflater(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const Context context = (data[0] & 1) != 0 ? Context::Keep : Context::Reset;
  const Limits limits{.message_bytes_max = 400, .fragments_max = 8, .inflated_bytes_max = 3000};
  const std::string_view wire(reinterpret_cast<const char*>(data) + 1, size - 1);

  const std::string_view whole[] = {wire};
  const auto expected = inflated_events(whole, Role::Client, limits, context);
  core::Random random(data[0]);
  std::vector<std::string_view> pieces;
  for (std::size_t at = 0; at < wire.size(); at += pieces.back().size()) {
    pieces.push_back(wire.substr(at, 1 + random.below(random.below(2) == 0 ? 4 : 200)));
  }
  ASSERT(inflated_events(pieces, Role::Client, limits, context) == expected);

  Deflater deflater(context, {.window_bits = 9, .memory_level = 3});
  Inflater inflater(context, 9);
  ScratchBuffer compressed, scratch;
  for (const std::string& event : expected) {
    const std::string_view payload = std::string_view(event).substr(event.find(' ') + 1);
    const bool text = event.starts_with("text ");
    if (text) ASSERT(is_utf8(payload));
    if (!text && !event.starts_with("binary ")) continue;
    ASSERT(payload.size() <= limits.inflated_bytes_max);
    const auto back = inflater.inflate(deflater.compress(payload, compressed), 3000, scratch);
    ASSERT(back && *back == payload);
  }
}

}  // namespace sanjay::websocket

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::websocket::fuzz_inflater(data, size);
  return 0;
}
#endif
