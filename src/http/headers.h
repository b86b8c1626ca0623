// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace sanjay::http {

struct Header {
  std::string_view name;
  std::string_view value;
};

/// The headers of one head, in their order. Views into bytes that someone else owns. Names compare
/// without regard to case (RFC 9110 §5.1).
class Headers {
 public:
  void add(std::string_view name, std::string_view value) { list_.push_back({name, value}); }

  /// The value of the first header of that name.
  std::optional<std::string_view> find(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  /// Whether `token` is an element, without regard to case, of the comma-separated lists under
  /// that name.
  bool has_token(std::string_view name, std::string_view token) const;

  std::size_t size() const { return list_.size(); }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }

 private:
  std::vector<Header> list_;
};

/// ASCII only, as all of HTTP's own words are.
bool equals_ignoring_case(std::string_view a, std::string_view b);

/// Whether `text` is a token of RFC 9110 §5.6.2: at least one character, no separators.
bool is_token(std::string_view text);

/// Without spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);

/// Takes the next element off a comma-separated list, trimmed; empty elements are passed over
/// (RFC 9110 §5.6.1). Nothing when the list is used up.
std::optional<std::string_view> take_list_element(std::string_view& list);

}  // namespace sanjay::http
