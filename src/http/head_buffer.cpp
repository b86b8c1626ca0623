// SPDX-License-Identifier: Apache-2.0
#include "http/head_buffer.h"

#include <algorithm>

namespace sanjay::http {

HeadBuffer::Progress HeadBuffer::feed(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t newline = bytes.find('\n', at);
    const std::size_t line_end = newline == std::string_view::npos ? bytes.size() : newline + 1;
    const std::size_t taken = std::min(line_end - at, bytes_max_ - text_.size());
    text_.append(bytes.substr(at, taken));
    at += taken;
    if (text_.ends_with('\n')) {
      const State state = end_line();
      if (state != State::NeedMore) return {state, at};
    }
    if (text_.size() >= bytes_max_) return {State::TooLarge, at};
  }
  return {State::NeedMore, at};
}

HeadBuffer::State HeadBuffer::end_line() {
  const std::string_view line = std::string_view(text_).substr(line_start_);
  if (!line.ends_with("\r\n")) return State::Malformed;
  if (line.size() == 2) {
    if (has_first_line()) return State::Complete;
    if (empty_line_skipped_) return State::Malformed;
    empty_line_skipped_ = true;
    text_.clear();
    return State::NeedMore;
  }
  const bool folded = line.front() == ' ' || line.front() == '\t';
  if (folded) return State::Malformed;
  line_start_ = text_.size();
  return State::NeedMore;
}

}  // namespace sanjay::http
