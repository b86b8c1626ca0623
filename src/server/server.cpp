// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include "runtime/entropy.h"

#include <chrono>
#include <span>
#include <utility>

namespace sanjay::server {

core::Result<std::unique_ptr<Server>> Server::create(Wiring wiring, telemetry::Logger& log) {
  SANJAY_TRY(wiring.address, runtime::claim_address(wiring.address));
  SANJAY_TRY(auto drivers, runtime::make_drivers(wiring.drivers));
  return std::unique_ptr<Server>(new Server(std::move(wiring), std::move(drivers), log));
}

Server::Server(Wiring wiring, runtime::DriverSet drivers, telemetry::Logger& log)
    : wiring_(std::move(wiring)),
      log_(log),
      drivers_(std::move(drivers)),
      shared_(wiring_) {
  if (!drivers_.note.empty()) {
    log_.log(telemetry::Level::Warn, "I/O driver is not the one hoped for",
             {{"driver", runtime::name_of(drivers_.kind)}, {"reason", drivers_.note}});
  }
  for (core::ShardIndex i = 0; i < wiring_.shards; ++i) {
    runtime::ShardOptions options = wiring_.shard;
    options.index = i;
    shards_.push_back(
        std::make_unique<runtime::Shard>(options, *drivers_.drivers[i], clock_, log_));
    shared_.shards.push_back(shards_.back().get());
  }
  for (auto& shard : shards_) {
    std::uint64_t seed = 0;
    runtime::fill_random(std::as_writable_bytes(std::span(&seed, 1)));
    applications_.push_back(std::make_unique<ServerShard>(shared_, *shard, seed));
    shard->set_application(*applications_.back());
  }
  threads_ = std::make_unique<runtime::ShardThreads>(shared_.shards, wiring_.pin_cpus);
}

Server::~Server() {
  threads_.reset();
  // Connections leave the hub as they go, so they go before the applications that hold it.
  shards_.clear();
}

core::Result<runtime::Endpoint> Server::start() {
  if (auto started = threads_->start(); !started) return std::unexpected(started.error());
  log_.log(telemetry::Level::Info, "listening",
           {{"address", wiring_.address.to_string()},
            {"shards", std::uint64_t{wiring_.shards}},
            {"driver", runtime::name_of(drivers_.kind)},
            {"connections_max", std::uint64_t{wiring_.connections_max}}});
  return wiring_.address;
}

bool Server::shut_down(core::Duration timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (auto& application : applications_) application->control(Control::ShutDown);
  for (std::size_t i = 0; i < applications_.size(); ++i) {
    if (!shared_.drained.try_acquire_until(deadline)) return false;
  }
  return true;
}

}  // namespace sanjay::server
