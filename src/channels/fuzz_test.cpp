// SPDX-License-Identifier: Apache-2.0
#include "core/corpus_test.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace sanjay::channels {

void fuzz_names(const std::uint8_t* data, std::size_t size);

namespace {

TEST(NamesFuzz, HoldOnTheCorpusAndItsMutations) {
  EXPECT_GE(core::run_corpus(SANJAY_CORPUS_DIR "/names", 2000, fuzz_names), 6U);
}

}  // namespace
}  // namespace sanjay::channels
