// SPDX-License-Identifier: Apache-2.0
#include "runtime/uring/ring.h"

#include "core/assert.h"
#include "runtime/socket.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace sanjay::runtime {
namespace {

// A turn may end early or find memory short; anything else says that we use the ring wrongly.
void check_entered(int result) {
  ASSERT(result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN ||
         result == -EBUSY || result == -EBADR);
}

}  // namespace

Ring::~Ring() {
  if (created_) io_uring_queue_exit(&ring_);
}

core::Result<void, UringFailure> Ring::create(const UringOptions& options) {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED |
                 IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL;
  params.cq_entries = options.completion_entries;
  const int created = io_uring_queue_init_params(options.submission_entries, &ring_, &params);
  if (created != 0) {
    std::string message = describe_error("io_uring_setup", -created);
    if (created == -EINVAL) message += ": the kernel is older than 6.1, or the sizes are wrong";
    return std::unexpected(UringFailure{std::move(message), created == -ENOMEM});
  }
  created_ = true;
  const int registered =
      buffers_.register_with(ring_, options.receive_buffers, options.receive_buffer_bytes);
  if (registered == 0) return {};
  return std::unexpected(
      UringFailure{describe_error("io_uring receive buffers", registered), registered == ENOMEM});
}

core::Status Ring::enable() {
  // Called directly: Debian's liburing 2.3 declares io_uring_enable_rings but does not export it.
  const int ring = ring_.ring_fd;
  if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) != 0) {
    return core::failure(describe_error("io_uring: enabling the ring", errno));
  }
  io_uring_register_ring_fd(&ring_);  // spares a descriptor look-up per system call; may fail
  return {};
}

io_uring_sqe* Ring::next_sqe() {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  if (sqe == nullptr) {
    submit();
    sqe = io_uring_get_sqe(&ring_);
    ASSERT(sqe != nullptr);
  }
  return sqe;
}

msghdr* Ring::next_message(std::span<const std::string_view> pieces) {
  // There must be an entry left too: a submission between header and entry would let go of it.
  if (messages_used_ == kMessages || io_uring_sq_space_left(&ring_) == 0) submit();
  Message& message = messages_[messages_used_++];
  ASSERT(pieces.size() <= message.vectors.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    message.vectors[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
  }
  message.header = {};
  message.header.msg_iov = message.vectors.data();
  message.header.msg_iovlen = pieces.size();
  return &message.header;
}

void Ring::submit() {
  ++submits_;
  check_entered(io_uring_submit(&ring_));
  messages_used_ = 0;
}

void Ring::submit_and_wait(core::Duration wait_max) {
  ++submits_;
  if (wait_max <= core::Duration::zero()) {
    check_entered(io_uring_submit_and_get_events(&ring_));
  } else {
    __kernel_timespec limit{};
    limit.tv_sec = wait_max.count() / 1'000'000'000;
    limit.tv_nsec = wait_max.count() % 1'000'000'000;
    io_uring_cqe* first = nullptr;
    check_entered(io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr));
  }
  messages_used_ = 0;
}

void Ring::count_overflow() {
  const unsigned flags = __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
  if ((flags & IORING_SQ_CQ_OVERFLOW) != 0) ++overflows_;
}

}  // namespace sanjay::runtime
