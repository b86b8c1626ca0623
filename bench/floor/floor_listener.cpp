// SPDX-License-Identifier: Apache-2.0
#include "bench/floor/floor_listener.h"

#include "websocket/encoder.h"
#include "websocket/frame.h"
#include "websocket/mask.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace sanjay::bench {

core::Result<int> open_floor_listener(std::uint16_t port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return core::failure(fmt::format("socket: {}", std::strerror(errno)));
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // inherited by connections
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener, generic, length) != 0 || listen(listener, SOMAXCONN) != 0 ||
      getsockname(listener, generic, &length) != 0) {
    const int error = errno;
    close(listener);
    return core::failure(
        fmt::format("cannot listen on 127.0.0.1:{}: {}", port, std::strerror(error)));
  }
  announce_floor(ntohs(address.sin_port));
  return listener;
}

void announce_floor(std::uint16_t port) {
  fmt::print("listening on 127.0.0.1:{}\n", port);
  std::fflush(stdout);
}

std::optional<FloorFrames> take_frames(std::span<char> bytes) {
  FloorFrames frames;
  for (;;) {
    const std::span<char> rest = bytes.subspan(frames.consumed);
    const auto header =
        websocket::parse_header({rest.data(), rest.size()}, websocket::Role::Server);
    if (!header) return std::nullopt;
    if (!*header || rest.size() - (*header)->header_bytes < (*header)->payload_bytes) return frames;
    const websocket::FrameHeader& frame = **header;
    const std::span<char> payload = rest.subspan(frame.header_bytes, frame.payload_bytes);
    websocket::apply_mask(payload, frame.mask);
    // An unmasked header is four bytes shorter, so the frame moves towards the front.
    std::array<char, websocket::kHeaderBytesMax> out;
    const std::size_t header_bytes =
        websocket::encode_header(out, frame.opcode, frame.payload_bytes);
    char* to = bytes.data() + frames.bytes;
    std::memmove(to + header_bytes, payload.data(), payload.size());
    std::memcpy(to, out.data(), header_bytes);
    frames.bytes += header_bytes + payload.size();
    frames.consumed += frame.header_bytes + payload.size();
  }
}

}  // namespace sanjay::bench
