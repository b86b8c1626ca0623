// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/file_table.h"
#include "runtime/io_driver.h"

#include <memory>

namespace sanjay::runtime {

struct EpollOptions {
  std::size_t receive_buffer_bytes = 64 * 1024;  // one, shared by all sockets of the shard
  /// Bytes taken from one socket in a turn before the others get theirs.
  std::size_t receive_bytes_per_turn = 64 * 1024;
  int accepts_per_turn = 128;
};

/// The portable driver: edge-triggered epoll(7), registered once per socket for reading and
/// writing. Creates its wake descriptor at once (any thread), the rest in start().
core::Result<std::unique_ptr<IoDriver>> make_epoll_driver(const EpollOptions& options,
                                                          std::shared_ptr<FileTable> table);

}  // namespace sanjay::runtime
