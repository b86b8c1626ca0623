// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sanjay::websocket {

/// Masks or unmasks `bytes` in place (RFC 6455 §5.3; the operation is its own inverse). `mask` is
/// the key as a big-endian number, `offset` how many octets of the frame's payload came before.
void apply_mask(std::span<char> bytes, std::uint32_t mask, std::size_t offset = 0);

}  // namespace sanjay::websocket
