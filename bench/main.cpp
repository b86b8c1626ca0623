// SPDX-License-Identifier: Apache-2.0
#include "bench/cli/commands.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

int main(int argc, char** argv) {
  CLI::App app("Load generator for WebSocket and Centrifuge servers", "sanjay-bench");
  app.require_subcommand(1);
  int exit_code = 0;
  sanjay::bench::add_connect_command(app, exit_code);
  sanjay::bench::add_idle_command(app, exit_code);
  sanjay::bench::add_echo_command(app, exit_code);
  sanjay::bench::add_publish_command(app, exit_code);
  sanjay::bench::add_rpc_command(app, exit_code);
  sanjay::bench::add_fanout_command(app, exit_code);
  sanjay::bench::add_verify_command(app, exit_code);
  sanjay::bench::add_latency_command(app, exit_code);
  sanjay::bench::add_storm_command(app, exit_code);
  sanjay::bench::add_floor_server_command(app, exit_code);
  sanjay::bench::add_pair_command(app, exit_code);
  CLI11_PARSE(app, argc, argv);
  return exit_code;
}
