// SPDX-License-Identifier: Apache-2.0
#include "bench/cli/commands.h"
#include "bench/cli/flags.h"
#include "bench/cli/open_loop.h"
#include "bench/scenarios/latency.h"

#include <memory>

namespace sanjay::bench {
namespace {

struct LatencyFlags {
  unsigned nap_us = 0;
  LatencyOptions options;
  RunFlags run;
};

void add_counters(Report& report, const ServerCounters& counters) {
  const auto ratio = [](std::uint64_t of, std::uint64_t to) {
    return to == 0 ? 0 : static_cast<double>(of) / static_cast<double>(to);
  };
  report.add("server_frames", counters.deliveries);
  report.add("server_sends", counters.sends);
  report.add("server_waits", counters.waits);
  report.add("frames_per_send", ratio(counters.deliveries, counters.sends));
  report.add("sends_per_wait", ratio(counters.sends, counters.waits));
}

int latency(LatencyFlags& flags) {
  LatencyOptions& options = flags.options;
  options.nap = std::chrono::microseconds(flags.nap_us);
  if (auto valid = resolve(flags.run, options.client); !valid) return fail(valid.error());
  options.server_pid = flags.run.server_pid;
  auto result = run_latency(options);
  if (!result) return fail(result.error());
  Report report("latency");
  add_run(report, flags.run, options.client);
  add_open_loop(report, options);
  report.add("stalled", options.stalled);
  report.add("crawling", options.crawling);
  report.add("slow_left", result->slow_left);
  report.add("idle", options.idle);
  report.add("overload", std::uint64_t{options.overload});
  add_verdict(report, options, result->verdict);
  report.add_latency("latency", result->latency_ns);
  report.add_histogram("latency", result->latency_ns);
  report.add_latency("publisher_lateness", result->lateness_ns);
  add_usage(report, result->usage, "delivery", result->measured_deliveries);
  const double seconds = std::chrono::duration<double>(result->usage.wall).count();
  if (options.server_pid != 0 && seconds > 0) {
    report.add("server_cpu_us_per_connection_second",
               static_cast<double>(result->usage.server.total.count()) / 1000 / seconds /
                   result->memory.connections);
  }
  add_memory(report, result->memory);
  if (result->counters) add_counters(report, *result->counters);
  report.add("interrupted", result->interrupted);
  return finish(report, flags.run, result->sound());
}

}  // namespace

void add_latency_command(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("latency", "Latency from publish to delivery at a fixed rate (open loop)");
  auto flags = std::make_shared<LatencyFlags>();
  LatencyOptions& options = flags->options;
  add_run_flags(*command, flags->run);
  add_client_flags(*command, options.client);
  add_open_loop_flags(*command, options, flags->nap_us);
  command
      ->add_option("--stalled", options.stalled,
                   "More subscribers that stop reading; the server must give them up")
      ->capture_default_str();
  command
      ->add_option("--crawling", options.crawling,
                   "More subscribers that read 1 KiB a second; the server must give them up")
      ->capture_default_str();
  command->add_option("--idle", options.idle, "More connections that do nothing but answer pings")
      ->capture_default_str();
  add_subscription_flag(*command, "--idle-channels", options.idle_subscription, "of these");
  command->add_flag("--overload", options.overload,
                    "More is asked than can be done: subscribers closed as slow and publications "
                    "refused are counted, a loss without it fails the run");
  add_seconds(*command, "--duration", options.duration, "Measured time");
  command->callback([flags, &exit_code] { exit_code = latency(*flags); });
}

}  // namespace sanjay::bench
