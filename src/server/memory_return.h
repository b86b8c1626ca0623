// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace sanjay::server {

/// When memory that the server no longer needs goes back to the operating system. The allocator
/// keeps what was freed; asking it to give that back costs milliseconds, so this is done once after
/// a burst is over and not while the load still falls. One thread.
class MemoryReturn {
 public:
  /// To be called about once a second with the bytes that connections and what waits for them need,
  /// roughly. True when memory should be given back now.
  bool due(std::uint64_t needed);

 private:
  static constexpr std::uint64_t kWorthwhile = 1 << 20;
  static constexpr unsigned kCalm = 5;  // calls without a further fall

  std::uint64_t peak_ = 0;    // since memory was last given back
  std::uint64_t lowest_ = 0;  // since the peak
  unsigned calm_ = 0;
};

}  // namespace sanjay::server
