// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/latency.h"

#include "bench/scenarios/latency_run.h"

#include <utility>

namespace sanjay::bench {
namespace {

// Runs the schedule and waits for the last deliveries.
core::Status run_schedule(LatencyRun& run, const LatencyOptions& options, LatencyResult& result) {
  if (auto warm = run.begin(); !warm) return warm;
  const core::Instant end = run.shared().measure_from + options.duration;
  run.end_at(end);
  const auto counters = run.read_counters();
  const std::uint64_t before = run.delivered();
  SANJAY_TRY(const UsageMeter meter, UsageMeter::start(options.server_pid));
  if (auto held = run.fleet().hold(end - run.fleet().now()); !held) return held;
  SANJAY_TRY(result.usage, meter.read());
  result.measured_deliveries = run.delivered() - before;
  if (auto all = run.await_deliveries(); !all) return all;
  if (counters) result.counters = run.read_counters();
  if (result.counters) result.counters = *result.counters - *counters;
  return run.end_slow_readers();
}

}  // namespace

std::uint64_t DeliveryVerdict::closed_count() const {
  std::uint64_t sum = 0;
  for (const auto& [code, count] : closed) sum += count;
  return sum;
}

core::Result<LatencyResult> run_latency(const LatencyOptions& options) {
  if (auto valid = LatencyRun::check(options); !valid) return std::unexpected(valid.error());
  LatencyRun run(options, options.overload ? Tolerance::SlowClosed : Tolerance::None);
  if (auto open = run.open(); !open) return std::unexpected(open.error());
  LatencyResult result;
  if (auto ran = run_schedule(run, options, result); !ran) result.interrupted = ran.error().message;
  run.close();
  result.latency_ns = run.latency_ns(Stretch::Before);
  result.lateness_ns = run.lateness_ns(Stretch::Before);
  result.verdict = run.verdict();
  result.slow_left = run.slow_left();
  result.memory = run.memory();
  return result;
}

}  // namespace sanjay::bench
