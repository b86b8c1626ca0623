// SPDX-License-Identifier: Apache-2.0
#include "bench/cli/commands.h"
#include "bench/cli/flags.h"
#include "bench/scenarios/request.h"

#include <memory>

namespace sanjay::bench {
namespace {

using Kind = RequestOptions::Kind;

struct RequestFlags {
  RequestOptions options;
  RunFlags run;
};

int request(RequestFlags& flags, const char* scenario) {
  RequestOptions& options = flags.options;
  if (auto valid = resolve(flags.run, options.client); !valid) return fail(valid.error());
  options.server_pid = flags.run.server_pid;
  auto result = run_requests(options);
  if (!result) return fail(result.error());
  Report report(scenario);
  add_run(report, flags.run, options.client);
  report.add("connections", options.connections);
  report.add("window", options.window);
  report.add("payload_bytes", std::uint64_t{options.payload_bytes});
  report.add("message_bytes", std::uint64_t{request_bytes(options)});
  add_usage(report, result->usage, "message", result->operations);
  return finish(report, flags.run, true);
}

std::shared_ptr<RequestFlags> add_request_flags(CLI::App& command, Kind kind) {
  auto flags = std::make_shared<RequestFlags>();
  RequestOptions& options = flags->options;
  options.kind = kind;
  options.client.protocol = kind == Kind::Echo ? Protocol::WebSocket : Protocol::Centrifuge;
  add_run_flags(command, flags->run);
  add_client_flags(command, options.client);
  add_effort_flags(command, options.effort);
  command.add_option("--connections", options.connections, "How many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--window", options.window, "Requests in flight on each connection")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--size", options.payload_bytes, "Bytes of the message or of its data")
      ->capture_default_str();
  return flags;
}

}  // namespace

void add_echo_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("echo", "Closed loop against a WebSocket echo server");
  auto flags = add_request_flags(*command, Kind::Echo);
  command->callback([flags, &exit_code] { exit_code = request(*flags, "echo"); });
}

void add_publish_command(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("publish", "Closed loop of publishes to channels without subscribers");
  auto flags = add_request_flags(*command, Kind::Publish);
  command->add_option("--channel", flags->options.channel, "Prefix of the channels")
      ->capture_default_str();
  command->add_option("--channels", flags->options.channels, "How many channels")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->callback([flags, &exit_code] { exit_code = request(*flags, "publish"); });
}

void add_rpc_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("rpc", "Closed loop of RPC calls");
  auto flags = add_request_flags(*command, Kind::Rpc);
  command->add_option("--method", flags->options.method, "Method that is called")
      ->capture_default_str();
  command->callback([flags, &exit_code] { exit_code = request(*flags, "rpc"); });
}

}  // namespace sanjay::bench
