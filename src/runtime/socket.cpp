// SPDX-License-Identifier: Apache-2.0
#include "runtime/socket.h"

#include "core/assert.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sanjay::runtime {
namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const Endpoint& endpoint) {
  SocketAddress result;
  if (endpoint.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(result.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, endpoint.address.bytes.data() + 12, 4);
    result.length = sizeof v4;
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(result.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, endpoint.address.bytes.data(), 16);
    result.length = sizeof v6;
  }
  return result;
}

Endpoint from_socket_address(const sockaddr_storage& storage) {
  Endpoint endpoint;
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    endpoint.address.bytes[10] = endpoint.address.bytes[11] = 0xff;
    std::memcpy(endpoint.address.bytes.data() + 12, &v4.sin_addr, 4);
    endpoint.port = ntohs(v4.sin_port);
  } else if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    std::memcpy(endpoint.address.bytes.data(), &v6.sin6_addr, 16);
    endpoint.port = ntohs(v6.sin6_port);
  }
  return endpoint;
}

void enable(int descriptor, int level, int option) {
  const int on = 1;
  setsockopt(descriptor, level, option, &on, sizeof on);
}

// Opens a stream socket of the endpoint's family; an unspecified address takes both families where
// the machine has IPv6.
int open_socket(Endpoint& endpoint) {
  const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  if (endpoint.is_v4()) return socket(AF_INET, type, 0);
  const int descriptor = socket(AF_INET6, type, 0);
  if (descriptor >= 0) {
    const int off = 0;
    setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    return descriptor;
  }
  if (errno != EAFNOSUPPORT || endpoint != *Endpoint::parse("", endpoint.port)) return -1;
  endpoint = *Endpoint::parse("0.0.0.0", endpoint.port);
  return socket(AF_INET, type, 0);
}

core::Result<Endpoint> bound_address(int descriptor) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
    return core::failure(describe_error("getsockname", errno));
  }
  return from_socket_address(storage);
}

}  // namespace

std::string describe_error(std::string_view what, int error_number) {
  return std::string(what) + ": " + std::strerror(error_number);
}

IoFailure failure_of(int error_number) {
  switch (error_number) {
    case 0:
      return IoFailure::None;
    case ECONNREFUSED:
      return IoFailure::Refused;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
      return IoFailure::Reset;
    case ETIMEDOUT:
      return IoFailure::TimedOut;
    case EHOSTUNREACH:
    case ENETUNREACH:
      return IoFailure::Unreachable;
    default:
      return IoFailure::Other;
  }
}

core::Result<Listener> open_listener(const Endpoint& wanted, const ListenOptions& options,
                                     bool reuse_port) {
  Endpoint endpoint = wanted;
  const int descriptor = open_socket(endpoint);
  if (descriptor < 0) return core::failure(describe_error("socket", errno));
  enable(descriptor, SOL_SOCKET, SO_REUSEADDR);
  if (reuse_port) enable(descriptor, SOL_SOCKET, SO_REUSEPORT);
  enable(descriptor, IPPROTO_TCP, TCP_NODELAY);
  if (options.user_timeout > core::Duration::zero()) {
    const auto milliseconds = static_cast<unsigned>(core::to_milliseconds(options.user_timeout));
    setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
  }
  SocketAddress address = to_socket_address(endpoint);
  if (bind(descriptor, address.get(), address.length) != 0 ||
      listen(descriptor, options.backlog) != 0) {
    const int error_number = errno;
    close(descriptor);
    return core::failure(describe_error("cannot listen on " + endpoint.to_string(), error_number));
  }
  auto bound = bound_address(descriptor);
  if (!bound) {
    close(descriptor);
    return std::unexpected(bound.error());
  }
  return Listener{descriptor, *bound};
}

void close_listener(int descriptor) {
  // shutdown() ends the listening itself; close() alone might leave it alive in a copied table.
  shutdown(descriptor, SHUT_RDWR);
  close(descriptor);
}

core::Result<Endpoint> probe_address(const Endpoint& endpoint) {
  SANJAY_TRY(const Listener probe, open_listener(endpoint, {.backlog = 1}, false));
  close_listener(probe.descriptor);
  Endpoint result = endpoint;
  result.port = probe.address.port;
  return result;
}

core::Result<int> begin_connect(const Endpoint& to, const std::optional<Endpoint>& from) {
  Endpoint target = to;
  const int descriptor = open_socket(target);
  if (descriptor < 0) return core::failure(describe_error("socket", errno));
  enable(descriptor, IPPROTO_TCP, TCP_NODELAY);
  int error_number = 0;
  if (from) {
    // The port is chosen at connect, per destination: many sources can then hold 2^16 ports each.
    enable(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    SocketAddress source = to_socket_address(*from);
    if (bind(descriptor, source.get(), source.length) != 0) error_number = errno;
  }
  SocketAddress address = to_socket_address(target);
  if (error_number == 0 && ::connect(descriptor, address.get(), address.length) != 0 &&
      errno != EINPROGRESS) {
    error_number = errno;
  }
  if (error_number != 0) {
    close(descriptor);
    return core::failure(describe_error("cannot connect to " + to.to_string(), error_number));
  }
  return descriptor;
}

IoFailure connect_outcome(int descriptor) {
  int error_number = 0;
  socklen_t length = sizeof error_number;
  getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error_number, &length);
  return failure_of(error_number);
}

Endpoint peer_of(int descriptor) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return from_socket_address(storage);
}

core::Result<int> open_wake_descriptor() {
  const int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (descriptor < 0) return core::failure(describe_error("eventfd", errno));
  return descriptor;
}

void signal_wake_descriptor(int descriptor) {
  const std::uint64_t one = 1;
  // A full counter (EAGAIN) means that a wake-up is already on its way.
  [[maybe_unused]] const ssize_t written = write(descriptor, &one, sizeof one);
}

void drain_wake_descriptor(int descriptor) {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = read(descriptor, &count, sizeof count);
}

}  // namespace sanjay::runtime
