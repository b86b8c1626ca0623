// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace sanjay::protocol {

/// How a field's value is written: the low three bits of its tag. Source: the Protocol Buffers
/// encoding specification.
enum class WireType : std::uint8_t {
  Varint = 0,
  Fixed64 = 1,
  Bytes = 2,  // length-delimited: strings, bytes, messages
  GroupStart = 3,
  GroupEnd = 4,
  Fixed32 = 5,
};

inline constexpr std::size_t kVarintBytesMax = 10;   // of a value
inline constexpr std::size_t kVarint32BytesMax = 5;  // of a tag or a length

}  // namespace sanjay::protocol
