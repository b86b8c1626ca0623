// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace sanjay::core {

/// 128-bit secret chosen at start, so that nobody outside can aim names at one bucket or shard.
struct SipKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
};

/// SipHash-1-3 of the bytes (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, with
/// the reduced rounds that Rust and Python use for hash tables).
std::uint64_t siphash(const SipKey& key, std::string_view bytes) noexcept;

}  // namespace sanjay::core
