// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/time.h"

#include <cstdint>
#include <string>

namespace sanjay::runtime {

/// What the operating system accounts to this process. Any thread; reads no descriptor list, so
/// that it costs the same however many connections there are.
struct ProcessUsage {
  core::Duration cpu{};  // user and system
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_files_max = 0;  // the soft limit
};

ProcessUsage process_usage();

/// Gives memory that was freed, and that the allocator has kept, back to the operating system. Any
/// thread; another one that allocates meanwhile may wait for milliseconds.
void return_freed_memory();

/// The machine's name; "localhost" if it has none.
std::string host_name();

}  // namespace sanjay::runtime
