// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/json_string.h"

#include <charconv>
#include <concepts>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>

namespace sanjay::protocol {

/// Appends `value` in decimal digits.
template <std::integral Integer>
void append_integer(std::string& out, Integer value) {
  char digits[std::numeric_limits<std::uint64_t>::digits10 + 2];
  const auto [end, problem] = std::to_chars(std::begin(digits), std::end(digits), value);
  out.append(digits, end);
}

/// Writes one object member by member; the closing brace follows when it goes out of scope. The
/// plain functions leave out what is empty, the always_ ones do not.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_.push_back('{'); }
  ObjectWriter(const ObjectWriter&) = delete;
  ObjectWriter& operator=(const ObjectWriter&) = delete;
  ~ObjectWriter() { out_.push_back('}'); }

  /// Starts a member whose value the caller appends to the returned string.
  std::string& member(std::string_view key) {
    out_.append(started_ ? ",\"" : "\"").append(key).append("\":");
    started_ = true;
    return out_;
  }
  /// The same with a key that is data.
  std::string& escaped_member(std::string_view key) {
    if (started_) out_.push_back(',');
    append_json_string(out_, key);
    out_.push_back(':');
    started_ = true;
    return out_;
  }

  void always_text(std::string_view key, std::string_view value) {
    append_json_string(member(key), value);
  }
  void always_integer(std::string_view key, std::integral auto value) {
    append_integer(member(key), value);
  }
  void text(std::string_view key, std::string_view value) {
    if (!value.empty()) always_text(key, value);
  }
  void integer(std::string_view key, std::integral auto value) {
    if (value != 0) always_integer(key, value);
  }
  void flag(std::string_view key, bool value) {
    if (value) member(key).append("true");
  }
  void json(std::string_view key, std::string_view value) {
    if (!value.empty()) member(key).append(value);
  }

 private:
  std::string& out_;
  bool started_ = false;
};

}  // namespace sanjay::protocol
