// SPDX-License-Identifier: Apache-2.0
#include "bench/cli/flags.h"

#include <fmt/format.h>

#include <cstdio>
#include <map>

namespace sanjay::bench {

CLI::Option* add_seconds(CLI::App& command, const std::string& name, core::Duration& value,
                         const std::string& help) {
  const double initial = std::chrono::duration<double>(value).count();
  return command
      .add_option_function<double>(
          name,
          [&value](double seconds) {
            value =
                std::chrono::duration_cast<core::Duration>(std::chrono::duration<double>(seconds));
          },
          help)
      ->check(CLI::NonNegativeNumber)
      ->type_name("SECONDS")
      ->default_str(fmt::format("{:g}", initial));
}

CLI::Option* add_protocol_flag(CLI::App& command, const std::string& name, Protocol& protocol,
                               const std::string& help) {
  std::map<std::string, Protocol> protocols;
  for (const Protocol one :
       {Protocol::WebSocket, Protocol::Centrifuge, Protocol::Protobuf, Protocol::SocketIo}) {
    protocols.emplace(name_of(one), one);
  }
  return command.add_option(name, protocol, help)
      ->transform(CLI::CheckedTransformer(std::move(protocols)))
      ->type_name("PROTOCOL");
}

void add_client_flags(CLI::App& command, ClientOptions& client) {
  const std::map<std::string, runtime::DriverChoice> drivers{
      {"auto", runtime::DriverChoice::Auto},
      {"uring", runtime::DriverChoice::Uring},
      {"epoll", runtime::DriverChoice::Epoll}};
  add_protocol_flag(command, "--protocol", client.protocol,
                    "What is spoken: bare WebSocket messages (ws), Centrifuge in JSON (centrifuge) "
                    "or in Protobuf (protobuf), Socket.IO events (socketio)");
  command.add_option("--token", client.token, "JWT of every connection");
  command.add_option("--shards", client.shards, "Generator threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command.add_option("--client-cpu", client.cpus, "CPUs for the generator threads, in turn")
      ->delimiter(',');
  command.add_option("--client-driver", client.driver, "I/O driver of the generator")
      ->transform(CLI::CheckedTransformer(drivers))
      ->type_name("auto|uring|epoll");
  command.add_flag("--private-file-tables", client.private_file_tables,
                   "A descriptor table for each generator thread, each with the full limit");
  command.add_option("--sources", client.sources,
                     "Source addresses 127.0.0.1, .2, ... (0: one for 12,000 connections)");
  command.add_option("--connect-parallel", client.connect_parallel, "Handshakes under way at once")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      .add_option("--connect-rate", client.connect_rate,
                  "Connections begun per second (0: no limit)")
      ->check(CLI::NonNegativeNumber);
  add_seconds(command, "--timeout", client.timeout, "Fail when nothing has moved for so long");
  command.add_flag("--quiet", client.quiet, "No progress lines");
}

void add_run_flags(CLI::App& command, RunFlags& run) {
  command.add_option("--url", run.url, "Server, like ws://127.0.0.1:8000/connection/websocket")
      ->required();
  command.add_option("--server-pid", run.server_pid, "Process whose CPU and memory are read")
      ->check(CLI::NonNegativeNumber);
  add_result_flags(command, run);
}

void add_result_flags(CLI::App& command, RunFlags& run) {
  command.add_option("--label", run.label, "Name of what is measured, for the results");
  command.add_option("--commit", run.commit, "Commit of the server, for the results")
      ->envname("SANJAY_COMMIT");
  command.add_option("--preset", run.preset, "Build preset of the server, for the results")
      ->envname("SANJAY_PRESET");
  command.add_option("--json", run.json_path, "Append the results to this file as one JSON line");
}

void add_effort_flags(CLI::App& command, Effort& effort) {
  command.add_option("--rounds", effort.rounds, "Measured rounds")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_seconds(command, "--duration", effort.duration, "Go on for so long instead of --rounds");
  command.add_option("--warmup-rounds", effort.warmup_rounds, "Rounds before measuring begins")
      ->capture_default_str();
}

void add_subscription_flag(CLI::App& command, const std::string& name, Subscription& subscription,
                           const std::string& whom) {
  const std::map<std::string, Subscription> names{
      {"none", Subscription::None}, {"shared", Subscription::Shared}, {"own", Subscription::Own}};
  command
      .add_option(name, subscription,
                  "Subscribe each " + whom + " to nothing, to one shared channel or to its own")
      ->transform(CLI::CheckedTransformer(names))
      ->type_name("none|shared|own");
}

core::Status resolve(const RunFlags& run, ClientOptions& client) {
  SANJAY_TRY(client.target, Target::parse(run.url));
  return {};
}

void add_run(Report& report, const RunFlags& run, const ClientOptions& client) {
  report.add("label", run.label);
  report.add("commit", run.commit);
  report.add("preset", run.preset);
  report.add("generator_build", SANJAY_BUILD_TYPE);
  report.add("url", run.url);
  report.add("protocol", name_of(client.protocol));
  report.add("generator_shards", client.shards);
  const bool any = client.driver == runtime::DriverChoice::Auto;
  const bool uring = client.driver == runtime::DriverChoice::Uring;
  report.add("generator_driver", any ? "auto" : uring ? "uring" : "epoll");
}

int finish(const Report& report, const RunFlags& run, bool sound) {
  report.print();
  if (auto written = report.append_to(run.json_path); !written) return fail(written.error());
  return sound ? 0 : 1;
}

int fail(const core::Error& error) {
  fmt::print(stderr, "error: {}\n", error.message);
  return 1;
}

}  // namespace sanjay::bench
