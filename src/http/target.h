// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sanjay::http {

/// A request target cut at its '?'; views into it. Nothing is decoded.
struct Target {
  std::string_view path;
  std::string_view query;  // without the '?'
};

/// Cuts the origin form ("/path?query"), the absolute form ("http://host/path?query", whose
/// authority is dropped) and the asterisk form ("*") of RFC 9112 §3.2. Nothing for anything else
/// and for targets with a fragment.
std::optional<Target> split_target(std::string_view target);

/// The value of the first parameter `key` of a query in the form encoding of browsers: pairs joined
/// by '&', %XX and '+' decoded in keys and values. Pairs with a broken escape count as absent.
std::optional<std::string> query_parameter(std::string_view query, std::string_view key);

}  // namespace sanjay::http
