// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::http {

/// Collects the bytes of one head, line by line, up to and with its empty line. Refuses lines that
/// end in a bare LF and folded lines (RFC 9112 §2.2, §5.2), on which parsers are known to disagree.
/// One empty line before the first is passed over (§2.2). Looks at every byte once.
class HeadBuffer {
 public:
  enum class State : std::uint8_t { NeedMore, Complete, Malformed, TooLarge };
  struct Progress {
    State state;
    std::size_t consumed;  // of the fed bytes; those behind the head are not touched
  };

  explicit HeadBuffer(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  Progress feed(std::string_view bytes);

  /// Everything up to now; the whole head once it is complete. Moves while the head grows.
  std::string_view text() const { return text_; }
  bool has_first_line() const { return line_start_ > 0; }

 private:
  State end_line();

  std::size_t bytes_max_;
  std::string text_;
  std::size_t line_start_ = 0;
  bool empty_line_skipped_ = false;
};

}  // namespace sanjay::http
