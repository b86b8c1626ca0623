// SPDX-License-Identifier: Apache-2.0
#include "http/origin.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace sanjay::http {
namespace {

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

std::uint16_t default_port(std::string_view scheme) {
  if (scheme == "http" || scheme == "ws") return 80;
  if (scheme == "https" || scheme == "wss") return 443;
  return 0;
}

bool is_scheme(std::string_view text) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789+-.";
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

bool is_host(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) {
    const std::string_view address = text.substr(1, text.size() - 2);
    return address.contains(':') &&
           address.find_first_not_of("0123456789abcdef:.") == std::string_view::npos;
  }
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-._";
  return !text.empty() && !text.starts_with('.') && !text.contains("..") &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

std::optional<std::uint16_t> parse_port(std::string_view digits) {
  if (digits.starts_with('0')) return std::nullopt;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return port;
}

}  // namespace

std::optional<OriginPolicy::Origin> OriginPolicy::parse_origin(std::string_view text) {
  constexpr std::string_view kSeparator = "://";
  const std::string lower = lower_case(text);
  const std::size_t scheme_end = lower.find(kSeparator);
  if (scheme_end == std::string::npos) return std::nullopt;
  Origin origin;
  origin.scheme = lower.substr(0, scheme_end);
  std::string_view authority = std::string_view(lower).substr(scheme_end + kSeparator.size());
  origin.port = default_port(origin.scheme);
  // The colon of a port stands behind the bracket of an IPv6 address, if there is one.
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && !authority.ends_with(']')) {
    const auto port = parse_port(authority.substr(colon + 1));
    if (!port) return std::nullopt;
    origin.port = *port;
    authority = authority.substr(0, colon);
  }
  origin.host = authority;
  if (!is_scheme(origin.scheme) || !is_host(origin.host)) return std::nullopt;
  return origin;
}

core::Result<OriginPolicy> OriginPolicy::parse(std::span<const std::string> patterns) {
  OriginPolicy policy;
  for (const std::string& text : patterns) {
    if (text == "*") {
      policy.any_ = true;
      continue;
    }
    std::string plain = text;
    const std::size_t star = plain.find("://*.");
    if (star != std::string::npos) plain.erase(star + 3, 2);
    auto origin = parse_origin(plain);
    if (!origin) return core::failure("not an origin pattern: \"" + text + "\"");
    policy.patterns_.push_back({*std::move(origin), star != std::string::npos});
  }
  return policy;
}

bool OriginPolicy::matches(const Pattern& pattern, const Origin& origin) {
  if (origin.scheme != pattern.origin.scheme || origin.port != pattern.origin.port) return false;
  if (!pattern.subdomains) return origin.host == pattern.origin.host;
  // The dot before the pattern's host keeps "evilexample.com" out.
  const std::string_view host = origin.host;
  return host.size() > pattern.origin.host.size() + 1 && host.ends_with(pattern.origin.host) &&
         host[host.size() - pattern.origin.host.size() - 1] == '.';
}

bool OriginPolicy::allows(std::optional<std::string_view> origin) const {
  if (!origin || any_) return true;
  const auto parsed = parse_origin(*origin);
  return parsed && std::ranges::any_of(patterns_, [&](const Pattern& pattern) {
           return matches(pattern, *parsed);
         });
}

}  // namespace sanjay::http
