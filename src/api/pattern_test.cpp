// SPDX-License-Identifier: Apache-2.0
#include "api/pattern.h"

#include "core/random.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sanjay::api {
namespace {

/// The definition, in a table: cell (p, t) says whether the first p characters of the pattern match
/// the first t of the text.
bool matches_by_definition(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return true;
  std::vector<std::vector<bool>> cells(pattern.size() + 1, std::vector<bool>(text.size() + 1));
  cells[0][0] = true;
  for (std::size_t p = 1; p <= pattern.size(); ++p) {
    const char c = pattern[p - 1];
    for (std::size_t t = 0; t <= text.size(); ++t) {
      if (c == '*') {
        cells[p][t] = cells[p - 1][t] || (t > 0 && cells[p][t - 1]);
      } else {
        cells[p][t] = t > 0 && cells[p - 1][t - 1] && (c == '?' || c == text[t - 1]);
      }
    }
  }
  return cells[pattern.size()][text.size()];
}

std::string random_text(core::Random& random, std::string_view alphabet, std::size_t size_max) {
  std::string text(random.below(size_max + 1), ' ');
  for (char& c : text) c = alphabet[random.below(alphabet.size())];
  return text;
}

struct Case {
  std::string_view pattern;
  std::string_view text;
  bool matches;
};

TEST(Pattern, IsMatchedByTheWholeTextAlone) {
  constexpr Case kCases[]{
      {"", "", true},
      {"", "anything", true},
      {"news", "news", true},
      {"news", "new", false},
      {"news", "newsletter", false},
      {"news", "old news", false},
      {"News", "news", false},
      {"*", "", true},
      {"*", "anything", true},
      {"**", "", true},
      {"news*", "news", true},
      {"news*", "newsletter", true},
      {"*news", "old news", true},
      {"*news", "news of old", false},
      {"a*b", "ab", true},
      {"a*b", "a-b-b", true},
      {"a*b", "a-b-c", false},
      {"a*b*c", "a-c-b-c", true},
      {"a*b*c", "a-c-b", false},
      {"*ab", "aab", true},
      {"*aab*", "aaab", true},
      {"?", "", false},
      {"?", "x", true},
      {"?", "xy", false},
      {"room-?", "room-1", true},
      {"room-?", "room-12", false},
      {"room-?*", "room-", false},
      {"room-?*", "room-12", true},
      {"*?", "", false},
      {"?*?", "x", false},
      {"?*?", "xy", true},
      {"a*", "", false},
      {"[ab]", "a", false},
      {"[ab]", "[ab]", true},
      {"\\*", "\\anything", true},
      {"\\*", "*", false},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(matches_pattern(c.pattern, c.text), c.matches) << c.pattern << " and " << c.text;
    EXPECT_EQ(matches_by_definition(c.pattern, c.text), c.matches) << c.pattern << c.text;
  }
}

TEST(Pattern, AgreesWithItsDefinitionOnRandomTexts) {
  core::Random random(7);
  int matching = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::string pattern = random_text(random, "ab*?", 8);
    const std::string text = random_text(random, "ab", 10);
    const bool expected = matches_by_definition(pattern, text);
    matching += expected ? 1 : 0;
    ASSERT_EQ(matches_pattern(pattern, text), expected) << pattern << " and " << text;
  }
  EXPECT_GT(matching, 10'000);  // neither answer is rare
  EXPECT_LT(matching, 90'000);
}

// A matcher that goes back to every star would not end before the test's own time limit.
TEST(Pattern, OneMadeToTakeLongDoesNot) {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "*a";
  pattern += "*b";
  const std::string text(20'000, 'a');
  EXPECT_FALSE(matches_pattern(pattern, text));
  EXPECT_TRUE(matches_pattern(pattern, text + "b"));
}

}  // namespace
}  // namespace sanjay::api
