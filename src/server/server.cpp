// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include "core/random.h"
#include "runtime/entropy.h"
#include "runtime/process.h"
#include "session/client_id.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

namespace sanjay::server {
namespace {

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  runtime::fill_random(std::as_writable_bytes(std::span(&seed, 1)));
  return seed;
}

}  // namespace

core::Result<std::unique_ptr<Server>> Server::create(Wiring wiring, telemetry::Logger& log) {
  SANJAY_TRY(wiring.address, runtime::claim_address(wiring.address));
  if (wiring.internal_address) {
    SANJAY_TRY(wiring.internal_address, runtime::claim_address(*wiring.internal_address));
  }
  if (wiring.node_name.empty()) {
    wiring.node_name = runtime::host_name() + "_" + std::to_string(wiring.address.port);
  }
  SANJAY_TRY(auto drivers, runtime::make_drivers(wiring.drivers));
  return std::unique_ptr<Server>(
      new Server(std::make_shared<const Wiring>(std::move(wiring)), std::move(drivers), log));
}

Server::Server(std::shared_ptr<const Wiring> wiring, runtime::DriverSet drivers,
               telemetry::Logger& log)
    : log_(log),
      drivers_(std::move(drivers)),
      shared_(std::move(wiring)),
      watched_(shared_.wiring->shards) {
  core::Random random(random_seed());
  const auto uid = session::ClientId(random).text();
  shared_.node_uid = session::view(uid);
  shared_.started = clock_.now();
  shared_.started_wall = clock_.wall_now();
  shared_.driver = drivers_.kind;
  if (!drivers_.note.empty()) {
    log_.log(telemetry::Level::Warn, "I/O driver is not the one hoped for",
             {{"driver", runtime::name_of(drivers_.kind)}, {"reason", drivers_.note}});
  }
  for (core::ShardIndex i = 0; i < shared_.wiring->shards; ++i) {
    runtime::ShardOptions options = shared_.wiring->shard;
    options.index = i;
    shards_.push_back(
        std::make_unique<runtime::Shard>(options, *drivers_.drivers[i], clock_, log_));
    shared_.shards.push_back(shards_.back().get());
  }
  for (auto& shard : shards_) {
    applications_.push_back(std::make_unique<ServerShard>(shared_, *shard, random_seed()));
    shared_.applications.push_back(applications_.back().get());
    shard->set_application(*applications_.back());
  }
  threads_ = std::make_unique<runtime::ShardThreads>(shared_.shards, shared_.wiring->pin_cpus);
}

Server::~Server() {
  threads_.reset();
  // Connections leave the hub as they go, so they go before the applications that hold it.
  shards_.clear();
}

core::Result<runtime::Endpoint> Server::start() {
  if (auto started = threads_->start(); !started) return std::unexpected(started.error());
  const Wiring& wiring = *shared_.wiring;
  log_.log(telemetry::Level::Info, "listening",
           {{"address", wiring.address.to_string()},
            {"internal_address",
             wiring.internal_address ? wiring.internal_address->to_string() : std::string("none")},
            {"shards", std::uint64_t{wiring.shards}},
            {"driver", runtime::name_of(drivers_.kind)},
            {"connections_max", std::uint64_t{wiring.connections_max}}});
  return wiring.address;
}

bool Server::shut_down(core::Duration timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  shared_.draining.store(true, std::memory_order_relaxed);
  for (auto& application : applications_) application->tell(ShutDown{});
  for (std::size_t i = 0; i < applications_.size(); ++i) {
    if (!shared_.drained.try_acquire_until(deadline)) return false;
  }
  return true;
}

void Server::reload(Wiring wiring) {
  shared_.reload(std::make_shared<const Wiring>(std::move(wiring)));
  for (auto& shard : shards_) shard->notify();
}

void Server::keys_changed() {
  shared_.key_fetches.fetch_add(1, std::memory_order_release);
  for (auto& shard : shards_) shard->notify();
}

void Server::return_memory() {
  constexpr std::uint64_t kConnectionBytes = 1024;  // docs/performance.md
  constexpr std::uint64_t kTlsBytes = 14 * 1024;    // what TLS adds: docs/decisions/0023
  std::uint64_t needed = 0;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    const auto& streams = shards_[i]->streams().stats();
    const auto& tls = shards_[i]->streams().tls_stats();
    needed += tls.connections.value() * kTlsBytes;
    needed += streams.streams.value() * kConnectionBytes + streams.queued_bytes.value() +
              applications_[i]->hub_stats().pending_bytes.value();
  }
  if (memory_.due(needed)) runtime::return_freed_memory();
}

unsigned Server::stuck_for() {
  unsigned longest = 0;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    const std::uint64_t turns = shards_[i]->stats().turns.value();
    Watched& watched = watched_[i];
    watched.calls_without_a_turn = turns == watched.turns ? watched.calls_without_a_turn + 1 : 0;
    watched.turns = turns;
    longest = std::max(longest, watched.calls_without_a_turn);
  }
  return longest;
}

}  // namespace sanjay::server
