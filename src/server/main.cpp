// SPDX-License-Identifier: Apache-2.0
#include "runtime/clock.h"
#include "runtime/file_table.h"
#include "server/command_line.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/log.h"
#include "server/server.h"
#include "server/wiring.h"

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

extern char** environ;

namespace sanjay::server {
namespace {

std::vector<EnvironmentVariable> read_environment() {
  std::vector<EnvironmentVariable> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  return variables;
}

int print(const CommandOutput& output) {
  std::fwrite(output.out.data(), 1, output.out.size(), stdout);
  std::fwrite(output.err.data(), 1, output.err.size(), stderr);
  return output.exit_code;
}

int complain(const std::string& message) {
  std::fprintf(stderr, "sanjay: %s\n", message.c_str());
  return kExitBadUsage;
}

// Blocks the signals that end the server in every thread to come, so that the main thread alone
// takes them. A broken pipe is an error code, never a signal.
sigset_t block_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int serve(const Config& config) {
  const sigset_t signals = block_signals();
  AsyncLogger log({.level = config.log.level});
  for (const std::string& warning : config.warnings) log.log(telemetry::Level::Warn, warning, {});
  auto wiring = wire(config, runtime::raise_open_file_limit());
  if (!wiring) return complain(wiring.error().message);
  auto server = Server::create(*std::move(wiring), log);
  if (!server) return complain(server.error().message);
  const auto address = (*server)->start();
  if (!address) return complain(address.error().message);
  const std::string host = config.http_server.address.empty() ? "127.0.0.1" : (*address).host();
  runtime::Endpoint shown = runtime::Endpoint::parse(host, (*address).port).value_or(*address);
  std::printf("sanjay is ready: http://%s\n", shown.to_string().c_str());
  std::fflush(stdout);

  int signal = 0;
  sigwait(&signals, &signal);
  log.log(telemetry::Level::Info, "shutting down",
          {{"signal", std::int64_t{signal}},
           {"timeout_ms", core::to_milliseconds(config.shutdown.timeout)}});
  // A second signal ends the process at once.
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  const bool drained = (*server)->shut_down(config.shutdown.timeout);
  log.log(drained ? telemetry::Level::Info : telemetry::Level::Warn,
          drained ? "all connections closed" : "shutdown timeout: some connections were cut", {});
  return 0;
}

int run(int argc, const char* const* argv) {
  const auto line = parse_command_line(argc, argv);
  if (!line) return print(line.error());
  const auto environment = read_environment();
  if (line->command != Command::Serve) {
    return print(run_command(*line, environment, runtime::SystemClock().wall_now()));
  }
  const auto config = config_for(*line, environment);
  if (!config) return complain(config.error().message);
  return serve(*config);
}

}  // namespace
}  // namespace sanjay::server

int main(int argc, char** argv) { return sanjay::server::run(argc, argv); }
