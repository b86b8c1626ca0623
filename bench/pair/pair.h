// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/options.h"
#include "bench/floor/floor_server.h"
#include "bench/measure/report.h"
#include "core/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::bench {

/// A server that is started for a pair run: its command and where it then listens. An empty
/// command means that there is none.
struct PairServer {
  std::string command;
  std::string url;       // fan-out and publish, spoken in `protocol`
  std::string echo_url;  // bare WebSocket echo; empty if it has none
  Protocol protocol = Protocol::Centrifuge;
};

/// What is compared, by name: "fanout-W" (window W), "echo", "publish", "rpc"
/// (the method "ping").
struct PairOptions {
  ClientOptions client;  // target and protocol are those of the server in turn
  PairServer server;
  PairServer peer;
  FloorMode fan_floor = FloorMode::Fan;
  int server_cpu = 0;
  std::uint32_t pairs = 5;
  std::vector<std::string> scenarios{"fanout-1", "fanout-16", "publish"};
  std::uint32_t subscribers = 5000;
  std::uint32_t connections = 1000;  // echo and publish
  std::size_t payload_bytes = 128;
  std::uint64_t fanout_rounds = 40;
  std::uint64_t request_rounds = 100;
};

/// Server CPU per operation of one party in every pair, and what the client spent beside it.
struct PairColumn {
  std::string name;
  std::vector<double> server_ns;
  std::vector<double> client_ns;
  std::vector<double> server_cores;
};

struct PairTable {
  std::string scenario;
  std::string operation;
  std::size_t message_bytes = 0;
  std::vector<PairColumn> columns;  // floor, server and, if there is one, peer
};

/// Measures in interleaved runs floor, server, peer, floor, server, ... so that a drift of the
/// machine meets all alike; the figures that count are the ratios within each pair.
///
/// The floor gets the very bytes the server delivers: a message captured from the server, or a
/// command of the same length. All servers run on `server_cpu`, one is busy at a time.
core::Result<std::vector<PairTable>> run_pairs(const PairOptions& options);

/// "name / name" of two columns, pair by pair.
std::vector<double> ratios(const PairColumn& numerator, const PairColumn& denominator);
double median(std::vector<double> values);

/// The table for people.
void print(const PairTable& table);
/// Adds medians, spreads and all single figures.
void add_pair(Report& report, const PairTable& table);

}  // namespace sanjay::bench
