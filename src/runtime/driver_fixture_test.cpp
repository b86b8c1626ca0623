// SPDX-License-Identifier: Apache-2.0

// Bodies for driver_fixture.h; named _test.cpp so that they are linked into the test program only.

#include "runtime/driver_fixture.h"

#include "core/random.h"

#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace sanjay::runtime {

Client::Client(const Endpoint& to) {
  descriptor_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_GE(descriptor_, 0) << std::strerror(errno);
  const timeval bound{20, 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(to.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    connect_error_ = errno;
  }
  if (connect_error_ == EINTR) {
    // A ring that ends interrupts its creator's calls; with a time bound connect() does not go on
    // by itself, the connection does.
    pollfd ready{descriptor_, POLLOUT, 0};
    while (poll(&ready, 1, 20'000) < 0 && errno == EINTR) {
    }
    socklen_t length = sizeof connect_error_;
    getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &connect_error_, &length);
  }
}

Client::~Client() { close(); }

void Client::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::size_t Client::send_some(std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n =
        ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  return sent;
}

std::string Client::receive(std::size_t bytes_max) {
  std::string all;
  std::array<char, 64 * 1024> buffer;
  while (all.size() < bytes_max) {
    const std::size_t wanted = std::min(buffer.size(), bytes_max - all.size());
    const ssize_t n = recv(descriptor_, buffer.data(), wanted, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      end_error_ = n == 0 ? 0 : errno;
      break;
    }
    all.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return all;
}

void Client::finish() { shutdown(descriptor_, SHUT_WR); }

void Client::reset() {
  const linger hard{1, 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close();
}

std::size_t open_descriptors() {
  DIR* folder = opendir("/proc/thread-self/fd");
  EXPECT_NE(folder, nullptr);
  std::size_t count = 0;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count - 3;  // ".", ".." and the folder itself
}

std::string pattern(std::size_t size, std::uint64_t seed) {
  core::Random random(seed);
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; i += 8) {
    const std::uint64_t word = random.next();
    std::memcpy(bytes.data() + i, &word, std::min<std::size_t>(8, size - i));
  }
  return bytes;
}

}  // namespace sanjay::runtime
