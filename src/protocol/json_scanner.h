// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::protocol {

/// Limits of what is accepted as JSON; beyond them the text is refused like malformed text.
struct JsonOptions {
  std::uint32_t depth_max = 32;                // containers inside each other; at most 512
  std::uint32_t keys_max = 256;                // members of one object
  std::size_t scratch_bytes_kept = 64 * 1024;  // a decoder frees a larger scratch after use
};

/// Reads one JSON text (RFC 8259, strict) from front to back in a single pass: the caller asks for
/// the values it expects, and whatever it skips is validated just as strictly, so after a
/// successful expect_end() the whole text is known to be JSON. Numbers of any size are valid; a
/// surrogate without its pair is an error only in a string that is read, not in one that is skipped
/// (JavaScript writes such strings). Text that is not UTF-8 is refused.
///
/// The first error sticks: every later call returns at once with an empty value, so callers check
/// failed() once, at the end. Views point into the text, or, where it had to be rewritten, into
/// `scratch`, which the scanner clears first; they live as long as both stay untouched.
class JsonScanner {
 public:
  JsonScanner(std::string_view text, const JsonOptions& options, std::string& scratch);

  /// for (auto object = in.enter_object(); in.next_member(object);) reads object.key's value.
  static constexpr std::string_view kPayloadKey = "data";
  struct Object {
    std::string_view key;
    std::uint32_t keys = 0;
  };
  Object enter_object();
  /// False at the end of the object. Members whose value is null are passed over: null means
  /// absent, except of a payload, which may be anything.
  bool next_member(Object& object);

  struct Array {
    bool started = false;
  };
  Array enter_array();
  bool next_element(Array& array);

  std::string_view read_string();
  bool read_bool();
  /// An integer within the range of Integer; fractions and exponents are refused.
  template <class Integer>
  Integer read_integer();
  /// Any value as it stands, except that line breaks outside strings are removed.
  std::string_view read_value();
  void skip_value();
  void expect_end();
  /// Whether nothing but whitespace is left: where several texts stand one behind the other.
  bool at_end();

  /// The text breaks a rule of the caller's own, and fails for that reason, which is static text.
  void refuse(std::string_view reason) { fail(reason); }
  bool failed() const { return !error_.empty(); }
  /// Static text; empty while nothing failed.
  std::string_view error() const { return error_; }

 private:
  void fail(std::string_view reason);
  void skip_whitespace();
  void pass_whitespace();
  bool take(char wanted);
  bool take_literal(std::string_view literal);
  bool take_digits();
  void enter(char bracket);
  bool next_key(Object& object, bool& escaped);
  std::string_view scan_string(bool& escaped);
  bool scan_escape();
  std::string_view scan_number();
  std::string_view unescape(std::string_view raw);
  bool unescape_unicode(const char*& at, const char* end);

  const char* at_;
  const char* end_;
  const JsonOptions options_;
  std::string& scratch_;
  std::size_t text_bytes_;
  std::string_view error_;
  std::uint32_t depth_ = 0;
  bool saw_line_break_ = false;
};

extern template std::int32_t JsonScanner::read_integer<std::int32_t>();
extern template std::int64_t JsonScanner::read_integer<std::int64_t>();
extern template std::uint32_t JsonScanner::read_integer<std::uint32_t>();
extern template std::uint64_t JsonScanner::read_integer<std::uint64_t>();

/// `json`, which must be exactly one JSON value, without surrounding whitespace and without line
/// breaks outside strings; a view into `json` or into `scratch`.
core::Result<std::string_view> compact_json(std::string_view json, std::string& scratch,
                                            const JsonOptions& options = {});

}  // namespace sanjay::protocol
