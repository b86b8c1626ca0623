// SPDX-License-Identifier: Apache-2.0
#include "protocol/api_json.h"

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace sanjay::protocol {

namespace {

constexpr std::uint8_t kNoDigit = 0xFF;

constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The value of each byte as a digit.
constexpr auto kBase64Values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kBase64Digits.size(); ++i) {
    values[static_cast<unsigned char>(kBase64Digits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

/// Base64 with padding (RFC 4648 section 4); nothing if `text` is not exactly that.
std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned bit_count = 0;
  for (const char c : text) {
    const std::uint8_t value = kBase64Values[static_cast<unsigned char>(c)];
    if (value == kNoDigit) return std::nullopt;
    bits = bits << 6 | value;
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      bytes.push_back(static_cast<char>(bits >> bit_count & 0xFF));
    }
  }
  // What is left of the last digit must be zero, or two texts would mean the same bytes.
  if ((bits & ((1U << bit_count) - 1)) != 0) return std::nullopt;
  return bytes;
}

}  // namespace

core::Result<ApiPublishRequest> decode_api_publish(std::string_view body,
                                                   const JsonOptions& options) {
  std::string scratch;
  JsonScanner in(body, options, scratch);
  ApiPublishRequest request;
  std::string_view base64;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "channel") {
      request.channel = in.read_string();
    } else if (object.key == "data") {
      request.data = in.read_value();
    } else if (object.key == "b64data") {
      base64 = in.read_string();
    } else if (object.key == "skip_history") {
      request.skip_history = in.read_bool();
    } else if (object.key == "idempotency_key") {
      request.idempotency_key = in.read_string();
    } else {
      in.skip_value();
    }
  }
  in.expect_end();
  if (in.failed()) return core::failure(std::string(in.error()));
  if (!base64.empty()) {
    auto bytes = decode_base64(base64);
    if (!bytes) return core::failure("b64data is not base64");
    request.data = *std::move(bytes);
    request.data_is_json = false;
  }
  return request;
}

}  // namespace sanjay::protocol
