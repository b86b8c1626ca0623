// SPDX-License-Identifier: Apache-2.0
#include "hub/deadline_heap.h"

#include "core/random.h"
#include "hub/publication_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>

namespace sanjay::hub {
namespace {

core::Instant at(std::uint64_t seconds) {
  return core::Instant(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
}

TEST(DeadlineHeap, EqualsAnOrderedMap) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    core::Random random(seed);
    DeadlineHeap heap;
    std::map<std::uint32_t, core::Instant> model;
    for (int step = 0; step < 300; ++step) {
      const auto item = static_cast<std::uint32_t>(random.below(20));
      if (random.below(3) == 0) {
        heap.remove(item);
        model.erase(item);
      } else {
        const core::Instant deadline = at(random.below(50));
        heap.set(item, deadline);
        model[item] = deadline;
      }
      core::Instant earliest = core::kNever;
      for (const auto& [number, deadline] : model) earliest = std::min(earliest, deadline);
      ASSERT_EQ(heap.earliest(), earliest) << "seed " << seed;
      ASSERT_EQ(heap.size(), model.size());
      ASSERT_EQ(heap.contains(item), model.contains(item));
      if (heap.empty()) continue;
      ASSERT_EQ(model.at(heap.earliest_item()), earliest);
      ASSERT_EQ(heap.deadline_of(heap.earliest_item()), earliest);
    }
  }
}

TEST(PublicationRing, EqualsAQueue) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    core::Random random(seed);
    PublicationRing ring;
    std::deque<PublicationRef> model;
    for (int step = 0; step < 300; ++step) {
      // Phases of growth and of decline, so that it has to make room and to give it back.
      if (model.empty() || random.below(100) < ((step / 60) % 2 == 0 ? 80U : 20U)) {
        const auto publication = std::make_shared<const StoredPublication>(Publication{"x", {}});
        ring.push_back(publication);
        model.push_back(publication);
      } else {
        ASSERT_EQ(ring.pop_front(), model.front());
        model.pop_front();
      }
      ASSERT_EQ(ring.size(), model.size()) << "seed " << seed;
      for (std::size_t i = 0; i < model.size(); ++i) ASSERT_EQ(ring[i], model[i]);
      // The ring holds what is in it and nothing else.
      if (model.empty()) continue;
      ASSERT_EQ(model.front().use_count(), 2) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace sanjay::hub
