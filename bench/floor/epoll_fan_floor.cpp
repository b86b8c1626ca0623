// SPDX-License-Identifier: Apache-2.0
#include "bench/floor/fan_floor.h"
#include "bench/floor/floor_listener.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace sanjay::bench {
namespace {

constexpr int kStallMilliseconds = 5000;

class EpollFanFloor {
 public:
  explicit EpollFanFloor(int listener)
      : listener_(listener), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

  core::Status run() {
    fcntl(listener_, F_SETFL, O_NONBLOCK);
    watch(listener_);
    for (;;) {
      const int count = epoll_wait(epoll_, ready_.data(), static_cast<int>(ready_.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int descriptor = ready_[static_cast<std::size_t>(i)].data.fd;
        if (descriptor == listener_) {
          accept_all();
        } else if (auto received = receive(descriptor); !received) {
          return received;
        }
      }
      if (collected_.empty()) continue;
      if (auto sent = send_to_all(); !sent) return sent;
    }
  }

 private:
  void watch(int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
  }

  void accept_all() {
    for (;;) {
      const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (descriptor < 0) return;
      watch(descriptor);
      upgrading_.push_back(descriptor);
    }
  }

  core::Status receive(int descriptor) {
    const ssize_t count = recv(descriptor, buffer_.data(), buffer_.size(), 0);
    if (count < 0 && errno == EAGAIN) return {};
    if (count <= 0) {
      std::erase(members_, descriptor);
      std::erase(upgrading_, descriptor);
      close(descriptor);
      return {};
    }
    if (std::erase(upgrading_, descriptor) > 0) {
      members_.push_back(descriptor);
      return send_all(descriptor, kFloorUpgradeAnswer);
    }
    const std::span<char> bytes(buffer_.data(), static_cast<std::size_t>(count));
    const auto frames = take_frames(bytes);
    if (!frames || frames->consumed != bytes.size()) {
      return core::failure("the epoll floor takes whole messages only: use shorter ones");
    }
    collected_.append(bytes.data(), frames->bytes);
    return {};
  }

  core::Status send_to_all() {
    for (const int descriptor : members_) {
      if (auto sent = send_all(descriptor, collected_); !sent) return sent;
    }
    collected_.clear();
    return {};
  }

  static core::Status send_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
        continue;
      }
      if (errno != EAGAIN) return {};  // gone; its end is reported by epoll
      pollfd room{.fd = descriptor, .events = POLLOUT, .revents = 0};
      if (poll(&room, 1, kStallMilliseconds) == 0) {
        return core::failure("the epoll floor's client has stopped reading");
      }
    }
    return {};
  }

  const int listener_;
  const int epoll_;
  std::vector<int> upgrading_;
  std::vector<int> members_;
  std::string collected_;
  std::array<epoll_event, 1024> ready_;
  std::array<char, 64 * 1024> buffer_;
};

}  // namespace

core::Status run_epoll_fan_floor(int listener) { return EpollFanFloor(listener).run(); }

}  // namespace sanjay::bench
