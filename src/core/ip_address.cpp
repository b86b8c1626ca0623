// SPDX-License-Identifier: Apache-2.0
#include "core/ip_address.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace sanjay::core {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t kGroups = 8;
constexpr int kMappedBits = 96;

/// Decimal digits and nothing else, no leading zero, at most `max`.
std::optional<unsigned> parse_decimal(std::string_view text, unsigned max) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0')) return {};
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max) return {};
  return value;
}

std::optional<std::array<std::uint8_t, 4>> parse_v4(std::string_view text) {
  std::array<std::uint8_t, 4> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t dot = i + 1 < out.size() ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return {};
    const auto part = parse_decimal(text.substr(0, dot), 255);
    if (!part) return {};
    out[i] = static_cast<std::uint8_t>(*part);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return out;
}

std::optional<std::uint16_t> parse_group(std::string_view text) {
  std::uint16_t value = 0;
  if (text.empty() || text.size() > 4) return {};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

/// RFC 4291 §2.2: groups of hexadecimal digits, "::" for one run of zeros, IPv4 at the end.
std::optional<IpAddress> parse_v6(std::string_view text) {
  std::array<std::uint16_t, kGroups> groups{};
  std::size_t count = 0;
  std::optional<std::size_t> gap;
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    const std::size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (group.contains('.')) {
      const auto tail = parse_v4(group);
      if (!tail || colon != std::string_view::npos || count + 2 > kGroups) return {};
      groups[count++] = static_cast<std::uint16_t>((*tail)[0] << 8 | (*tail)[1]);
      groups[count++] = static_cast<std::uint16_t>((*tail)[2] << 8 | (*tail)[3]);
      break;
    }
    const auto value = parse_group(group);
    if (!value || count == kGroups) return {};
    groups[count++] = *value;
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
    if (text.empty()) return {};
    if (!text.starts_with(':')) continue;
    if (gap) return {};
    gap = count;
    text.remove_prefix(1);
  }
  if (gap ? count == kGroups : count != kGroups) return {};
  const std::size_t behind_gap = gap ? count - *gap : 0;
  std::ranges::rotate(groups.begin() + static_cast<std::ptrdiff_t>(count - behind_gap),
                      groups.begin() + static_cast<std::ptrdiff_t>(count), groups.end());
  IpAddress address;
  for (std::size_t i = 0; i < kGroups; ++i) {
    address.bytes[2 * i] = static_cast<std::uint8_t>(groups[i] >> 8);
    address.bytes[2 * i + 1] = static_cast<std::uint8_t>(groups[i] & 0xff);
  }
  return address;
}

std::string hex(unsigned value) {
  std::array<char, 4> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  return {digits.data(), end};
}

/// The first of the longest runs of zero groups: where it begins and how long it is.
std::pair<std::size_t, std::size_t> longest_zeros(const std::array<unsigned, kGroups>& groups) {
  std::pair<std::size_t, std::size_t> best{0, 0};
  for (std::size_t i = 0; i < kGroups; ++i) {
    std::size_t length = 0;
    while (i + length < kGroups && groups[i + length] == 0) ++length;
    if (length > best.second) best = {i, length};
  }
  return best;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.contains(':')) return parse_v6(text);
  const auto v4 = parse_v4(text);
  if (!v4) return {};
  IpAddress address;
  std::ranges::copy(kMappedPrefix, address.bytes.begin());
  std::ranges::copy(*v4, address.bytes.begin() + kMappedPrefix.size());
  return address;
}

bool IpAddress::is_v4() const {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
}

std::string IpAddress::to_string() const {
  std::string out;
  if (is_v4()) {
    for (std::size_t i = 12; i < 16; ++i) {
      out.append(i > 12 ? "." : "").append(std::to_string(bytes[i]));
    }
    return out;
  }
  std::array<unsigned, kGroups> groups{};
  for (std::size_t i = 0; i < kGroups; ++i) {
    groups[i] = static_cast<unsigned>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  }
  const auto [zeros, length] = longest_zeros(groups);
  for (std::size_t i = 0; i < kGroups; ++i) {
    if (length >= 2 && i == zeros) {
      out += "::";
      i += length - 1;
      continue;
    }
    if (!out.empty() && !out.ends_with(':')) out += ':';
    out += hex(groups[i]);
  }
  return out;
}

std::uint64_t IpAddress::limiter_key() const {
  std::uint64_t key = 0;
  const std::size_t first = is_v4() ? 8 : 0;
  for (std::size_t i = first; i < first + 8; ++i) key = key << 8 | bytes[i];
  return key;
}

Result<IpNetwork> IpNetwork::parse(std::string_view text) {
  const std::string quoted = "\"" + std::string(text) + "\"";
  const std::size_t slash = text.find('/');
  const std::string_view address_text = text.substr(0, slash);
  const auto address = IpAddress::parse(address_text);
  if (!address) {
    return failure("expected an address or a network such as \"10.0.0.0/8\", got " + quoted);
  }
  const bool is_v4_text = !address_text.contains(':');
  const unsigned bits_max = is_v4_text ? 32 : 128;
  unsigned bits = bits_max;
  if (slash != std::string_view::npos) {
    const auto given = parse_decimal(text.substr(slash + 1), bits_max);
    if (!given) {
      return failure("expected a prefix length from 0 to " + std::to_string(bits_max) +
                     " behind the slash, got " + quoted);
    }
    bits = *given;
  }
  if (is_v4_text) bits += kMappedBits;
  IpNetwork network;
  network.bits_ = static_cast<std::uint8_t>(bits);
  network.prefix_ = *address;
  for (unsigned bit = bits; bit < 128; ++bit) {
    network.prefix_.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
  }
  if (network.prefix_ != *address) {
    return failure(quoted + " has bits set behind its prefix; the network is \"" +
                   network.to_string() + "\"");
  }
  return network;
}

bool IpNetwork::contains(const IpAddress& address) const {
  if (prefix_.is_v4() != address.is_v4()) return false;
  const std::size_t whole = bits_ / 8;
  if (!std::equal(prefix_.bytes.begin(), prefix_.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                  address.bytes.begin())) {
    return false;
  }
  const unsigned rest = bits_ % 8;
  return rest == 0 || (prefix_.bytes[whole] ^ address.bytes[whole]) >> (8 - rest) == 0;
}

std::string IpNetwork::to_string() const {
  const int bits = prefix_.is_v4() ? bits_ - kMappedBits : bits_;
  return prefix_.to_string() + "/" + std::to_string(bits);
}

}  // namespace sanjay::core
