// SPDX-License-Identifier: Apache-2.0
#include "core/corpus_test.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace sanjay::http {

void fuzz_chunked_decoder(const std::uint8_t* data, std::size_t size);
void fuzz_target(const std::uint8_t* data, std::size_t size);

namespace {

TEST(ChunkedDecoderFuzz, HoldsOnTheCorpusAndItsMutations) {
  EXPECT_GE(core::run_corpus(SANJAY_CORPUS_DIR "/chunked_decoder", 1000, fuzz_chunked_decoder), 5U);
}

TEST(TargetFuzz, HoldsOnTheCorpusAndItsMutations) {
  EXPECT_GE(core::run_corpus(SANJAY_CORPUS_DIR "/target", 1000, fuzz_target), 5U);
}

}  // namespace
}  // namespace sanjay::http
