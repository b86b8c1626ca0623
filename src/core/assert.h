// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace sanjay::core {

/// Prints the broken condition with its place and aborts. Never returns.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace sanjay::core

/// States what must hold if our own code is right; checked in every build. A peer's fault is never
/// an ASSERT: it is a Result that names the consequence.
#define ASSERT(condition)                                               \
  do {                                                                  \
    if (!(condition)) [[unlikely]]                                      \
      ::sanjay::core::assertion_failed(#condition, __FILE__, __LINE__); \
  } while (false)
