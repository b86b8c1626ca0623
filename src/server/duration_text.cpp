// SPDX-License-Identifier: Apache-2.0
#include "server/duration_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace sanjay::server {
namespace {

struct Unit {
  std::string_view name;
  core::Duration size;
};

constexpr std::array<Unit, 7> kUnits{{{"d", std::chrono::days(1)},
                                      {"h", std::chrono::hours(1)},
                                      {"m", std::chrono::minutes(1)},
                                      {"s", std::chrono::seconds(1)},
                                      {"ms", std::chrono::milliseconds(1)},
                                      {"us", std::chrono::microseconds(1)},
                                      {"ns", std::chrono::nanoseconds(1)}}};

// The micro sign and the Greek letter, which Go takes too.
bool is_micro(std::string_view name) { return name == "\u00b5s" || name == "\u03bcs"; }

/// What the digits behind a decimal point are of `unit`; those beyond the ninth say nothing.
core::Duration fraction_of(std::string_view digits, core::Duration unit) {
  double part = 0;
  double weight = 0.1;
  for (std::size_t i = 0; i < digits.size(); ++i, weight /= 10) {
    if (i < 9) part += (digits[i] - '0') * weight;
  }
  return core::Duration(static_cast<std::int64_t>(part * static_cast<double>(unit.count()) + 0.5));
}

// A century: far beyond every setting, far below where nanoseconds overflow.
constexpr core::Duration kLongest = std::chrono::days(36500);

}  // namespace

std::optional<core::Duration> parse_duration(std::string_view text) {
  if (text == "0") return core::Duration::zero();
  if (text.empty()) return std::nullopt;
  core::Duration total{0};
  std::size_t next_unit = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::string_view number = text.substr(0, end);
    text.remove_prefix(end);
    const std::size_t point = std::min(number.find('.'), number.size());
    const std::string_view fraction = number.substr(std::min(point + 1, number.size()));
    if (fraction.find('.') != fraction.npos || point + fraction.size() == 0) return std::nullopt;
    std::uint32_t count = 0;
    const auto [last, error] = std::from_chars(number.data(), number.data() + point, count);
    if (point > 0 && (error != std::errc() || last != number.data() + point)) return std::nullopt;

    const std::string_view given = text.substr(0, text.find_first_of("0123456789."));
    const std::string_view name = is_micro(given) ? "us" : given;
    while (next_unit < kUnits.size() && kUnits[next_unit].name != name) ++next_unit;
    if (next_unit == kUnits.size()) return std::nullopt;
    const core::Duration unit = kUnits[next_unit++].size;
    if (count > (kLongest - total) / unit) return std::nullopt;
    total += count * unit + fraction_of(fraction, unit);
    if (total > kLongest) return std::nullopt;
    text.remove_prefix(given.size());
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
