// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace sanjay::runtime {

/// Fills the bytes from the kernel's CSPRNG (getrandom). For keys, seeds and unguessable ids.
/// Blocks only before the kernel's pool is first seeded. Any thread.
void fill_random(std::span<std::byte> bytes);

}  // namespace sanjay::runtime
