// SPDX-License-Identifier: Apache-2.0
#include "protocol/json_scanner.h"

#include "core/assert.h"
#include "protocol/json_bytes.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>

namespace sanjay::protocol {

namespace {

// skip_value() calls itself once per level; this keeps it far from the end of any stack.
constexpr std::uint32_t kDepthCeiling = 512;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_line_break(char c) { return c == '\n' || c == '\r'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The number written in the four hex digits at `at`, which scan_escape() has already checked.
std::uint32_t four_hex(const char* at) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value * 16 + static_cast<std::uint32_t>(hex_value(at[i]));
  return value;
}

bool is_high_surrogate(std::uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low_surrogate(std::uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

void append_utf8(std::string& out, std::uint32_t code_point) {
  const auto tail = [code_point](int shift) {
    return static_cast<char>(0x80 | ((code_point >> shift) & 0x3F));
  };
  if (code_point < 0x80) {
    out.push_back(static_cast<char>(code_point));
  } else if (code_point < 0x800) {
    out.append({static_cast<char>(0xC0 | (code_point >> 6)), tail(0)});
  } else if (code_point < 0x10000) {
    out.append({static_cast<char>(0xE0 | (code_point >> 12)), tail(6), tail(0)});
  } else {
    out.append({static_cast<char>(0xF0 | (code_point >> 18)), tail(12), tail(6), tail(0)});
  }
}

/// What backslash and `letter` stand for; `letter` is a checked one other than u.
char simple_escape(char letter) {
  switch (letter) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return letter;
  }
}

}  // namespace

JsonScanner::JsonScanner(std::string_view text, const JsonOptions& options, std::string& scratch)
    : at_(text.data()),
      end_(text.data() + text.size()),
      options_(options),
      scratch_(scratch),
      text_bytes_(text.size()) {
  ASSERT(options.depth_max <= kDepthCeiling);
  scratch_.clear();
  // The scan itself looks at bytes below 0x80 only, which is sound once this holds.
  if (!simdjson::validate_utf8(text.data(), text.size())) fail("not UTF-8");
}

void JsonScanner::fail(std::string_view reason) {
  if (error_.empty()) error_ = reason;
  at_ = end_;
}

// The next two run several times per token; most texts have no whitespace at all, so that case is
// one comparison, inlined.
inline void JsonScanner::skip_whitespace() {
  if (at_ != end_ && static_cast<unsigned char>(*at_) <= ' ') pass_whitespace();
}

/// Passes whitespace and then `wanted`, if that comes next.
inline bool JsonScanner::take(char wanted) {
  skip_whitespace();
  if (at_ == end_ || *at_ != wanted) return false;
  ++at_;
  return true;
}

void JsonScanner::pass_whitespace() {
  for (; at_ != end_; ++at_) {
    if (is_line_break(*at_)) {
      saw_line_break_ = true;
    } else if (*at_ != ' ' && *at_ != '\t') {
      return;
    }
  }
}

bool JsonScanner::take_literal(std::string_view literal) {
  skip_whitespace();
  if (at_ == end_ || *at_ != literal.front()) return false;
  if (!std::string_view(at_, end_).starts_with(literal)) return false;
  at_ += literal.size();
  return true;
}

void JsonScanner::enter(char bracket) {
  if (!take(bracket)) return fail(bracket == '{' ? "object expected" : "array expected");
  if (++depth_ > options_.depth_max) fail("nested too deep");
}

JsonScanner::Object JsonScanner::enter_object() {
  enter('{');
  return {};
}

bool JsonScanner::next_key(Object& object, bool& escaped) {
  if (failed()) return false;
  if (take('}')) {
    --depth_;
    return false;
  }
  if (object.keys != 0 && !take(',')) fail("comma or closing brace expected");
  if (++object.keys > options_.keys_max) fail("too many keys in one object");
  object.key = scan_string(escaped);
  if (!take(':')) fail("colon expected");
  return !failed();
}

bool JsonScanner::next_member(Object& object) {
  bool escaped = false;
  while (next_key(object, escaped)) {
    // A value that only begins like null fails at the comma or brace expected after it.
    if (object.key != kPayloadKey && take_literal("null")) continue;
    if (escaped) object.key = unescape(object.key);
    return !failed();
  }
  return false;
}

JsonScanner::Array JsonScanner::enter_array() {
  enter('[');
  return {};
}

bool JsonScanner::next_element(Array& array) {
  if (failed()) return false;
  if (take(']')) {
    --depth_;
    return false;
  }
  if (array.started && !take(',')) fail("comma or closing bracket expected");
  array.started = true;
  return !failed();
}

/// What stands between the quotes, validated but not unescaped.
std::string_view JsonScanner::scan_string(bool& escaped) {
  escaped = false;
  if (!take('"')) {
    fail("string expected");
    return {};
  }
  const char* begin = at_;
  for (;;) {
    at_ = find_special(at_, end_, StopAt::Special);
    if (at_ == end_) {
      fail("unterminated string");
      return {};
    }
    const char special = *at_++;
    if (special == '"') return {begin, at_ - 1};
    if (special != '\\' || !scan_escape()) {
      fail(special == '\\' ? "invalid escape in string" : "control character in string");
      return {};
    }
    escaped = true;
  }
}

/// Passes what follows a backslash; false if that is no escape.
bool JsonScanner::scan_escape() {
  if (at_ == end_) return false;
  const char letter = *at_++;
  if (letter != 'u') return std::string_view("\"\\/bfnrt").find(letter) != std::string_view::npos;
  if (end_ - at_ < 4 || !std::all_of(at_, at_ + 4, [](char c) { return hex_value(c) >= 0; })) {
    return false;
  }
  at_ += 4;
  return true;
}

std::string_view JsonScanner::unescape(std::string_view raw) {
  // No source byte is rewritten twice and none becomes longer, so with this much room the scratch
  // never moves and earlier views into it stay valid.
  scratch_.reserve(text_bytes_);
  const std::size_t start = scratch_.size();
  const char* at = raw.data();
  const char* end = at + raw.size();
  while (at != end) {
    const char* clean = at;
    at = std::find(at, end, '\\');
    scratch_.append(clean, at);
    if (at == end) break;
    const char letter = at[1];
    at += 2;
    if (letter != 'u') {
      scratch_.push_back(simple_escape(letter));
    } else if (!unescape_unicode(at, end)) {
      fail("lone surrogate in string");
      return {};
    }
  }
  return std::string_view(scratch_).substr(start);
}

/// Appends the character whose \u escape has its digits at `at`; two escapes for a pair.
bool JsonScanner::unescape_unicode(const char*& at, const char* end) {
  const std::uint32_t unit = four_hex(at);
  at += 4;
  if (is_low_surrogate(unit)) return false;
  if (!is_high_surrogate(unit)) {
    append_utf8(scratch_, unit);
    return true;
  }
  if (end - at < 6 || at[0] != '\\' || at[1] != 'u') return false;
  const std::uint32_t low = four_hex(at + 2);
  if (!is_low_surrogate(low)) return false;
  at += 6;
  append_utf8(scratch_, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
  return true;
}

std::string_view JsonScanner::read_string() {
  bool escaped = false;
  const std::string_view raw = scan_string(escaped);
  return escaped && !failed() ? unescape(raw) : raw;
}

bool JsonScanner::take_digits() {
  const char* begin = at_;
  while (at_ != end_ && is_digit(*at_)) ++at_;
  return at_ != begin;
}

/// number = [ "-" ] ( "0" / digit1-9 *digit ) [ "." 1*digit ] [ ("e"/"E") [ "+"/"-" ] 1*digit ]
std::string_view JsonScanner::scan_number() {
  skip_whitespace();
  const char* begin = at_;
  const auto pass = [this](char a, char b) {
    if (at_ == end_ || (*at_ != a && *at_ != b)) return false;
    ++at_;
    return true;
  };
  pass('-', '-');
  // After a leading zero the number's integer part is over; a further digit is then an error of
  // whoever expects a comma next.
  bool valid = pass('0', '0') || take_digits();
  if (valid && pass('.', '.')) valid = take_digits();
  if (valid && pass('e', 'E')) {
    pass('+', '-');
    valid = take_digits();
  }
  if (!valid) {
    fail("invalid value");
    return {};
  }
  return {begin, at_};
}

template <class Integer>
Integer JsonScanner::read_integer() {
  const std::string_view number = scan_number();
  Integer value = 0;
  const char* end = number.data() + number.size();
  const auto [stop, problem] = std::from_chars(number.data(), end, value);
  if (problem != std::errc{} || stop != end) {
    fail("integer expected, or out of range");
    return 0;
  }
  return value;
}

template std::int32_t JsonScanner::read_integer<std::int32_t>();
template std::int64_t JsonScanner::read_integer<std::int64_t>();
template std::uint32_t JsonScanner::read_integer<std::uint32_t>();
template std::uint64_t JsonScanner::read_integer<std::uint64_t>();

bool JsonScanner::read_bool() {
  if (take_literal("true")) return true;
  if (!take_literal("false")) fail("boolean expected");
  return false;
}

void JsonScanner::skip_value() {
  skip_whitespace();
  bool escaped = false;
  switch (at_ == end_ ? '\0' : *at_) {
    case '{':
      for (auto object = enter_object(); next_key(object, escaped);) skip_value();
      break;
    case '[':
      for (auto array = enter_array(); next_element(array);) skip_value();
      break;
    case '"':
      scan_string(escaped);
      break;
    case 't':
    case 'f':
      read_bool();
      break;
    case 'n':
      if (!take_literal("null")) fail("invalid value");
      break;
    default:
      scan_number();
  }
}

std::string_view JsonScanner::read_value() {
  skip_whitespace();
  const char* begin = at_;
  saw_line_break_ = false;
  skip_value();
  if (failed()) return {};
  const std::string_view value(begin, at_);
  if (!saw_line_break_) return value;
  // A valid string has no raw control character, so every line break left stands between tokens.
  scratch_.reserve(text_bytes_);
  const std::size_t start = scratch_.size();
  std::remove_copy_if(begin, at_, std::back_inserter(scratch_), is_line_break);
  return std::string_view(scratch_).substr(start);
}

bool JsonScanner::at_end() {
  skip_whitespace();
  return at_ == end_;
}

void JsonScanner::expect_end() {
  if (!at_end()) fail("trailing bytes after the value");
}

core::Result<std::string_view> compact_json(std::string_view json, std::string& scratch,
                                            const JsonOptions& options) {
  JsonScanner in(json, options, scratch);
  const std::string_view value = in.read_value();
  in.expect_end();
  if (in.failed()) return core::failure(std::string(in.error()));
  return value;
}

}  // namespace sanjay::protocol
