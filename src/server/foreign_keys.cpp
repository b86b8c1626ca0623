// SPDX-License-Identifier: Apache-2.0
#include "server/foreign_keys.h"

#include <fmt/format.h>

#include <algorithm>

namespace sanjay::server {
namespace {

constexpr std::size_t kNamesMax = 20;  // shown of those that one thing happens to

std::string joined(const std::vector<std::string>& names) {
  const std::size_t shown = std::min(names.size(), kNamesMax);
  std::string text =
      fmt::format("{}", fmt::join(names.begin(), names.begin() + std::ptrdiff_t(shown), ", "));
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

std::string_view remark(KeyGroup group) {
  switch (group) {
    case KeyGroup::Later:
      return "not yet: ";
    case KeyGroup::Pro:
      return "of Centrifugo PRO: ";
    case KeyGroup::Other:
      break;
  }
  return "";
}

}  // namespace

void ForeignKeys::add(std::string name, const CentrifugoKey& key) {
  auto group = std::ranges::find_if(groups_, [&](const Group& known) {
    return known.instead == key.instead && known.group == key.group;
  });
  if (group == groups_.end()) group = groups_.insert(group, {key.instead, key.group, {}});
  if (std::ranges::find(group->names, name) == group->names.end()) {
    group->names.push_back(std::move(name));
  }
}

std::string ForeignKeys::to_string() const {
  std::string text;
  for (const auto& [instead, group, names] : groups_) {
    text +=
        fmt::format("{}{} ({}{})", text.empty() ? "" : "; ", joined(names), remark(group), instead);
  }
  if (!unknown_.empty()) {
    text += fmt::format("{}{} (unknown variables)", text.empty() ? "" : "; ", joined(unknown_));
  }
  return text.empty() ? text : "set for Centrifugo and not supported: " + text;
}

}  // namespace sanjay::server
