// SPDX-License-Identifier: Apache-2.0
#include "core/buckets.h"
#include "core/chunking.h"
#include "core/intrusive_list.h"
#include "core/random.h"
#include "core/result.h"
#include "core/segment.h"
#include "core/siphash.h"
#include "core/slab.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace sanjay::core {
namespace {

TEST(SipHash, DiffersByKeyLengthAndByte) {
  const SipKey key{1, 2};
  EXPECT_EQ(siphash(key, "chat:index"), siphash(key, std::string("chat:index")));
  EXPECT_NE(siphash(key, "chat:index"), siphash(SipKey{1, 3}, "chat:index"));
  EXPECT_NE(siphash(key, ""), siphash(key, std::string_view("\0", 1)));
  EXPECT_NE(siphash(key, "abcdefgh"), siphash(key, "abcdefgi"));
}

TEST(SipHash, MatchesTheReferenceVector) {
  // SipHash-1-3 of "" under the key 000102..0f, from the reference implementation's family of
  // vectors as used by CPython's and Rust's tables.
  const SipKey key{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  EXPECT_EQ(siphash(key, ""), 0xabac0158050fc4dcULL);
}

TEST(Slab, ReusesSlotsWithANewGeneration) {
  Slab<std::string, 64> slab(128);
  const auto first = slab.emplace("a");
  ASSERT_TRUE(first);
  EXPECT_EQ(slab.find(first->slot, first->generation), first->item);
  slab.erase(first->slot);
  EXPECT_EQ(slab.find(first->slot, first->generation), nullptr);
  const auto second = slab.emplace("b");
  EXPECT_EQ(second->slot, first->slot);
  EXPECT_NE(second->generation, first->generation);
  EXPECT_EQ(slab.find(first->slot, first->generation), nullptr);
}

TEST(Slab, RefusesBeyondItsMaximumAndKeepsAddresses) {
  Slab<int, 64> slab(150);
  std::vector<int*> items;
  for (int i = 0; i < 150; ++i) items.push_back(slab.emplace(i)->item);
  EXPECT_FALSE(slab.emplace(150));
  for (int i = 0; i < 150; ++i) EXPECT_EQ(*items[static_cast<std::size_t>(i)], i);
  slab.erase(3);
  EXPECT_TRUE(slab.emplace(7));
  EXPECT_FALSE(slab.emplace(8));
}

TEST(Slab, GivesEmptyBlocksBackAndKeepsOneInReserve) {
  Slab<int, 64> slab(1000);
  for (int i = 0; i < 640; ++i) slab.emplace(i);
  EXPECT_EQ(slab.held(), 640U);
  const auto stale = slab.emplace(640);
  EXPECT_EQ(slab.held(), 704U);
  for (std::uint32_t slot = 1; slot <= 640; ++slot) slab.erase(slot);
  EXPECT_EQ(slab.size(), 1U);
  EXPECT_EQ(slab.held(), 128U) << "the block of the one that is left, and the reserve";
  EXPECT_EQ(slab.find(stale->slot, stale->generation), nullptr);
  EXPECT_FALSE(slab.in_use(stale->slot));
  EXPECT_EQ(slab.at(0), 0);
  // Slots of a block that has come back are told from what they were.
  for (int i = 1; i <= 640; ++i) EXPECT_EQ(slab.emplace(i)->slot, static_cast<std::uint32_t>(i));
  EXPECT_EQ(slab.at(stale->slot), 640);
  EXPECT_EQ(slab.find(stale->slot, stale->generation), nullptr);
}

TEST(Slab, TakesTheLowestSlotThatIsFree) {
  Slab<int, 64> slab(1000);
  for (int i = 0; i < 500; ++i) slab.emplace(i);
  for (const std::uint32_t slot : {400U, 7U, 130U}) slab.erase(slot);
  for (const std::uint32_t slot : {7U, 130U, 400U, 500U}) EXPECT_EQ(slab.emplace(0)->slot, slot);
}

TEST(Slab, AgreesWithASetOfFreeSlotsAcrossManyBlocks) {
  constexpr std::uint32_t kSlots = 64 * 64 * 3 + 10;  // the last block is short
  Slab<int, 64> slab(kSlots);
  std::set<std::uint32_t> free, used;
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) free.insert(slot);
  Random random(7);
  for (int step = 0; step < 200'000; ++step) {
    // Grows for a while, then shrinks.
    const bool add = random.below(10) < (step / 20'000 % 2 == 0 ? 7U : 3U);
    if (add) {
      const auto place = slab.emplace(step);
      ASSERT_EQ(place.has_value(), !free.empty());
      if (!place) continue;
      ASSERT_EQ(place->slot, *free.begin());
      free.erase(free.begin());
      used.insert(place->slot);
    } else if (!used.empty()) {
      auto victim = used.lower_bound(static_cast<std::uint32_t>(random.below(kSlots)));
      if (victim == used.end()) victim = used.begin();
      slab.erase(*victim);
      free.insert(*victim);
      used.erase(victim);
    }
    ASSERT_EQ(slab.size(), used.size());
  }
  while (!used.empty()) {
    slab.erase(*used.begin());
    used.erase(used.begin());
  }
  EXPECT_EQ(slab.held(), 64U);
}

TEST(Buckets, AreGivenBackWhenAMapHasShrunk) {
  std::unordered_map<int, int> map;
  for (int i = 0; i < 100'000; ++i) map.emplace(i, i);
  for (int i = 100; i < 100'000; ++i) {
    map.erase(i);
    give_back_buckets(map);
  }
  EXPECT_LE(map.bucket_count(), 1024U);
  EXPECT_EQ(map.size(), 100U);
  EXPECT_EQ(map.at(99), 99);
}

struct Item : ListNode {
  explicit Item(int v) : value(v) {}
  int value;
};

TEST(IntrusiveList, KeepsOrderAndUnlinksOnDestruction) {
  IntrusiveList<Item> list;
  Item a(1), c(3);
  list.push_back(a);
  {
    Item b(2);
    list.push_back(b);
  }
  list.push_back(c);
  IntrusiveList<Item> other;
  Item d(4);
  other.push_back(d);
  list.take_all(other);
  EXPECT_TRUE(other.empty());
  EXPECT_EQ(list.pop_front().value, 1);
  EXPECT_EQ(list.pop_front().value, 3);
  EXPECT_EQ(list.pop_front().value, 4);
  EXPECT_TRUE(list.empty());
}

TEST(Segment, CopiesAndShares) {
  SegmentRef copy = SegmentRef::copy_of("hello");
  SegmentRef again = copy;
  copy = SegmentRef();
  EXPECT_EQ(again.bytes(), "hello");

  SharedBytes shared(std::string(1000, 'x'));
  SegmentRef first = SegmentRef::share(shared);
  shared = SharedBytes();
  EXPECT_EQ(first.size(), 1000u);

  SegmentBuilder builder(4);
  builder.append("ab");
  builder.append("cd");
  EXPECT_EQ(builder.finish().bytes(), "abcd");
}

TEST(SharedBytes, IsCountedAcrossThreads) {
  const SharedBytes shared(std::string(100, 'y'));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&shared] {
      for (int n = 0; n < 1000; ++n) {
        const SharedBytes copy = shared;
        EXPECT_EQ(copy.size(), 100u);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

Result<int> half(int value) {
  if (value % 2 != 0) return failure("odd");
  return value / 2;
}

Result<int> quarter(int value) {
  SANJAY_TRY(const int once, half(value));
  SANJAY_TRY(const int twice, half(once));
  return twice;
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message, "odd");
}

TEST(Chunking, PiecesAlwaysJoinToTheInput) {
  const std::string input = "some bytes to be cut";
  unsigned calls = 0;
  for_each_split(input, 20, [&](std::span<const std::string_view> pieces) {
    std::string joined;
    for (const auto piece : pieces) joined += piece;
    EXPECT_EQ(joined, input);
    ++calls;
  });
  EXPECT_EQ(calls, 2 + input.size() - 1 + 20);
}

TEST(Random, IsReproducibleAndBounded) {
  Random a(7), b(7), c(8);
  EXPECT_EQ(a.next(), b.next());
  EXPECT_NE(a.next(), c.next());
  for (int i = 0; i < 1000; ++i) EXPECT_LT(a.below(10), 10u);
}

}  // namespace
}  // namespace sanjay::core
