// SPDX-License-Identifier: Apache-2.0
#include "runtime/uring/uring_driver.h"

#include "core/assert.h"
#include "runtime/socket.h"
#include "runtime/uring/listeners.h"
#include "runtime/uring/ring.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <utility>
#include <vector>

namespace sanjay::runtime {
namespace {

class UringDriver final : public IoDriver {
 public:
  UringDriver(const UringOptions& options, std::shared_ptr<FileTable> table, int wake_descriptor)
      : options_(options), table_(std::move(table)), wake_(wake_descriptor) {}
  ~UringDriver() override;

  core::Result<void, UringFailure> create_ring();

  DriverKind kind() const override { return DriverKind::Uring; }
  const DriverStats& stats() const override { return stats_; }

  core::Status start() override;
  core::Result<Endpoint> listen(const Endpoint& endpoint, const ListenOptions& options) override {
    return listeners_.open(endpoint, options);
  }
  void resume_accepting() override { listeners_.resume_accepting(); }
  void stop_listening(ListenerIndex listener) override { listeners_.stop(listener); }
  core::Status connect(SocketSlot slot, const Endpoint& to,
                       const std::optional<Endpoint>& from) override;
  void set_receiving(SocketSlot slot, bool on) override;
  std::optional<std::size_t> send(SocketSlot slot,
                                  std::span<const std::string_view> pieces) override;
  void finish_sending(SocketSlot slot) override { shutdown(sockets_[slot].descriptor, SHUT_WR); }
  void release(SocketSlot slot) override;
  bool turn(core::Duration wait_max, IoEvents& events) override;
  void wake() override { signal_wake_descriptor(wake_); }

 private:
  // Fresh until the slot is adopted or connected, and again once the socket is closed.
  struct Socket {
    int descriptor = -1;
    std::uint16_t operations = 0;  // submitted and not yet completed for good
    bool connected : 1 = false;
    bool polling : 1 = false;
    bool sending : 1 = false;
    bool receiving : 1 = false;
    bool edge : 1 = false;     // input was announced after the last receive began
    bool hung_up : 1 = false;  // the end of input, or an error, stands behind what is readable
    bool wants_input : 1 = true;
    bool input_ended : 1 = false;
    bool releasing : 1 = false;
    bool closing : 1 = false;
  };

  Socket& socket_at(SocketSlot slot) {
    if (slot >= sockets_.size()) sockets_.resize(slot + 1);
    return sockets_[slot];
  }
  void arm_wake();
  void arm_poll(SocketSlot slot);
  void want_receive(SocketSlot slot);
  void arm_receive(SocketSlot slot);
  void add_socket(SocketSlot slot, int descriptor);
  void forget_closed_and_accepted();
  unsigned dispatch(IoEvents& events);
  void on_completion(const io_uring_cqe& cqe, IoEvents& events);
  void on_polled(SocketSlot slot, const io_uring_cqe& cqe, IoEvents& events);
  void on_received(SocketSlot slot, const io_uring_cqe& cqe, IoEvents& events);
  void on_sent(SocketSlot slot, const io_uring_cqe& cqe, IoEvents& events);
  void on_connected(SocketSlot slot, const io_uring_cqe& cqe, IoEvents& events);
  void end_input(SocketSlot slot, IoFailure failure, IoEvents& events);
  void operation_over(SocketSlot slot);
  void cancel(Operation operation, SocketSlot slot);
  void close_if_idle(SocketSlot slot);

  const UringOptions options_;
  const std::shared_ptr<FileTable> table_;
  const int wake_;
  Ring ring_;
  UringListeners listeners_{
      ring_, [this](SocketSlot slot, int descriptor) { add_socket(slot, descriptor); }};
  std::vector<Socket> sockets_;
  std::deque<SocketSlot> starved_;  // receives that found no buffer, oldest first
  std::vector<SocketSlot> released_;
  bool receives_queued_ = false;  // perhaps not yet submitted
  DriverStats stats_;
};

UringDriver::~UringDriver() {
  // In a private table the sockets ended with the shard's thread.
  if (ring_.created() && !table_->private_to_thread()) {
    listeners_.close_all();
    forget_closed_and_accepted();
    for (const Socket& socket : sockets_) {
      if (socket.descriptor >= 0) close(socket.descriptor);
    }
  }
  close(wake_);
}

// The last turn may have left completions behind: sockets that are closed already, and accepted
// ones that nobody knows. Only the shard's thread may ask the kernel for those that found no place.
void UringDriver::forget_closed_and_accepted() {
  const auto forget = [this](const io_uring_cqe& cqe) {
    if (operation_of(cqe) == Operation::Close) {
      sockets_[slot_of(cqe)] = Socket{};
    } else if (operation_of(cqe) == Operation::Accept && cqe.res >= 0) {
      close(cqe.res);
    }
  };
  while (ring_.for_each_completion(~0U, forget) > 0 && ring_.flush_overflow()) {
  }
}

core::Result<void, UringFailure> UringDriver::create_ring() {
  if (auto created = ring_.create(options_); !created) return created;
  table_->keep(ring_.descriptor());
  return {};
}

core::Status UringDriver::start() {
  if (auto entered = table_->enter(); !entered) return entered;
  if (auto enabled = ring_.enable(); !enabled) return enabled;
  arm_wake();
  return {};
}

void UringDriver::arm_wake() {
  io_uring_sqe* sqe = ring_.next_sqe();
  io_uring_prep_poll_multishot(sqe, wake_, POLLIN);
  io_uring_sqe_set_data64(sqe, tag(Operation::Wake, 0));
}

void UringDriver::arm_poll(SocketSlot slot) {
  Socket& socket = sockets_[slot];
  socket.polling = true;
  ++socket.operations;
  io_uring_sqe* sqe = ring_.next_sqe();
  io_uring_prep_poll_multishot(sqe, socket.descriptor, POLLIN | POLLRDHUP);
  io_uring_sqe_set_data64(sqe, tag(Operation::Poll, slot));
}

// Begins a receive unless one is in flight; then the edge is remembered and another one follows.
void UringDriver::want_receive(SocketSlot slot) {
  Socket& socket = sockets_[slot];
  socket.edge = true;
  if (socket.receiving || !socket.wants_input || socket.input_ended || socket.releasing) return;
  arm_receive(slot);
}

void UringDriver::arm_receive(SocketSlot slot) {
  Socket& socket = sockets_[slot];
  socket.edge = false;
  socket.receiving = true;
  ++socket.operations;
  io_uring_sqe* sqe = ring_.next_sqe();
  io_uring_prep_recv(sqe, socket.descriptor, nullptr, 0, MSG_DONTWAIT);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = ReceiveBuffers::kGroup;
  io_uring_sqe_set_data64(sqe, tag(Operation::Receive, slot));
  receives_queued_ = true;
}

void UringDriver::add_socket(SocketSlot slot, int descriptor) {
  Socket& socket = socket_at(slot);
  socket.descriptor = descriptor;
  socket.connected = true;
  arm_poll(slot);
}

core::Status UringDriver::connect(SocketSlot slot, const Endpoint& to,
                                  const std::optional<Endpoint>& from) {
  SANJAY_TRY(const int descriptor, begin_connect(to, from));
  Socket& socket = socket_at(slot);
  socket.descriptor = descriptor;
  ++socket.operations;
  io_uring_sqe* sqe = ring_.next_sqe();
  io_uring_prep_poll_add(sqe, descriptor, POLLOUT);
  io_uring_sqe_set_data64(sqe, tag(Operation::Connect, slot));
  return {};
}

void UringDriver::set_receiving(SocketSlot slot, bool on) {
  Socket& socket = socket_at(slot);
  socket.wants_input = on;
  // The poll announces edges only: what arrived while paused would never be announced again.
  if (on && socket.connected) want_receive(slot);
}

std::optional<std::size_t> UringDriver::send(SocketSlot slot,
                                             std::span<const std::string_view> pieces) {
  Socket& socket = sockets_[slot];
  stats_.sends.add();
  socket.sending = true;
  ++socket.operations;
  if (pieces.size() == 1) {
    io_uring_sqe* sqe = ring_.next_sqe();
    io_uring_prep_send(sqe, socket.descriptor, pieces[0].data(), pieces[0].size(), MSG_NOSIGNAL);
    io_uring_sqe_set_data64(sqe, tag(Operation::Send, slot));
    return std::nullopt;
  }
  const msghdr* message = ring_.next_message(pieces);
  io_uring_sqe* sqe = ring_.next_sqe();
  io_uring_prep_sendmsg(sqe, socket.descriptor, message, MSG_NOSIGNAL);
  io_uring_sqe_set_data64(sqe, tag(Operation::Send, slot));
  return std::nullopt;
}

void UringDriver::release(SocketSlot slot) {
  Socket& socket = sockets_[slot];
  ASSERT(socket.descriptor >= 0 && !socket.releasing);
  socket.releasing = true;
  // A receive never waits in the kernel: it ends by itself.
  if (socket.polling) cancel(Operation::Poll, slot);
  if (socket.sending) cancel(Operation::Send, slot);
  if (!socket.connected && socket.operations > 0) cancel(Operation::Connect, slot);
  close_if_idle(slot);
}

// By tag, which the kernel finds in a hash table. Cancelling by descriptor would walk every poll of
// the ring: 30,000 clients leaving at once then cost 10 s of CPU.
void UringDriver::cancel(Operation operation, SocketSlot slot) {
  ++sockets_[slot].operations;
  io_uring_sqe* sqe = ring_.next_sqe();
  io_uring_prep_cancel64(sqe, tag(operation, slot), 0);
  io_uring_sqe_set_data64(sqe, tag(Operation::Cancel, slot));
}

void UringDriver::close_if_idle(SocketSlot slot) {
  Socket& socket = sockets_[slot];
  if (!socket.releasing || socket.closing || socket.operations > 0) return;
  socket.closing = true;
  ++socket.operations;
  io_uring_sqe* sqe = ring_.next_sqe();
  io_uring_prep_close(sqe, socket.descriptor);
  io_uring_sqe_set_data64(sqe, tag(Operation::Close, slot));
}

void UringDriver::operation_over(SocketSlot slot) {
  Socket& socket = sockets_[slot];
  ASSERT(socket.operations > 0);
  --socket.operations;
  close_if_idle(slot);
}

unsigned UringDriver::dispatch(IoEvents& events) {
  return ring_.for_each_completion(
      options_.completions_per_dispatch,
      [this, &events](const io_uring_cqe& cqe) { on_completion(cqe, events); });
}

bool UringDriver::turn(core::Duration wait_max, IoEvents& events) {
  stats_.turns.add();
  if (listeners_.draining() || !released_.empty() || !starved_.empty() || ring_.has_completions()) {
    wait_max = core::Duration::zero();
  }
  // Receives that found no buffer come first, in the order in which they were put back.
  for (std::size_t left = starved_.size(); left > 0; --left) {
    const SocketSlot slot = starved_.front();
    starved_.pop_front();
    if (sockets_[slot].edge) want_receive(slot);
  }
  receives_queued_ = false;
  ring_.submit_and_wait(wait_max);
  events.on_wake();
  unsigned handled = dispatch(events);
  if (receives_queued_) {
    // Polls have asked for receives: one more system call brings their bytes in this very turn.
    ring_.submit_and_wait(core::Duration::zero());
    handled += dispatch(events);
  }
  if (listeners_.draining()) listeners_.drain(events);
  std::vector<SocketSlot> released;
  released.swap(released_);
  for (const SocketSlot slot : released) events.on_released(slot);
  stats_.submits.set(ring_.submits());
  stats_.completion_overflows.set(ring_.overflows());
  return handled > 0 || !released.empty();
}

void UringDriver::on_completion(const io_uring_cqe& cqe, IoEvents& events) {
  const SocketSlot slot = slot_of(cqe);
  switch (operation_of(cqe)) {
    case Operation::Accept:
      return listeners_.on_accepted(cqe, events);
    case Operation::Wake:
      drain_wake_descriptor(wake_);
      if ((cqe.flags & IORING_CQE_F_MORE) == 0) arm_wake();
      return;
    case Operation::Poll:
      return on_polled(slot, cqe, events);
    case Operation::Receive:
      return on_received(slot, cqe, events);
    case Operation::Send:
      return on_sent(slot, cqe, events);
    case Operation::Connect:
      return on_connected(slot, cqe, events);
    case Operation::Cancel:
      return operation_over(slot);
    case Operation::Close:
      sockets_[slot] = Socket{};
      released_.push_back(slot);
      return;
  }
}

void UringDriver::on_polled(SocketSlot slot, const io_uring_cqe& cqe, IoEvents& events) {
  const bool over = (cqe.flags & IORING_CQE_F_MORE) == 0;
  if (over) sockets_[slot].polling = false;
  if (!sockets_[slot].releasing) {
    // Ended by a full completion queue; the new poll begins by looking at what is there.
    if (over && !sockets_[slot].input_ended) arm_poll(slot);
    const bool failed = cqe.res > 0 && (cqe.res & (POLLERR | POLLHUP)) != 0;
    if (cqe.res > 0 && (cqe.res & (POLLERR | POLLHUP | POLLRDHUP)) != 0) {
      sockets_[slot].hung_up = true;
    }
    if (failed && !sockets_[slot].wants_input) {
      end_input(slot, IoFailure::Reset, events);
    } else if (cqe.res > 0) {
      want_receive(slot);
    }
  }
  if (over) operation_over(slot);
}

void UringDriver::end_input(SocketSlot slot, IoFailure failure, IoEvents& events) {
  if (sockets_[slot].input_ended) return;
  sockets_[slot].input_ended = true;
  events.on_receive_end(slot, failure);
}

void UringDriver::on_received(SocketSlot slot, const io_uring_cqe& cqe, IoEvents& events) {
  sockets_[slot].receiving = false;
  const bool live = !sockets_[slot].releasing;
  const std::span<char> bytes = ring_.buffers().taken(cqe);
  if (cqe.res > 0) {
    stats_.receives.add();
    // More is there, or may be; an end that came together with the bytes shared their edge.
    if (bytes.size() == options_.receive_buffer_bytes || sockets_[slot].hung_up ||
        (cqe.flags & IORING_CQE_F_SOCK_NONEMPTY) != 0) {
      sockets_[slot].edge = true;
    }
    if (live) events.on_receive(slot, bytes);
  } else if (cqe.res == -ENOBUFS) {
    stats_.buffer_shortages.add();
    sockets_[slot].edge = true;
    if (live) starved_.push_back(slot);
    return operation_over(slot);
  } else if (live && cqe.res != -EAGAIN && cqe.res != -EINTR && cqe.res != -ECANCELED) {
    end_input(slot, failure_of(-cqe.res), events);
  } else if (cqe.res == -EINTR) {
    sockets_[slot].edge = true;
  }
  if (sockets_[slot].edge) want_receive(slot);
  operation_over(slot);
}

void UringDriver::on_sent(SocketSlot slot, const io_uring_cqe& cqe, IoEvents& events) {
  sockets_[slot].sending = false;
  if (!sockets_[slot].releasing) {
    if (cqe.res >= 0) {
      events.on_send(slot, static_cast<std::size_t>(cqe.res));
    } else if (cqe.res == -EINTR || cqe.res == -EAGAIN) {
      events.on_send(slot, 0);
    } else {
      events.on_send_failure(slot, failure_of(-cqe.res));
    }
  }
  operation_over(slot);
}

void UringDriver::on_connected(SocketSlot slot, const io_uring_cqe& cqe, IoEvents& events) {
  if (!sockets_[slot].releasing) {
    const IoFailure failure =
        cqe.res < 0 ? failure_of(-cqe.res) : connect_outcome(sockets_[slot].descriptor);
    if (failure == IoFailure::None) {
      sockets_[slot].connected = true;
      arm_poll(slot);
    }
    events.on_connect(slot, failure);
  }
  operation_over(slot);
}

}  // namespace

core::Result<std::unique_ptr<IoDriver>, UringFailure> make_uring_driver(
    const UringOptions& options, std::shared_ptr<FileTable> table) {
  const auto wake = open_wake_descriptor();
  if (!wake) return std::unexpected(UringFailure{wake.error().message, false});
  table->keep(*wake);
  auto driver = std::make_unique<UringDriver>(options, std::move(table), *wake);
  if (auto created = driver->create_ring(); !created) return std::unexpected(created.error());
  return driver;
}

}  // namespace sanjay::runtime
