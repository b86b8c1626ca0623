// SPDX-License-Identifier: Apache-2.0
#include "bench/pair/pair.h"

#include "bench/client/fleet.h"
#include "bench/pair/child_process.h"
#include "bench/scenarios/fanout.h"
#include "bench/scenarios/request.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <functional>
#include <optional>
#include <thread>

namespace sanjay::bench {
namespace {

constexpr core::Duration kStartTimeout = std::chrono::seconds(10);
// Between two runs, so that a server's work on the connections just closed is over.
constexpr core::Duration kPause = std::chrono::milliseconds(300);
// To see a delivered message before the pairs begin; also warms the server up.
constexpr std::uint64_t kCaptureRounds = 3;

using Run = std::function<core::Result<Measurement>()>;
struct Party {
  std::string name;
  Run run;
};

/// The servers of a pair run, started once, and one floor at a time beside them.
class Servers {
 public:
  explicit Servers(const PairOptions& options) : options_(options) {}

  core::Status start() {
    if (auto started = start_one(options_.server, server_); !started) return started;
    if (options_.peer.command.empty()) return {};
    return start_one(options_.peer, peer_);
  }

  /// Ends the floor there was, starts another; answers its URL.
  core::Result<std::string> start_floor(FloorMode mode) {
    floor_.reset();
    std::array<char, 4096> path{};
    const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
    if (length <= 0) return core::failure("cannot find this program's own file");
    const std::string_view self(path.data(), static_cast<std::size_t>(length));
    const char* name = mode == FloorMode::Echo  ? "echo"
                       : mode == FloorMode::Fan ? "fan"
                                                : "fan-epoll";
    SANJAY_TRY(auto process,
               ChildProcess::start(fmt::format("'{}' floor-server --mode {}", self, name),
                                   options_.server_cpu));
    floor_.emplace(std::move(process));
    const auto line = floor_->read_line(kStartTimeout);
    if (!line) return core::failure("the floor server: " + line.error().message);
    constexpr std::string_view kAnnounced = "listening on ";
    if (!line->starts_with(kAnnounced)) return core::failure("the floor server said: " + *line);
    return "ws://" + line->substr(kAnnounced.size()) + "/";
  }

  int server_pid() const { return server_->pid(); }
  int peer_pid() const { return peer_->pid(); }
  int floor_pid() const { return floor_->pid(); }
  bool has_peer() const { return peer_.has_value(); }

 private:
  core::Status start_one(const PairServer& server, std::optional<ChildProcess>& process) {
    SANJAY_TRY(auto started,
               ChildProcess::start(server.command + " >/dev/null", options_.server_cpu));
    process.emplace(std::move(started));
    // It is up when a connection can be made and upgraded.
    ClientOptions client = options_.client;
    client.quiet = true;
    SANJAY_TRY(client.target, Target::parse(server.url));
    client.protocol = server.protocol;
    std::string reason = "did not start";
    for (core::Duration waited{}; waited < kStartTimeout; waited += kPause) {
      std::this_thread::sleep_for(kPause);
      if (!process->running()) return core::failure("ended at once: " + server.command);
      Fleet fleet(client, {.connections = 1});
      auto up = fleet.start({});
      if (up) up = fleet.open_all();
      if (up) return {};
      reason = up.error().message;
    }
    return core::failure(fmt::format("{} at {}: {}", server.command, server.url, reason));
  }

  const PairOptions& options_;
  std::optional<ChildProcess> server_;
  std::optional<ChildProcess> peer_;
  std::optional<ChildProcess> floor_;
};

core::Result<ClientOptions> client_for(const PairOptions& options, const std::string& url,
                                       Protocol protocol) {
  ClientOptions client = options.client;
  SANJAY_TRY(client.target, Target::parse(url));
  client.protocol = protocol;
  return client;
}

core::Result<Measurement> fanout_measurement(const FanoutOptions& options) {
  SANJAY_TRY(const FanoutResult result, run_fanout(options));
  if (result.sound()) return result.measurement;
  return core::failure(fmt::format("lost {}, duplicate {}, misordered {} {}", result.faults.lost,
                                   result.faults.duplicate, result.faults.misordered,
                                   result.interrupted));
}

core::Result<PairTable> run_interleaved(const PairOptions& options, PairTable table,
                                        const std::vector<Party>& parties) {
  for (const Party& party : parties) table.columns.push_back({party.name, {}, {}, {}});
  for (std::uint32_t pair = 0; pair < options.pairs; ++pair) {
    for (std::size_t i = 0; i < parties.size(); ++i) {
      if (!options.client.quiet) {
        fmt::print(stderr, "{}: pair {} of {}, {}\n", table.scenario, pair + 1, options.pairs,
                   parties[i].name);
      }
      auto measured = parties[i].run();
      if (!measured) {
        return core::failure(
            fmt::format("{}, {}: {}", table.scenario, parties[i].name, measured.error().message));
      }
      PairColumn& column = table.columns[i];
      const Usage& usage = measured->usage;
      column.server_ns.push_back(usage.server_ns_per(measured->operations));
      column.client_ns.push_back(usage.client_ns_per(measured->operations));
      column.server_cores.push_back(static_cast<double>(usage.server.total.count()) /
                                    static_cast<double>(usage.wall.count()));
      std::this_thread::sleep_for(kPause);
    }
  }
  return table;
}

core::Result<PairTable> pair_fanout(const PairOptions& options, Servers& servers,
                                    std::string scenario, std::uint32_t window) {
  FanoutOptions fanout;
  fanout.subscribers = options.subscribers;
  fanout.window = window;
  fanout.payload_bytes = options.payload_bytes;
  fanout.effort.rounds = options.fanout_rounds * window;
  fanout.effort.warmup_rounds = 2 * window;
  SANJAY_TRY(fanout.client, client_for(options, options.server.url, options.server.protocol));
  fanout.server_pid = servers.server_pid();

  FanoutOptions capture = fanout;
  capture.effort = {.rounds = kCaptureRounds, .duration = {}, .warmup_rounds = 0};
  SANJAY_TRY(const FanoutResult captured, run_fanout(capture));
  if (!captured.sound()) return core::failure("server: " + captured.interrupted);

  // A broadcaster delivers to the publisher as well: one subscriber fewer, same deliveries. A bare
  // one gets the server's very message; protocols have an envelope of their own for the data.
  const auto fanout_of = [&](const std::string& url, Protocol protocol,
                             int pid) -> core::Result<FanoutOptions> {
    FanoutOptions other = fanout;
    SANJAY_TRY(other.client, client_for(options, url, protocol));
    other.server_pid = pid;
    if (!has_channels(protocol)) other.subscribers -= 1;
    if (protocol == Protocol::WebSocket) other.envelope = captured.delivered_message;
    return other;
  };
  SANJAY_TRY(const std::string floor_url, servers.start_floor(options.fan_floor));
  SANJAY_TRY(const FanoutOptions floor,
             fanout_of(floor_url, Protocol::WebSocket, servers.floor_pid()));
  std::vector<Party> parties{{"floor", [&] { return fanout_measurement(floor); }},
                             {"server", [&] { return fanout_measurement(fanout); }}};
  FanoutOptions peer;
  if (servers.has_peer()) {
    SANJAY_TRY(peer, fanout_of(options.peer.url, options.peer.protocol, servers.peer_pid()));
    parties.push_back({"peer", [&] { return fanout_measurement(peer); }});
  }
  return run_interleaved(options,
                         {.scenario = std::move(scenario),
                          .operation = "delivery",
                          .message_bytes = captured.delivered_message.size(),
                          .columns = {}},
                         parties);
}

core::Result<PairTable> pair_requests(const PairOptions& options, Servers& servers,
                                      RequestOptions::Kind kind) {
  const bool echo = kind == RequestOptions::Kind::Echo;
  if (echo && options.server.echo_url.empty()) return core::failure("echo needs --echo-url");
  RequestOptions request;
  request.kind = kind;
  request.method = "ping";
  request.connections = options.connections;
  request.payload_bytes = options.payload_bytes;
  request.effort.rounds = options.request_rounds;
  SANJAY_TRY(request.client,
             client_for(options, echo ? options.server.echo_url : options.server.url,
                        echo ? Protocol::WebSocket : options.server.protocol));
  request.server_pid = servers.server_pid();

  SANJAY_TRY(const std::string floor_url, servers.start_floor(FloorMode::Echo));
  RequestOptions floor = request;
  floor.kind = RequestOptions::Kind::Echo;
  floor.payload_bytes = request_bytes(request);
  SANJAY_TRY(floor.client, client_for(options, floor_url, Protocol::WebSocket));
  floor.server_pid = servers.floor_pid();

  std::vector<Party> parties{{"floor", [&] { return run_requests(floor); }},
                             {"server", [&] { return run_requests(request); }}};
  RequestOptions peer = request;
  const bool peer_takes_part = servers.has_peer() && (echo ? !options.peer.echo_url.empty()
                                                           : has_channels(options.peer.protocol));
  if (peer_takes_part) {
    SANJAY_TRY(peer.client, client_for(options, echo ? options.peer.echo_url : options.peer.url,
                                       echo ? Protocol::WebSocket : options.peer.protocol));
    peer.server_pid = servers.peer_pid();
    parties.push_back({"peer", [&] { return run_requests(peer); }});
  }
  return run_interleaved(options,
                         {.scenario = echo                                ? "echo"
                                      : kind == RequestOptions::Kind::Rpc ? "rpc"
                                                                          : "publish",
                          .operation = "message",
                          .message_bytes = floor.payload_bytes,
                          .columns = {}},
                         parties);
}

core::Result<PairTable> run_scenario(const PairOptions& options, Servers& servers,
                                     const std::string& scenario) {
  if (scenario == "echo") return pair_requests(options, servers, RequestOptions::Kind::Echo);
  if (scenario == "publish") return pair_requests(options, servers, RequestOptions::Kind::Publish);
  if (scenario == "rpc") return pair_requests(options, servers, RequestOptions::Kind::Rpc);
  constexpr std::string_view kFanout = "fanout-";
  std::uint32_t window = 0;
  if (scenario.starts_with(kFanout)) {
    std::from_chars(scenario.data() + kFanout.size(), scenario.data() + scenario.size(), window);
  }
  if (window == 0) {
    return core::failure("unknown scenario \"" + scenario + "\": fanout-W, echo, publish or rpc");
  }
  return pair_fanout(options, servers, scenario, window);
}

}  // namespace

core::Result<std::vector<PairTable>> run_pairs(const PairOptions& options) {
  Servers servers(options);
  if (auto started = servers.start(); !started) return std::unexpected(started.error());
  std::vector<PairTable> tables;
  for (const std::string& scenario : options.scenarios) {
    SANJAY_TRY(auto table, run_scenario(options, servers, scenario));
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace sanjay::bench
