// SPDX-License-Identifier: Apache-2.0
#include "hub/tags_filter.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::hub {
namespace {

using core::FilterNode;
using core::Tag;

FilterNode test(std::string key, std::string compare, std::string value = {}) {
  FilterNode node;
  node.key = std::move(key);
  node.compare = std::move(compare);
  node.value = std::move(value);
  return node;
}

FilterNode list_test(std::string key, std::string compare, std::vector<std::string> values) {
  FilterNode node = test(std::move(key), std::move(compare));
  node.values = std::move(values);
  return node;
}

FilterNode combined(std::string op, std::vector<FilterNode> nodes) {
  FilterNode node;
  node.op = std::move(op);
  node.nodes = std::move(nodes);
  return node;
}

bool matches(const FilterNode& node, const std::vector<Tag>& tags) {
  const auto filter = TagsFilter::compile(node);
  EXPECT_TRUE(filter);
  return filter && filter->matches(tags);
}

TEST(TagsFilter, ComparesTexts) {
  const std::vector<Tag> tags = {{"name", "apple"}, {"empty", ""}};
  struct Case {
    std::string_view key, compare, value;
    bool matches;
  };
  for (const Case& c :
       std::vector<Case>{{"name", "eq", "apple", true},     {"name", "eq", "Apple", false},
                         {"name", "eq", "appl", false},     {"none", "eq", "apple", false},
                         {"empty", "eq", "apple", false},   {"name", "neq", "apple", false},
                         {"name", "neq", "pear", true},     {"none", "neq", "apple", true},
                         {"empty", "neq", "apple", true},   {"name", "sw", "app", true},
                         {"name", "sw", "apple", true},     {"name", "sw", "apples", false},
                         {"name", "sw", "le", false},       {"none", "sw", "a", false},
                         {"name", "ew", "le", true},        {"name", "ew", "apple", true},
                         {"name", "ew", "an apple", false}, {"name", "ew", "app", false},
                         {"none", "ew", "a", false},        {"name", "ct", "ppl", true},
                         {"name", "ct", "apple", true},     {"name", "ct", "pa", false},
                         {"none", "ct", "a", false},        {"empty", "ct", "a", false}}) {
    EXPECT_EQ(matches(test(std::string(c.key), std::string(c.compare), std::string(c.value)), tags),
              c.matches)
        << c.key << ' ' << c.compare << ' ' << c.value;
  }
}

TEST(TagsFilter, LooksForATagAndForItsValueInAList) {
  const std::vector<Tag> tags = {{"color", "red"}, {"", "nameless"}};
  EXPECT_TRUE(matches(test("color", "ex"), tags));
  EXPECT_FALSE(matches(test("none", "ex"), tags));
  EXPECT_FALSE(matches(test("color", "nex"), tags));
  EXPECT_TRUE(matches(test("none", "nex"), tags));
  EXPECT_TRUE(matches(test("", "ex"), tags));
  EXPECT_TRUE(matches(list_test("color", "in", {"blue", "red"}), tags));
  EXPECT_FALSE(matches(list_test("color", "in", {"blue"}), tags));
  EXPECT_FALSE(matches(list_test("none", "in", {"red"}), tags));
  EXPECT_FALSE(matches(list_test("color", "nin", {"blue", "red"}), tags));
  EXPECT_TRUE(matches(list_test("color", "nin", {"blue"}), tags));
  EXPECT_TRUE(matches(list_test("none", "nin", {"red"}), tags));
  // As Centrifugo has it: in lists a missing tag is an empty one.
  EXPECT_TRUE(matches(list_test("none", "in", {""}), tags));
  EXPECT_FALSE(matches(list_test("none", "nin", {""}), tags));
}

TEST(TagsFilter, ComparesDecimalNumbersExactly) {
  struct Case {
    std::string_view tag, value;
    int order;  // -1, 0, 1
  };
  for (const Case& c : std::vector<Case>{
           {"1", "2", -1},
           {"2", "10", -1},
           {"-2", "-10", 1},
           {"-1", "1", -1},
           {"1", "1.0", 0},
           {"+1", "001.000", 0},
           {"-0", "0", 0},
           {"-0.0", "+0", 0},
           {"0.1", "0.10", 0},
           {"0.1", "0.09", 1},
           {"-0.1", "-0.09", -1},
           {"1.5", "1.49999", 1},
           {"9007199254740993", "9007199254740992", 1},
           {"0.1234567890123456789", "0.1234567890123456788", 1},
           {"100000000000000000000000000000000000000000001", "99999999999999999999", 1},
           {"-100000000000000000000000000000000000000000001", "-99999999999999999999", -1}}) {
    const std::vector<Tag> tags = {{"n", c.tag}};
    const auto holds = [&](std::string compare) {
      return matches(test("n", std::move(compare), std::string(c.value)), tags);
    };
    EXPECT_EQ(holds("gt"), c.order > 0) << c.tag << ' ' << c.value;
    EXPECT_EQ(holds("gte"), c.order >= 0) << c.tag << ' ' << c.value;
    EXPECT_EQ(holds("lt"), c.order < 0) << c.tag << ' ' << c.value;
    EXPECT_EQ(holds("lte"), c.order <= 0) << c.tag << ' ' << c.value;
  }
}

TEST(TagsFilter, WhatIsNoNumberIsNeitherAboveNorBelow) {
  const std::string digits(200, '9');
  for (const std::string& text : std::vector<std::string>{
           "",           " ",       "x",   "1 ",    " 1",  "1e3", "0x10",
           "1,5",        "1_000",   ".5",  "5.",    ".",   "-",   "+",
           "-.5",        "--1",     "-+1", "1.2.3", "NaN", "Inf", "0.12345678901234567890",
           digits + "9", "\xD9\xA1"}) {
    for (const char* compare : {"gt", "gte", "lt", "lte"}) {
      const std::vector<Tag> tags = {{"n", text}};
      EXPECT_FALSE(matches(test("n", compare, "1"), tags)) << text;
      if (!text.empty()) {
        const std::vector<Tag> one = {{"n", "1"}};
        EXPECT_FALSE(matches(test("n", compare, text), one)) << text;
      }
      EXPECT_FALSE(matches(test("n", compare, "1"), {}));
    }
  }
  const std::vector<Tag> largest = {{"n", digits}};
  EXPECT_TRUE(matches(test("n", "gt", "1"), largest));
}

TEST(TagsFilter, CombinesTests) {
  const FilterNode yes = test("a", "ex");
  const FilterNode no = test("b", "ex");
  const std::vector<Tag> tags = {{"a", "1"}};
  EXPECT_TRUE(matches(combined("and", {yes}), tags));
  EXPECT_TRUE(matches(combined("and", {yes, yes, yes}), tags));
  EXPECT_FALSE(matches(combined("and", {yes, yes, no}), tags));
  EXPECT_FALSE(matches(combined("and", {no, yes}), tags));
  EXPECT_TRUE(matches(combined("or", {no, no, yes}), tags));
  EXPECT_FALSE(matches(combined("or", {no, no}), tags));
  EXPECT_TRUE(matches(combined("not", {no}), tags));
  EXPECT_FALSE(matches(combined("not", {yes}), tags));
  // (a and not (b or b)) or b
  EXPECT_TRUE(matches(
      combined("or", {combined("and", {yes, combined("not", {combined("or", {no, no})})}), no}),
      tags));
  EXPECT_FALSE(
      matches(combined("and", {combined("or", {combined("and", {yes, no}), no}), yes}), tags));
}

TEST(TagsFilter, RefusesWhatBreaksARule) {
  const FilterNode good = test("k", "eq", "v");
  std::vector<FilterNode> bad = {
      {},
      test("k", ""),
      test("k", "equals", "v"),
      test("k", "EQ", "v"),
      test("", "eq", "v"),
      list_test("", "in", {"v"}),
      test("k", "in"),
      test("k", "in", "v"),
      test("k", "ex", "v"),
      list_test("k", "nex", {"v"}),
      combined("and", {}),
      combined("or", {}),
      combined("not", {}),
      combined("not", {good, good}),
      combined("xor", {good}),
      combined("and", {good, test("k", "eq")}),
  };
  for (const char* compare : {"eq", "neq", "sw", "ew", "ct", "gt", "gte", "lt", "lte"}) {
    bad.push_back(test("k", compare));
    bad.push_back(list_test("k", compare, {"v"}));
    FilterNode both = test("k", compare, "v");
    both.values = {"v"};
    bad.push_back(both);
  }
  FilterNode both = list_test("k", "nin", {"v"});
  both.value = "v";
  bad.push_back(both);
  for (std::size_t i = 0; i < bad.size(); ++i) EXPECT_FALSE(TagsFilter::compile(bad[i])) << i;
}

FilterNode nested(std::size_t depth) {
  FilterNode node = test("k", "ex");
  for (std::size_t i = 1; i < depth; ++i) node = combined("not", {node});
  return node;
}

TEST(TagsFilter, BoundsItsDepth) {
  EXPECT_TRUE(TagsFilter::compile(nested(TagsFilter::kDepthMax)));
  EXPECT_FALSE(TagsFilter::compile(nested(TagsFilter::kDepthMax + 1)));
}

TEST(TagsFilter, BoundsItsNodes) {
  std::vector<FilterNode> nodes(TagsFilter::kNodesMax - 1, test("k", "ex"));
  EXPECT_TRUE(TagsFilter::compile(combined("or", nodes)));
  nodes.push_back(test("k", "ex"));
  EXPECT_FALSE(TagsFilter::compile(combined("or", nodes)));
}

TEST(TagsFilter, BoundsItsValues) {
  const std::vector<std::string> half(TagsFilter::kValuesMax / 2, "v");
  std::vector<FilterNode> nodes(2, list_test("k", "in", half));
  EXPECT_TRUE(TagsFilter::compile(combined("and", nodes)));
  nodes.push_back(list_test("k", "in", {"v"}));
  EXPECT_FALSE(TagsFilter::compile(combined("and", nodes)));
}

TEST(TagsFilter, BoundsTheBytesOfItsTexts) {
  const std::string text(TagsFilter::kTextBytesMax - 1, 'v');
  EXPECT_TRUE(TagsFilter::compile(test("k", "eq", text)));
  EXPECT_FALSE(TagsFilter::compile(test("kk", "eq", text)));
  EXPECT_FALSE(TagsFilter::compile(list_test("k", "in", {text, "v"})));
}

TEST(TagsFilter, OnlyFiltersWrittenAlikeHaveTheSameCanonicalText) {
  const std::vector<FilterNode> different = {
      test("k", "eq", "v"),
      test("k", "neq", "v"),
      test("kv", "eq", "v"),
      test("k", "eq", "vv"),
      list_test("k", "in", {"v"}),
      list_test("k", "in", {"v", "w"}),
      list_test("k", "in", {"vw"}),
      list_test("k", "in", {"v1:w"}),
      list_test("k", "in", {"w", "v"}),
      combined("and", {test("k", "eq", "v")}),
      combined("or", {test("k", "eq", "v")}),
      combined("and", {test("k", "eq", "v"), test("k", "eq", "v")}),
      combined("and", {combined("and", {test("k", "eq", "v")}), test("k", "eq", "v")}),
      combined("and", {combined("and", {test("k", "eq", "v"), test("k", "eq", "v")})}),
  };
  for (std::size_t i = 0; i < different.size(); ++i) {
    for (std::size_t j = 0; j < different.size(); ++j) {
      const auto a = TagsFilter::compile(different[i]);
      const auto b = TagsFilter::compile(different[j]);
      ASSERT_TRUE(a && b);
      EXPECT_EQ(a->canonical() == b->canonical(), i == j) << i << ' ' << j;
    }
  }
}

}  // namespace
}  // namespace sanjay::hub
