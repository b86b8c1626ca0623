// SPDX-License-Identifier: Apache-2.0
#include "server/config_suggestion.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace sanjay::server {
namespace {

/// Levenshtein distance, or `limit` if it is not below that.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) >= limit) return limit;
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    std::size_t least = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
      least = std::min(least, row[j + 1]);
    }
    if (least >= limit) return limit;
  }
  return row[b.size()];
}

}  // namespace

std::string suggestion(std::string_view given, const std::vector<std::string>& known) {
  if (given.size() > 128) return "";
  std::size_t nearest_distance = std::clamp<std::size_t>(given.size() / 4, 2, 4) + 1;
  const std::string* nearest = nullptr;
  for (const std::string& name : known) {
    // A right name in no section or the wrong one is the other way keys get lost.
    const bool same_name = name.ends_with("." + std::string(given.substr(given.rfind('.') + 1)));
    const std::size_t distance = same_name ? 2 : edit_distance(given, name, nearest_distance);
    if (distance >= nearest_distance) continue;
    nearest_distance = distance;
    nearest = &name;
  }
  return nearest == nullptr ? "" : fmt::format("; did you mean \"{}\"?", *nearest);
}

}  // namespace sanjay::server
