// SPDX-License-Identifier: Apache-2.0
#include "hub/tags_filter.h"

#include "core/failpoint.h"

#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <optional>
#include <utility>

namespace sanjay::hub {

namespace {

constexpr std::size_t kNumberBytesMax = 200;
constexpr std::size_t kFractionDigitsMax = 19;

/// A decimal number of any size: views of its digits, without those that change nothing.
struct Decimal {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
};

bool all_digits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<Decimal> parse_decimal(std::string_view text) {
  if (text.size() > kNumberBytesMax) return std::nullopt;
  Decimal number;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    number.negative = text.front() == '-';
    text.remove_prefix(1);
  }
  const std::size_t point = text.find('.');
  number.whole = text.substr(0, point);
  if (number.whole.empty() || !all_digits(number.whole)) return std::nullopt;
  if (point != std::string_view::npos) {
    number.fraction = text.substr(point + 1);
    if (number.fraction.empty() || number.fraction.size() > kFractionDigitsMax ||
        !all_digits(number.fraction)) {
      return std::nullopt;
    }
  }
  number.whole.remove_prefix(std::min(number.whole.find_first_not_of('0'), number.whole.size()));
  number.fraction = number.fraction.substr(0, number.fraction.find_last_not_of('0') + 1);
  if (number.whole.empty() && number.fraction.empty()) number.negative = false;
  return number;
}

std::strong_ordering compare_sizes(const Decimal& a, const Decimal& b) {
  if (a.whole.size() != b.whole.size()) return a.whole.size() <=> b.whole.size();
  if (const auto order = a.whole.compare(b.whole); order != 0) return order <=> 0;
  return a.fraction.compare(b.fraction) <=> 0;
}

std::strong_ordering operator<=>(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) {
    return a.negative ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  return a.negative ? compare_sizes(b, a) : compare_sizes(a, b);
}

/// std::string_view::find() takes the product of both lengths at worst, this their sum.
bool contains(std::string_view text, std::string_view piece) {
  return memmem(text.data(), text.size(), piece.data(), piece.size()) != nullptr;
}

const core::Tag* find(std::span<const core::Tag> tags, std::string_view key) {
  const auto tag = std::ranges::find(tags, key, &core::Tag::key);
  return tag == tags.end() ? nullptr : &*tag;
}

}  // namespace

std::shared_ptr<const TagsFilter> TagsFilter::compile(const core::FilterNode& root) {
  auto filter = std::make_shared<TagsFilter>();
  if (!filter->add(root, 1)) return nullptr;
  return filter;
}

bool TagsFilter::add(const core::FilterNode& node, std::size_t depth) {
  if (depth > kDepthMax && !FAILPOINT("hub.filter_depth")) return false;
  if (nodes_.size() == kNodesMax && !FAILPOINT("hub.filter_nodes")) return false;
  const std::size_t at = nodes_.size();
  nodes_.emplace_back();
  if (node.op.empty()) {
    Node test;
    if (!add_test(node, test)) return false;
    test.end = static_cast<std::uint32_t>(at + 1);
    describe(test);
    nodes_[at] = std::move(test);
    return true;
  }
  if (node.op == "and") {
    nodes_[at].op = Op::And;
  } else if (node.op == "or") {
    nodes_[at].op = Op::Or;
  } else if (node.op == "not") {
    nodes_[at].op = Op::Not;
  } else {
    return false;
  }
  if (node.nodes.empty() || (nodes_[at].op == Op::Not && node.nodes.size() != 1)) return false;
  canonical_.append(node.op).push_back('(');
  for (const core::FilterNode& child : node.nodes) {
    if (!add(child, depth + 1)) return false;
  }
  canonical_.push_back(')');
  nodes_[at].end = static_cast<std::uint32_t>(nodes_.size());
  return true;
}

bool TagsFilter::add_test(const core::FilterNode& node, Node& out) {
  constexpr std::array<std::pair<std::string_view, Op>, 13> kTests = {{
      {"eq", Op::Equal},
      {"neq", Op::NotEqual},
      {"in", Op::In},
      {"nin", Op::NotIn},
      {"ex", Op::Exists},
      {"nex", Op::NotExists},
      {"sw", Op::StartsWith},
      {"ew", Op::EndsWith},
      {"ct", Op::Contains},
      {"gt", Op::Greater},
      {"gte", Op::GreaterOrEqual},
      {"lt", Op::Less},
      {"lte", Op::LessOrEqual},
  }};
  const auto* const test =
      std::ranges::find(kTests, node.compare, &decltype(kTests)::value_type::first);
  if (test == kTests.end()) return false;
  out.op = test->second;
  const bool lists = out.op == Op::In || out.op == Op::NotIn;
  const bool asks = out.op == Op::Exists || out.op == Op::NotExists;
  if (lists == node.values.empty()) return false;
  if ((lists || asks) != node.value.empty()) return false;
  if (node.key.empty() && !asks) return false;

  out.key = node.key;
  text_bytes_ += node.key.size() + node.value.size();
  for (const std::string& value : node.values) text_bytes_ += value.size();
  values_ += node.values.size();
  if (values_ > kValuesMax && !FAILPOINT("hub.filter_values")) return false;
  if (text_bytes_ > kTextBytesMax && !FAILPOINT("hub.filter_bytes")) return false;
  if (lists) {
    out.values = node.values;
  } else if (!asks) {
    out.values.push_back(node.value);
  }
  return true;
}

/// Every text stands behind its length, so that no two filters share a description.
void TagsFilter::describe(const Node& node) {
  const auto append = [this](std::string_view text) {
    canonical_.append(std::to_string(text.size())).append(1, ':').append(text);
  };
  canonical_.append(std::to_string(static_cast<unsigned>(node.op))).push_back(' ');
  append(node.key);
  for (const std::string& value : node.values) append(value);
  canonical_.push_back(';');
}

/// Calls itself for child nodes; kDepthMax bounds that.
bool TagsFilter::matches_at(std::size_t at, std::span<const core::Tag> tags) const {
  const Node& node = nodes_[at];
  if (!is_combination(node.op)) return holds(node, tags);
  if (node.op == Op::Not) return !matches_at(at + 1, tags);
  const bool decides = node.op == Op::Or;
  for (std::size_t child = at + 1; child < node.end; child = nodes_[child].end) {
    if (matches_at(child, tags) == decides) return decides;
  }
  return !decides;
}

bool TagsFilter::holds(const Node& node, std::span<const core::Tag> tags) {
  const core::Tag* const tag = find(tags, node.key);
  const std::string_view value = tag == nullptr ? std::string_view{} : tag->value;
  switch (node.op) {
    case Op::Exists:
      return tag != nullptr;
    case Op::NotExists:
      return tag == nullptr;
    case Op::In:
      return std::ranges::find(node.values, value) != node.values.end();
    case Op::NotIn:
      return std::ranges::find(node.values, value) == node.values.end();
    case Op::NotEqual:
      return tag == nullptr || value != node.values.front();
    default:
      break;
  }
  if (tag == nullptr) return false;
  const std::string& wanted = node.values.front();
  if (node.op == Op::Equal) return value == wanted;
  if (node.op == Op::StartsWith) return value.starts_with(wanted);
  if (node.op == Op::EndsWith) return value.ends_with(wanted);
  if (node.op == Op::Contains) return contains(value, wanted);
  const auto a = parse_decimal(value);
  const auto b = parse_decimal(wanted);
  if (!a || !b) return false;
  const auto order = *a <=> *b;
  if (node.op == Op::Greater) return order > 0;
  if (node.op == Op::GreaterOrEqual) return order >= 0;
  if (node.op == Op::Less) return order < 0;
  return order <= 0;
}

}  // namespace sanjay::hub
