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

// Reads one JSON object; `member(in, key, request)` takes the value of a key it knows and answers
// true.
template <class Request, class Member>
core::Result<Request> read_request(std::string_view body, const JsonOptions& options,
                                   Member&& member) {
  Request request;
  std::string scratch;
  JsonScanner in(body, options, scratch);
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (!member(in, object.key, request)) in.skip_value();
  }
  in.expect_end();
  if (in.failed()) return core::failure(std::string(in.error()));
  return request;
}

void read_strings(JsonScanner& in, std::vector<std::string>& strings) {
  strings.clear();
  for (auto array = in.enter_array(); in.next_element(array);) {
    strings.emplace_back(in.read_string());
  }
}

// The members that publish and broadcast share.
bool read_publication(JsonScanner& in, std::string_view key, ApiPublishRequest& request,
                      std::string& base64) {
  if (key == "data") {
    request.data = in.read_value();
  } else if (key == "b64data") {
    base64 = in.read_string();
  } else if (key == "skip_history") {
    request.skip_history = in.read_bool();
  } else if (key == "idempotency_key") {
    request.idempotency_key = in.read_string();
  } else {
    return false;
  }
  return true;
}

core::Status take_base64(std::string_view base64, ApiPublishRequest& request) {
  if (base64.empty()) return {};
  auto bytes = decode_base64(base64);
  if (!bytes) return core::failure("b64data is not base64");
  request.data = *std::move(bytes);
  request.data_is_json = false;
  return {};
}

bool read_clients(JsonScanner& in, std::string_view key, ApiClients& clients) {
  if (key == "user") {
    clients.user = in.read_string();
  } else if (key == "client") {
    clients.client = in.read_string();
  } else {
    return false;
  }
  return true;
}

bool read_disconnect(JsonScanner& in, ApiDisconnectRequest& request) {
  for (auto disconnect = in.enter_object(); in.next_member(disconnect);) {
    if (disconnect.key == "code") {
      request.code = in.read_integer<std::uint32_t>();
    } else if (disconnect.key == "reason") {
      request.reason = in.read_string();
    } else {
      in.skip_value();
    }
  }
  return true;
}

}  // namespace

core::Result<ApiPublishRequest> decode_api_publish(std::string_view body,
                                                   const JsonOptions& options) {
  std::string base64;
  auto request = read_request<ApiPublishRequest>(
      body, options, [&](JsonScanner& in, std::string_view key, ApiPublishRequest& r) {
        if (key != "channel") return read_publication(in, key, r, base64);
        r.channel = in.read_string();
        return true;
      });
  if (!request) return request;
  if (auto taken = take_base64(base64, *request); !taken) return std::unexpected(taken.error());
  return request;
}

core::Result<ApiBroadcastRequest> decode_api_broadcast(std::string_view body,
                                                       const JsonOptions& options) {
  std::string base64;
  auto request = read_request<ApiBroadcastRequest>(
      body, options, [&](JsonScanner& in, std::string_view key, ApiBroadcastRequest& r) {
        if (key != "channels") return read_publication(in, key, r.publication, base64);
        read_strings(in, r.channels);
        return true;
      });
  if (!request) return request;
  if (auto taken = take_base64(base64, request->publication); !taken) {
    return std::unexpected(taken.error());
  }
  return request;
}

core::Result<ApiUnsubscribeRequest> decode_api_unsubscribe(std::string_view body,
                                                           const JsonOptions& options) {
  return read_request<ApiUnsubscribeRequest>(
      body, options, [](JsonScanner& in, std::string_view key, ApiUnsubscribeRequest& r) {
        if (key != "channel") return read_clients(in, key, r.clients);
        r.channel = in.read_string();
        return true;
      });
}

core::Result<ApiDisconnectRequest> decode_api_disconnect(std::string_view body,
                                                         const JsonOptions& options) {
  return read_request<ApiDisconnectRequest>(
      body, options, [](JsonScanner& in, std::string_view key, ApiDisconnectRequest& r) {
        if (key == "disconnect") return read_disconnect(in, r);
        if (key != "whitelist") return read_clients(in, key, r.clients);
        read_strings(in, r.whitelist);
        return true;
      });
}

core::Result<ApiChannelsRequest> decode_api_channels(std::string_view body,
                                                     const JsonOptions& options) {
  return read_request<ApiChannelsRequest>(
      body, options, [](JsonScanner& in, std::string_view key, ApiChannelsRequest& r) {
        if (key != "pattern") return false;
        r.pattern = in.read_string();
        return true;
      });
}

core::Status check_api_empty(std::string_view body, const JsonOptions& options) {
  struct Nothing {};
  const auto read = read_request<Nothing>(
      body, options, [](JsonScanner&, std::string_view, Nothing&) { return false; });
  if (!read) return std::unexpected(read.error());
  return {};
}

}  // namespace sanjay::protocol
