// SPDX-License-Identifier: Apache-2.0
#include "http/target.h"

#include "http/headers.h"
#include "http/hex_digit.h"

#include <algorithm>

namespace sanjay::http {
namespace {

std::optional<std::string> decode_form(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const auto high = hex_digit(text[i + 1]);
      const auto low = hex_digit(text[i + 2]);
      if (!high || !low) return std::nullopt;
      out += static_cast<char>(*high << 4 | *low);
      i += 2;
    }
  }
  return out;
}

}  // namespace

std::optional<Target> split_target(std::string_view target) {
  if (target == "*") return Target{.path = target, .query = {}};
  if (target.contains('#')) return std::nullopt;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equals_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t authority_end = std::min(target.find_first_of("/?"), target.size());
    if (authority_end == 0) return std::nullopt;
    target.remove_prefix(authority_end);
    if (!target.starts_with('/')) {
      return Target{.path = "/", .query = target.empty() ? target : target.substr(1)};
    }
    break;
  }
  if (!target.starts_with('/')) return std::nullopt;
  const std::size_t mark = std::min(target.find('?'), target.size());
  return Target{.path = target.substr(0, mark),
                .query = target.substr(std::min(mark + 1, target.size()))};
}

std::optional<std::string> query_parameter(std::string_view query, std::string_view key) {
  while (!query.empty()) {
    const std::size_t pair_end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, pair_end);
    query.remove_prefix(std::min(pair_end + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (decode_form(pair.substr(0, equals)) != key) continue;
    if (auto value = decode_form(pair.substr(std::min(equals + 1, pair.size())))) return value;
  }
  return std::nullopt;
}

}  // namespace sanjay::http
