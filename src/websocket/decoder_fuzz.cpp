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

/// First octet: bit 0 the role, bits 1-7 the seed of the cuts; the rest is what the peer sent.
/// Whatever it is, the events are the same for every cut and keep what decoder.h promises.
void fuzz_decoder(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const Role role = (data[0] & 1) != 0 ? Role::Client : Role::Server;
  const Limits limits{.message_bytes_max = 400, .fragments_max = 8};
  const std::string_view wire(reinterpret_cast<const char*>(data) + 1, size - 1);

  const std::string_view whole[] = {wire};
  const std::vector<std::string> expected = events_of(whole, role, limits);

  core::Random random(data[0]);
  std::vector<std::string_view> pieces;
  for (std::size_t at = 0; at < wire.size(); at += pieces.back().size()) {
    pieces.push_back(wire.substr(at, 1 + random.below(random.below(2) == 0 ? 4 : 200)));
  }
  ASSERT(events_of(pieces, role, limits) == expected);

  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::string& event = expected[i];
    const std::string_view payload = std::string_view(event).substr(event.find(' ') + 1);
    if (event.starts_with("text ")) ASSERT(is_utf8(payload));
    if (event.starts_with("p")) ASSERT(payload.size() <= kControlPayloadBytesMax);
    ASSERT(payload.size() <= limits.message_bytes_max);
    const bool last = event.starts_with("close ") || event.starts_with("violation ");
    ASSERT(!last || i + 1 == expected.size());
  }
}

}  // namespace sanjay::websocket

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::websocket::fuzz_decoder(data, size);
  return 0;
}
#endif
