// SPDX-License-Identifier: Apache-2.0
#include "bench/cli/commands.h"
#include "bench/cli/flags.h"
#include "bench/cli/open_loop.h"
#include "bench/scenarios/storm.h"

#include <memory>

namespace sanjay::bench {
namespace {

struct StormFlags {
  unsigned nap_us = 0;
  StormOptions options;
  RunFlags run;
};

void add_stretch(Report& report, const StormStretch& stretch, std::string_view suffix) {
  report.add_latency("latency", stretch.latency_ns, suffix);
  report.add_latency("publisher_lateness", stretch.lateness_ns, suffix);
}

void add_storm(Report& report, const StormResult& result) {
  const double seconds = std::chrono::duration<double>(result.storm).count();
  const auto p99 = [](const StormStretch& stretch) {
    return static_cast<double>(stretch.latency_ns.value_at(0.99));
  };
  report.add("storm_s", seconds);
  report.add("reconnects", result.reconnects);
  report.add("reconnects_per_s",
             seconds > 0 ? static_cast<double>(result.reconnects) / seconds : 0);
  report.add_latency("connect", result.reconnect_ns);
  add_stretch(report, result.before, "_before");
  add_stretch(report, result.during, "_during");
  add_stretch(report, result.after, "_after");
  const double before = p99(result.before);
  report.add("latency_p99_ratio", before > 0 ? p99(result.during) / before : 0);
  const auto cores = [](const Usage& usage, const ProcessCpu& cpu) {
    return usage.wall.count() == 0
               ? 0
               : static_cast<double>(cpu.total.count()) / static_cast<double>(usage.wall.count());
  };
  if (result.usage_during.server.total.count() > 0) {
    report.add("server_cpu_us_per_reconnect", result.server_ns_per_reconnect() / 1000);
    report.add("server_cpu_cores_before", cores(result.usage_before, result.usage_before.server));
    report.add("server_cpu_cores_during", cores(result.usage_during, result.usage_during.server));
  }
  report.add("client_cpu_cores_before", cores(result.usage_before, result.usage_before.client));
  report.add("client_cpu_cores_during", cores(result.usage_during, result.usage_during.client));
}

int storm(StormFlags& flags) {
  StormOptions& options = flags.options;
  options.load.nap = std::chrono::microseconds(flags.nap_us);
  if (auto valid = resolve(flags.run, options.load.client); !valid) return fail(valid.error());
  options.load.server_pid = flags.run.server_pid;
  auto result = run_storm(options);
  if (!result) return fail(result.error());
  Report report("storm");
  add_run(report, flags.run, options.load.client);
  add_open_loop(report, options.load);
  report.add("connect_parallel", options.load.client.connect_parallel);
  report.add("established",
             std::uint64_t{options.load.channels} * options.load.subscribers_per_channel);
  report.add("established_closed", result->verdict.closed_count());
  add_storm(report, *result);
  add_verdict(report, options.load, result->verdict);
  add_memory(report, result->memory);
  report.add("interrupted", result->interrupted);
  return finish(report, flags.run, result->sound());
}

}  // namespace

void add_storm_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "storm", "What subscribers feel of many others who were cut and reconnect at once");
  auto flags = std::make_shared<StormFlags>();
  StormOptions& options = flags->options;
  add_run_flags(*command, flags->run);
  add_client_flags(*command, options.load.client);
  add_open_loop_flags(*command, options.load, flags->nap_us);
  command->add_option("--reconnecting", options.load.idle, "Clients that are cut and reconnect")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_subscription_flag(*command, "--reconnecting-channels", options.load.idle_subscription,
                        "of these");
  add_seconds(*command, "--baseline", options.load.duration, "Measured time before the storm");
  add_seconds(*command, "--after", options.after, "Measured time after it");
  command->callback([flags, &exit_code] { exit_code = storm(*flags); });
}

}  // namespace sanjay::bench
