// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/time.h"

#include <optional>
#include <string>

namespace sanjay::bench {

/// A server that this process starts and ends. The destructor sends SIGTERM, and SIGKILL when that
/// does not help within five seconds; if this process dies first, the kernel sends SIGTERM. Only
/// while no other threads run: it forks.
class ChildProcess {
 public:
  /// Runs a shell command on one CPU (none if negative); its standard output comes back here.
  static core::Result<ChildProcess> start(const std::string& command, int cpu);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  int pid() const { return pid_; }
  /// The next line of its standard output; fails after `timeout` or when it has ended.
  core::Result<std::string> read_line(core::Duration timeout);
  bool running() const;

 private:
  ChildProcess(int pid, int output) : pid_(pid), output_(output) {}

  int pid_;
  int output_;
};

}  // namespace sanjay::bench
