// SPDX-License-Identifier: Apache-2.0
#include "runtime/entropy.h"

#include "core/assert.h"

#include <sys/random.h>

#include <cerrno>

namespace sanjay::runtime {

void fill_random(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = getrandom(bytes.data(), bytes.size(), 0);
    if (n < 0) {
      ASSERT(errno == EINTR);
      continue;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace sanjay::runtime
