// SPDX-License-Identifier: Apache-2.0
#include "server/memory_return.h"

#include "core/failpoint.h"

namespace sanjay::server {

bool MemoryReturn::due(std::uint64_t needed) {
  if (needed >= peak_) {
    peak_ = lowest_ = needed;
    calm_ = 0;
    return false;
  }
  if (needed < lowest_) {
    lowest_ = needed;
    calm_ = 0;
    return false;
  }
  const std::uint64_t fallen = peak_ - needed;
  if (fallen < kWorthwhile || fallen < peak_ / 4 || ++calm_ < kCalm) return false;
  peak_ = lowest_ = needed;
  calm_ = 0;
  return !FAILPOINT("server.memory_return");
}

}  // namespace sanjay::server
