// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/process.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

namespace sanjay::bench {
namespace {

std::string process_folder(int pid) {
  return pid == 0 ? "/proc/self" : "/proc/" + std::to_string(pid);
}

std::optional<std::string> read_text(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The number behind "Name:" in kB, as bytes; 0 when there is no such line.
std::int64_t kilobytes_of(const std::string& text, std::string_view name) {
  const std::string wanted = std::string(name) + ":";
  std::size_t at = text.starts_with(wanted) ? 0 : text.find("\n" + wanted);
  if (at == std::string::npos) return 0;
  at = text.find(':', at) + 1;
  return std::strtoll(text.c_str() + at, nullptr, 10) * 1024;
}

core::Duration ticks(std::int64_t count) {
  return std::chrono::nanoseconds(count * (1'000'000'000 / sysconf(_SC_CLK_TCK)));
}

}  // namespace

ProcessCpu operator-(const ProcessCpu& later, const ProcessCpu& earlier) {
  return {later.total - earlier.total, later.user - earlier.user, later.system - earlier.system};
}

core::Result<ProcessCpu> read_process_cpu(int pid) {
  const std::string folder = process_folder(pid);
  const auto stat = read_text(folder + "/stat");
  if (!stat) return core::failure("cannot read " + folder + "/stat: is the process there?");
  ProcessCpu cpu;
  // Fields 14 and 15, counted from behind the name, which may hold spaces and parentheses.
  std::istringstream fields(stat->substr(stat->rfind(')') + 1));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  std::int64_t user = 0;
  std::int64_t system = 0;
  fields >> user >> system;
  cpu.user = ticks(user);
  cpu.system = ticks(system);

  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(opendir((folder + "/task").c_str()), closedir);
  if (tasks == nullptr) return core::failure("cannot list " + folder + "/task");
  while (const dirent* task = readdir(tasks.get())) {
    if (task->d_name[0] == '.') continue;
    // A thread that has just ended is skipped; nothing that is measured here ends threads.
    if (const auto text = read_text(folder + "/task/" + task->d_name + "/schedstat")) {
      cpu.total += std::chrono::nanoseconds(std::strtoll(text->c_str(), nullptr, 10));
    }
  }
  // Without CONFIG_SCHED_INFO there is no schedstat: the ticks must do.
  if (cpu.total == core::Duration::zero()) cpu.total = cpu.user + cpu.system;
  return cpu;
}

core::Result<ProcessMemory> read_process_memory(int pid) {
  const std::string path = process_folder(pid) + "/smaps_rollup";
  const auto text = read_text(path);
  if (!text || text->empty()) return core::failure("cannot read " + path);
  return ProcessMemory{kilobytes_of(*text, "Rss"), kilobytes_of(*text, "Pss")};
}

core::Result<ResidentMemory> read_resident_memory(int pid) {
  const std::string path = process_folder(pid) + "/status";
  const auto text = read_text(path);
  if (!text) return core::failure("cannot read " + path);
  return ResidentMemory{kilobytes_of(*text, "VmRSS"), kilobytes_of(*text, "VmHWM")};
}

std::string resident_text(int server_pid) {
  if (server_pid == 0) return "";
  const auto memory = read_resident_memory(server_pid);
  if (!memory) return "server RSS unknown";
  return fmt::format("server RSS {} MiB", memory->present >> 20);
}

core::Result<MemoryReading> read_memory(int server_pid) {
  MemoryReading reading;
  if (server_pid != 0) {
    SANJAY_TRY(reading.server, read_process_memory(server_pid));
  }
  SANJAY_TRY(reading.client, read_process_memory(0));
  reading.kernel = read_kernel_memory();
  return reading;
}

KernelMemory read_kernel_memory() {
  KernelMemory memory;
  if (const auto text = read_text("/proc/meminfo")) {
    memory.slab = kilobytes_of(*text, "Slab");
    memory.slab_unreclaimable = kilobytes_of(*text, "SUnreclaim");
  }
  if (const auto text = read_text("/proc/net/sockstat")) {
    const std::size_t line = text->find("TCP:");
    const std::size_t at = line == std::string::npos ? line : text->find(" mem ", line);
    if (at != std::string::npos) {
      memory.tcp_buffers =
          std::strtoll(text->c_str() + at + 5, nullptr, 10) * sysconf(_SC_PAGESIZE);
    }
  }
  return memory;
}

core::Status pin_to_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (sched_setaffinity(0, sizeof set, &set) == 0) return {};
  return core::failure(fmt::format("cannot run on CPU {}: {}", cpu, std::strerror(errno)));
}

}  // namespace sanjay::bench
