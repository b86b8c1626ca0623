// SPDX-License-Identifier: Apache-2.0
#include "bench/payload/stamp.h"

#include "core/assert.h"

namespace sanjay::bench {
namespace {

constexpr std::string_view kMarker = "\"stamp\":\"";
constexpr std::size_t kPublisherDigits = 4;
constexpr std::size_t kSequenceDigits = 12;
constexpr std::size_t kTimeDigits = 16;
constexpr std::size_t kDigits = kPublisherDigits + 1 + kSequenceDigits + 1 + kTimeDigits;
constexpr std::string_view kHead = "{\"stamp\":\"";
constexpr std::string_view kMiddle = "\",\"fill\":\"";
constexpr std::string_view kTail = "\"}";
static_assert(kHead.size() + kDigits + kMiddle.size() + kTail.size() == StampedMessage::kBytesMin);

void write_hex(char* out, std::size_t digits, std::uint64_t value) {
  for (std::size_t i = digits; i-- > 0; value >>= 4) out[i] = "0123456789abcdef"[value & 15];
}

std::optional<std::uint64_t> read_hex(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    unsigned digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<unsigned>(c - 'a') + 10;
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

// Where the digits of the first stamp begin, if they are all there.
std::optional<std::size_t> find_digits(std::string_view message) {
  const std::size_t at = message.find(kMarker);
  if (at == std::string_view::npos) return std::nullopt;
  const std::size_t digits_at = at + kMarker.size();
  if (message.size() < digits_at + kDigits) return std::nullopt;
  return digits_at;
}

}  // namespace

std::optional<Stamp> find_stamp(std::string_view message) {
  const auto digits_at = find_digits(message);
  if (!digits_at) return std::nullopt;
  message.remove_prefix(*digits_at);
  const auto publisher = read_hex(message.substr(0, kPublisherDigits));
  const auto sequence = read_hex(message.substr(kPublisherDigits + 1, kSequenceDigits));
  const auto time =
      read_hex(message.substr(kPublisherDigits + 1 + kSequenceDigits + 1, kTimeDigits));
  if (!publisher || !sequence || !time) return std::nullopt;
  return Stamp{static_cast<std::uint16_t>(*publisher), *sequence, static_cast<std::int64_t>(*time)};
}

StampedMessage StampedMessage::of_size(std::size_t bytes) {
  ASSERT(bytes >= kBytesMin);
  std::string text(kHead);
  text.append(kDigits, '0').append(kMiddle).append(bytes - kBytesMin, 'x').append(kTail);
  return {std::move(text), kHead.size()};
}

std::optional<StampedMessage> StampedMessage::from_captured(std::string text) {
  const auto digits_at = find_digits(text);
  if (!digits_at) return std::nullopt;
  return StampedMessage(std::move(text), *digits_at);
}

std::string_view StampedMessage::with(const Stamp& stamp) {
  char* out = text_.data() + digits_at_;
  write_hex(out, kPublisherDigits, stamp.publisher);
  out[kPublisherDigits] = '-';
  out += kPublisherDigits + 1;
  write_hex(out, kSequenceDigits, stamp.sequence);
  out[kSequenceDigits] = '-';
  write_hex(out + kSequenceDigits + 1, kTimeDigits, static_cast<std::uint64_t>(stamp.sent_ns));
  return text_;
}

}  // namespace sanjay::bench
