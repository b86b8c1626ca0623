// SPDX-License-Identifier: Apache-2.0
#include "core/corpus_test.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace sanjay::hub {

void fuzz_tags_filter(const std::uint8_t* data, std::size_t size);

namespace {

TEST(TagsFilterFuzz, HoldsOnTheCorpusAndItsMutations) {
  EXPECT_GE(core::run_corpus(SANJAY_CORPUS_DIR "/tags_filter", 1000, fuzz_tags_filter), 5U);
}

}  // namespace
}  // namespace sanjay::hub
