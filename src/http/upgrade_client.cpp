// SPDX-License-Identifier: Apache-2.0
#include "http/upgrade_client.h"

#include "http/headers.h"
#include "http/upgrade.h"

#include <algorithm>

namespace sanjay::http {
namespace {

constexpr std::size_t kHeadBytesMax = 8192;

// The next line of a head whose lines are known to end in CRLF.
std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find("\r\n"));
  text.remove_prefix(line.size() + 2);
  return line;
}

int parse_status_line(std::string_view line) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  if (!line.starts_with(kVersion)) return 0;
  const std::string_view digits = line.substr(kVersion.size(), 3);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (digits.size() != 3 || !std::ranges::all_of(digits, is_digit)) return 0;
  return (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
}

}  // namespace

std::string make_upgrade_request(std::string_view host, std::string_view path, std::string_view key,
                                 std::string_view subprotocol) {
  std::string out = "GET ";
  out.append(path).append(" HTTP/1.1\r\nHost: ").append(host);
  out.append("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
  out.append("Sec-WebSocket-Key: ").append(key);
  if (!subprotocol.empty()) out.append("\r\nSec-WebSocket-Protocol: ").append(subprotocol);
  return out.append("\r\n\r\n");
}

UpgradeResponseReader::UpgradeResponseReader(std::string_view key, std::string_view subprotocol)
    : head_(kHeadBytesMax), accept_(accept_key(key)), subprotocol_(subprotocol) {}

UpgradeResponseReader::Progress UpgradeResponseReader::feed(std::string_view bytes) {
  const auto [state, consumed] = head_.feed(bytes);
  if (state == HeadBuffer::State::NeedMore) return {State::NeedMore, consumed};
  reason_ = state == HeadBuffer::State::Complete ? find_fault() : "malformed or too large head";
  return {reason_.empty() ? State::Done : State::Failed, consumed};
}

std::string_view UpgradeResponseReader::find_fault() {
  std::string_view text = head_.text();
  status_ = parse_status_line(take_line(text));
  if (status_ != 101) return "status is not 101";
  Headers headers;
  for (std::string_view line = take_line(text); !line.empty(); line = take_line(text)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return "header without colon";
    headers.add(line.substr(0, colon), trimmed(line.substr(colon + 1)));
  }
  if (!headers.has_token("Upgrade", "websocket")) return "Upgrade does not name websocket";
  if (!headers.has_token("Connection", "upgrade")) return "Connection does not name upgrade";
  if (headers.find("Sec-WebSocket-Accept") != accept_) return "wrong Sec-WebSocket-Accept";
  if (headers.find("Sec-WebSocket-Protocol").value_or("") != subprotocol_) {
    return "another sub-protocol than the one asked for";
  }
  if (headers.count("Sec-WebSocket-Extensions") > 0) return "extension that was not asked for";
  return {};
}

}  // namespace sanjay::http
