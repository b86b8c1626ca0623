// SPDX-License-Identifier: Apache-2.0
#include "server/duration_text.h"

#include <array>
#include <charconv>
#include <cstdint>

namespace sanjay::server {
namespace {

struct Unit {
  std::string_view name;
  core::Duration size;
};

constexpr std::array<Unit, 5> kUnits{{{"d", std::chrono::days(1)},
                                      {"h", std::chrono::hours(1)},
                                      {"m", std::chrono::minutes(1)},
                                      {"s", std::chrono::seconds(1)},
                                      {"ms", std::chrono::milliseconds(1)}}};

// A century: far beyond every setting, far below where nanoseconds overflow.
constexpr core::Duration kLongest = std::chrono::days(36500);

}  // namespace

std::optional<core::Duration> parse_duration(std::string_view text) {
  if (text == "0") return core::Duration::zero();
  if (text.empty()) return std::nullopt;
  core::Duration total{0};
  std::size_t next_unit = 0;
  while (!text.empty()) {
    std::uint32_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const std::string_view name = text.substr(0, text.find_first_of("0123456789"));
    while (next_unit < kUnits.size() && kUnits[next_unit].name != name) ++next_unit;
    if (next_unit == kUnits.size()) return std::nullopt;
    const core::Duration unit = kUnits[next_unit++].size;
    if (count > (kLongest - total) / unit) return std::nullopt;
    total += count * unit;
    text.remove_prefix(name.size());
  }
  return total;
}

std::string format_duration(core::Duration duration) {
  std::string text;
  for (const Unit& unit : kUnits) {
    const auto count = duration / unit.size;
    duration -= count * unit.size;
    if (count != 0) text.append(std::to_string(count)).append(unit.name);
  }
  return text.empty() ? "0s" : text;
}

}  // namespace sanjay::server
