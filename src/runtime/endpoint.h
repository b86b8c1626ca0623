// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ip_address.h"
#include "core/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::runtime {

/// An IP address and port as a value.
struct Endpoint {
  core::IpAddress address;
  std::uint16_t port = 0;

  /// "" is every interface, "127.0.0.1" and "::1" are literals; names are not resolved.
  static core::Result<Endpoint> parse(std::string_view address, std::uint16_t port);

  bool is_v4() const { return address.is_v4(); }
  /// "127.0.0.1" or "::1", without the port.
  std::string host() const { return address.to_string(); }
  /// "127.0.0.1:8000" or "[::1]:8000".
  std::string to_string() const;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace sanjay::runtime
