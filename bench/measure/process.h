// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/time.h"

#include <cstdint>
#include <string>

namespace sanjay::bench {

/// What the operating system has accounted to a process so far, all its threads (kernel workers of
/// its rings included) in user and system mode together.
struct ProcessCpu {
  core::Duration total{};  // scheduler's own count, nanoseconds (task/*/schedstat)
  core::Duration user{};   // from stat, in ticks of 10 ms: for the split only
  core::Duration system{};
};

ProcessCpu operator-(const ProcessCpu& later, const ProcessCpu& earlier);

/// Fails when there is no such process or it may not be looked at. `pid` 0 is this process.
core::Result<ProcessCpu> read_process_cpu(int pid);

/// Memory of a process in bytes (smaps_rollup).
struct ProcessMemory {
  std::int64_t resident = 0;
  std::int64_t proportional = 0;  // shared pages divided among those who share them
};

core::Result<ProcessMemory> read_process_memory(int pid);

/// The cheap view of it (status): without a walk over the pages, so fit for a process under load.
struct ResidentMemory {
  std::int64_t present = 0;
  std::int64_t peak = 0;  // since the process began
};

core::Result<ResidentMemory> read_resident_memory(int pid);

/// For progress lines: "server RSS 512 MiB"; empty without a server process (`server_pid` 0).
std::string resident_text(int server_pid);

/// Memory the kernel holds for the whole machine, in bytes: both ends of every connection and the
/// generator's own driver are in it.
struct KernelMemory {
  std::int64_t slab = 0;
  std::int64_t slab_unreclaimable = 0;
  std::int64_t tcp_buffers = 0;
};

KernelMemory read_kernel_memory();

/// All of these at one moment.
struct MemoryReading {
  ProcessMemory server;  // zero without a server process
  ProcessMemory client;
  KernelMemory kernel;
};

/// `server_pid` 0: there is no server process to look at.
core::Result<MemoryReading> read_memory(int server_pid);

/// Pins the calling thread, and what it starts from now on, to one CPU.
core::Status pin_to_cpu(int cpu);

}  // namespace sanjay::bench
