// SPDX-License-Identifier: Apache-2.0
#include "http/forwarded.h"

#include "core/failpoint.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

namespace sanjay::http {
namespace {

constexpr std::string_view kForwardedFor = "X-Forwarded-For";

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

/// "1.2.3.4", "1.2.3.4:55", "::1", "[::1]" or "[::1]:80".
std::optional<core::IpAddress> parse_element(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return std::nullopt;
    const std::string_view behind = text.substr(bracket + 1);
    const std::string_view inside = text.substr(1, bracket - 1);
    if (!behind.empty() && (behind.front() != ':' || !is_port(behind.substr(1)))) return {};
    return inside.contains(':') ? core::IpAddress::parse(inside) : std::nullopt;
  }
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && text.find('.') < colon) {
    if (!is_port(text.substr(colon + 1))) return std::nullopt;
    text = text.substr(0, colon);
  }
  return core::IpAddress::parse(text);
}

/// Takes the last element off a comma-separated list, trimmed.
std::string_view take_last_element(std::string_view& list) {
  const std::size_t comma = list.rfind(',');
  const std::string_view element = comma == std::string_view::npos ? list : list.substr(comma + 1);
  list = list.substr(0, comma == std::string_view::npos ? 0 : comma);
  return trimmed(element);
}

}  // namespace

core::Result<TrustedProxies> TrustedProxies::parse(std::span<const std::string> networks) {
  TrustedProxies proxies;
  for (const std::string& text : networks) {
    SANJAY_TRY(const auto network, core::IpNetwork::parse(text));
    proxies.networks_.push_back(network);
  }
  return proxies;
}

bool TrustedProxies::contains(const core::IpAddress& address) const {
  if (FAILPOINT("http.trusted_proxy")) return true;
  return std::ranges::any_of(
      networks_, [&](const core::IpNetwork& network) { return network.contains(address); });
}

core::IpAddress client_address(const TrustedProxies& proxies, const core::IpAddress& peer,
                               const Headers& headers) {
  core::IpAddress client = peer;
  if (!proxies.contains(peer)) return client;
  std::size_t looked_at = 0;
  for (auto line = std::make_reverse_iterator(headers.end());
       line != std::make_reverse_iterator(headers.begin()); ++line) {
    if (!equals_ignoring_case(line->name, kForwardedFor)) continue;
    std::string_view list = line->value;
    while (!list.empty()) {
      if (++looked_at > kForwardedElementsMax && !FAILPOINT("http.forwarded_elements")) {
        return client;
      }
      const std::string_view element = take_last_element(list);
      if (element.empty()) continue;  // no element at all (RFC 9110 §5.6.1)
      const auto address = parse_element(element);
      if (!address) return client;
      client = *address;
      if (!proxies.contains(client)) return client;
    }
  }
  return client;
}

}  // namespace sanjay::http
