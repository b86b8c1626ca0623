// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/usage_meter.h"

#include <string>

namespace sanjay::bench {
namespace {

double per(core::Duration cost, std::uint64_t operations) {
  return operations == 0 ? 0 : static_cast<double>(cost.count()) / static_cast<double>(operations);
}

double share(core::Duration cpu, core::Duration wall) {
  return wall.count() == 0 ? 0
                           : static_cast<double>(cpu.count()) / static_cast<double>(wall.count());
}

}  // namespace

double Usage::server_ns_per(std::uint64_t operations) const {
  return per(server.total, operations);
}
double Usage::client_ns_per(std::uint64_t operations) const {
  return per(client.total, operations);
}

core::Result<UsageMeter> UsageMeter::start(int server_pid) {
  UsageMeter meter;
  meter.server_pid_ = server_pid;
  if (server_pid != 0) {
    SANJAY_TRY(meter.server_, read_process_cpu(server_pid));
  }
  SANJAY_TRY(meter.client_, read_process_cpu(0));
  meter.began_ = meter.clock_.now();
  return meter;
}

core::Result<Usage> UsageMeter::read() const {
  Usage usage;
  usage.wall = clock_.now() - began_;
  if (server_pid_ != 0) {
    SANJAY_TRY(const ProcessCpu server, read_process_cpu(server_pid_));
    usage.server = server - server_;
  }
  SANJAY_TRY(const ProcessCpu client, read_process_cpu(0));
  usage.client = client - client_;
  return usage;
}

void add_usage(Report& report, const Usage& usage, std::string_view operation,
               std::uint64_t operations) {
  const std::string name(operation);
  const double seconds = std::chrono::duration<double>(usage.wall).count();
  report.add("operation", name);
  report.add("operations", operations);
  report.add("wall_s", seconds);
  report.add("operations_per_s", seconds > 0 ? static_cast<double>(operations) / seconds : 0);
  if (usage.server.total.count() > 0) {
    report.add("server_cpu_ns_per_" + name, usage.server_ns_per(operations));
    report.add("server_cpu_cores", share(usage.server.total, usage.wall));
    report.add("server_cpu_user_share",
               share(usage.server.user, usage.server.user + usage.server.system));
  }
  report.add("client_cpu_ns_per_" + name, usage.client_ns_per(operations));
  report.add("client_cpu_cores", share(usage.client.total, usage.wall));
}

}  // namespace sanjay::bench
