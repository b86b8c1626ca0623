// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/fanout.h"

#include "bench/client/fleet.h"
#include "bench/scenarios/fanout_load.h"

#include <fmt/format.h>

namespace sanjay::bench {
namespace {

// How long to wait for what must not come any more.
constexpr core::Duration kGrace = std::chrono::milliseconds(100);

core::Status check(const FanoutOptions& options) {
  if (options.subscribers == 0 || options.publishers == 0 || options.window == 0) {
    return core::failure("subscribers, publishers and window must be at least 1");
  }
  if (options.publishers > 1000) return core::failure("at most 1000 publishers");
  if (options.payload_bytes < StampedMessage::kBytesMin) {
    return core::failure(
        fmt::format("a stamped payload has at least {} bytes", StampedMessage::kBytesMin));
  }
  if (options.envelope && !StampedMessage::from_captured(*options.envelope)) {
    return core::failure("the captured message holds no stamp");
  }
  return {};
}

Completion completion_of(const FanoutOptions& options, FanoutShared& shared) {
  return {
      .what = "deliveries",
      .expect =
          [&options, &shared] {
            for (std::uint32_t p = 0; p < options.publishers; ++p) {
              shared.publishers[p].active.store(true, std::memory_order_release);
            }
          },
      .done =
          [&options, &shared] {
            for (std::uint32_t p = 0; p < options.publishers; ++p) {
              const PublisherProgress& progress = shared.publishers[p];
              if (progress.active.load(std::memory_order_acquire)) return false;
              if (progress.delivered.load(std::memory_order_acquire) <
                  progress.published.load(std::memory_order_relaxed) * shared.receivers) {
                return false;
              }
            }
            return true;
          },
      .count =
          [&options, &shared] {
            std::uint64_t sum = 0;
            for (std::uint32_t p = 0; p < options.publishers; ++p) {
              sum += shared.publishers[p].delivered.load(std::memory_order_acquire);
            }
            return sum;
          },
  };
}

// The ledgers have a line for every connection, but publishers to a channel receive nothing: their
// lines are as incomplete as they should be and are taken off the losses again.
DeliveryFaults faults_of(const FanoutOptions& options, Fleet& fleet,
                         const std::vector<std::uint64_t>& sent, std::uint64_t published) {
  DeliveryFaults sum;
  std::uint64_t order = 0;
  for (auto& worker : fleet.workers()) {
    const auto& load = static_cast<const FanoutLoad&>(worker->load());
    const DeliveryFaults faults = load.ledger().faults(sent, order);
    sum.lost += faults.lost;
    sum.duplicate += faults.duplicate;
    sum.misordered += faults.misordered;
    sum.differing_streams += faults.differing_streams;
  }
  if (has_channels(options.client.protocol)) sum.lost -= published * options.publishers;
  return sum;
}

}  // namespace

core::Result<FanoutResult> run_fanout(const FanoutOptions& options) {
  if (auto valid = check(options); !valid) return std::unexpected(valid.error());
  const bool channels = has_channels(options.client.protocol);
  const std::uint32_t connections = options.subscribers + options.publishers;
  FanoutShared shared(options, channels ? options.subscribers : connections);
  ConnectionPlan plan{.connections = connections};
  plan.channel_of = [&options, channels](std::uint32_t index) {
    return channels && index < options.subscribers ? options.channel : std::string();
  };
  Fleet fleet(options.client, std::move(plan));
  auto started = fleet.start(
      [&](Worker& worker) { return std::make_unique<FanoutLoad>(options, shared, worker); });
  if (!started) return std::unexpected(started.error());
  if (auto open = fleet.open_all(); !open) return std::unexpected(open.error());

  FanoutResult result;
  const Completion completion = completion_of(options, shared);
  auto measured = measure_effort(fleet, options.effort, completion, options.server_pid);
  if (measured) {
    result.measurement = *measured;
    if (auto quiet = fleet.hold(kGrace); !quiet) result.interrupted = quiet.error().message;
  } else {
    result.interrupted = measured.error().message;
  }
  fleet.stop();

  std::vector<std::uint64_t> sent;
  for (std::uint32_t p = 0; p < options.publishers; ++p) {
    sent.push_back(shared.publishers[p].published.load());
    result.published += sent.back();
  }
  result.receivers = shared.receivers;
  result.faults = faults_of(options, fleet, sent, result.published);
  for (auto& worker : fleet.workers()) {
    const auto& load = static_cast<const FanoutLoad&>(worker->load());
    if (result.delivered_message.empty()) result.delivered_message = load.delivered_message();
  }
  return result;
}

}  // namespace sanjay::bench
