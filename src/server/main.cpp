// SPDX-License-Identifier: Apache-2.0
#include "runtime/clock.h"
#include "runtime/file_table.h"
#include "server/command_line.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/config_reload.h"
#include "server/jwks_endpoints.h"
#include "server/log.h"
#include "server/server.h"
#include "server/tls_config.h"
#include "server/wiring.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
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
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

std::string joined(const std::vector<std::string_view>& keys) {
  std::string text;
  for (const std::string_view key : keys) text.append(text.empty() ? "" : " ").append(key);
  return text;
}

/// What a configuration is made real with, beside itself, and what outlives each of them.
struct Resources {
  std::size_t open_files_max;
  JwksEndpoints endpoints;
  std::shared_ptr<runtime::TicketKeys> ticket_keys = std::make_shared<runtime::TicketKeys>();
};

void log_warnings(const Config& config, const Wiring& wiring, telemetry::Logger& log) {
  for (const std::string& warning : config.warnings) log.log(telemetry::Level::Warn, warning, {});
  const TlsListeners tls{wiring.transport.tls, wiring.transport.internal_tls};
  for (const std::string& warning : tls_warnings(tls, runtime::SystemClock().wall_now())) {
    log.log(telemetry::Level::Warn, warning, {});
  }
}

// Reads the configuration again. What is wrong with it is logged, and the running one stays.
void reload(const CommandLine& line, Resources& resources, Config& config, Server& server,
            AsyncLogger& log) {
  const auto refuse = [&](const std::string& reason) {
    server.reload_failed();
    log.log(telemetry::Level::Error, "configuration not reloaded", {{"reason", reason}});
  };
  auto wanted = config_for(line, read_environment());
  if (!wanted) return refuse(wanted.error().message);
  ReloadPlan plan = plan_reload(config, *std::move(wanted));
  auto wiring =
      wire(plan.config, resources.open_files_max, &resources.endpoints, resources.ticket_keys);
  if (!wiring) {
    resources.endpoints.keep_old();
    return refuse(wiring.error().message);
  }
  log.set_level(plan.config.log.level);
  log_warnings(plan.config, *wiring, log);
  server.reload(*std::move(wiring));
  resources.endpoints.keep_new();
  config = std::move(plan.config);
  log.log(telemetry::Level::Info, "configuration reloaded",
          {{"changed", joined(plan.changed)}, {"need_restart", joined(plan.need_restart)}});
}

// Until a signal asks to end the server; meanwhile carries out reloads and watches the shards.
int wait_for_end(const sigset_t& signals, const CommandLine& line, Resources& resources,
                 Config& config, Server& server, AsyncLogger& log) {
  constexpr timespec kTick{1, 0};
  while (true) {
    const int signal = sigtimedwait(&signals, nullptr, &kTick);
    if (signal == SIGTERM || signal == SIGINT) return signal;
    if (signal == SIGHUP) reload(line, resources, config, server, log);
    if (signal > 0) continue;  // no second has passed
    const core::Duration limit = config.runtime.watchdog_timeout;
    const unsigned stuck = server.stuck_for();
    // A shard that is stuck may hold a lock of the allocator's, and the watchdog must not wait for
    // it.
    if (stuck == 0) server.return_memory();
    if (limit == core::Duration::zero() || std::chrono::seconds(stuck) < limit) {
      continue;
    }
    // What follows is for whoever restarts the process, and for the core that shows where it stood.
    std::fprintf(stderr, "sanjay: a shard is stuck, aborting\n");
    std::abort();
  }
}

int serve(const CommandLine& line, Config config) {
  const sigset_t signals = block_signals();
  AsyncLogger log({.level = config.log.level});
  for (const std::string& notice : config.notices) log.log(telemetry::Level::Info, notice, {});
  Resources resources{runtime::raise_open_file_limit(), JwksEndpoints(log)};
  JwksEndpoints& endpoints = resources.endpoints;
  auto wiring = wire(config, resources.open_files_max, &endpoints, resources.ticket_keys);
  if (!wiring) return complain(wiring.error().message);
  log_warnings(config, *wiring, log);
  endpoints.keep_new();
  auto server = Server::create(*std::move(wiring), log);
  if (!server) return complain(server.error().message);
  const auto address = (*server)->start();
  if (!address) return complain(address.error().message);
  const std::string host = config.http_server.address.empty() ? "127.0.0.1" : (*address).host();
  runtime::Endpoint shown = runtime::Endpoint::parse(host, (*address).port).value_or(*address);
  const char* scheme = config.http_server.tls.enabled ? "https" : "http";
  std::printf("sanjay is ready: %s://%s\n", scheme, shown.to_string().c_str());
  std::fflush(stdout);

  endpoints.set_on_keys_changed([running = server->get()] { running->keys_changed(); });
  const int signal = wait_for_end(signals, line, resources, config, **server, log);
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
  endpoints.set_on_keys_changed({});
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
  return serve(*line, *config);
}

}  // namespace
}  // namespace sanjay::server

int main(int argc, char** argv) { return sanjay::server::run(argc, argv); }
