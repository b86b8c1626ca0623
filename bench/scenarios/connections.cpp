// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/connections.h"

#include "bench/client/fleet.h"

#include <fmt/format.h>

#include <algorithm>

namespace sanjay::bench {
namespace {

core::Result<ConnectionPlan> plan_of(const ClientOptions& client, std::uint32_t connections,
                                     Subscription subscription, const std::string& channel) {
  if (!has_channels(client.protocol) && subscription != Subscription::None) {
    return core::failure(fmt::format("--protocol {} knows no channels: use --channels none",
                                     name_of(client.protocol)));
  }
  ConnectionPlan plan{.connections = connections};
  if (subscription == Subscription::Shared) {
    plan.channel_of = [channel](std::uint32_t) { return channel; };
  } else if (subscription == Subscription::Own) {
    plan.channel_of = [channel](std::uint32_t index) {
      return fmt::format("{}-{}", channel, index);
    };
  }
  return plan;
}

core::Result<IdlePoint> read_point(std::uint32_t connections, int server_pid) {
  IdlePoint point;
  point.connections = connections;
  SANJAY_TRY(point.memory, read_memory(server_pid));
  return point;
}

// Cuts all connections, waits until they are gone and then some more, and reads memory.
core::Result<MemoryReading> close_all(Fleet& fleet, const IdleOptions& options) {
  const std::uint64_t connections = options.points.back();
  fleet.cut(0, false);
  const auto gone = [&] { return fleet.cut_off(); };
  auto closed =
      fleet.wait("connections closed", [&] { return gone() == connections; }, gone, connections);
  if (closed) closed = fleet.hold(*options.close_and_wait);
  if (!closed) return std::unexpected(closed.error());
  return read_memory(options.server_pid);
}

}  // namespace

core::Result<ConnectResult> run_connect(const ConnectOptions& options) {
  SANJAY_TRY(auto plan,
             plan_of(options.client, options.connections, options.subscription, options.channel));
  Fleet fleet(options.client, std::move(plan));
  if (auto started = fleet.start({}); !started) return std::unexpected(started.error());
  fleet.describe_progress([&] { return resident_text(options.server_pid); });
  SANJAY_TRY(const UsageMeter meter, UsageMeter::start(options.server_pid));
  if (auto open = fleet.open_all(); !open) return std::unexpected(open.error());
  ConnectResult result;
  SANJAY_TRY(result.measurement.usage, meter.read());
  result.measurement.operations = options.connections;
  fleet.stop();
  result.connect_ns = fleet.connect_ns();
  return result;
}

core::Result<IdleResult> run_idle(const IdleOptions& options) {
  if (options.points.empty() || !std::ranges::is_sorted(options.points) || options.points[0] == 0) {
    return core::failure("points must be given, ascending and above 0");
  }
  SANJAY_TRY(auto plan,
             plan_of(options.client, options.points.back(), options.subscription, options.channel));
  Fleet fleet(options.client, std::move(plan));
  if (auto started = fleet.start({}); !started) return std::unexpected(started.error());
  fleet.describe_progress([&] { return resident_text(options.server_pid); });
  IdleResult result;
  SANJAY_TRY(const IdlePoint none, read_point(0, options.server_pid));
  result.points.push_back(none);
  for (const std::uint32_t connections : options.points) {
    if (auto open = fleet.open(connections); !open) return std::unexpected(open.error());
    if (auto settled = fleet.hold(options.settle); !settled) {
      return std::unexpected(settled.error());
    }
    SANJAY_TRY(const IdlePoint point, read_point(connections, options.server_pid));
    result.points.push_back(point);
  }
  SANJAY_TRY(const UsageMeter meter, UsageMeter::start(options.server_pid));
  if (auto held = fleet.hold(options.duration); !held) return std::unexpected(held.error());
  SANJAY_TRY(result.usage, meter.read());
  if (options.close_and_wait) {
    SANJAY_TRY(result.after_close, close_all(fleet, options));
  }
  return result;
}

}  // namespace sanjay::bench
