// SPDX-License-Identifier: Apache-2.0
#include "server/memory_return.h"

#include <gtest/gtest.h>

namespace sanjay::server {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

// The first call, of so many with the same need, that asks for memory to be given back; 0: none.
unsigned first_due(MemoryReturn& memory, std::uint64_t needed, unsigned calls = 100) {
  for (unsigned call = 1; call <= calls; ++call) {
    if (memory.due(needed)) return call;
  }
  return 0;
}

TEST(MemoryReturn, IsDueOnceWhenABurstHasBeenOverForAWhile) {
  MemoryReturn memory;
  EXPECT_EQ(first_due(memory, 40 * kMiB), 0U);
  EXPECT_EQ(first_due(memory, kMiB), 6U) << "the fall, then five calls without one";
  EXPECT_EQ(first_due(memory, kMiB), 0U);
  EXPECT_EQ(first_due(memory, 40 * kMiB), 0U);
  EXPECT_EQ(first_due(memory, kMiB), 6U);
}

TEST(MemoryReturn, WaitsWhileTheLoadFalls) {
  MemoryReturn memory;
  for (std::uint64_t needed = 100 * kMiB; needed > 0; needed -= kMiB) {
    EXPECT_FALSE(memory.due(needed));
  }
  EXPECT_GT(first_due(memory, 0), 0U);
}

TEST(MemoryReturn, LeavesSmallFallsAlone) {
  MemoryReturn memory;
  memory.due(100 * kMiB);
  EXPECT_EQ(first_due(memory, 76 * kMiB), 0U) << "less than a quarter";
  MemoryReturn small;
  small.due(kMiB);
  EXPECT_EQ(first_due(small, 1), 0U) << "less than a mebibyte";
}

}  // namespace
}  // namespace sanjay::server
