// SPDX-License-Identifier: Apache-2.0
#include "server/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>
#include <string>

namespace sanjay::server {
namespace {

bool is_one_of(std::string_view text, std::span<const std::string_view> names) {
  return std::ranges::find(names, text) != names.end();
}

constexpr std::array<std::string_view, 5> kNulls{"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 3> kTrue{"true", "True", "TRUE"};
constexpr std::array<std::string_view, 3> kFalse{"false", "False", "FALSE"};

/// Digits behind the sign and the prefix that names their base.
std::optional<std::int64_t> whole_number(std::string_view text, bool is_negative) {
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char letter = static_cast<char>(text[1] | 0x20);
    base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    text.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (number > kMax) return {};
  return is_negative ? -static_cast<std::int64_t>(number) : static_cast<std::int64_t>(number);
}

/// [0-9]*(\.[0-9]*)?([eE][-+]?[0-9]+)? with a digit before the exponent.
bool is_decimal(std::string_view text) {
  const auto skip_digits = [&] {
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count;
  };
  std::size_t digits = skip_digits();
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    digits += skip_digits();
  }
  if (digits == 0) return false;
  if (text.empty()) return true;
  if ((text[0] | 0x20) != 'e') return false;
  text.remove_prefix(1);
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return skip_digits() > 0 && text.empty();
}

}  // namespace

SourceData resolve_yaml_scalar(std::string_view text) {
  if (is_one_of(text, kNulls)) return SourceValue::Other{"null"};
  if (is_one_of(text, kTrue)) return true;
  if (is_one_of(text, kFalse)) return false;
  std::string_view body = text;
  const bool is_negative = body.starts_with('-');
  if (is_negative || body.starts_with('+')) body.remove_prefix(1);
  const bool is_numeric = !body.empty() && ((body[0] >= '0' && body[0] <= '9') || body[0] == '.');
  if (!is_numeric || body.size() > 64) return std::string(text);
  std::string plain(body);
  std::erase(plain, '_');
  if (const auto number = whole_number(plain, is_negative)) return *number;
  if (!is_decimal(plain)) return std::string(text);
  double real = 0;
  const auto result = std::from_chars(plain.data(), plain.data() + plain.size(), real);
  if (result.ec != std::errc()) return std::string(text);  // beyond what a double holds
  return is_negative ? -real : real;
}

}  // namespace sanjay::server
