// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/effort.h"

namespace sanjay::bench {
namespace {

// More rounds than any run can do before its duration is over.
constexpr std::uint64_t kEndless = std::uint64_t{1} << 40;

}  // namespace

core::Result<Measurement> measure_effort(Fleet& fleet, const Effort& effort,
                                         const Completion& completion, int server_pid) {
  const auto finish = [&]() -> core::Status {
    return fleet.wait(completion.what, completion.done, completion.count, 0);
  };
  if (effort.warmup_rounds > 0) {
    completion.expect();
    fleet.begin(effort.warmup_rounds);
    if (auto warm = finish(); !warm) return std::unexpected(warm.error());
  }
  const std::uint64_t before = completion.count();
  SANJAY_TRY(const UsageMeter meter, UsageMeter::start(server_pid));
  completion.expect();
  if (effort.duration > core::Duration::zero()) {
    fleet.begin(kEndless);
    if (auto held = fleet.hold(effort.duration); !held) return std::unexpected(held.error());
    fleet.drain();
  } else {
    fleet.begin(effort.rounds);
  }
  if (auto finished = finish(); !finished) return std::unexpected(finished.error());
  Measurement measurement;
  SANJAY_TRY(measurement.usage, meter.read());
  measurement.operations = completion.count() - before;
  return measurement;
}

}  // namespace sanjay::bench
