// SPDX-License-Identifier: Apache-2.0
#include "runtime/epoll/epoll_driver.h"

#include "core/assert.h"
#include "runtime/socket.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace sanjay::runtime {
namespace {

// What epoll reports back: a slot, or something larger for the driver's own descriptors.
constexpr std::uint64_t kWakeTag = ~std::uint64_t{0};
constexpr std::uint64_t kListenerTag = std::uint64_t{1} << 32;  // plus the listener's index

class EpollDriver final : public IoDriver {
 public:
  EpollDriver(const EpollOptions& options, std::shared_ptr<FileTable> table, int wake_descriptor)
      : options_(options),
        table_(std::move(table)),
        wake_(wake_descriptor),
        buffer_(options.receive_buffer_bytes) {}

  ~EpollDriver() override {
    close(wake_);
    if (table_->private_to_thread()) return;  // the rest ended with the shard's thread
    for (const Socket& socket : sockets_) {
      if (socket.descriptor >= 0) close(socket.descriptor);
    }
    close_listeners();
    if (epoll_ >= 0) close(epoll_);
  }

  DriverKind kind() const override { return DriverKind::Epoll; }
  const DriverStats& stats() const override { return stats_; }

  core::Status start() override {
    if (auto entered = table_->enter(); !entered) return entered;
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) return core::failure(describe_error("epoll_create1", errno));
    const timespec no_wait{};
    if (epoll_pwait2(epoll_, ready_.data(), 1, &no_wait, nullptr) < 0) {
      return core::failure(describe_error("epoll_pwait2 (Linux 5.11)", errno));
    }
    return watch(wake_, EPOLLIN, kWakeTag);
  }

  core::Result<Endpoint> listen(const Endpoint& endpoint, const ListenOptions& options) override;
  void resume_accepting() override { set_listener_events(EPOLLIN); }
  void stop_listening(ListenerIndex listener) override {
    listeners_[listener].draining = draining_ = true;
  }
  core::Status connect(SocketSlot slot, const Endpoint& to,
                       const std::optional<Endpoint>& from) override;
  void set_receiving(SocketSlot slot, bool on) override;
  std::optional<std::size_t> send(SocketSlot slot,
                                  std::span<const std::string_view> pieces) override;
  void finish_sending(SocketSlot slot) override { shutdown(socket_at(slot).descriptor, SHUT_WR); }
  void release(SocketSlot slot) override;
  bool turn(core::Duration wait_max, IoEvents& events) override;
  void wake() override { signal_wake_descriptor(wake_); }

 private:
  // Fresh until the slot is adopted or connected, and again from release() on.
  struct Socket {
    int descriptor = -1;
    bool connecting : 1 = false;
    bool wants_input : 1 = true;
    bool readable : 1 = false;  // an edge was seen and the socket not read empty since
    bool queued : 1 = false;    // stands in readable_
    bool hung_up : 1 = false;   // the end of input, or an error, stands behind what is readable
    bool input_ended : 1 = false;
    bool send_pending : 1 = false;  // told the caller to wait for on_send
  };

  struct OpenListener {
    int descriptor;  // negative once closed: its number is not used again
    int backlog;
    bool draining = false;
  };

  struct FailedSend {
    SocketSlot slot;
    IoFailure failure;
  };

  Socket& socket_at(SocketSlot slot) {
    if (slot >= sockets_.size()) sockets_.resize(slot + 1);
    return sockets_[slot];
  }
  core::Status watch_socket(SocketSlot slot) {
    return watch(sockets_[slot].descriptor, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, slot);
  }
  core::Status watch(int descriptor, std::uint32_t what, std::uint64_t tag) {
    epoll_event event{};
    event.events = what;
    event.data.u64 = tag;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
      return core::failure(describe_error("epoll_ctl", errno));
    }
    return {};
  }
  void set_listener_events(std::uint32_t what) {
    epoll_event event{};
    event.events = what;
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      event.data.u64 = kListenerTag + i;
      epoll_ctl(epoll_, EPOLL_CTL_MOD, listeners_[i].descriptor, &event);
    }
  }
  void accept_ready(std::size_t listener, IoEvents& events);
  void drain_listeners(IoEvents& events);
  static void close_one(OpenListener& listener);
  void close_listeners();
  void on_edge(SocketSlot slot, std::uint32_t what, IoEvents& events);
  void mark_readable(SocketSlot slot);
  void receive(SocketSlot slot, IoEvents& events);
  void report_releases(IoEvents& events);
  void report_failed_sends(IoEvents& events);

  const EpollOptions options_;
  const std::shared_ptr<FileTable> table_;
  const int wake_;
  int epoll_ = -1;
  std::vector<OpenListener> listeners_;
  bool draining_ = false;
  std::vector<char> buffer_;
  std::vector<Socket> sockets_;
  std::vector<SocketSlot> readable_;
  std::vector<SocketSlot> reading_;
  std::vector<SocketSlot> released_;
  std::vector<FailedSend> failed_sends_;
  std::array<epoll_event, 128> ready_;  // of one turn, so that it stays short
  DriverStats stats_;
};

core::Result<Endpoint> EpollDriver::listen(const Endpoint& endpoint, const ListenOptions& options) {
  SANJAY_TRY(const Listener listener, open_listener(endpoint, options, true));
  const std::uint64_t tag = kListenerTag + listeners_.size();
  if (auto watched = watch(listener.descriptor, EPOLLIN, tag); !watched) {
    close_listener(listener.descriptor);
    return std::unexpected(watched.error());
  }
  listeners_.push_back({listener.descriptor, options.backlog});
  return listener.address;
}

core::Status EpollDriver::connect(SocketSlot slot, const Endpoint& to,
                                  const std::optional<Endpoint>& from) {
  SANJAY_TRY(const int descriptor, begin_connect(to, from));
  Socket& socket = socket_at(slot);
  socket.descriptor = descriptor;
  socket.connecting = true;
  auto watched = watch_socket(slot);
  if (!watched) {
    close(descriptor);
    socket = Socket{};
  }
  return watched;
}

void EpollDriver::accept_ready(std::size_t listener, IoEvents& events) {
  const OpenListener& from = listeners_[listener];
  const int accepts_max = from.draining ? from.backlog : options_.accepts_per_turn;
  for (int i = 0; from.descriptor >= 0 && i < accepts_max; ++i) {
    const int descriptor = accept4(from.descriptor, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        set_listener_events(0);
        events.on_accept_suspended();
      }
      return;
    }
    const auto slot = events.on_accept(peer_of(descriptor), static_cast<ListenerIndex>(listener));
    if (!slot) {
      close(descriptor);
      continue;
    }
    socket_at(*slot).descriptor = descriptor;
    if (!watch_socket(*slot)) {
      events.on_receive_end(*slot, IoFailure::Other);
    }
  }
}

void EpollDriver::drain_listeners(IoEvents& events) {
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    if (!listeners_[i].draining) continue;
    accept_ready(i, events);
    close_one(listeners_[i]);
  }
  draining_ = false;
}

void EpollDriver::close_one(OpenListener& listener) {
  if (listener.descriptor >= 0) close_listener(listener.descriptor);
  listener = {-1, 0};
}

void EpollDriver::close_listeners() {
  for (OpenListener& listener : listeners_) close_one(listener);
}

void EpollDriver::set_receiving(SocketSlot slot, bool on) {
  Socket& socket = socket_at(slot);
  socket.wants_input = on;
  // Edges seen while paused are remembered in `readable`.
  if (on && socket.readable) mark_readable(slot);
}

std::optional<std::size_t> EpollDriver::send(SocketSlot slot,
                                             std::span<const std::string_view> pieces) {
  Socket& socket = socket_at(slot);
  stats_.sends.add();
  std::array<iovec, kPiecesMax> vectors;
  ASSERT(pieces.size() <= vectors.size() && !socket.send_pending);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    vectors[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = pieces.size();
  ssize_t sent = 0;
  do {
    sent = sendmsg(socket.descriptor, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  // The room comes back as an EPOLLOUT edge; a failure is reported in the next turn.
  socket.send_pending = true;
  if (errno != EAGAIN) failed_sends_.push_back({slot, failure_of(errno)});
  return std::nullopt;
}

void EpollDriver::release(SocketSlot slot) {
  Socket& socket = socket_at(slot);
  ASSERT(socket.descriptor >= 0);
  close(socket.descriptor);  // leaves the epoll set by itself: nobody else holds the description
  socket = Socket{};
  released_.push_back(slot);
}

void EpollDriver::mark_readable(SocketSlot slot) {
  Socket& socket = sockets_[slot];
  socket.readable = true;
  if (socket.queued || !socket.wants_input || socket.input_ended) return;
  socket.queued = true;
  readable_.push_back(slot);
}

void EpollDriver::on_edge(SocketSlot slot, std::uint32_t what, IoEvents& events) {
  // Events may add sockets and so move the records: look the record up again after each.
  const bool failed = (what & (EPOLLERR | EPOLLHUP)) != 0;
  const bool writable = failed || (what & EPOLLOUT) != 0;
  if (sockets_[slot].connecting && writable) {
    sockets_[slot].connecting = false;
    const IoFailure failure = connect_outcome(sockets_[slot].descriptor);
    events.on_connect(slot, failure);
    if (failure != IoFailure::None) return;
  }
  if (sockets_[slot].send_pending && writable) {
    sockets_[slot].send_pending = false;
    events.on_send(slot, 0);
  }
  if (!failed && (what & (EPOLLIN | EPOLLRDHUP)) == 0) return;
  Socket& socket = sockets_[slot];
  if ((what & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) socket.hung_up = true;
  if (failed && !socket.wants_input && !socket.input_ended) {
    socket.input_ended = true;
    events.on_receive_end(slot, IoFailure::Reset);
    return;
  }
  mark_readable(slot);
}

void EpollDriver::receive(SocketSlot slot, IoEvents& events) {
  std::size_t taken = 0;
  while (taken < options_.receive_bytes_per_turn) {
    Socket& socket = sockets_[slot];
    if (!socket.wants_input) return;
    const ssize_t n = recv(socket.descriptor, buffer_.data(), buffer_.size(), 0);
    stats_.receives.add();
    if (n > 0) {
      taken += static_cast<std::size_t>(n);
      // A short read has emptied the socket; whatever comes later makes a new edge. But an end that
      // came together with the bytes shared their edge and has to be asked for.
      const bool emptied = static_cast<std::size_t>(n) < buffer_.size() && !socket.hung_up;
      if (emptied) socket.readable = false;
      events.on_receive(slot, {buffer_.data(), static_cast<std::size_t>(n)});
      if (emptied) return;
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    socket.readable = false;
    if (n < 0 && errno == EAGAIN) return;
    socket.input_ended = true;
    events.on_receive_end(slot, n == 0 ? IoFailure::None : failure_of(errno));
    return;
  }
  mark_readable(slot);  // more to read: next turn
}

void EpollDriver::report_releases(IoEvents& events) {
  std::vector<SocketSlot> released;
  released.swap(released_);
  for (const SocketSlot slot : released) events.on_released(slot);
}

void EpollDriver::report_failed_sends(IoEvents& events) {
  std::vector<FailedSend> failed;
  failed.swap(failed_sends_);
  for (const auto& [slot, failure] : failed) {
    if (!sockets_[slot].send_pending) continue;  // released since
    sockets_[slot].send_pending = false;
    events.on_send_failure(slot, failure);
  }
}

bool EpollDriver::turn(core::Duration wait_max, IoEvents& events) {
  stats_.turns.add();
  stats_.submits.add();
  const bool pending =
      !released_.empty() || !readable_.empty() || draining_ || !failed_sends_.empty();
  timespec wait{};
  if (!pending) {
    wait.tv_sec = wait_max.count() / 1'000'000'000;
    wait.tv_nsec = wait_max.count() % 1'000'000'000;
  }
  const int count =
      epoll_pwait2(epoll_, ready_.data(), static_cast<int>(ready_.size()), &wait, nullptr);
  ASSERT(count >= 0 || errno == EINTR);
  events.on_wake();
  report_releases(events);
  report_failed_sends(events);
  for (int i = 0; i < count; ++i) {
    const auto& event = ready_[static_cast<std::size_t>(i)];
    if (event.data.u64 == kWakeTag) {
      drain_wake_descriptor(wake_);
    } else if (event.data.u64 >= kListenerTag) {
      accept_ready(event.data.u64 - kListenerTag, events);
    } else {
      on_edge(static_cast<SocketSlot>(event.data.u64), event.events, events);
    }
  }
  if (draining_) drain_listeners(events);
  reading_.swap(readable_);
  for (const SocketSlot slot : reading_) {
    sockets_[slot].queued = false;  // a released slot may still stand here: nothing is readable
    if (sockets_[slot].readable) receive(slot, events);
  }
  reading_.clear();
  return count > 0 || pending;
}

}  // namespace

core::Result<std::unique_ptr<IoDriver>> make_epoll_driver(const EpollOptions& options,
                                                          std::shared_ptr<FileTable> table) {
  SANJAY_TRY(const int wake, open_wake_descriptor());
  table->keep(wake);
  return std::make_unique<EpollDriver>(options, std::move(table), wake);
}

}  // namespace sanjay::runtime
