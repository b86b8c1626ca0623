// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ip_address.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sanjay::http {

/// Parses the header that a TCP proxy puts before the client's bytes to name the client: the PROXY
/// protocol, version 1 (a line) and 2 (binary), as HAProxy's proxy-protocol.txt defines it. One per
/// connection, until its first Done or Malformed; only for peers that are trusted, since anybody
/// can write such a header. Bytes in, answer out; memory bounded by kHeaderBytesMax.
class ProxyHeaderParser {
 public:
  /// Longest headers taken. Version 1: §2.1's longest line. Version 2: 16 bytes and 520 more, what
  /// §2.2 calls safe to send in one piece; real ones are below 100.
  static constexpr std::size_t kLineBytesMax = 107;
  static constexpr std::size_t kHeaderBytesMax = 536;

  enum class State : std::uint8_t {
    NeedMore,
    Done,       // source() is there; bytes not consumed are the client's
    Malformed,  // reason() is there; the connection must end
  };
  struct Progress {
    State state;
    std::size_t consumed;  // of the fed bytes
  };

  Progress feed(std::string_view bytes);

  struct Source {
    core::IpAddress address;
    std::uint16_t port = 0;
  };
  /// The client. Nothing when the proxy speaks for itself (LOCAL: a health check) or does not say
  /// (UNKNOWN, UNSPEC, a UNIX socket): then the peer of the connection is all there is.
  const std::optional<Source>& source() const { return source_; }
  /// In words, static storage.
  std::string_view reason() const { return reason_; }

 private:
  State step();
  State step_line();
  State step_binary();
  State check_binary_head();
  State parse_line();
  State parse_binary();
  State malformed(std::string_view reason);

  std::string header_;
  std::size_t binary_bytes_ = 0;  // of the whole version 2 header, once known
  std::optional<Source> source_;
  std::string_view reason_;
};

}  // namespace sanjay::http
