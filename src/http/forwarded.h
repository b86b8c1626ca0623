// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ip_address.h"
#include "core/result.h"
#include "http/headers.h"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace sanjay::http {

/// The proxies in front of us: whose word about a client's address is taken. Immutable.
class TrustedProxies {
 public:
  /// Networks in CIDR notation. Refuses what is not one, saying why.
  static core::Result<TrustedProxies> parse(std::span<const std::string> networks);

  bool contains(const core::IpAddress& address) const;
  bool empty() const { return networks_.empty(); }

 private:
  std::vector<core::IpNetwork> networks_;
};

/// Elements of X-Forwarded-For that are looked at, from the right.
inline constexpr std::size_t kForwardedElementsMax = 32;

/// The client of a request from `peer`, by its X-Forwarded-For headers, which are one list. Each
/// proxy has added at the right whom it was talking to, so the list is believed from the right, and
/// only as far as each speaker is trusted: the first address that is not a proxy's is the client's.
/// What is left of it, or of something that is no address, could be anybody's invention. `peer`
/// itself when it is not trusted or nothing was said. An element may have brackets and a port.
core::IpAddress client_address(const TrustedProxies& proxies, const core::IpAddress& peer,
                               const Headers& headers);

}  // namespace sanjay::http
