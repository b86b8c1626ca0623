// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/latency.h"

#include "bench/client/fleet.h"
#include "bench/client/wire.h"
#include "bench/payload/stamp.h"
#include "bench/scenarios/slow_readers.h"

#include <fmt/format.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sanjay::bench {
namespace {

std::uint32_t subscribers_of(const LatencyOptions& options) {
  return options.channels * options.subscribers_per_channel;
}

struct Shared {
  // Fixed before begin().
  core::Instant start;
  core::Instant measure_from;
  core::Instant end;
  std::atomic<std::uint32_t> publishing{0};  // publishers not yet at the end
  std::atomic<std::uint64_t> published{0};
  std::atomic<std::uint64_t> delivered{0};
  std::atomic<std::uint32_t> slow_ended{0};
};

class LatencyLoad final : public Load {
 public:
  LatencyLoad(const LatencyOptions& options, Shared& shared, Worker& worker)
      : options_(options),
        shared_(shared),
        worker_(worker),
        message_(StampedMessage::of_size(options.payload_bytes)),
        slow_(worker, subscribers_of(options) + options.publishers, options.stalled,
              options.crawling) {}

  void on_begin(std::uint64_t) override {
    const std::uint32_t subscribers = subscribers_of(options_);
    for (std::uint32_t p = 0; p < options_.publishers; ++p) {
      if (worker_.find(subscribers + p) != nullptr) publishers_.push_back({subscribers + p, p});
    }
    running_ = true;
    slow_.begin();
    slow_open_ = slow_.open();
  }

  void on_drain() override {
    running_ = false;
    draining_ = true;
    slow_.release();
  }

  void on_message(Connection& connection, std::string_view message) override {
    if (slow_.contains(connection)) return slow_.on_message(connection, message.size());
    const auto stamp = find_stamp(message);
    if (!stamp) return;
    ++delivered_;
    const core::Instant due{core::Duration(stamp->sent_ns)};
    if (due < shared_.measure_from) return;
    latency_ns_.record(static_cast<std::uint64_t>((worker_.precise_now() - due).count()));
  }

  bool on_turn(core::Instant) override {
    bool idle = delivered_ == 0;
    for (std::size_t i = 0; i < publishers_.size();) {
      const std::uint64_t next = publishers_[i].next;
      const bool more = publish_due(publishers_[i]);
      if (!more || publishers_[i].next != next) idle = false;
      if (more) {
        ++i;
      } else {
        publishers_.erase(publishers_.begin() + static_cast<std::ptrdiff_t>(i));
        shared_.publishing.fetch_sub(1, std::memory_order_release);
      }
    }
    if (delivered_ > 0) shared_.delivered.fetch_add(delivered_, std::memory_order_release);
    delivered_ = 0;
    if (draining_) {
      const std::uint32_t open = slow_.open();
      shared_.slow_ended.fetch_add(slow_open_ - open, std::memory_order_release);
      slow_open_ = open;
    }
    // Messages of this turn are sent after it: it must not sleep on them.
    if (idle && running_ && options_.nap > core::Duration(0)) {
      std::this_thread::sleep_for(options_.nap);
    }
    // Ends come at the end of a turn, so another one must follow to report them.
    return running_ || (draining_ && slow_open_ > 0);
  }

  const telemetry::Histogram& latency_ns() const { return latency_ns_; }
  const telemetry::Histogram& lateness_ns() const { return lateness_ns_; }

 private:
  struct Publisher {
    std::uint32_t connection;
    std::uint64_t next;  // number of its next message among all
  };

  // Publishes whatever is due. False when the publisher is at the end.
  bool publish_due(Publisher& publisher) {
    Connection* connection = worker_.find(publisher.connection);
    if (connection == nullptr) return false;  // has failed, and the run with it
    for (;;) {
      const auto after =
          static_cast<std::int64_t>(static_cast<double>(publisher.next) / options_.rate * 1e9);
      const core::Instant due = shared_.start + core::Duration(after);
      if (due >= shared_.end) return false;
      const core::Instant now = worker_.precise_now();
      if (due > now) return true;
      if (due >= shared_.measure_from) {
        lateness_ns_.record(static_cast<std::uint64_t>((now - due).count()));
      }
      const auto number = static_cast<std::uint16_t>(publisher.next % options_.publishers);
      publish(*connection, {number, publisher.next, due.time_since_epoch().count()});
      publisher.next += options_.publishers;
      shared_.published.fetch_add(1, std::memory_order_relaxed);
    }
  }

  void publish(Connection& connection, const Stamp& stamp) {
    const std::string_view data = message_.with(stamp);
    if (options_.client.protocol == Protocol::WebSocket) return connection.send(data);
    const auto channel = fmt::format("{}-{}", options_.channel, stamp.sequence % options_.channels);
    worker_.wire().write_publish(command_, connection.next_id(), channel, data);
    connection.send(command_);
  }

  const LatencyOptions& options_;
  Shared& shared_;
  Worker& worker_;
  StampedMessage message_;
  std::string command_;
  std::vector<Publisher> publishers_;
  SlowReaders slow_;
  std::uint32_t slow_open_ = 0;  // as last reported
  bool running_ = false;
  bool draining_ = false;
  std::uint64_t delivered_ = 0;  // in this turn
  telemetry::Histogram latency_ns_;
  telemetry::Histogram lateness_ns_;
};

core::Status check(const LatencyOptions& options) {
  if (options.channels == 0 || options.subscribers_per_channel == 0 || options.publishers == 0) {
    return core::failure("channels, subscribers and publishers must be at least 1");
  }
  if (options.publishers > 1000) return core::failure("at most 1000 publishers");
  if (options.rate <= 0) return core::failure("the rate must be above 0");
  if (!has_channels(options.client.protocol)) {
    const std::string_view protocol = name_of(options.client.protocol);
    if (options.channels != 1) {
      return core::failure(
          fmt::format("--protocol {} knows no channels: use --channels 1", protocol));
    }
    if (options.stalled + options.crawling > 0) {
      return core::failure(
          fmt::format("--protocol {} knows no subscribers that stall or crawl", protocol));
    }
  }
  if (options.payload_bytes < StampedMessage::kBytesMin) {
    return core::failure(
        fmt::format("a stamped payload has at least {} bytes", StampedMessage::kBytesMin));
  }
  return {};
}

// Runs the schedule and waits for the last deliveries; fills in the usage.
core::Status run_schedule(Fleet& fleet, const LatencyOptions& options, Shared& shared,
                          std::uint64_t receivers, LatencyResult& result) {
  shared.start = fleet.now() + std::chrono::milliseconds(10);
  shared.measure_from = shared.start + options.warmup;
  shared.end = shared.measure_from + options.duration;
  shared.publishing.store(options.publishers);
  fleet.begin(1);
  if (auto warm = fleet.hold(shared.measure_from - fleet.now()); !warm) return warm;
  const std::uint64_t before = shared.delivered.load(std::memory_order_acquire);
  SANJAY_TRY(const UsageMeter meter, UsageMeter::start(options.server_pid));
  if (auto held = fleet.hold(shared.end - fleet.now()); !held) return held;
  SANJAY_TRY(result.usage, meter.read());
  const auto delivered = [&] { return shared.delivered.load(std::memory_order_acquire); };
  result.measured_deliveries = delivered() - before;
  const auto complete = [&] {
    return shared.publishing.load(std::memory_order_acquire) == 0 &&
           delivered() >= shared.published.load(std::memory_order_relaxed) * receivers;
  };
  if (auto all = fleet.wait("deliveries", complete, delivered, 0); !all) return all;
  // Those who did not keep up look again: the server must have given them up.
  const std::uint32_t slow = options.stalled + options.crawling;
  const auto ended = [&] { return shared.slow_ended.load(std::memory_order_acquire); };
  fleet.drain();
  return fleet.wait("slow readers ended", [&] { return ended() == slow; }, ended, slow);
}

}  // namespace

core::Result<LatencyResult> run_latency(const LatencyOptions& options) {
  if (auto valid = check(options); !valid) return std::unexpected(valid.error());
  const std::uint32_t subscribers = subscribers_of(options);
  const std::uint32_t slow = options.stalled + options.crawling;
  ConnectionPlan plan{.connections = subscribers + options.publishers + slow};
  const bool channels = has_channels(options.client.protocol);
  plan.channel_of = [&options, subscribers, channels](std::uint32_t index) {
    const bool publisher = index >= subscribers && index - subscribers < options.publishers;
    if (publisher || !channels) return std::string();
    return fmt::format("{}-{}", options.channel, index % options.channels);
  };
  const std::uint64_t receivers = channels ? options.subscribers_per_channel : plan.connections;
  Shared shared;
  Fleet fleet(options.client, std::move(plan));
  auto started = fleet.start(
      [&](Worker& worker) { return std::make_unique<LatencyLoad>(options, shared, worker); });
  if (!started) return std::unexpected(started.error());
  if (auto open = fleet.open_all(); !open) return std::unexpected(open.error());

  LatencyResult result;
  if (auto ran = run_schedule(fleet, options, shared, receivers, result); !ran) {
    result.interrupted = ran.error().message;
  }
  fleet.stop();
  result.published = shared.published.load();
  result.expected = result.published * receivers;
  result.delivered = shared.delivered.load();
  result.slow_left = slow - shared.slow_ended.load();
  for (auto& worker : fleet.workers()) {
    const auto& load = static_cast<const LatencyLoad&>(worker->load());
    result.latency_ns.merge(load.latency_ns());
    result.lateness_ns.merge(load.lateness_ns());
  }
  return result;
}

}  // namespace sanjay::bench
