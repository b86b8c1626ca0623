// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment_queue.h"

#include "core/random.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <string>

namespace sanjay::runtime {
namespace {

core::SegmentRef segment(std::string_view bytes) { return core::SegmentRef::copy_of(bytes); }

std::string joined(const SegmentQueue& queue, std::size_t pieces_max = 16) {
  std::vector<std::string_view> pieces(pieces_max);
  std::string result;
  const std::size_t count = queue.front(pieces);
  for (std::size_t i = 0; i < count; ++i) result += pieces[i];
  return result;
}

TEST(SegmentQueue, GivesPiecesInOrderUpToTheSpan) {
  SegmentQueue queue;
  for (const char* text : {"ab", "cd", "", "ef"}) queue.push(segment(text));
  EXPECT_EQ(queue.bytes(), 6U);
  std::array<std::string_view, 2> two;
  EXPECT_EQ(queue.front(two), 2U);
  EXPECT_EQ(two[0], "ab");
  EXPECT_EQ(two[1], "cd");
  EXPECT_EQ(joined(queue), "abcdef");
}

TEST(SegmentQueue, ConsumesAcrossSegments) {
  SegmentQueue queue;
  for (const char* text : {"ab", "cd", "ef"}) queue.push(segment(text));
  queue.consume(3);
  EXPECT_EQ(joined(queue), "def");
  queue.consume(0);
  queue.consume(3);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(joined(queue), "");
  queue.push(segment("again"));
  EXPECT_EQ(joined(queue), "again");
}

TEST(SegmentQueue, DropsAllButTheSegmentsInFlight) {
  SegmentQueue queue;
  for (const char* text : {"ab", "cd", "ef", "gh"}) queue.push(segment(text));
  queue.drop_after(2);
  EXPECT_EQ(joined(queue), "abcd");
  EXPECT_EQ(queue.bytes(), 4U);
  queue.push(segment("x"));
  EXPECT_EQ(joined(queue), "abcdx");
  queue.drop_after(0);
  EXPECT_TRUE(queue.empty());
}

TEST(SegmentQueue, KeepsTheRestOfASegmentThePeerHasHalfOf) {
  SegmentQueue queue;
  for (const char* text : {"abcd", "ef"}) queue.push(segment(text));
  queue.consume(1);
  queue.drop_after(0);
  EXPECT_EQ(joined(queue), "bcd");
  EXPECT_EQ(queue.bytes(), 3U);
}

TEST(SegmentQueue, DroppedSegmentsAreLetGo) {
  core::SharedBytes shared(std::string("publication"));
  SegmentQueue queue;
  queue.push(core::SegmentRef::share(shared));
  auto kept = core::SegmentRef::share(shared);
  queue.push(kept);
  queue.drop_after(0);
  EXPECT_EQ(kept.bytes(), "publication");
}

TEST(SegmentQueue, AgreesWithAStringOnRandomUse) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    core::Random random(seed);
    SegmentQueue queue;
    std::deque<std::string> model;  // whole segments; the first may be consumed in part
    for (int step = 0; step < 3000; ++step) {
      switch (random.below(seed % 2 == 0 ? 3 : 12)) {
        case 0: {
          const std::size_t bytes = random.below(queue.bytes() + 1);
          queue.consume(bytes);
          for (std::size_t left = bytes; left > 0;) {
            const std::size_t now = std::min(left, model.front().size());
            model.front().erase(0, now);
            left -= now;
            if (model.front().empty()) model.pop_front();
          }
          break;
        }
        default: {
          std::string text(1 + random.below(5), static_cast<char>('a' + step % 26));
          queue.push(segment(text));
          model.push_back(std::move(text));
        }
      }
      std::string expected;
      std::size_t bytes = 0;
      for (std::size_t i = 0; i < model.size(); ++i) {
        bytes += model[i].size();
        if (i < 16) expected += model[i];
      }
      ASSERT_EQ(queue.bytes(), bytes);
      ASSERT_EQ(joined(queue), expected) << "seed " << seed << " step " << step;
    }
  }
}

TEST(SegmentQueue, AQueueThatNeverRunsEmptyServesMillionsOfSegmentsInOrder) {
  SegmentQueue queue;
  const auto one = segment("x");
  for (int i = 0; i < 50; ++i) queue.push(one);
  for (int i = 0; i < 2'000'000; ++i) {
    queue.push(one);
    queue.consume(1);
  }
  EXPECT_EQ(queue.bytes(), 50U);
  EXPECT_EQ(joined(queue, 100).size(), 50U);
}

}  // namespace
}  // namespace sanjay::runtime
