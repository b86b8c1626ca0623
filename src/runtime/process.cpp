// SPDX-License-Identifier: Apache-2.0
#include "runtime/process.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string_view>

namespace sanjay::runtime {
namespace {

core::Duration to_duration(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// proc(5), statm: total size, then resident set, in pages.
void read_memory(ProcessUsage& usage) {
  const int descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  std::array<char, 128> text;
  const ssize_t size = read(descriptor, text.data(), text.size());
  close(descriptor);
  if (size <= 0) return;
  const char* const end = text.data() + size;
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const auto total = std::from_chars(text.data(), end, usage.virtual_bytes);
  if (total.ec != std::errc() || total.ptr == end) return;
  std::from_chars(total.ptr + 1, end, usage.resident_bytes);
  usage.virtual_bytes *= page;
  usage.resident_bytes *= page;
}

}  // namespace

ProcessUsage process_usage() {
  ProcessUsage usage;
  rusage own{};
  if (getrusage(RUSAGE_SELF, &own) == 0) {
    usage.cpu = to_duration(own.ru_utime) + to_duration(own.ru_stime);
  }
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) usage.open_files_max = files.rlim_cur;
  read_memory(usage);
  return usage;
}

void return_freed_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

}  // namespace sanjay::runtime
