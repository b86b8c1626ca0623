// SPDX-License-Identifier: Apache-2.0
#include "runtime/uring/receive_buffers.h"

#include "core/assert.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

namespace sanjay::runtime {
namespace {

void* map_memory(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

ReceiveBuffers::~ReceiveBuffers() {
  if (ring_ != nullptr) munmap(ring_, count_ * sizeof(io_uring_buf));
  if (memory_ != nullptr) munmap(memory_, std::size_t{count_} * bytes_each_);
}

int ReceiveBuffers::register_with(io_uring& ring, unsigned count, unsigned bytes_each) {
  ASSERT(ring_ == nullptr && count > 0 && (count & (count - 1)) == 0);
  count_ = count;
  bytes_each_ = bytes_each;
  ring_ = static_cast<io_uring_buf_ring*>(map_memory(count * sizeof(io_uring_buf)));
  memory_ = static_cast<char*>(map_memory(std::size_t{count} * bytes_each));
  if (ring_ == nullptr || memory_ == nullptr) return ENOMEM;
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(ring_);
  registration.ring_entries = count;
  registration.bgid = kGroup;
  if (const int registered = io_uring_register_buf_ring(&ring, &registration, 0); registered != 0) {
    return -registered;
  }
  io_uring_buf_ring_init(ring_);
  on_loan_.reserve(count);
  for (unsigned id = 0; id < count; ++id) on_loan_.push_back(static_cast<unsigned short>(id));
  give_back();
  return 0;
}

std::span<char> ReceiveBuffers::taken(const io_uring_cqe& cqe) {
  if ((cqe.flags & IORING_CQE_F_BUFFER) == 0) return {};
  const auto id = static_cast<unsigned short>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
  on_loan_.push_back(id);
  return {buffer(id), static_cast<std::size_t>(std::max(cqe.res, 0))};
}

void ReceiveBuffers::give_back() {
  const int mask = io_uring_buf_ring_mask(count_);
  int offset = 0;
  for (const unsigned short id : on_loan_) {
    io_uring_buf_ring_add(ring_, buffer(id), bytes_each_, id, mask, offset++);
  }
  io_uring_buf_ring_advance(ring_, offset);
  on_loan_.clear();
}

}  // namespace sanjay::runtime
