// SPDX-License-Identifier: Apache-2.0
#include "bench/floor/floor_ring.h"

#include "bench/floor/floor_listener.h"
#include "core/assert.h"
#include "runtime/file_table.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace sanjay::bench {
namespace {

constexpr unsigned kSubmissions = 1024;
constexpr unsigned kCompletions = 16384;
constexpr unsigned kBuffers = 1024;
constexpr unsigned kBufferBytes = 8192;
constexpr int kBufferGroup = 0;
constexpr std::uint32_t kSlotsMax = 60'000;

core::Error error_of(std::string_view what, int result) {
  return {fmt::format("{}: {}", what, std::strerror(-result))};
}

void* map(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT(memory != MAP_FAILED);
  return memory;
}

}  // namespace

core::Result<std::unique_ptr<FloorRing>> FloorRing::create(int listener) {
  std::unique_ptr<FloorRing> ring(new FloorRing);
  ring->listener_ = listener;
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
  params.cq_entries = kCompletions;
  if (const int r = io_uring_queue_init_params(kSubmissions, &ring->ring_, &params); r != 0) {
    return std::unexpected(error_of("io_uring_setup", r));
  }
  io_uring_register_ring_fd(&ring->ring_);
  const auto limit = static_cast<std::uint32_t>(runtime::raise_open_file_limit());
  ring->slots_ = std::min(kSlotsMax, limit);
  if (const int r = io_uring_register_files_sparse(&ring->ring_, ring->slots_); r != 0) {
    return std::unexpected(error_of("io_uring_register_files", r));
  }
  ring->buffer_ring_ = static_cast<io_uring_buf_ring*>(map(kBuffers * sizeof(io_uring_buf)));
  ring->buffers_ = static_cast<char*>(map(std::size_t{kBuffers} * kBufferBytes));
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(ring->buffer_ring_);
  registration.ring_entries = kBuffers;
  registration.bgid = kBufferGroup;
  if (const int r = io_uring_register_buf_ring(&ring->ring_, &registration, 0); r != 0) {
    return std::unexpected(error_of("io_uring_register_buf_ring", r));
  }
  io_uring_buf_ring_init(ring->buffer_ring_);
  for (unsigned id = 0; id < kBuffers; ++id) ring->give_back(static_cast<std::uint16_t>(id));
  return ring;
}

FloorRing::~FloorRing() {
  if (buffer_ring_ != nullptr) munmap(buffer_ring_, kBuffers * sizeof(io_uring_buf));
  if (buffers_ != nullptr) munmap(buffers_, std::size_t{kBuffers} * kBufferBytes);
  io_uring_queue_exit(&ring_);
}

io_uring_sqe* FloorRing::next(Operation operation, std::uint32_t number) {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  if (sqe == nullptr) {
    io_uring_submit(&ring_);
    sqe = io_uring_get_sqe(&ring_);
    ASSERT(sqe != nullptr);
  }
  // The prep functions of liburing 2.3 leave user_data alone.
  io_uring_sqe_set_data64(sqe, static_cast<std::uint64_t>(operation) << 32 | number);
  return sqe;
}

void FloorRing::accept() {
  io_uring_prep_multishot_accept_direct(next(Operation::Accept, 0), listener_, nullptr, nullptr, 0);
}

void FloorRing::receive(std::uint32_t slot) {
  io_uring_sqe* sqe = next(Operation::Receive, slot);
  io_uring_prep_recv_multishot(sqe, static_cast<int>(slot), nullptr, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
  sqe->buf_group = kBufferGroup;
}

void FloorRing::send(std::uint32_t slot, std::string_view bytes, std::uint32_t number) {
  io_uring_sqe* sqe = next(Operation::Send, number);
  io_uring_prep_send(sqe, static_cast<int>(slot), bytes.data(), bytes.size(),
                     MSG_NOSIGNAL | MSG_WAITALL);
  sqe->flags |= IOSQE_FIXED_FILE;
}

void FloorRing::greet(std::uint32_t slot) {
  io_uring_sqe* sqe = next(Operation::Greet, slot);
  io_uring_prep_send(sqe, static_cast<int>(slot), kFloorUpgradeAnswer.data(),
                     kFloorUpgradeAnswer.size(), MSG_NOSIGNAL);
  sqe->flags |= IOSQE_FIXED_FILE;
}

void FloorRing::close(std::uint32_t slot) {
  io_uring_prep_close_direct(next(Operation::Close, slot), slot);
}

std::span<char> FloorRing::bytes_of(const Completion& completion) {
  return {buffers_ + std::size_t{completion.buffer()} * kBufferBytes,
          static_cast<std::size_t>(completion.result)};
}

void FloorRing::give_back(std::uint16_t buffer) {
  io_uring_buf_ring_add(buffer_ring_, buffers_ + std::size_t{buffer} * kBufferBytes, kBufferBytes,
                        buffer, io_uring_buf_ring_mask(kBuffers), 0);
  io_uring_buf_ring_advance(buffer_ring_, 1);
}

std::span<const FloorRing::Completion> FloorRing::turn(bool wait) {
  if (wait) {
    io_uring_submit_and_wait(&ring_, 1);
  } else {
    io_uring_submit_and_get_events(&ring_);
  }
  completions_.clear();
  unsigned head = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    completions_.push_back({static_cast<Operation>(cqe->user_data >> 32),
                            static_cast<std::uint32_t>(cqe->user_data), cqe->res, cqe->flags});
  }
  io_uring_cq_advance(&ring_, static_cast<unsigned>(completions_.size()));
  return completions_;
}

}  // namespace sanjay::bench
