// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/request_parser.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// For tests and fuzzers only: what a parser makes of a stream of requests, in words.
namespace sanjay::http {

inline std::string describe(const RequestHead& head) {
  std::string out(head.method);
  out.append(" ").append(head.path).append("?").append(head.query);
  out.append(head.version == 11 ? " 1.1" : " 1.0").append(head.keep_alive ? " keep" : " close");
  for (const auto& [name, value] : head.headers) {
    out.append(" ").append(name).append("=").append(value);
  }
  return out;
}

/// One line per request of `pieces`, fed one after the other: its head, then its body if it has
/// one; "failed" and the status ends the list. Each piece gets memory of its own, exactly as large
/// as it is.
inline std::vector<std::string> requests_of(std::span<const std::string_view> pieces,
                                            const RequestLimits& limits) {
  using State = RequestParser::State;
  std::vector<std::string> out;
  RequestParser parser(limits);
  for (const std::string_view piece : pieces) {
    const std::vector<char> memory(piece.begin(), piece.end());
    std::string_view rest(memory.data(), memory.size());
    while (!rest.empty()) {
      const auto [state, consumed] = parser.feed(rest);
      rest.remove_prefix(consumed);
      if (state == State::Failed) {
        out.push_back("failed " + std::to_string(parser.error().status));
        return out;
      }
      if (state != State::Complete) continue;
      out.push_back(describe(parser.head()));
      if (parser.head().has_body()) out.back().append(" body:").append(parser.body());
      parser.next_request();
    }
  }
  return out;
}

}  // namespace sanjay::http
