// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/headers.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace sanjay::http {

struct RequestLimits {
  std::size_t head_bytes_max = 8192;         // request line and headers; beyond: 431, 414
  std::size_t target_bytes_max = 6144;       // room for a token in the query; beyond: 414
  std::size_t headers_max = 64;              // beyond: 431
  std::size_t body_bytes_max = 1024 * 1024;  // beyond: 413
  bool keep_alive = true;                    // false: one request is all, whatever it says
};

/// Why a request is refused: the status to answer, the reason in words (static storage), and after
/// how many seconds it may be worth trying again (Retry-After, RFC 9110 §10.2.3; 0: not said).
struct RequestError {
  int status;
  std::string_view message;
  std::uint32_t retry_after_s = 0;
  std::string_view allow = "GET";  // with 405: the methods there are (RFC 9110 §10.2.1)
};

/// A checked request head. Views into the parser's memory, valid until its next_request().
struct RequestHead {
  std::string_view method;
  std::string_view path;   // as received, not decoded
  std::string_view query;  // as received, without '?'
  int version = 11;        // 10 or 11
  Headers headers;
  bool keep_alive = true;
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
  bool expects_continue = false;  // the client waits for "100 Continue" before it sends the body

  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

/// Parses HTTP/1.0 and HTTP/1.1 requests (RFC 9112) as bytes arrive, one after the other on a
/// connection. One per connection in its HTTP phase; owns memory only while a request is under
/// way. After Failed the connection must end.
class RequestParser {
 public:
  enum class State : std::uint8_t {
    NeedMore,
    HeadComplete,  // head() is there and a body follows: feed the rest, or refuse
    Complete,      // head() and body() are there; bytes not consumed belong to what comes next
    Failed,        // error() is there
  };
  struct Progress {
    State state;
    std::size_t consumed;  // of the fed bytes
  };

  explicit RequestParser(const RequestLimits& limits);
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;
  ~RequestParser();

  Progress feed(std::string_view bytes);

  /// After HeadComplete: takes no more than that many bytes of the body. False: the head announces
  /// more, so it is to be refused with 413. Chunks beyond it end in Failed with the same.
  bool limit_body(std::size_t bytes_max);

  const RequestHead& head() const;
  std::string_view body() const;
  const RequestError& error() const;

  /// Forgets the finished request and frees its memory; the next feed() begins another.
  void next_request();

 private:
  struct Request;

  Progress feed_head(std::string_view bytes);
  Progress feed_body(std::string_view bytes);
  Progress feed_chunks(std::string_view bytes);
  Progress fail(RequestError error, std::size_t consumed);

  RequestLimits limits_;
  std::unique_ptr<Request> request_;
};

}  // namespace sanjay::http
