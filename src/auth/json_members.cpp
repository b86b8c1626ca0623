// SPDX-License-Identifier: Apache-2.0
#include "auth/json_members.h"

#include "core/failpoint.h"

#include <algorithm>

namespace sanjay::auth {

using simdjson::dom::element;

std::optional<std::string_view> Member::text() const {
  std::string_view text;
  if (!value || value->get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

bool has_repeated_name(const simdjson::dom::object& object) {
  constexpr std::size_t kPairwiseMax = 16;  // names; up to there comparing beats sorting
  if (object.size() <= kPairwiseMax) {
    for (auto field = object.begin(); field != object.end(); ++field) {
      for (auto before = object.begin(); before != field; ++before) {
        if (before.key() == field.key()) return true;
      }
    }
    return false;
  }
  std::vector<std::string_view> names;
  for (const auto& field : object) names.push_back(field.key);
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) != names.end();
}

bool collect(const simdjson::dom::object& object, std::span<Member* const> wanted) {
  if (has_repeated_name(object) && !FAILPOINT("auth.duplicates")) return false;
  for (const auto& field : object) {
    for (Member* member : wanted) {
      if (field.key == member->name) member->value = field.value;
    }
  }
  return true;
}

std::optional<std::vector<std::string>> text_list(const element& value) {
  simdjson::dom::array array;
  if (value.get(array) != simdjson::SUCCESS) return std::nullopt;
  std::vector<std::string> texts;
  for (const element item : array) {
    std::string_view text;
    if (item.get(text) != simdjson::SUCCESS) return std::nullopt;
    texts.emplace_back(text);
  }
  return texts;
}

std::optional<simdjson::dom::object> parse_object(simdjson::dom::parser& parser,
                                                  const std::string& json, std::size_t depth_max) {
  simdjson::dom::object object;
  if (parser.allocate(json.size() + 1, depth_max) != simdjson::SUCCESS ||
      parser.parse(json).get(object) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return object;
}

}  // namespace sanjay::auth
