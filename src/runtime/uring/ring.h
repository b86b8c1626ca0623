// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/time.h"
#include "runtime/io_driver.h"
#include "runtime/uring/receive_buffers.h"
#include "runtime/uring/uring_abi.h"
#include "runtime/uring/uring_driver.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace sanjay::runtime {

/// What a completion belongs to; the low 32 bits of user_data are the slot.
enum class Operation : std::uint8_t { Accept, Wake, Poll, Receive, Send, Connect, Cancel, Close };

constexpr std::uint64_t tag(Operation operation, SocketSlot slot) {
  return (static_cast<std::uint64_t>(operation) << 32) | slot;
}
constexpr Operation operation_of(const io_uring_cqe& cqe) {
  return static_cast<Operation>(cqe.user_data >> 32);
}
constexpr SocketSlot slot_of(const io_uring_cqe& cqe) {
  return static_cast<SocketSlot>(cqe.user_data);
}

/// One shard's io_uring with its receive buffers: entries in, completions out; knows no socket.
/// Created on any thread, from enable() on used by the shard's only.
class Ring {
 public:
  Ring() = default;
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  core::Result<void, UringFailure> create(const UringOptions& options);
  core::Status enable();
  bool created() const { return created_; }
  int descriptor() const { return ring_.ring_fd; }
  ReceiveBuffers& buffers() { return buffers_; }

  /// A submission entry; submits what is queued when there is none left.
  io_uring_sqe* next_sqe();
  /// A message header for a scatter send, to be used with the very next entry. The kernel copies it
  /// at submission, which follows at the latest when all headers are in use.
  msghdr* next_message(std::span<const std::string_view> pieces);
  void submit();
  /// Submits, then waits for a completion up to `wait_max` (0: only collects).
  void submit_and_wait(core::Duration wait_max);

  bool has_completions() const { return io_uring_cq_ready(&ring_) > 0; }
  /// Calls `handle(cqe)` for what has completed by now, not for what the handlers submit, and for
  /// `completions_max` at most. Receive buffers are given back after each batch. Answers how many.
  template <class Handle>
  unsigned for_each_completion(unsigned completions_max, Handle&& handle) {
    count_overflow();
    std::array<io_uring_cqe*, 256> batch;
    unsigned left = std::min(io_uring_cq_ready(&ring_), completions_max);
    unsigned handled = 0;
    while (left > 0) {
      const unsigned wanted = std::min<unsigned>(left, static_cast<unsigned>(batch.size()));
      const unsigned count = io_uring_peek_batch_cqe(&ring_, batch.data(), wanted);
      if (count == 0) break;
      for (unsigned i = 0; i < count; ++i) handle(*batch[i]);
      io_uring_cq_advance(&ring_, count);
      buffers_.give_back();
      handled += count;
      left -= count;
    }
    return handled;
  }
  /// Makes completions visible that found no place in the queue; false when the kernel refuses
  /// because another thread asks.
  bool flush_overflow() { return io_uring_get_events(&ring_) >= 0; }

  std::uint64_t submits() const { return submits_; }
  std::uint64_t overflows() const { return overflows_; }

 private:
  struct Message {
    msghdr header;
    std::array<iovec, IoDriver::kPiecesMax> vectors;
  };
  static constexpr std::size_t kMessages = 128;

  void count_overflow();

  io_uring ring_{};
  bool created_ = false;
  ReceiveBuffers buffers_;
  std::array<Message, kMessages> messages_;
  std::size_t messages_used_ = 0;  // since the last submit
  std::uint64_t submits_ = 0;
  std::uint64_t overflows_ = 0;
};

}  // namespace sanjay::runtime
