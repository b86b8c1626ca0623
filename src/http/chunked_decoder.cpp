// SPDX-License-Identifier: Apache-2.0
#include "http/chunked_decoder.h"

#include "core/failpoint.h"
#include "http/headers.h"
#include "http/hex_digit.h"

#include <algorithm>

namespace sanjay::http {

ChunkedDecoder::Progress ChunkedDecoder::feed(std::string_view bytes, std::string& body) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (step_ == Step::Data) {
      const auto taken = std::min<std::uint64_t>(chunk_bytes_, bytes.size() - at);
      body.append(bytes.substr(at, taken));
      at += taken;
      chunk_bytes_ -= taken;
      if (chunk_bytes_ == 0) step_ = Step::DataCr;
      continue;
    }
    const State state = take_byte(bytes[at++], body.size());
    if (state != State::NeedMore) return {state, at};
  }
  return {State::NeedMore, at};
}

ChunkedDecoder::State ChunkedDecoder::take_byte(char c, std::size_t body_bytes) {
  switch (step_) {
    case Step::Size:
      if (digits_ > 0 && c == '\r') return go(Step::SizeLf);
      if (digits_ > 0 && c == ';') return go(Step::Extension);
      return take_size_digit(c);
    case Step::Extension:
      return c == '\r' ? go(Step::SizeLf) : ignore(c);
    case Step::SizeLf:
      return c == '\n' ? end_size_line(body_bytes) : State::Malformed;
    case Step::DataCr:
      return c == '\r' ? go(Step::DataLf) : State::Malformed;
    case Step::DataLf:
      digits_ = 0;
      return c == '\n' ? go(Step::Size) : State::Malformed;
    case Step::TrailerStart:
      if (c == '\r') return go(Step::EndLf);
      step_ = Step::TrailerName;
      return is_token({&c, 1}) ? ignore(c) : State::Malformed;
    case Step::TrailerName:
      if (c == ':') return go(Step::Trailer);
      return is_token({&c, 1}) ? ignore(c) : State::Malformed;
    case Step::Trailer:
      return c == '\r' ? go(Step::TrailerLf) : ignore(c);
    case Step::TrailerLf:
      return c == '\n' ? go(Step::TrailerStart) : State::Malformed;
    case Step::EndLf:
      return c == '\n' ? State::Complete : State::Malformed;
    case Step::Data:
      break;  // feed() takes data itself
  }
  return State::Malformed;
}

ChunkedDecoder::State ChunkedDecoder::take_size_digit(char c) {
  const auto digit = hex_digit(c);
  constexpr unsigned kDigitsMax = 16;  // as many as 64 bits hold, leading zeros counted
  if (!digit || digits_ == kDigitsMax) return State::Malformed;
  ++digits_;
  chunk_bytes_ = chunk_bytes_ << 4 | *digit;
  return State::NeedMore;
}

ChunkedDecoder::State ChunkedDecoder::end_size_line(std::size_t body_bytes) {
  if (chunk_bytes_ == 0) return go(Step::TrailerStart);
  const bool too_large =
      body_bytes > body_bytes_max_ || chunk_bytes_ > body_bytes_max_ - body_bytes;
  if (too_large && !FAILPOINT("http.body")) {
    return State::TooLarge;
  }
  return go(Step::Data);
}

ChunkedDecoder::State ChunkedDecoder::ignore(char c) {
  const bool control = (c >= 0 && c < ' ' && c != '\t') || c == '\x7f';
  if (control) return State::Malformed;
  if (ignored_bytes_left_ == 0) {
    return FAILPOINT("http.extensions") ? State::NeedMore : State::Malformed;
  }
  --ignored_bytes_left_;
  return State::NeedMore;
}

ChunkedDecoder::State ChunkedDecoder::go(Step step) {
  step_ = step;
  return State::NeedMore;
}

}  // namespace sanjay::http
