// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/io_driver.h"
#include "runtime/uring/uring_driver.h"

#include <memory>
#include <string>
#include <vector>

namespace sanjay::runtime {

enum class DriverChoice : std::uint8_t { Auto, Uring, Epoll };

struct DriverSetOptions {
  DriverChoice choice = DriverChoice::Auto;
  std::size_t shards = 1;
  bool private_file_tables = false;
  UringOptions uring;
};

/// The drivers of all shards, all of one kind.
struct DriverSet {
  std::vector<std::unique_ptr<IoDriver>> drivers;
  DriverKind kind = DriverKind::Epoll;
  std::string note;  // why not what was asked for or not at full size; empty otherwise
};

/// Creates every shard's driver, full size, before anything is opened: io_uring unless `choice` or
/// the kernel says otherwise. Out of locked memory, rings are halved down to a floor; where that
/// does not help, or io_uring is refused, Auto falls back to epoll for all shards and says why.
core::Result<DriverSet> make_drivers(const DriverSetOptions& options);

/// The address a server may listen on: fails if somebody else does; port 0 is replaced by a free
/// port, so that all shards can share it.
core::Result<Endpoint> claim_address(const Endpoint& endpoint);

}  // namespace sanjay::runtime
