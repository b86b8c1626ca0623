// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>

/// The subcommands of sanjay-bench. Each function adds one, whose callback runs the scenario and
/// puts the process's exit code into `exit_code`: 0, or 1 when the run failed, lost, repeated or
/// misplaced anything. `app` and `exit_code` outlive the parsing.
namespace sanjay::bench {

void add_connect_command(CLI::App& app, int& exit_code);
void add_idle_command(CLI::App& app, int& exit_code);
void add_echo_command(CLI::App& app, int& exit_code);
void add_publish_command(CLI::App& app, int& exit_code);
void add_rpc_command(CLI::App& app, int& exit_code);
void add_fanout_command(CLI::App& app, int& exit_code);
void add_verify_command(CLI::App& app, int& exit_code);
void add_latency_command(CLI::App& app, int& exit_code);
void add_storm_command(CLI::App& app, int& exit_code);
void add_floor_server_command(CLI::App& app, int& exit_code);
void add_pair_command(CLI::App& app, int& exit_code);

}  // namespace sanjay::bench
