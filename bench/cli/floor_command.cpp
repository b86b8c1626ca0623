// SPDX-License-Identifier: Apache-2.0
#include "bench/cli/commands.h"
#include "bench/cli/flags.h"
#include "bench/floor/floor_server.h"
#include "bench/measure/process.h"

#include <map>
#include <memory>

namespace sanjay::bench {
namespace {

struct FloorFlags {
  FloorOptions options;
  int cpu = -1;
};

int serve(const FloorFlags& flags) {
  if (flags.cpu >= 0) {
    if (auto pinned = pin_to_cpu(flags.cpu); !pinned) return fail(pinned.error());
  }
  return fail(run_floor_server(flags.options).error());  // it returns only with a failure
}

}  // namespace

void add_floor_server_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "floor-server", "The cheapest possible server for --protocol ws, to compare others with");
  auto flags = std::make_shared<FloorFlags>();
  const std::map<std::string, FloorMode> modes{
      {"echo", FloorMode::Echo}, {"fan", FloorMode::Fan}, {"fan-epoll", FloorMode::FanEpoll}};
  command->add_option("--mode", flags->options.mode, "Back to the sender, or to every connection")
      ->transform(CLI::CheckedTransformer(modes))
      ->type_name("echo|fan|fan-epoll")
      ->required();
  command->add_option("--port", flags->options.port, "Port on 127.0.0.1 (0: a free one)");
  command->add_option("--cpu", flags->cpu, "CPU to run on")->check(CLI::NonNegativeNumber);
  command
      ->add_option("--sends-per-submit", flags->options.sends_per_submit, "Batch of the fan floor")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->callback([flags, &exit_code] { exit_code = serve(*flags); });
}

}  // namespace sanjay::bench
