// SPDX-License-Identifier: Apache-2.0
#include "bench/cli/commands.h"
#include "bench/cli/flags.h"
#include "bench/scenarios/connections.h"

#include <fmt/format.h>

#include <memory>
#include <string>

namespace sanjay::bench {
namespace {

struct ConnectFlags {
  ConnectOptions options;
  RunFlags run;
};

struct IdleFlags {
  core::Duration close_and_wait{-1};  // negative: not asked for
  IdleOptions options;
  RunFlags run;
};

int connect(ConnectFlags& flags) {
  if (auto valid = resolve(flags.run, flags.options.client); !valid) return fail(valid.error());
  flags.options.server_pid = flags.run.server_pid;
  auto result = run_connect(flags.options);
  if (!result) return fail(result.error());
  Report report("connect");
  add_run(report, flags.run, flags.options.client);
  report.add("connect_rate_max", flags.options.client.connect_rate);
  report.add("connect_parallel", flags.options.client.connect_parallel);
  add_usage(report, result->measurement.usage, "connection", result->measurement.operations);
  report.add_latency("connect", result->connect_ns);
  return finish(report, flags.run, true);
}

// What one connection more costs between two points: a slope, so fixed costs cancel out.
void add_slope(Report& report, const IdlePoint& from, const IdlePoint& to) {
  const double connections = static_cast<double>(to.connections - from.connections);
  const std::string range = fmt::format("_{}_to_{}", from.connections, to.connections);
  const auto add = [&](const char* name, std::int64_t less, std::int64_t more) {
    report.add(name + range, static_cast<double>(more - less) / connections);
  };
  const MemoryReading& before = from.memory;
  const MemoryReading& after = to.memory;
  if (after.server.resident > 0) {
    add("server_rss_bytes_per_connection", before.server.resident, after.server.resident);
    add("server_pss_bytes_per_connection", before.server.proportional, after.server.proportional);
  }
  add("client_rss_bytes_per_connection", before.client.resident, after.client.resident);
  add("kernel_slab_bytes_per_connection", before.kernel.slab, after.kernel.slab);
  add("kernel_unreclaimable_bytes_per_connection", before.kernel.slab_unreclaimable,
      after.kernel.slab_unreclaimable);
  add("kernel_tcp_buffer_bytes_per_connection", before.kernel.tcp_buffers,
      after.kernel.tcp_buffers);
}

int idle(IdleFlags& flags) {
  if (auto valid = resolve(flags.run, flags.options.client); !valid) return fail(valid.error());
  flags.options.server_pid = flags.run.server_pid;
  if (flags.close_and_wait >= core::Duration(0)) {
    flags.options.close_and_wait = flags.close_and_wait;
  }
  auto result = run_idle(flags.options);
  if (!result) return fail(result.error());
  Report report("idle");
  add_run(report, flags.run, flags.options.client);
  for (const IdlePoint& point : result->points) {
    const std::string at = fmt::format("_at_{}", point.connections);
    if (point.memory.server.resident > 0) {
      report.add("server_rss_bytes" + at, point.memory.server.resident);
      report.add("server_pss_bytes" + at, point.memory.server.proportional);
    }
    report.add("kernel_slab_bytes" + at, point.memory.kernel.slab);
  }
  for (std::size_t i = 1; i < result->points.size(); ++i) {
    add_slope(report, result->points[i - 1], result->points[i]);
  }
  const double connections = result->points.back().connections;
  const double seconds = std::chrono::duration<double>(result->usage.wall).count();
  report.add("connections", result->points.back().connections);
  report.add("held_s", seconds);
  const auto microseconds = [&](core::Duration cpu) {
    return static_cast<double>(cpu.count()) / 1000 / connections / seconds;
  };
  report.add("server_cpu_us_per_connection_second", microseconds(result->usage.server.total));
  report.add("client_cpu_us_per_connection_second", microseconds(result->usage.client.total));
  if (result->after_close) {
    report.add("server_rss_bytes_after_close", result->after_close->server.resident);
    report.add("kernel_slab_bytes_after_close", result->after_close->kernel.slab);
  }
  return finish(report, flags.run, true);
}

}  // namespace

void add_connect_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("connect", "Cost and latency of opening connections");
  auto flags = std::make_shared<ConnectFlags>();
  add_run_flags(*command, flags->run);
  add_client_flags(*command, flags->options.client);
  command->add_option("--connections", flags->options.connections, "How many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_subscription_flag(*command, "--channels", flags->options.subscription, "connection");
  command->add_option("--channel", flags->options.channel, "Name or prefix of channels")
      ->capture_default_str();
  command->callback([flags, &exit_code] { exit_code = connect(*flags); });
}

void add_idle_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("idle", "Memory and CPU of connections that do nothing");
  auto flags = std::make_shared<IdleFlags>();
  add_run_flags(*command, flags->run);
  add_client_flags(*command, flags->options.client);
  command
      ->add_option("--points", flags->options.points,
                   "Numbers of connections at which memory is read, ascending: 10000,50000")
      ->delimiter(',')
      ->required();
  add_subscription_flag(*command, "--channels", flags->options.subscription, "connection");
  command->add_option("--channel", flags->options.channel, "Name or prefix of channels")
      ->capture_default_str();
  add_seconds(*command, "--settle", flags->options.settle, "Wait so long before memory is read");
  add_seconds(*command, "--duration", flags->options.duration, "Hold the last point for so long");
  add_seconds(*command, "--close-and-wait", flags->close_and_wait,
              "Then close all, and read memory once more so much later")
      ->default_str("");
  command->callback([flags, &exit_code] { exit_code = idle(*flags); });
}

}  // namespace sanjay::bench
