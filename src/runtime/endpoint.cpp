// SPDX-License-Identifier: Apache-2.0
#include "runtime/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace sanjay::runtime {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

core::Result<Endpoint> Endpoint::parse(std::string_view address, std::uint16_t port) {
  Endpoint endpoint;
  endpoint.port = port;
  if (address.empty()) return endpoint;
  const std::string text(address);
  // inet_pton stops at a NUL and would take what stands before it.
  if (text.find('\0') == std::string::npos) {
    if (inet_pton(AF_INET6, text.c_str(), endpoint.address.data()) == 1) return endpoint;
    std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), endpoint.address.begin());
    if (inet_pton(AF_INET, text.c_str(), endpoint.address.data() + 12) == 1) return endpoint;
  }
  return core::failure("expected an IPv4 or IPv6 address, got \"" + text + "\"");
}

bool Endpoint::is_v4() const {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin());
}

std::string Endpoint::host() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v4()) {
    inet_ntop(AF_INET, address.data() + 12, text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, address.data(), text.data(), text.size());
  }
  return text.data();
}

std::string Endpoint::to_string() const {
  const std::string port_text = std::to_string(port);
  return is_v4() ? host() + ":" + port_text : "[" + host() + "]:" + port_text;
}

}  // namespace sanjay::runtime
