// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/server_metrics.h"

#include "runtime/clock.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>

namespace sanjay::bench {
namespace {

constexpr std::size_t kAnswerBytesMax = 4 << 20;

/// A socket that is closed with its owner.
class Socket {
 public:
  explicit Socket(int family)
      : descriptor_(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  ~Socket() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int descriptor() const { return descriptor_; }
  /// Waits until the socket is ready for `events` or it is `until`.
  bool wait(short events, core::Instant until) const {
    const std::int64_t left = core::to_milliseconds(until - clock_.now());
    pollfd entry{.fd = descriptor_, .events = events, .revents = 0};
    return left > 0 && poll(&entry, 1, static_cast<int>(left)) == 1;
  }
  bool connect_to(const runtime::Endpoint& server) const {
    sockaddr_in6 v6{};
    sockaddr_in v4{};
    v6.sin6_family = AF_INET6;
    v4.sin_family = AF_INET;
    v6.sin6_port = v4.sin_port = htons(server.port);
    std::memcpy(&v6.sin6_addr, server.address.bytes.data(), sizeof v6.sin6_addr);
    // An IPv4 address stands in the last four bytes (RFC 4291 §2.5.5.2).
    std::memcpy(&v4.sin_addr, server.address.bytes.data() + 12, sizeof v4.sin_addr);
    const auto* address = server.is_v4() ? reinterpret_cast<const sockaddr*>(&v4)
                                         : reinterpret_cast<const sockaddr*>(&v6);
    return connect(descriptor_, address, server.is_v4() ? sizeof v4 : sizeof v6) == 0 ||
           errno == EINPROGRESS;
  }

 private:
  runtime::SystemClock clock_;
  int descriptor_;
};

core::Result<std::string> fetch(const runtime::Endpoint& server, core::Duration timeout) {
  const runtime::SystemClock clock;
  const core::Instant until = clock.now() + timeout;
  const auto silent = [] { return core::failure("/metrics does not answer in time"); };
  const Socket peer(server.is_v4() ? AF_INET : AF_INET6);
  if (peer.descriptor() < 0 || !peer.connect_to(server)) {
    return core::failure("cannot connect to /metrics");
  }
  if (!peer.wait(POLLOUT, until)) return silent();
  const std::string request = fmt::format(
      "GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.to_string());
  const ssize_t sent = send(peer.descriptor(), request.data(), request.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request.size())) return core::failure("cannot ask /metrics");
  std::string answer;
  for (;;) {
    if (!peer.wait(POLLIN, until)) return silent();
    std::array<char, 16384> bytes;
    const ssize_t count = recv(peer.descriptor(), bytes.data(), bytes.size(), 0);
    if (count < 0) return core::failure("/metrics has cut the connection");
    if (count == 0) break;
    answer.append(bytes.data(), static_cast<std::size_t>(count));
    if (answer.size() > kAnswerBytesMax) return core::failure("/metrics answers without end");
  }
  if (!answer.starts_with("HTTP/1.1 200 ")) return core::failure("/metrics is not served");
  return answer;
}

}  // namespace

std::optional<double> metric_sum(std::string_view text, std::string_view name) {
  std::optional<double> sum;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with(name) || line.size() == name.size()) continue;
    if (line[name.size()] != ' ' && line[name.size()] != '{') continue;
    // Labels may hold spaces; a value holds none, and no time stands behind it.
    const std::string_view digits = line.substr(line.rfind(' ') + 1);
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) continue;
    sum = sum.value_or(0) + value;
  }
  return sum;
}

ServerCounters operator-(const ServerCounters& later, const ServerCounters& earlier) {
  return {later.deliveries - earlier.deliveries, later.sends - earlier.sends,
          later.waits - earlier.waits};
}

std::optional<ServerCounters> parse_server_counters(std::string_view text) {
  const auto deliveries = metric_sum(text, "sanjay_deliveries_total");
  const auto sends = metric_sum(text, "sanjay_io_sends_total");
  const auto waits = metric_sum(text, "sanjay_io_waits_total");
  if (!deliveries || !sends || !waits) return std::nullopt;
  return ServerCounters{static_cast<std::uint64_t>(*deliveries), static_cast<std::uint64_t>(*sends),
                        static_cast<std::uint64_t>(*waits)};
}

core::Result<ServerCounters> read_server_counters(const runtime::Endpoint& server,
                                                  core::Duration timeout) {
  SANJAY_TRY(const std::string text, fetch(server, timeout));
  const auto counters = parse_server_counters(text);
  if (!counters) return core::failure("/metrics does not name the counters");
  return *counters;
}

}  // namespace sanjay::bench
