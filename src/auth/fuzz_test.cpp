// SPDX-License-Identifier: Apache-2.0
#include "core/corpus_test.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace sanjay::auth {

void fuzz_base64url(const std::uint8_t* data, std::size_t size);
void fuzz_jwks(const std::uint8_t* data, std::size_t size);
void fuzz_public_key(const std::uint8_t* data, std::size_t size);

namespace {

TEST(Base64urlFuzz, HoldsOnTheCorpusAndItsMutations) {
  EXPECT_GE(core::run_corpus(SANJAY_CORPUS_DIR "/base64url", 1000, fuzz_base64url), 5U);
}

TEST(JwksFuzz, HoldsOnTheCorpusAndItsMutations) {
  EXPECT_GE(core::run_corpus(SANJAY_CORPUS_DIR "/jwks", 300, fuzz_jwks), 5U);
}

TEST(PublicKeyFuzz, HoldsOnTheCorpusAndItsMutations) {
  EXPECT_GE(core::run_corpus(SANJAY_CORPUS_DIR "/public_key", 100, fuzz_public_key), 6U);
}

}  // namespace
}  // namespace sanjay::auth
