// SPDX-License-Identifier: Apache-2.0
#include "bench/cli/commands.h"
#include "bench/cli/flags.h"
#include "bench/pair/pair.h"

#include <map>
#include <memory>
#include <string>

namespace sanjay::bench {
namespace {

struct PairFlags {
  PairOptions options;
  RunFlags run;
};

int pair(PairFlags& flags) {
  const auto tables = run_pairs(flags.options);
  if (!tables) return fail(tables.error());
  flags.run.url = flags.options.server.url;
  for (const PairTable& table : *tables) {
    print(table);
    Report report("pair-" + table.scenario);
    add_run(report, flags.run, flags.options.client);
    const bool fanout = table.operation == "delivery";
    report.add("connections", fanout ? flags.options.subscribers : flags.options.connections);
    report.add("payload_bytes", std::uint64_t{flags.options.payload_bytes});
    report.add("pairs", flags.options.pairs);
    add_pair(report, table);
    if (auto written = report.append_to(flags.run.json_path); !written) {
      return fail(written.error());
    }
  }
  return 0;
}

void add_server_flags(CLI::App& command, PairOptions& options) {
  command
      .add_option("--server-cmd", options.server.command, "Shell command that starts the server")
      ->required();
  command.add_option("--url", options.server.url, "Where it then speaks Centrifuge")->required();
  add_protocol_flag(command, "--server-protocol", options.server.protocol,
                    "What the server is spoken to");
  command.add_option("--echo-url", options.server.echo_url, "Where it echoes, for `echo`");
  command.add_option("--peer-cmd", options.peer.command, "Starts a third party to compare with");
  command.add_option("--peer-url", options.peer.url, "Where the peer listens");
  command.add_option("--peer-echo-url", options.peer.echo_url, "Where the peer echoes");
  options.peer.protocol = Protocol::WebSocket;
  add_protocol_flag(command, "--peer-protocol", options.peer.protocol, "What the peer speaks (ws)");
  command.add_option("--server-cpu", options.server_cpu, "CPU of floor, server and peer")
      ->capture_default_str();
  options.client.cpus = {1};
}

void add_size_flags(CLI::App& command, PairOptions& options) {
  const std::map<std::string, FloorMode> floors{{"fan", FloorMode::Fan},
                                                {"fan-epoll", FloorMode::FanEpoll}};
  command.add_option("--fan-floor", options.fan_floor, "Which floor fan-outs are compared with")
      ->transform(CLI::CheckedTransformer(floors))
      ->type_name("fan|fan-epoll");
  command.add_option("--pairs", options.pairs, "Interleaved runs of each party")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--scenarios", options.scenarios, "fanout-W, echo, publish")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--subscribers", options.subscribers, "Receivers of fan-outs")
      ->check(CLI::Range(2, 1'000'000))
      ->capture_default_str();
  command.add_option("--connections", options.connections, "Connections of echo and publish")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--size", options.payload_bytes, "Bytes of data, at least 56")
      ->check(CLI::Range(56, 60'000))
      ->capture_default_str();
  command.add_option("--fanout-rounds", options.fanout_rounds, "Windows of messages in each run")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--request-rounds", options.request_rounds, "Requests of each connection")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

}  // namespace

void add_pair_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "pair", "Server CPU per message beside the floor's and a peer's, in interleaved runs");
  auto flags = std::make_shared<PairFlags>();
  add_server_flags(*command, flags->options);
  add_size_flags(*command, flags->options);
  add_client_flags(*command, flags->options.client);
  add_result_flags(*command, flags->run);
  command->callback([flags, &exit_code] { exit_code = pair(*flags); });
}

}  // namespace sanjay::bench
