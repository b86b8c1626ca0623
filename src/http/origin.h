// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::http {

/// Which web pages may connect (RFC 6455 §10.2, against cross-site WebSocket hijacking). Patterns:
///   *                               every origin, "null" too
///   https://example.com[:port]      that origin; without a port, the scheme's own
///   https://*.example.com[:port]    every host below example.com, not example.com itself
/// Origins are compared as scheme, host and port, in lower case, never as text. Immutable.
class OriginPolicy {
 public:
  /// Refuses what is not a pattern, naming it.
  static core::Result<OriginPolicy> parse(std::span<const std::string> patterns);

  /// Whether a request with this Origin header may pass. Without one it may: only browsers send it,
  /// and they always do. With an empty list no present origin may.
  bool allows(std::optional<std::string_view> origin) const;

 private:
  struct Origin {
    std::string scheme;
    std::string host;
    std::uint16_t port = 0;  // 0 where neither the origin nor its scheme names one
  };
  struct Pattern {
    Origin origin;
    bool subdomains = false;
  };

  static std::optional<Origin> parse_origin(std::string_view text);
  static bool matches(const Pattern& pattern, const Origin& origin);

  bool any_ = false;
  std::vector<Pattern> patterns_;
};

}  // namespace sanjay::http
