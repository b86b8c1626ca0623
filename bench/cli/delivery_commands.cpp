// SPDX-License-Identifier: Apache-2.0
#include "bench/cli/commands.h"
#include "bench/cli/flags.h"
#include "bench/scenarios/fanout.h"

#include <memory>

namespace sanjay::bench {
namespace {

struct FanoutFlags {
  FanoutOptions options;
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

}  // namespace sanjay::bench
