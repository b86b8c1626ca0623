// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "http/forwarded.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::http {

/// Lines of X-Forwarded-For. Whatever a client puts there: from a peer that is not trusted it says
/// nothing, and what the trusted proxy adds at the right is what counts.
void fuzz_forwarded(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string networks[] = {"192.0.2.0/24", "2001:db8:1::/48"};
  const auto proxies = *TrustedProxies::parse(networks);
  const auto proxy = *core::IpAddress::parse("192.0.2.1");
  const auto client = *core::IpAddress::parse("198.51.100.7");

  Headers headers;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    headers.add("X-Forwarded-For", line);
    input.remove_prefix(std::min(line.size() + 1, input.size()));
  }
  ASSERT(client_address(proxies, client, headers) == client);
  const auto said = client_address(proxies, proxy, headers);
  ASSERT(client_address(proxies, proxy, headers) == said);

  Headers added = headers;
  added.add("x-forwarded-for", "198.51.100.7:4711");
  ASSERT(client_address(proxies, proxy, added) == client);
  added.add("X-Forwarded-For", "[2001:db8:1::2]:80, 192.0.2.9");
  ASSERT(client_address(proxies, proxy, added) == client);
  added.add("X-Forwarded-For", "unknown");
  ASSERT(client_address(proxies, proxy, added) == proxy);
}

}  // namespace sanjay::http

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::http::fuzz_forwarded(data, size);
  return 0;
}
#endif
