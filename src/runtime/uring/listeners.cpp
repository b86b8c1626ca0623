// SPDX-License-Identifier: Apache-2.0
#include "runtime/uring/listeners.h"

#include "runtime/socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace sanjay::runtime {
namespace {

constexpr int kAcceptFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;

}  // namespace

core::Result<Endpoint> UringListeners::open(const Endpoint& endpoint,
                                            const ListenOptions& options) {
  SANJAY_TRY(const auto listener, open_listener(endpoint, options, true));
  listeners_.push_back({listener.descriptor, options.backlog});
  arm(listeners_.size() - 1);
  return listener.address;
}

void UringListeners::arm(std::size_t index) {
  Listener& listener = listeners_[index];
  listener.accepting = true;
  io_uring_sqe* sqe = ring_.next_sqe();
  io_uring_prep_multishot_accept(sqe, listener.descriptor, nullptr, nullptr, kAcceptFlags);
  io_uring_sqe_set_data64(sqe, tag(Operation::Accept, static_cast<SocketSlot>(index)));
}

void UringListeners::resume_accepting() {
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    if (listeners_[i].descriptor >= 0 && !listeners_[i].accepting) arm(i);
  }
}

void UringListeners::take(int descriptor, std::size_t index, IoEvents& events) {
  const auto slot = events.on_accept(peer_of(descriptor), static_cast<ListenerIndex>(index));
  if (slot) {
    adopt_(*slot, descriptor);
  } else {
    close(descriptor);
  }
}

void UringListeners::on_accepted(const io_uring_cqe& cqe, IoEvents& events) {
  const std::size_t index = slot_of(cqe);
  if (cqe.res >= 0) take(cqe.res, index, events);
  if ((cqe.flags & IORING_CQE_F_MORE) != 0) return;
  listeners_[index].accepting = false;
  if (listeners_[index].descriptor < 0) return;
  if (cqe.res == -EMFILE || cqe.res == -ENFILE || cqe.res == -ENOBUFS || cqe.res == -ENOMEM) {
    events.on_accept_suspended();
  } else {
    arm(index);
  }
}

void UringListeners::drain(IoEvents& events) {
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    if (listeners_[i].draining) drain(i, events);
  }
  draining_ = false;
}

void UringListeners::drain(std::size_t index, IoEvents& events) {
  const Listener listener = listeners_[index];
  for (int taken = 0; listener.descriptor >= 0 && taken < listener.backlog; ++taken) {
    const int descriptor = accept4(listener.descriptor, nullptr, nullptr, kAcceptFlags);
    if (descriptor < 0 && (errno == ECONNABORTED || errno == EINTR)) continue;
    if (descriptor < 0) break;
    take(descriptor, index, events);
  }
  close_one(listeners_[index]);
}

// Ending a listener also ends the armed accept, which would keep it alive: its last completion is
// an error without a successor.
void UringListeners::close_one(Listener& listener) {
  if (listener.descriptor >= 0) close_listener(listener.descriptor);
  listener.descriptor = -1;
  listener.draining = false;
}

void UringListeners::close_all() {
  for (Listener& listener : listeners_) close_one(listener);
}

}  // namespace sanjay::runtime
