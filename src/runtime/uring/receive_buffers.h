// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/uring/uring_abi.h"

#include <cstddef>
#include <span>
#include <vector>

namespace sanjay::runtime {

/// The buffers into which all sockets of one ring receive. A buffer is on loan from its completion
/// until the end of the same batch: give_back() returns all at once. One shard's thread.
class ReceiveBuffers {
 public:
  static constexpr unsigned kGroup = 0;

  ReceiveBuffers() = default;
  ~ReceiveBuffers();
  ReceiveBuffers(const ReceiveBuffers&) = delete;
  ReceiveBuffers& operator=(const ReceiveBuffers&) = delete;

  /// 0 or an error number.
  int register_with(io_uring& ring, unsigned count, unsigned bytes_each);

  /// The bytes that a receive's completion delivered; valid until give_back(). Empty for a
  /// completion that brings no bytes, which may still hand back a buffer.
  std::span<char> taken(const io_uring_cqe& cqe);
  void give_back();

 private:
  char* buffer(unsigned id) { return memory_ + std::size_t{id} * bytes_each_; }

  io_uring_buf_ring* ring_ = nullptr;
  char* memory_ = nullptr;
  unsigned count_ = 0;
  unsigned bytes_each_ = 0;
  std::vector<unsigned short> on_loan_;
};

}  // namespace sanjay::runtime
