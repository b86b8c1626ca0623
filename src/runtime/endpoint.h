// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::runtime {

/// An IP address and port as a value. An IPv4 address is kept in its IPv4-mapped IPv6 form, so
/// that a dual-stack peer and an IPv4 peer compare equal.
struct Endpoint {
  std::array<std::uint8_t, 16> address{};
  std::uint16_t port = 0;

  /// "" is every interface, "127.0.0.1" and "::1" are literals; names are not resolved.
  static core::Result<Endpoint> parse(std::string_view address, std::uint16_t port);

  bool is_v4() const;
  /// "127.0.0.1" or "::1", without the port.
  std::string host() const;
  /// "127.0.0.1:8000" or "[::1]:8000".
  std::string to_string() const;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace sanjay::runtime
