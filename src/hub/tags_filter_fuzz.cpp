// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "hub/tags_filter.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::hub {
namespace {

/// Words, separated by spaces, as a filter in prefix order: "and 2 …", "or 0", "not 1 …",
/// "vals in k 2 a b", else "eq k v". What is left over are tags: "k=v".
class Script {
 public:
  explicit Script(std::string_view text) : left_(text) {}

  std::string word() {
    const std::size_t end = std::min(left_.find(' '), left_.size());
    std::string taken(left_.substr(0, end));
    left_.remove_prefix(std::min(end + 1, left_.size()));
    return taken;
  }
  bool at_end() const { return left_.empty(); }

  core::FilterNode filter(int depth) {
    core::FilterNode node;
    std::string first = word();
    if (first == "and" || first == "or" || first == "not" || first == "xor") {
      node.op = first;
      for (std::size_t i = count(); i > 0 && depth < 40; --i)
        node.nodes.push_back(filter(depth + 1));
      return node;
    }
    if (first == "vals") {
      node.compare = word();
      node.key = word();
      for (std::size_t i = count(); i > 0; --i) node.values.push_back(word());
      return node;
    }
    node.compare = first;
    node.key = word();
    node.value = word();
    return node;
  }

 private:
  std::size_t count() {
    const std::string digits = word();
    return digits.empty() ? 0 : static_cast<unsigned char>(digits[0]) % 10;
  }

  std::string_view left_;
};

/// The definition, for what needs no arithmetic; tests on numbers hold as the filter says.
bool reference(const core::FilterNode& node, const std::vector<core::Tag>& tags) {
  const auto child = [&](const core::FilterNode& c) { return reference(c, tags); };
  if (node.op == "and") return std::ranges::all_of(node.nodes, child);
  if (node.op == "or") return std::ranges::any_of(node.nodes, child);
  if (node.op == "not") return !child(node.nodes[0]);
  const auto tag = std::ranges::find(tags, node.key, &core::Tag::key);
  const bool there = tag != tags.end();
  const std::string value(there ? tag->value : "");
  const bool listed = std::ranges::count(node.values, value) > 0;
  const std::string& compare = node.compare;
  if (compare == "eq") return there && value == node.value;
  if (compare == "neq") return !(there && value == node.value);
  if (compare == "in") return listed;
  if (compare == "nin") return !listed;
  if (compare == "ex") return there;
  if (compare == "nex") return !there;
  if (compare == "sw") return there && value.find(node.value) == 0;
  if (compare == "ew") {
    return there && value.size() >= node.value.size() &&
           value.substr(value.size() - node.value.size()) == node.value;
  }
  if (compare == "ct") return there && value.find(node.value) != std::string::npos;
  return TagsFilter::compile(node)->matches(tags);
}

std::size_t node_count(const core::FilterNode& node) {
  std::size_t count = 1;
  for (const auto& child : node.nodes) count += node_count(child);
  return count;
}

bool holds(const std::string& compare, const core::Tag& tag, const std::string& value) {
  core::FilterNode node;
  node.key = tag.key;
  node.compare = compare;
  node.value = value;
  const auto filter = TagsFilter::compile(node);
  return filter && filter->matches({&tag, 1});
}

}  // namespace

void fuzz_tags_filter(const std::uint8_t* data, std::size_t size) {
  Script script({reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 4096)});
  const core::FilterNode node = script.filter(1);
  std::vector<std::string> words;
  while (!script.at_end()) words.push_back(script.word());
  std::vector<core::Tag> tags;
  for (const std::string_view word : words) {
    const std::size_t sign = std::min(word.find('='), word.size());
    tags.push_back({word.substr(0, sign), word.substr(std::min(sign + 1, word.size()))});
  }

  if (const auto filter = TagsFilter::compile(node)) {
    ASSERT(node_count(node) <= TagsFilter::kNodesMax);
    ASSERT(filter->matches(tags) == reference(node, tags));
    ASSERT(TagsFilter::compile(node)->canonical() == filter->canonical());
  }
  // Of two numbers exactly one of three holds, and the other way round the opposite.
  for (const core::Tag& tag : tags) {
    if (tag.key.empty() || tag.value.empty()) continue;
    const std::string value(node.value);
    const bool above = holds("gt", tag, value);
    const bool below = holds("lt", tag, value);
    const bool same = holds("gte", tag, value) && holds("lte", tag, value);
    ASSERT(above + below + same <= 1);
    const core::Tag back{tag.key, value};
    ASSERT(holds("lt", back, std::string(tag.value)) == above || value.empty());
  }
}

}  // namespace sanjay::hub

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::hub::fuzz_tags_filter(data, size);
  return 0;
}
#endif
