// SPDX-License-Identifier: Apache-2.0
#include "bench/cli/commands.h"
#include "bench/cli/flags.h"
#include "bench/scenarios/fanout.h"
#include "bench/scenarios/latency.h"

#include <memory>

namespace sanjay::bench {
namespace {

struct FanoutFlags {
  FanoutOptions options;
  RunFlags run;
};

struct LatencyFlags {
  unsigned nap_us = 0;
  LatencyOptions options;
  RunFlags run;
};

int fanout(FanoutFlags& flags, const char* scenario) {
  FanoutOptions& options = flags.options;
  if (auto valid = resolve(flags.run, options.client); !valid) return fail(valid.error());
  options.server_pid = flags.run.server_pid;
  auto result = run_fanout(options);
  if (!result) return fail(result.error());
  Report report(scenario);
  add_run(report, flags.run, options.client);
  report.add("receivers", result->receivers);
  report.add("publishers", options.publishers);
  report.add("window", options.window);
  report.add("payload_bytes", std::uint64_t{options.payload_bytes});
  report.add("message_bytes", std::uint64_t{result->delivered_message.size()});
  report.add("published", result->published);
  add_usage(report, result->measurement.usage, "delivery", result->measurement.operations);
  report.add("lost", result->faults.lost);
  report.add("duplicate", result->faults.duplicate);
  report.add("misordered", result->faults.misordered);
  report.add("differing_streams", result->faults.differing_streams);
  report.add("interrupted", result->interrupted);
  return finish(report, flags.run, result->sound());
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
  report.add("channels", options.channels);
  report.add("subscribers_per_channel", options.subscribers_per_channel);
  report.add("publishers", options.publishers);
  report.add("stalled", options.stalled);
  report.add("crawling", options.crawling);
  report.add("slow_left", result->slow_left);
  report.add("rate_per_s", options.rate);
  report.add("nap_us", std::uint64_t{flags.nap_us});
  report.add("payload_bytes", std::uint64_t{options.payload_bytes});
  report.add("published", result->published);
  report.add("expected_deliveries", result->expected);
  report.add("deliveries", result->delivered);
  report.add_latency("latency", result->latency_ns);
  report.add_histogram("latency", result->latency_ns);
  report.add_latency("publisher_lateness", result->lateness_ns);
  add_usage(report, result->usage, "delivery", result->measured_deliveries);
  report.add("interrupted", result->interrupted);
  return finish(report, flags.run, result->sound());
}

std::shared_ptr<FanoutFlags> add_fanout_flags(CLI::App& command) {
  auto flags = std::make_shared<FanoutFlags>();
  FanoutOptions& options = flags->options;
  add_run_flags(command, flags->run);
  add_client_flags(command, options.client);
  add_effort_flags(command, options.effort);
  command.add_option("--subscribers", options.subscribers, "Connections on the channel")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--publishers", options.publishers, "Connections that publish")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--window", options.window, "Messages in flight of each publisher")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--size", options.payload_bytes, "Bytes of the published data, at least 56")
      ->capture_default_str();
  command.add_option("--channel", options.channel, "The channel")->capture_default_str();
  return flags;
}

}  // namespace

void add_fanout_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "fanout", "Cost of delivering a message to all subscribers of a channel (closed loop)");
  auto flags = add_fanout_flags(*command);
  command->callback([flags, &exit_code] { exit_code = fanout(*flags, "fanout"); });
}

void add_verify_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "verify",
      "Proof that every message of several publishers arrives everywhere, once, in order");
  auto flags = add_fanout_flags(*command);
  flags->options.publishers = 4;
  flags->options.window = 16;
  flags->options.effort = {.rounds = 1000, .duration = {}, .warmup_rounds = 0};
  command->callback([flags, &exit_code] { exit_code = fanout(*flags, "verify"); });
}

void add_latency_command(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("latency", "Latency from publish to delivery at a fixed rate (open loop)");
  auto flags = std::make_shared<LatencyFlags>();
  LatencyOptions& options = flags->options;
  add_run_flags(*command, flags->run);
  add_client_flags(*command, options.client);
  command->add_option("--channels", options.channels, "How many channels")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--subscribers", options.subscribers_per_channel, "On each channel")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--publishers", options.publishers, "Connections that publish")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command
      ->add_option("--stalled", options.stalled,
                   "More subscribers that stop reading; the server must give them up")
      ->capture_default_str();
  command
      ->add_option("--crawling", options.crawling,
                   "More subscribers that read 1 KiB a second; the server must give them up")
      ->capture_default_str();
  command
      ->add_option("--nap", flags->nap_us,
                   "Microseconds to sleep when idle, instead of spinning: for a shared CPU")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  command->add_option("--rate", options.rate, "Messages per second, all channels together")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--size", options.payload_bytes, "Bytes of the published data, at least 56")
      ->capture_default_str();
  command->add_option("--channel", options.channel, "Prefix of the channels")
      ->capture_default_str();
  add_seconds(*command, "--warmup", options.warmup, "At full rate before measuring begins");
  add_seconds(*command, "--duration", options.duration, "Measured time");
  command->callback([flags, &exit_code] { exit_code = latency(*flags); });
}

}  // namespace sanjay::bench
