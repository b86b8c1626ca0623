// SPDX-License-Identifier: Apache-2.0
#include "http/upgrade.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <expected>
#include <utility>

namespace sanjay::http {
namespace {

std::string encode_base64(std::span<const unsigned char> bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // EVP writes a NUL behind
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes.data(),
                  static_cast<int>(bytes.size()));
  out.pop_back();
  return out;
}

// 16 bytes in base64: 22 digits and two signs of padding.
bool is_key(std::string_view key) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::size_t kDigitsOf16Bytes = 22;
  return key.size() == kDigitsOf16Bytes + 2 && key.ends_with("==") &&
         key.find_first_not_of(kDigits) == kDigitsOf16Bytes;
}

// RFC 6455 §4.2.1, requirement by requirement.
std::optional<RequestError> check_request(const RequestHead& head) {
  const Headers& headers = head.headers;
  if (head.method != "GET") return RequestError{405, "WebSocket needs GET"};
  if (head.version != 11) return RequestError{400, "WebSocket needs HTTP/1.1"};
  if (head.has_body()) return RequestError{400, "upgrade request with a body"};
  if (!headers.has_token("Upgrade", "websocket")) {
    return RequestError{400, "Upgrade does not name websocket"};
  }
  if (!headers.has_token("Connection", "upgrade")) {
    return RequestError{400, "Connection does not name upgrade"};
  }
  if (headers.count("Sec-WebSocket-Version") != 1) {
    return RequestError{400, "exactly one Sec-WebSocket-Version is required"};
  }
  if (headers.find("Sec-WebSocket-Version") != "13") {
    return RequestError{426, "only WebSocket version 13 is spoken here"};
  }
  if (headers.count("Sec-WebSocket-Key") != 1 ||
      !is_key(headers.find("Sec-WebSocket-Key").value_or(""))) {
    return RequestError{400, "exactly one Sec-WebSocket-Key of 16 bytes is required"};
  }
  if (headers.count("Origin") > 1) return RequestError{400, "Origin more than once"};
  return std::nullopt;
}

// The client's list is in its order of preference and may be spread over several headers.
core::Result<std::optional<std::size_t>, RequestError> choose_subprotocol(
    const Headers& headers, std::span<const std::string_view> ours) {
  std::optional<std::size_t> chosen;
  for (const Header& header : headers) {
    if (!equals_ignoring_case(header.name, "Sec-WebSocket-Protocol")) continue;
    std::string_view list = header.value;
    if (trimmed(list).empty()) return std::unexpected(RequestError{400, "empty sub-protocol"});
    while (const auto element = take_list_element(list)) {
      if (!is_token(*element)) return std::unexpected(RequestError{400, "malformed sub-protocol"});
      const auto found = std::ranges::find(ours, *element);
      if (!chosen && found != ours.end()) {
        chosen = static_cast<std::size_t>(found - ours.begin());
      }
    }
  }
  return chosen;
}

}  // namespace

core::Result<UpgradeAccepted, RequestError> accept_upgrade(
    const RequestHead& head, std::span<const std::string_view> subprotocols,
    std::string_view extension) {
  if (const auto error = check_request(head)) return std::unexpected(*error);
  SANJAY_TRY(const auto chosen, choose_subprotocol(head.headers, subprotocols));
  std::string response =
      "HTTP/1.1 101 Switching Protocols\r\n"
      "Upgrade: websocket\r\n"
      "Connection: Upgrade\r\n"
      "Sec-WebSocket-Accept: ";
  response += accept_key(head.headers.find("Sec-WebSocket-Key").value_or(""));
  if (chosen) response.append("\r\nSec-WebSocket-Protocol: ").append(subprotocols[*chosen]);
  if (!extension.empty()) response.append("\r\nSec-WebSocket-Extensions: ").append(extension);
  response += "\r\n\r\n";
  return UpgradeAccepted{std::move(response), chosen};
}

std::string accept_key(std::string_view key) {
  constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const std::string joined = std::string(key).append(kGuid);
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const unsigned char*>(joined.data()), joined.size(), digest.data());
  return encode_base64(digest);
}

std::string make_key(std::span<const unsigned char, 16> nonce) { return encode_base64(nonce); }

}  // namespace sanjay::http
