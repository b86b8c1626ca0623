// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/options.h"
#include "bench/client/worker.h"
#include "core/result.h"
#include "runtime/clock.h"
#include "runtime/driver_set.h"
#include "runtime/shard.h"
#include "runtime/shard_threads.h"
#include "telemetry/log.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::bench {

/// All connections of one run on all shards of the generator, controlled from the main thread.
/// Every wait ends: with success, with the first failure of a connection, or when nothing has
/// moved for ClientOptions::timeout.
class Fleet {
 public:
  /// Makes one worker's load. The worker outlives it.
  using LoadFactory = std::function<std::unique_ptr<Load>(Worker&)>;

  Fleet(ClientOptions options, ConnectionPlan plan);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  /// Starts the shards' threads; nothing is connected yet.
  core::Status start(const LoadFactory& make_load);
  /// Opens connections until the first `connections` of the plan are ready.
  core::Status open(std::uint32_t connections);
  core::Status open_all() { return open(plan_.connections); }

  /// Gives each load `rounds` rounds; wait() tells when they are done.
  void begin(std::uint64_t rounds);
  void drain();
  /// Cuts all connections from number `first` of the plan on, at once; see Worker::cut().
  void cut(std::uint32_t first, bool reopen);
  /// Of those that were cut: gone, and ready again.
  std::uint64_t cut_off() const;
  std::uint64_t reconnected() const;

  /// Waits until done(). `progress` is any number that grows while things go well; `goal` is what
  /// it should grow to, for progress lines (0: unknown).
  core::Status wait(std::string_view what, const std::function<bool()>& done,
                    const std::function<std::uint64_t()>& progress, std::uint64_t goal);
  /// What progress lines say besides: called on the main thread, an empty text says nothing.
  void describe_progress(std::function<std::string()> more) { more_ = std::move(more); }
  /// Lets time pass; fails as soon as a connection does.
  core::Status hold(core::Duration duration);

  /// Ends the shards' threads; loads and workers may be read afterwards. Idempotent.
  void stop();

  const ClientOptions& options() const { return options_; }
  std::vector<std::unique_ptr<Worker>>& workers() { return workers_; }
  runtime::DriverKind driver_kind() const { return drivers_.kind; }
  core::Instant now() const { return clock_.now(); }
  /// From connect() to ready, of all connections. After stop().
  telemetry::Histogram connect_ns() const;
  /// The same of those that were opened again.
  telemetry::Histogram reconnect_ns() const;

 private:
  core::Status check_descriptors() const;
  core::Status check_failures() const;
  void print_progress(core::Instant since, const std::string& text) const;

  ClientOptions options_;
  const ConnectionPlan plan_;
  std::function<std::string()> more_;
  runtime::SystemClock clock_;
  telemetry::NullLogger log_;
  runtime::DriverSet drivers_;
  std::vector<std::unique_ptr<runtime::Shard>> shards_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<runtime::ShardThreads> threads_;
};

}  // namespace sanjay::bench
