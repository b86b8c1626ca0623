// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/headers.h"
#include "http/request_parser.h"

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace sanjay::http {

/// What a client that `expects_continue` waits for before it sends its body.
inline constexpr std::string_view kContinueResponse = "HTTP/1.1 100 Continue\r\n\r\n";

/// The registered reason of a status we use; empty for others, which is valid too.
std::string_view reason_phrase(int status);

/// A whole response (RFC 9112 §4). Adds Content-Length, except to 204 and 304, which have no body,
/// and Connection. Header values with control characters are our own bug (ASSERT), so that nothing
/// a peer said can end a header early.
std::string make_response(int status, std::span<const Header> headers, std::string_view body,
                          bool keep_alive);

inline std::string make_response(int status, std::initializer_list<Header> headers,
                                 std::string_view body, bool keep_alive) {
  return make_response(status, std::span(headers.begin(), headers.size()), body, keep_alive);
}

/// The head of a 200 whose body goes on until it is said to be over: by its last chunk, or, for
/// HTTP/1.0, by the end of the connection (RFC 9112 §6.3, §7.1). The connection ends with it in
/// either case, and says so, or a client's pool would send its next request into that end (§9.6).
std::string make_stream_head(std::span<const Header> headers, bool chunked);

/// The answer to a refused request, after which the connection ends. 405 and 426 carry the headers
/// that RFC 9110 §15.5.6 and RFC 6455 §4.4 ask for, and any may carry Retry-After.
std::string make_refusal(const RequestError& error);

}  // namespace sanjay::http
