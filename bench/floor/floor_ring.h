// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <liburing.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace sanjay::bench {

/// The ring of an io_uring floor server, set up in the cheapest way known: one issuer, completions
/// run by it alone, the ring's descriptor registered, connections accepted straight into registered
/// slots, multishot receives into shared buffers. One thread.
class FloorRing {
 public:
  enum class Operation : std::uint8_t { Accept, Receive, Send, Greet, Close };

  struct Completion {
    Operation operation;
    std::uint32_t number;  // slot for Receive, whatever was given for Send
    std::int32_t result;
    std::uint32_t flags;

    bool more() const { return (flags & IORING_CQE_F_MORE) != 0; }
    std::uint16_t buffer() const {
      return static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
    }
  };

  static core::Result<std::unique_ptr<FloorRing>> create(int listener);
  ~FloorRing();
  FloorRing(const FloorRing&) = delete;
  FloorRing& operator=(const FloorRing&) = delete;

  std::uint32_t slots() const { return slots_; }

  void accept();
  void receive(std::uint32_t slot);
  /// `bytes` must stay until the completion, which carries `number`. All of it is sent.
  void send(std::uint32_t slot, std::string_view bytes, std::uint32_t number);
  /// Answers the upgrade.
  void greet(std::uint32_t slot);
  void close(std::uint32_t slot);

  std::span<char> bytes_of(const Completion& completion);
  void give_back(std::uint16_t buffer);

  /// Submits; waits for at least one completion if `wait`. The completions are valid until the
  /// next call.
  std::span<const Completion> turn(bool wait);

 private:
  FloorRing() = default;
  io_uring_sqe* next(Operation operation, std::uint32_t number);

  io_uring ring_{};
  int listener_ = -1;
  std::uint32_t slots_ = 0;
  io_uring_buf_ring* buffer_ring_ = nullptr;
  char* buffers_ = nullptr;
  std::vector<Completion> completions_;
};

}  // namespace sanjay::bench
