// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/filter_node.h"
#include "core/tag.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::hub {

/// Which publications of a channel one subscriber wants, by their tags. Checked and made ready
/// once; immutable, so that many subscribers, on any shard, may share it. Meaning and rules are
/// Centrifugo's:
///
/// `eq neq sw ew ct` compare texts; `in nin` look the value up in a list, a tag that is missing
/// counting as an empty one; `ex nex` ask whether the tag is there; `gt gte lt lte` compare decimal
/// numbers exactly. Without the tag only `neq`, `nin` and `nex` hold. A number is an optional sign,
/// digits, and perhaps a point with 1 to 19 digits behind it, 200 bytes in all; nothing else is
/// one, and what is no number is neither above nor below any other.
class TagsFilter {
 public:
  static constexpr std::size_t kDepthMax = 15;  // what the JSON codec's own limit leaves room for
  static constexpr std::size_t kNodesMax = 128;
  static constexpr std::size_t kValuesMax = 256;      // of all lists together
  static constexpr std::size_t kTextBytesMax = 8192;  // of all keys and values together

  /// Nothing when the filter breaks a rule or one of these bounds.
  static std::shared_ptr<const TagsFilter> compile(const core::FilterNode& root);

  /// Whether a publication with these tags is wanted. No allocation.
  bool matches(std::span<const core::Tag> tags) const { return matches_at(0, tags); }

  /// The same text for filters that are written alike, and for no others.
  const std::string& canonical() const { return canonical_; }

 private:
  enum class Op : std::uint8_t {
    And,
    Or,
    Not,
    Equal,
    NotEqual,
    In,
    NotIn,
    Exists,
    NotExists,
    StartsWith,
    EndsWith,
    Contains,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
  };
  struct Node {
    Op op = Op::And;
    std::uint32_t end = 0;  // behind its last descendant
    std::string key{};
    std::vector<std::string> values{};
  };

  static bool is_combination(Op op) { return op <= Op::Not; }
  bool add(const core::FilterNode& node, std::size_t depth);
  bool add_test(const core::FilterNode& node, Node& out);
  void describe(const Node& node);
  bool matches_at(std::size_t at, std::span<const core::Tag> tags) const;
  static bool holds(const Node& node, std::span<const core::Tag> tags);

  std::vector<Node> nodes_;  // each before its children, these in their order
  std::string canonical_;
  std::size_t values_ = 0;
  std::size_t text_bytes_ = 0;
};

}  // namespace sanjay::hub
