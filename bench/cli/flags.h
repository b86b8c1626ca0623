// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/options.h"
#include "bench/measure/report.h"
#include "bench/scenarios/connections.h"
#include "bench/scenarios/effort.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <string>

/// Flags that several subcommands share, bound to the options they fill in.
namespace sanjay::bench {

/// What a run is called in its results, and where they go.
struct RunFlags {
  std::string url;
  int server_pid = 0;
  std::string label;   // what was measured: "sanjay uring", "uWebSockets"
  std::string commit;  // of the server under test
  std::string preset;  // with which it was built
  std::string json_path;
};

/// `client` and `run` must outlive the parsing and the run.
void add_client_flags(CLI::App& command, ClientOptions& client);
void add_run_flags(CLI::App& command, RunFlags& run);
/// The part of add_run_flags() that names the results.
void add_result_flags(CLI::App& command, RunFlags& run);
void add_effort_flags(CLI::App& command, Effort& effort);
/// `whom`: each of which connections, for the help text.
void add_subscription_flag(CLI::App& command, const std::string& name, Subscription& subscription,
                           const std::string& whom);
/// An option that takes seconds, with decimals.
CLI::Option* add_seconds(CLI::App& command, const std::string& name, core::Duration& value,
                         const std::string& help);

/// --protocol, --server-protocol, --peer-protocol; the value before parsing is the default.
CLI::Option* add_protocol_flag(CLI::App& command, const std::string& name, Protocol& protocol,
                               const std::string& help);

/// Fills in what the flags only name: the target of the URL.
core::Status resolve(const RunFlags& run, ClientOptions& client);

/// Adds who, what and with which generator to a report that has its scenario only.
void add_run(Report& report, const RunFlags& run, const ClientOptions& client);

/// Prints the report and appends it to the JSON file; answers the process's exit code: 0, or 1 when
/// the run was not `sound` or the file cannot be written.
int finish(const Report& report, const RunFlags& run, bool sound);

/// Prints an error to stderr and answers exit code 1.
int fail(const core::Error& error);

}  // namespace sanjay::bench
