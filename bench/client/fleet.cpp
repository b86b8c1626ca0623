// SPDX-License-Identifier: Apache-2.0
#include "bench/client/fleet.h"

#include "runtime/file_table.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>

namespace sanjay::bench {
namespace {

// Descriptors of a shard that are no connections, with room to spare.
constexpr std::size_t kOtherDescriptors = 64;
// Local ports of one address that a run takes. Linux offers about 28,000 by default and finds the
// first half of them, those of one parity, twenty times faster than the rest.
constexpr std::uint32_t kConnectionsPerSource = 12'000;
constexpr core::Duration kPollInterval = std::chrono::milliseconds(1);
constexpr core::Duration kProgressInterval = std::chrono::seconds(1);
constexpr core::Duration kHoldInterval = std::chrono::seconds(10);

}  // namespace

Fleet::Fleet(ClientOptions options, ConnectionPlan plan)
    : options_(std::move(options)), plan_(std::move(plan)) {
  if (options_.sources == 0) {
    const bool loopback =
        options_.target.endpoint.is_v4() && options_.target.endpoint.host().starts_with("127.");
    const std::uint32_t needed = (plan_.connections + plan_.reopened) / kConnectionsPerSource + 1;
    options_.sources = loopback ? needed : 1;
  }
}

Fleet::~Fleet() { stop(); }

core::Status Fleet::check_descriptors() const {
  const std::size_t limit = runtime::raise_open_file_limit();
  const std::size_t tables = options_.private_file_tables ? options_.shards : 1;
  const std::size_t room = tables * (limit - std::min(limit, kOtherDescriptors));
  if (plan_.connections <= room) return {};
  return core::failure(fmt::format(
      "{} connections need more than the {} descriptors there are: use --private-file-tables with "
      "--shards {} or more",
      plan_.connections, room, plan_.connections / (limit - kOtherDescriptors) + 1));
}

core::Status Fleet::start(const LoadFactory& make_load) {
  if (auto enough = check_descriptors(); !enough) return enough;
  runtime::DriverSetOptions set;
  set.choice = options_.driver;
  set.shards = options_.shards;
  set.private_file_tables = options_.private_file_tables;
  SANJAY_TRY(drivers_, runtime::make_drivers(set));

  runtime::ShardOptions shard_options;
  shard_options.streams.streams_max = plan_.connections / options_.shards + 1;
  // A window of large messages may wait here; the bound only catches a server that is stuck.
  shard_options.streams.queue_bytes_max = 256 << 20;
  shard_options.streams.write_stall_max = options_.timeout;
  std::vector<runtime::Shard*> shards;
  for (std::uint32_t i = 0; i < options_.shards; ++i) {
    shard_options.index = static_cast<core::ShardIndex>(i);
    shards_.push_back(
        std::make_unique<runtime::Shard>(shard_options, *drivers_.drivers[i], clock_, log_));
    workers_.push_back(
        std::make_unique<Worker>(options_, plan_, i, options_.shards, *shards_.back()));
    shards_.back()->set_application(*workers_.back());
    shards.push_back(shards_.back().get());
  }
  // Loads may look at all workers, so they come when all are there.
  for (auto& worker : workers_) {
    if (make_load) worker->set_load(make_load(*worker));
  }
  if (!options_.cpus.empty()) {
    // The main thread looks at the clock a thousand times a second: not on the server's CPU.
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    for (const int cpu : options_.cpus) CPU_SET(static_cast<std::size_t>(cpu), &cpus);
    sched_setaffinity(0, sizeof cpus, &cpus);
  }
  threads_ = std::make_unique<runtime::ShardThreads>(std::move(shards), options_.cpus);
  return threads_->start();
}

core::Status Fleet::open(std::uint32_t connections) {
  for (auto& worker : workers_) worker->open(connections);
  const auto ready = [this] {
    std::uint64_t sum = 0;
    for (const auto& worker : workers_) sum += worker->ready();
    return sum;
  };
  return wait("connections ready", [&] { return ready() >= connections; }, ready, connections);
}

void Fleet::begin(std::uint64_t rounds) {
  for (auto& worker : workers_) worker->begin(rounds);
}

void Fleet::drain() {
  for (auto& worker : workers_) worker->drain();
}

void Fleet::cut(std::uint32_t first, bool reopen) {
  for (auto& worker : workers_) worker->cut(first, reopen);
}

std::uint64_t Fleet::cut_off() const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->cut_off();
  return sum;
}

std::uint64_t Fleet::reconnected() const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->reconnected();
  return sum;
}

core::Status Fleet::check_failures() const {
  std::uint64_t failures = 0;
  for (const auto& worker : workers_) failures += worker->failures();
  if (failures == 0) return {};
  std::string first;
  for (const auto& worker : workers_) {
    if (first.empty()) first = worker->first_failure();
  }
  if (failures > 1) first += fmt::format(" (and {} more)", failures - 1);
  return core::failure(std::move(first));
}

core::Status Fleet::wait(std::string_view what, const std::function<bool()>& done,
                         const std::function<std::uint64_t()>& progress, std::uint64_t goal) {
  const core::Instant start = now();
  core::Instant moved = start;
  core::Instant next_line = start + kProgressInterval;
  std::uint64_t last = progress();
  std::uint64_t at_line = last;
  core::Instant line = start;
  const std::string of_goal = goal == 0 ? "" : fmt::format(" of {}", goal);
  while (!done()) {
    if (auto healthy = check_failures(); !healthy) return healthy;
    std::this_thread::sleep_for(kPollInterval);
    const core::Instant present = now();
    const std::uint64_t current = progress();
    if (current != last) {
      last = current;
      moved = present;
    }
    if (present - moved > options_.timeout) {
      return core::failure(fmt::format("no progress for {:g} s: {}{} {}",
                                       std::chrono::duration<double>(options_.timeout).count(),
                                       current, of_goal, what));
    }
    if (!options_.quiet && present >= next_line) {
      next_line += kProgressInterval;
      const double seconds = std::chrono::duration<double>(present - line).count();
      const double rate = static_cast<double>(current - at_line) / seconds;
      print_progress(start, fmt::format("{}{} {} ({:.0f}/s)", current, of_goal, what, rate));
      at_line = current;
      line = present;
    }
  }
  return check_failures();
}

void Fleet::print_progress(core::Instant since, const std::string& text) const {
  const std::string more = more_ ? more_() : "";
  fmt::print(stderr, "  {:4} s  {}{}{}\n", core::to_milliseconds(now() - since) / 1000, text,
             more.empty() ? "" : ", ", more);
}

core::Status Fleet::hold(core::Duration duration) {
  const core::Instant start = now();
  const double seconds = std::chrono::duration<double>(duration).count();
  core::Instant next_line = start + kHoldInterval;
  while (now() - start < duration) {
    if (auto healthy = check_failures(); !healthy) return healthy;
    const core::Duration left = duration - (now() - start);
    std::this_thread::sleep_for(
        std::clamp<core::Duration>(left, kPollInterval, 50 * kPollInterval));
    if (!options_.quiet && now() >= next_line) {
      next_line += kHoldInterval;
      print_progress(start, fmt::format("of {:.0f} s held", seconds));
    }
  }
  return check_failures();
}

void Fleet::stop() { threads_.reset(); }

telemetry::Histogram Fleet::reconnect_ns() const {
  telemetry::Histogram all;
  for (const auto& worker : workers_) all.merge(worker->reconnect_ns());
  return all;
}

telemetry::Histogram Fleet::connect_ns() const {
  telemetry::Histogram all;
  for (const auto& worker : workers_) all.merge(worker->connect_ns());
  return all;
}

}  // namespace sanjay::bench
