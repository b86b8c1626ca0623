// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace sanjay::core {

using ShardIndex = std::uint16_t;

/// Names one connection for as long as the process runs: the slot it stands in, told apart from
/// the slot's earlier and later tenants by its generation. Plain data: timers, mail and back-end
/// replies hold this and never a pointer.
struct ConnectionId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;  // 0 names nobody; live connections count from 1
  ShardIndex shard = 0;

  explicit operator bool() const { return generation != 0; }
  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

}  // namespace sanjay::core
