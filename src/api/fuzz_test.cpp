// SPDX-License-Identifier: Apache-2.0
#include "core/corpus_test.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace sanjay::api {

void fuzz_pattern(const std::uint8_t* data, std::size_t size);
void fuzz_http_api(const std::uint8_t* data, std::size_t size);

namespace {

TEST(PatternFuzz, HoldsOnTheCorpusAndItsMutations) {
  EXPECT_GE(core::run_corpus(SANJAY_CORPUS_DIR "/pattern", 2000, fuzz_pattern), 5U);
}

TEST(HttpApiFuzz, HoldsOnTheCorpusAndItsMutations) {
  EXPECT_GE(core::run_corpus(SANJAY_CORPUS_DIR "/http_api", 300, fuzz_http_api), 15U);
}

}  // namespace
}  // namespace sanjay::api
