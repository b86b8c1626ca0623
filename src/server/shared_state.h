// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/node.h"
#include "core/connection_id.h"
#include "hub/hub.h"
#include "limits/connection_admission.h"
#include "runtime/mailbox.h"
#include "runtime/shard.h"
#include "server/wiring.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <variant>
#include <vector>

namespace sanjay::server {

class ServerShard;

// What a shard is told beside the hubs' mail: rare, by any thread, through its foreign mailbox.

struct ShutDown {};

struct TaskMail {
  core::ShardIndex from;
  std::uint32_t number;
  std::shared_ptr<const api::ShardTask> task;
};

struct AnswerMail {
  std::uint32_t number;
  api::ShardAnswer answer;
};

/// Commands of a client whose stream is on that shard.
struct CommandMail {
  core::ConnectionId connection;
  std::string commands;
};

using ShardMail = std::variant<ShutDown, TaskMail, AnswerMail>;

/// What the shards of one server share. Filled before their threads start; after that only what is
/// atomic, or written by one shard alone, changes.
struct SharedState {
  explicit SharedState(std::shared_ptr<const Wiring> w)
      : wiring(std::move(w)),
        mail(wiring->shards, mail_slots(wiring->shards)),
        flow(wiring->shards),
        admission(wiring->admission),
        connections(std::make_unique<std::atomic<std::uint32_t>[]>(wiring->shards)),
        connections_max(wiring->connections_max) {}

  /// From one shard to another. There is such a ring for every pair of shards, and each one is
  /// gone through from end to end, so very many shards get shorter ones.
  static constexpr std::size_t mail_slots(std::size_t shards) {
    return std::bit_floor(std::clamp<std::size_t>(16384 / shards, 256, 4096));
  }
  /// Tasks of the server API that one shard may have under way; so a foreign mailbox never holds
  /// more than that from each shard, and as many answers.
  static constexpr std::size_t kTasksMax = 16;
  std::size_t shard_mail_max() const { return 1 + 2 * kTasksMax * wiring->shards; }

  /// Options to be taken over by every shard, in the place of any that it has not taken yet. Any
  /// thread; wake the shards after.
  void reload(std::shared_ptr<const Wiring> latest) {
    const std::lock_guard lock(latest_mutex_);
    connections_max.store(latest->connections_max, std::memory_order_relaxed);
    latest_ = std::move(latest);
    reloads.fetch_add(1, std::memory_order_release);
  }
  /// The options in force, whether or not every shard has taken them over.
  std::shared_ptr<const Wiring> latest_wiring() const {
    const std::lock_guard lock(latest_mutex_);
    return latest_ ? latest_ : wiring;
  }

  /// As at start; what a reload may change is each shard's own (ServerShard::wiring_).
  const std::shared_ptr<const Wiring> wiring;
  std::string node_uid;
  core::Instant started{};
  core::WallTime started_wall{};
  runtime::DriverKind driver = runtime::DriverKind::Epoll;
  runtime::Mailroom<hub::Mail> mail;
  hub::FlowMeter flow;
  limits::ConnectionAdmission admission;
  std::vector<runtime::Shard*> shards;
  std::vector<ServerShard*> applications;
  std::unique_ptr<std::atomic<std::uint32_t>[]> connections;
  std::atomic<std::uint32_t> connections_max;  // at present: a reload may change it
  std::atomic<bool> draining{false};
  std::atomic<std::uint64_t> reloads{0};
  std::atomic<std::uint64_t> failed_reloads{0};
  std::atomic<std::uint64_t> key_fetches{0};  // so often token keys may have changed
  std::counting_semaphore<> drained{0};       // released once per shard that has shut down

 private:
  mutable std::mutex latest_mutex_;
  std::shared_ptr<const Wiring> latest_;  // since the first reload
};

}  // namespace sanjay::server
