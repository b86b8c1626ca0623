// SPDX-License-Identifier: Apache-2.0
#include "core/corpus_test.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace sanjay::server {

void fuzz_config_source(const std::uint8_t* data, std::size_t size);
void fuzz_duration_text(const std::uint8_t* data, std::size_t size);
void fuzz_server(const std::uint8_t* data, std::size_t size);

namespace {

TEST(ConfigSourceFuzz, HoldsOnTheCorpusAndItsMutations) {
  EXPECT_GE(core::run_corpus(SANJAY_CORPUS_DIR "/config_source", 400, fuzz_config_source), 8U);
}

TEST(DurationTextFuzz, HoldsOnTheCorpusAndItsMutations) {
  EXPECT_GE(core::run_corpus(SANJAY_CORPUS_DIR "/duration_text", 2000, fuzz_duration_text), 5U);
}

TEST(ServerFuzz, HoldsOnTheCorpusAndItsMutations) {
  EXPECT_GE(core::run_corpus(SANJAY_CORPUS_DIR "/server", 20, fuzz_server), 10U);
}

}  // namespace
}  // namespace sanjay::server
