// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/storm.h"

#include "bench/scenarios/latency_run.h"

#include <fmt/format.h>

namespace sanjay::bench {
namespace {

// Publishers see the end before it has come.
constexpr core::Duration kEndAhead = std::chrono::milliseconds(20);

core::Status run_stretches(LatencyRun& run, const StormOptions& options, StormResult& result) {
  Fleet& fleet = run.fleet();
  LatencyShared& shared = run.shared();
  const int server_pid = options.load.server_pid;
  if (auto warm = run.begin(); !warm) return warm;
  SANJAY_TRY(const UsageMeter before, UsageMeter::start(server_pid));
  if (auto held = fleet.hold(options.load.duration); !held) return held;
  SANJAY_TRY(result.usage_before, before.read());

  SANJAY_TRY(const UsageMeter during, UsageMeter::start(server_pid));
  const core::Instant cut_at = fleet.now();
  shared.storm_from.store(cut_at, std::memory_order_relaxed);
  fleet.cut(shared.first_idle(), true);
  const auto back = [&] { return fleet.reconnected(); };
  const auto all_back =
      fleet.wait("clients back", [&] { return back() == shared.idle; }, back, shared.idle);
  const core::Instant back_at = fleet.now();
  shared.storm_until.store(back_at, std::memory_order_relaxed);
  SANJAY_TRY(result.usage_during, during.read());
  result.storm = back_at - cut_at;
  result.reconnects = back();
  if (!all_back) return all_back;

  if (auto held = fleet.hold(options.after); !held) return held;
  run.end_at(fleet.now() + kEndAhead);
  return run.await_deliveries();
}

core::Status check(const StormOptions& options) {
  if (!has_channels(options.load.client.protocol)) {
    return core::failure(fmt::format("--protocol {} knows no clients that get nothing: no storm",
                                     name_of(options.load.client.protocol)));
  }
  if (options.load.idle == 0) return core::failure("a storm takes at least one client");
  return LatencyRun::check(options.load);
}

}  // namespace

double StormResult::server_ns_per_reconnect() const {
  if (reconnects == 0 || usage_before.wall.count() == 0) return 0;
  const double share = static_cast<double>(usage_during.wall.count()) /
                       static_cast<double>(usage_before.wall.count());
  const double load = static_cast<double>(usage_before.server.total.count()) * share;
  const double all = static_cast<double>(usage_during.server.total.count());
  return (all - load) / static_cast<double>(reconnects);
}

core::Result<StormResult> run_storm(const StormOptions& options) {
  if (auto valid = check(options); !valid) return std::unexpected(valid.error());
  LatencyRun run(options.load, Tolerance::AnyClosed, options.load.idle);
  if (auto open = run.open(); !open) return std::unexpected(open.error());
  StormResult result;
  if (auto ran = run_stretches(run, options, result); !ran) {
    result.interrupted = ran.error().message;
  }
  run.close();
  const auto stretch = [&](Stretch of) {
    return StormStretch{run.latency_ns(of), run.lateness_ns(of)};
  };
  result.before = stretch(Stretch::Before);
  result.during = stretch(Stretch::During);
  result.after = stretch(Stretch::After);
  result.reconnect_ns = run.fleet().reconnect_ns();
  result.verdict = run.verdict();
  result.memory = run.memory();
  return result;
}

}  // namespace sanjay::bench
