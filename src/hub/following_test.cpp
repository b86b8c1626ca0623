// SPDX-License-Identifier: Apache-2.0
#include "hub/following.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sanjay::hub {
namespace {

using Offsets = std::vector<std::uint64_t>;

std::vector<PublicationRef> publications(const Offsets& offsets) {
  std::vector<PublicationRef> list;
  for (const std::uint64_t offset : offsets) {
    list.push_back(
        std::make_shared<const StoredPublication>(Publication{.data = "", .offset = offset}));
  }
  return list;
}

std::string describe(const Recovery& recovery) {
  if (!recovery.recovered) return recovery.publications.empty() ? "no" : "no, with publications";
  std::string words = "yes:";
  for (const auto& one : recovery.publications) words += " " + std::to_string(one->offset());
  return words;
}

// The subscriber stood at `since`, subscribers stand at `top` of epoch "a".
struct Case {
  StreamPosition since;
  std::uint64_t top;
  Offsets history;
  StreamPosition history_top;
  Offsets captured;
  std::string expected;
};

TEST(RecoverAll, TakesAnUnbrokenRowAndNothingElse) {
  const std::vector<Case> cases = {
      {{0, ""}, 0, {}, {0, "a"}, {}, "yes:"},
      {{5, "a"}, 5, {}, {5, "a"}, {}, "yes:"},
      {{3, "a"}, 5, {4, 5}, {5, "a"}, {}, "yes: 4 5"},
      {{3, ""}, 5, {4, 5}, {5, "a"}, {}, "yes: 4 5"},  // any epoch
      {{3, "b"}, 5, {4, 5}, {5, "a"}, {}, "no"},       // another epoch
      {{3, "a"}, 5, {4, 5}, {5, "b"}, {}, "no"},       // the history is of another
      {{3, "a"}, 5, {5}, {5, "a"}, {}, "no"},          // the oldest is no longer kept
      {{3, "a"}, 5, {}, {5, "a"}, {}, "no"},           // nothing is
      {{3, "a"}, 6, {4, 6}, {6, "a"}, {}, "no"},       // a hole
      {{3, "a"}, 7, {4, 5}, {5, "a"}, {6, 7}, "yes: 4 5 6 7"},
      {{3, "a"}, 7, {4, 5, 6}, {6, "a"}, {5, 6, 7}, "yes: 4 5 6 7"},  // both have them
      {{3, "a"}, 7, {4, 5}, {5, "a"}, {7}, "no"},                     // a hole between them
      {{3, "a"}, 5, {}, {3, "a"}, {4, 5}, "yes: 4 5"},
      {{4, "a"}, 5, {}, {3, "a"}, {4, 5}, "yes: 5"},       // captured before he came
      {{3, "a"}, 5, {4, 5, 6}, {6, "a"}, {}, "yes: 4 5"},  // 6 is still to come
      {{5, "a"}, 3, {}, {3, "a"}, {}, "no"},               // ahead of everybody
      {{3, "a"}, 9, {4, 5}, {9, "a"}, {}, "no"},           // more than he may have
  };
  for (const Case& c : cases) {
    const History history{publications(c.history), c.history_top};
    EXPECT_EQ(describe(recover_all(c.since, {c.top, "a"}, history, publications(c.captured))),
              c.expected)
        << "case " << &c - cases.data();
  }
  const History other{.top = {5, "a"}, .epoch_matches = false};
  EXPECT_EQ(describe(recover_all({5, ""}, {5, "a"}, other, {})), "no");
}

TEST(RecoverNewest, TakesTheLastOneIfItIsTheLast) {
  const std::vector<Case> cases = {
      {{5, "a"}, 5, {}, {5, "a"}, {}, "yes:"},
      {{5, "a"}, 5, {5}, {5, "a"}, {}, "yes:"},  // he has it
      {{5, "b"}, 5, {5}, {5, "a"}, {}, "yes: 5"},
      {{0, ""}, 5, {5}, {5, "a"}, {}, "yes: 5"},
      {{3, "a"}, 5, {5}, {5, "a"}, {}, "yes: 5"},
      {{3, "a"}, 5, {}, {5, "a"}, {}, "no"},   // it is no longer kept
      {{3, "a"}, 6, {5}, {5, "a"}, {}, "no"},  // there was another since
      {{3, "a"}, 7, {5}, {5, "a"}, {6, 7}, "yes: 7"},
      {{3, "a"}, 7, {}, {5, "a"}, {6, 7}, "yes: 7"},
      {{3, "a"}, 5, {5}, {5, "b"}, {}, "no"},  // of another epoch
      {{3, "a"}, 5, {6}, {6, "a"}, {}, "no"},  // still to come
  };
  for (const Case& c : cases) {
    const History history{publications(c.history), c.history_top};
    EXPECT_EQ(describe(recover_newest(c.since, {c.top, "a"}, history, publications(c.captured))),
              c.expected)
        << "case " << &c - cases.data();
  }
}

TEST(RecoverNewest, OfAFilterTakesTheNewestThatItLetsThrough) {
  core::FilterNode node;
  node.key = "red";
  node.compare = "ex";
  const auto filter = TagsFilter::compile(node);
  const auto tagged = [](const std::vector<std::uint64_t>& offsets,
                         const std::vector<std::uint64_t>& red) {
    std::vector<PublicationRef> list;
    for (const std::uint64_t offset : offsets) {
      const Tag tag{"red", ""};
      Publication publication{};
      publication.offset = offset;
      if (std::ranges::count(red, offset) > 0) publication.tags = {&tag, 1};
      list.push_back(std::make_shared<const StoredPublication>(publication));
    }
    return list;
  };
  struct FilterCase {
    StreamPosition since;
    std::uint64_t top;
    std::vector<std::uint64_t> history;  // newest first
    std::vector<std::uint64_t> captured;
    std::vector<std::uint64_t> red;
    const char* expected;
  };
  const std::vector<FilterCase> cases = {
      {{2, "a"}, 5, {5, 4, 3}, {}, {3, 4}, "yes: 4"},
      {{2, "a"}, 5, {5, 4, 3}, {}, {5}, "yes: 5"},
      {{2, "a"}, 5, {5, 4, 3}, {}, {}, "no"},
      {{5, "a"}, 5, {5, 4, 3}, {}, {4}, "yes:"},
      {{2, "a"}, 7, {5, 4, 3}, {6, 7}, {4, 6}, "yes: 6"},
      {{2, "a"}, 7, {5, 4, 3}, {6, 7}, {4}, "yes: 4"},
      {{2, "a"}, 6, {5, 4, 3}, {}, {4}, "no"},  // the last one is no longer kept
  };
  for (const FilterCase& c : cases) {
    const History history{tagged(c.history, c.red), {c.history.front(), "a"}};
    EXPECT_EQ(describe(recover_newest(c.since, {c.top, "a"}, history, tagged(c.captured, c.red),
                                      filter.get())),
              c.expected)
        << "case " << &c - cases.data();
  }
}

TEST(Following, IsIdleOnlyWhenNothingIsUnderWay) {
  Following following;
  EXPECT_TRUE(following.is_idle());
  following.held.emplace_back(nullptr, "a");
  EXPECT_FALSE(following.is_idle());
  following.held.clear();
  following.beginning.emplace(beginning_key(1, 2), BeginningSubscription{1, 3, 2, {}});
  EXPECT_FALSE(following.is_idle());
  EXPECT_NE(beginning_key(1, 2), beginning_key(2, 1));
}

}  // namespace
}  // namespace sanjay::hub
