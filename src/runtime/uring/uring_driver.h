// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/file_table.h"
#include "runtime/io_driver.h"

#include <memory>
#include <string>

namespace sanjay::runtime {

struct UringOptions {
  unsigned submission_entries = 1024;
  unsigned completion_entries = 8192;
  unsigned receive_buffers = 512;  // shared by all sockets of the shard; a power of two
  unsigned receive_buffer_bytes = 4096;
  /// Handled before timers and sends get their turn: 5,000 peers that come at once would otherwise
  /// hold the loop for 50 ms.
  unsigned completions_per_dispatch = 1024;
  static constexpr unsigned kSubmissionFloor = 128;
};

/// Why there is no ring: for want of memory (smaller ones may do) or refused altogether.
struct UringFailure {
  std::string message;
  bool out_of_memory = false;
};

/// The io_uring driver (kernel 6.1 or newer). Ring and receive buffers are created here, the ring
/// disabled, on whatever thread wires the server, so that a refusal (seccomp, locked-memory limit,
/// old kernel) is known before any listener opens; start() enables it on the shard's thread, to
/// which it then belongs.
///
/// Reading: a socket is watched by a multishot poll (264 B of kernel memory on 6.18) and read by
/// single receives into buffers that the whole shard shares.
core::Result<std::unique_ptr<IoDriver>, UringFailure> make_uring_driver(
    const UringOptions& options, std::shared_ptr<FileTable> table);

}  // namespace sanjay::runtime
