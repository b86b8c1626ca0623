// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "core/ip_address.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sanjay::core {

/// What is an address or a network is so again in its own spelling, and means the same.
void fuzz_ip_address(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto address = IpAddress::parse(text)) {
    const std::string spelling = address->to_string();
    ASSERT(spelling.size() <= 39);
    ASSERT(IpAddress::parse(spelling) == *address);
    ASSERT(IpNetwork::parse(text)->contains(*address));
  }
  const auto network = IpNetwork::parse(text);
  if (!network) return;
  ASSERT(*IpNetwork::parse(network->to_string()) == *network);
  ASSERT(network->contains(*IpAddress::parse(text.substr(0, text.find('/')))));
}

}  // namespace sanjay::core

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::core::fuzz_ip_address(data, size);
  return 0;
}
#endif
