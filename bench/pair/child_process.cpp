// SPDX-License-Identifier: Apache-2.0
#include "bench/pair/child_process.h"

#include "bench/measure/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

namespace sanjay::bench {
namespace {

constexpr auto kEndPoll = std::chrono::milliseconds(20);
constexpr int kEndPolls = 250;

// In the new process; does not return.
[[noreturn]] void become(const std::string& command, int cpu, int output) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  dup2(output, STDOUT_FILENO);
  if (cpu >= 0 && !pin_to_cpu(cpu)) _exit(126);
  // "exec" makes the shell's process the server's own, so that its pid is the one measured.
  const std::string line = "exec " + command;
  execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
  _exit(127);
}

}  // namespace

core::Result<ChildProcess> ChildProcess::start(const std::string& command, int cpu) {
  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) {
    return core::failure(fmt::format("pipe: {}", std::strerror(errno)));
  }
  const int pid = fork();
  if (pid == 0) become(command, cpu, pipe_ends[1]);
  close(pipe_ends[1]);
  if (pid < 0) {
    close(pipe_ends[0]);
    return core::failure(fmt::format("fork: {}", std::strerror(errno)));
  }
  return ChildProcess(pid, pipe_ends[0]);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), output_(std::exchange(other.output_, -1)) {}

ChildProcess::~ChildProcess() {
  if (output_ >= 0) close(output_);
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  for (int i = 0; i < kEndPolls; ++i) {
    if (waitpid(pid_, nullptr, WNOHANG) != 0) return;
    std::this_thread::sleep_for(kEndPoll);
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool ChildProcess::running() const {
  siginfo_t info{};
  const int r = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
  return r == 0 && info.si_pid == 0;
}

core::Result<std::string> ChildProcess::read_line(core::Duration timeout) {
  std::string line;
  for (;;) {
    pollfd readable{.fd = output_, .events = POLLIN, .revents = 0};
    const int ready = poll(&readable, 1, static_cast<int>(core::to_milliseconds(timeout)));
    if (ready <= 0) return core::failure("no line of output in time");
    char c = 0;
    if (read(output_, &c, 1) != 1) return core::failure("it ended before it said anything");
    if (c == '\n') return line;
    line += c;
  }
}

}  // namespace sanjay::bench
