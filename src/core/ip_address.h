// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sanjay::core {

/// An IP address as a value. An IPv4 address is kept in its IPv4-mapped IPv6 form (RFC 4291
/// §2.5.5.2), so that a dual-stack peer and an IPv4 peer compare equal.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  // network order

  /// A literal, "127.0.0.1" or "::1": no port, no brackets, no zone, no leading zeros in IPv4.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const;
  /// "127.0.0.1", or RFC 5952's form of an IPv6 address: "2001:db8::5".
  std::string to_string() const;
  /// What limits per address count by: an IPv4 address whole, of an IPv6 address its /64, since
  /// one household or machine is given that much. An IPv4 address has the key of a /64 in 0::/8,
  /// which nobody can connect from.
  std::uint64_t limiter_key() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

/// A network in CIDR notation (RFC 4632): "10.0.0.0/8", "2001:db8::/32"; a bare address is a
/// network of one. An IPv6 network never contains an IPv4 address, however few its bits.
class IpNetwork {
 public:
  /// Refuses bits set behind the prefix: whoever writes "10.1.2.3/8" means something else.
  static Result<IpNetwork> parse(std::string_view text);

  bool contains(const IpAddress& address) const;
  /// With its prefix length: "10.0.0.0/8", "::1/128".
  std::string to_string() const;

  friend bool operator==(const IpNetwork&, const IpNetwork&) = default;

 private:
  IpAddress prefix_;
  std::uint8_t bits_ = 128;  // of the 16 bytes; 96 more than written for IPv4
};

}  // namespace sanjay::core
