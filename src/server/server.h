// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/time.h"
#include "runtime/clock.h"
#include "runtime/driver_set.h"
#include "runtime/shard.h"
#include "runtime/shard_threads.h"
#include "server/memory_return.h"
#include "server/server_shard.h"
#include "server/wiring.h"
#include "telemetry/log.h"

#include <memory>
#include <string>
#include <vector>

namespace sanjay::server {

/// A running server. Created and destroyed on the main thread; its shards run on threads of their
/// own between start() and the destructor.
class Server {
 public:
  /// Claims the address and creates every shard's driver; nothing listens yet.
  static core::Result<std::unique_ptr<Server>> create(Wiring wiring, telemetry::Logger& log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Listens and accepts. The address is answered with the port chosen if 0 was asked for.
  core::Result<runtime::Endpoint> start();
  /// Closes every client with 3001 and waits, at most `timeout`, until all are gone. True if so.
  bool shut_down(core::Duration timeout);
  /// Gives all shards new options. What is built at start (addresses, shards, drivers) stays.
  void reload(Wiring wiring);
  /// Token keys have been fetched: clients that wait for one are asked again. Any thread, from
  /// start() on until the destructor.
  void keys_changed();
  void reload_failed() { shared_.failed_reloads.fetch_add(1, std::memory_order_relaxed); }

  /// To be called about once a second: a shard that has not turned between so many calls in a row
  /// is stuck. Answers the longest count of such calls.
  unsigned stuck_for();
  /// To be called about once a second: gives memory back to the operating system after a burst.
  void return_memory();

  runtime::DriverKind driver_kind() const { return drivers_.kind; }

 private:
  Server(std::shared_ptr<const Wiring> wiring, runtime::DriverSet drivers, telemetry::Logger& log);

  telemetry::Logger& log_;
  runtime::SystemClock clock_;
  runtime::DriverSet drivers_;
  SharedState shared_;
  std::vector<std::unique_ptr<runtime::Shard>> shards_;
  std::vector<std::unique_ptr<ServerShard>> applications_;
  struct Watched {
    std::uint64_t turns = 0;
    unsigned calls_without_a_turn = 0;
  };
  std::vector<Watched> watched_;
  MemoryReturn memory_;
  std::unique_ptr<runtime::ShardThreads> threads_;
};

}  // namespace sanjay::server
