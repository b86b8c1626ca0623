// SPDX-License-Identifier: Apache-2.0
#include "runtime/endpoint.h"

namespace sanjay::runtime {

core::Result<Endpoint> Endpoint::parse(std::string_view address, std::uint16_t port) {
  if (address.empty()) return Endpoint{{}, port};
  const auto parsed = core::IpAddress::parse(address);
  if (!parsed) {
    return core::failure("expected an IPv4 or IPv6 address, got \"" + std::string(address) + "\"");
  }
  return Endpoint{*parsed, port};
}

std::string Endpoint::to_string() const {
  const std::string port_text = std::to_string(port);
  return is_v4() ? host() + ":" + port_text : "[" + host() + "]:" + port_text;
}

}  // namespace sanjay::runtime
