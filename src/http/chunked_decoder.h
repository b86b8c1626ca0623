// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::http {

/// Takes a chunked body apart as it arrives (RFC 9112 §7.1):
///   body  = *( size [ ";" extension ] CRLF data CRLF ) "0" [ ";" extension ] CRLF trailers CRLF
/// Extensions and trailers are passed over; their sum is bounded, for they cost work but carry
/// nothing. Lines end in CRLF and nothing else. Ours rather than Beast's, whose assertion
/// `n >= 5` any peer can trip by sending "0\r\n" and then one byte.
class ChunkedDecoder {
 public:
  enum class State : std::uint8_t { NeedMore, Complete, Malformed, TooLarge };
  struct Progress {
    State state;
    std::size_t consumed;  // of the fed bytes; those behind the body are not touched
  };

  ChunkedDecoder(std::size_t body_bytes_max, std::size_t ignored_bytes_max)
      : body_bytes_max_(body_bytes_max), ignored_bytes_left_(ignored_bytes_max) {}

  /// From now on no more than that many bytes of data are taken, the earlier ones counted.
  void limit_body(std::size_t body_bytes_max) { body_bytes_max_ = body_bytes_max; }
  /// Appends the data found to `body`, always the same string.
  Progress feed(std::string_view bytes, std::string& body);

 private:
  // What the next byte belongs to.
  enum class Step : std::uint8_t {
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    Trailer,
    TrailerLf,
    EndLf,
  };

  State take_byte(char c, std::size_t body_bytes);
  State take_size_digit(char c);
  State end_size_line(std::size_t body_bytes);
  State ignore(char c);
  State go(Step step);

  std::size_t body_bytes_max_;
  std::size_t ignored_bytes_left_;
  std::uint64_t chunk_bytes_ = 0;  // the size being read, then what is missing of the data
  unsigned digits_ = 0;
  Step step_ = Step::Size;
};

}  // namespace sanjay::http
