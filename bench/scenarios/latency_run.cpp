// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/latency_run.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace sanjay::bench {
namespace {

constexpr core::Duration kCountersTimeout = std::chrono::seconds(2);

std::string channel_of_idle(const LatencyOptions& options, std::uint32_t number) {
  switch (options.idle_subscription) {
    case Subscription::None:
      break;
    case Subscription::Shared:
      return options.channel + "-idle";
    case Subscription::Own:
      return fmt::format("{}-idle-{}", options.channel, number);
  }
  return "";
}

}  // namespace

core::Status LatencyRun::check(const LatencyOptions& options) {
  if (options.channels == 0 || options.subscribers_per_channel == 0 || options.publishers == 0) {
    return core::failure("channels, subscribers and publishers must be at least 1");
  }
  if (options.publishers > 1000) return core::failure("at most 1000 publishers");
  if (options.rate <= 0) return core::failure("the rate must be above 0");
  if (options.payload_bytes < StampedMessage::kBytesMin) {
    return core::failure(
        fmt::format("a stamped payload has at least {} bytes", StampedMessage::kBytesMin));
  }
  if (has_channels(options.client.protocol)) return {};
  const std::string_view protocol = name_of(options.client.protocol);
  if (options.channels != 1) {
    return core::failure(
        fmt::format("--protocol {} knows no channels: use --channels 1", protocol));
  }
  if (options.stalled + options.crawling + options.idle > 0 || options.overload) {
    return core::failure(
        fmt::format("--protocol {} knows subscribers only that keep up", protocol));
  }
  return {};
}

ConnectionPlan LatencyRun::plan_of(const LatencyOptions& options, const LatencyShared& shared,
                                   std::uint32_t reopened) {
  ConnectionPlan plan{.connections = shared.connections(), .reopened = reopened};
  plan.channel_of = [&options, &shared](std::uint32_t index) {
    if (index >= shared.first_idle()) return channel_of_idle(options, index);
    const bool publisher = index >= shared.first_publisher() && index < shared.first_slow();
    if (publisher || !has_channels(options.client.protocol)) return std::string();
    return fmt::format("{}-{}", options.channel, shared.channel_of(index));
  };
  return plan;
}

LatencyRun::LatencyRun(const LatencyOptions& options, Tolerance tolerance, std::uint32_t reopened)
    : options_(options),
      shared_(options, tolerance),
      fleet_(options.client, plan_of(options, shared_, reopened)) {
  fleet_.describe_progress([this] {
    const std::string memory = resident_text(options_.server_pid);
    const std::uint64_t count = delivered();
    if (count == 0) return memory;
    return fmt::format("{} deliveries{}{}", count, memory.empty() ? "" : ", ", memory);
  });
}

core::Status LatencyRun::open() {
  SANJAY_TRY(memory_.start, read_memory(options_.server_pid));
  auto started = fleet_.start(
      [&](Worker& worker) { return std::make_unique<LatencyLoad>(options_, shared_, worker); });
  if (!started) return started;
  if (auto open = fleet_.open(shared_.first_idle()); !open) return open;
  SANJAY_TRY(memory_.active, read_memory(options_.server_pid));
  if (auto open = fleet_.open_all(); !open) return open;
  SANJAY_TRY(memory_.connected, read_memory(options_.server_pid));
  memory_.connections = shared_.connections();
  memory_.idle = shared_.idle;
  return {};
}

core::Status LatencyRun::begin() {
  shared_.start = fleet_.now() + std::chrono::milliseconds(10);
  shared_.measure_from = shared_.start + options_.warmup;
  shared_.publishing.store(options_.publishers);
  fleet_.begin(1);
  return fleet_.hold(shared_.measure_from - fleet_.now());
}

std::uint64_t LatencyRun::published() const {
  std::uint64_t sum = 0;
  for (std::uint32_t p = 0; p < shared_.publishers; ++p) {
    sum += (shared_.next[p].load(std::memory_order_relaxed) - p) / shared_.publishers;
  }
  return sum;
}

// What is still to come to those who are still there, and what has come to those who are not.
std::uint64_t LatencyRun::due_deliveries() const {
  const std::uint64_t each = shared_.receivers / shared_.schedule.channels;
  const SentMessages sent(shared_);
  std::uint64_t due = 0;
  for (std::uint32_t channel = 0; channel < shared_.schedule.channels; ++channel) {
    const LatencyShared::Channel& state = shared_.channels[channel];
    std::uint64_t messages = 0;
    for (const std::uint64_t count : sent.to(channel)) messages += count;
    messages -= state.refused.load(std::memory_order_relaxed);
    due += messages * (each - state.closed.load(std::memory_order_acquire));
  }
  return due + shared_.closed_received.load(std::memory_order_relaxed);
}

bool LatencyRun::complete() const {
  return shared_.publishing.load(std::memory_order_acquire) == 0 && delivered() >= due_deliveries();
}

core::Status LatencyRun::await_deliveries() {
  const auto moved = [&] { return delivered() + shared_.closed.load(std::memory_order_relaxed); };
  auto all = fleet_.wait("deliveries and closings", [&] { return complete(); }, moved, 0);
  if (options_.server_pid != 0) {
    SANJAY_TRY(const ResidentMemory server, read_resident_memory(options_.server_pid));
    memory_.server_peak = server.peak;
  }
  SANJAY_TRY(memory_.end, read_memory(options_.server_pid));
  return all;
}

core::Status LatencyRun::end_slow_readers() {
  const auto ended = [&] { return shared_.slow_ended.load(std::memory_order_acquire); };
  fleet_.drain();
  return fleet_.wait(
      "slow readers ended", [&] { return ended() == shared_.slow; }, ended, shared_.slow);
}

void LatencyRun::close() {
  fleet_.stop();
  SentMessages sent(shared_);
  std::vector<std::uint64_t> orders(shared_.schedule.channels);
  for (auto& worker : fleet_.workers()) {
    const auto& refused = static_cast<const LatencyLoad&>(worker->load()).refused();
    sent.refused.insert(sent.refused.end(), refused.begin(), refused.end());
  }
  for (auto& worker : fleet_.workers()) {
    static_cast<LatencyLoad&>(worker->load()).judge(sent, orders, verdict_);
  }
  verdict_.refused = sent.refused.size();
  verdict_.published = published() - verdict_.refused;
  verdict_.delivered = delivered();
  verdict_.expected = verdict_.published * (shared_.receivers / shared_.schedule.channels);
}

std::optional<ServerCounters> LatencyRun::read_counters() const {
  if (!has_channels(options_.client.protocol)) return std::nullopt;
  auto counters = read_server_counters(options_.client.target.endpoint, kCountersTimeout);
  if (!counters) return std::nullopt;
  return *counters;
}

telemetry::Histogram LatencyRun::latency_ns(Stretch stretch) {
  telemetry::Histogram all;
  for (const auto& worker : fleet_.workers()) {
    all.merge(static_cast<const LatencyLoad&>(worker->load()).latency_ns(stretch));
  }
  return all;
}

telemetry::Histogram LatencyRun::lateness_ns(Stretch stretch) {
  telemetry::Histogram all;
  for (const auto& worker : fleet_.workers()) {
    all.merge(static_cast<const LatencyLoad&>(worker->load()).lateness_ns(stretch));
  }
  return all;
}

}  // namespace sanjay::bench
