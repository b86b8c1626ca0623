// SPDX-License-Identifier: Apache-2.0
#include "core/corpus_test.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace sanjay::websocket {

void fuzz_utf8(const std::uint8_t* data, std::size_t size);
void fuzz_inflater(const std::uint8_t* data, std::size_t size);
void fuzz_permessage_deflate(const std::uint8_t* data, std::size_t size);

namespace {

TEST(Utf8Fuzz, HoldsOnTheCorpusAndItsMutations) {
  EXPECT_GE(core::run_corpus(SANJAY_CORPUS_DIR "/utf8", 1000, fuzz_utf8), 6U);
}

TEST(InflaterFuzz, HoldsOnTheCorpusAndItsMutations) {
  EXPECT_GE(core::run_corpus(SANJAY_CORPUS_DIR "/inflater", 1000, fuzz_inflater), 10U);
}

TEST(PermessageDeflateFuzz, HoldsOnTheCorpusAndItsMutations) {
  EXPECT_GE(
      core::run_corpus(SANJAY_CORPUS_DIR "/permessage_deflate", 2000, fuzz_permessage_deflate), 8U);
}

}  // namespace
}  // namespace sanjay::websocket
