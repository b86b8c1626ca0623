// SPDX-License-Identifier: Apache-2.0
#include "core/corpus_test.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace sanjay::runtime {

void fuzz_tls_session(const std::uint8_t* data, std::size_t size);

namespace {

TEST(TlsSessionFuzz, HoldsOnTheCorpusAndItsMutations) {
  EXPECT_GE(core::run_corpus(SANJAY_CORPUS_DIR "/tls_session", 50, fuzz_tls_session), 10U);
}

}  // namespace
}  // namespace sanjay::runtime
