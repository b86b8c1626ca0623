// SPDX-License-Identifier: Apache-2.0
#include "bench/target.h"

#include <charconv>

namespace sanjay::bench {
namespace {

constexpr std::uint16_t kDefaultPort = 80;

core::Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) {
    return core::failure("expected a port from 1 to 65535, got \"" + std::string(text) + "\"");
  }
  return port;
}

}  // namespace

core::Result<Target> Target::parse(std::string_view url) {
  constexpr std::string_view kScheme = "ws://";
  if (!url.starts_with(kScheme)) {
    return core::failure("expected a URL like ws://127.0.0.1:8000/path, got \"" + std::string(url) +
                         "\"");
  }
  url.remove_prefix(kScheme.size());
  const std::size_t slash = std::min(url.find_first_of("/?"), url.size());
  const std::string_view authority = url.substr(0, slash);
  Target target;
  target.host = authority;
  target.path = url.substr(slash);
  if (!target.path.starts_with('/')) target.path.insert(0, "/");

  // An IPv6 literal stands in brackets; its colons are not the port's.
  const std::size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
  if (bracket == std::string_view::npos) return core::failure("\"[\" without \"]\" in the URL");
  const std::size_t colon = authority.find(':', bracket);
  std::string_view address = authority.substr(0, colon);
  std::uint16_t port = kDefaultPort;
  if (colon != std::string_view::npos) {
    SANJAY_TRY(port, parse_port(authority.substr(colon + 1)));
  }
  if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
  if (address == "localhost") address = "127.0.0.1";
  if (address.empty()) return core::failure("the URL names no host");
  SANJAY_TRY(target.endpoint, runtime::Endpoint::parse(address, port));
  return target;
}

}  // namespace sanjay::bench
