// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <simdjson.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What this module's readers of JSON objects (headers, claims, keys) have in common. Views and
// elements live as long as the parser that made them, until it parses again.
namespace sanjay::auth {

/// A member looked for in an object; stays empty when absent.
struct Member {
  std::string_view name;
  std::optional<simdjson::dom::element> value{};

  /// Nothing unless it is there and a string.
  std::optional<std::string_view> text() const;
  bool is_null() const { return value && value->is_null(); }
};

/// Whether two members have one name: which of them counts is where two readers would disagree.
bool has_repeated_name(const simdjson::dom::object& object);

/// Fills the wanted members. False when any name of the object occurs twice.
bool collect(const simdjson::dom::object& object, std::span<Member* const> wanted);

/// A JSON array of nothing but strings.
std::optional<std::vector<std::string>> text_list(const simdjson::dom::element& value);

/// Nothing unless `json` is one whole JSON object, nested `depth_max` levels at most, itself
/// included, or when there is no memory to read it.
std::optional<simdjson::dom::object> parse_object(simdjson::dom::parser& parser,
                                                  const std::string& json, std::size_t depth_max);

}  // namespace sanjay::auth
