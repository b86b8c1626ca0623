// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "websocket/deflater.h"
#include "websocket/inflater.h"
#include "websocket/permessage_deflate.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace sanjay::transport {

/// permessage-deflate of all WebSockets of the process.
struct CompressionOptions {
  bool enabled = false;
  std::uint8_t level = 1;                 // 1: fast … 9: small
  std::uint32_t message_bytes_min = 256;  // smaller messages are sent as they are
  bool context_takeover = false;
  std::uint32_t takeover_connections_max = 1024;  // of one shard; the next ones keep no context
};

/// Whether what is compressed once for all may be sent to such a connection: with the largest
/// window and no context of ours.
constexpr bool takes_shared_frames(const websocket::DeflateTerms& terms) {
  return !terms.server_keeps_context && terms.server_window_bits == websocket::kWindowBitsMax;
}

class Compression;

/// The contexts of one connection that keeps any, and its place among those that may. Owned by the
/// connection, made by Compression::begin(), which outlives it.
class KeptContexts {
 public:
  KeptContexts(Compression& compression, const websocket::DeflateTerms& terms);
  KeptContexts(const KeptContexts&) = delete;
  KeptContexts& operator=(const KeptContexts&) = delete;
  ~KeptContexts();

  std::optional<websocket::Deflater> deflater;  // if the server keeps its context
  std::optional<websocket::Inflater> inflater;  // if the client keeps his

 private:
  Compression& compression_;
};

/// What a connection has agreed on, and the contexts that it keeps: its place is taken with the
/// agreement, though the connection itself may begin later.
struct AgreedCompression {
  std::optional<websocket::DeflateTerms> terms{};  // none: messages are not compressed
  std::unique_ptr<KeptContexts> contexts{};
};

/// What the connections of one shard compress with: one inflater and, for each window size that
/// somebody asked for, one deflater, none before it is needed; so an idle connection that keeps no
/// context owns nothing. One per shard, one thread, outlives the connections and the encoder.
class Compression {
 public:
  explicit Compression(const CompressionOptions& options) : options_(options) {}

  const CompressionOptions& options() const { return options_; }
  /// For messages and handshakes from now on.
  void set_options(const CompressionOptions& options);

  /// What to agree to with a new connection.
  websocket::DeflatePolicy policy() const;
  /// A connection has agreed on these terms.
  AgreedCompression begin(const websocket::DeflateTerms& terms);
  std::uint32_t takeover_connections() const { return takeover_connections_; }

  /// The payload to send for `message`, in a window of so many bits; nothing when it is better sent
  /// as it is. Lives until the next message is compressed.
  std::optional<std::string_view> compress(std::string_view message, std::uint8_t window_bits);
  /// The same with the contexts of a connection, whose deflater there is: always the payload, since
  /// the next one refers to it; nothing only below the least size.
  std::optional<std::string_view> compress(std::string_view message, KeptContexts& contexts);
  /// See websocket::inflated(). The message lives until the next one is decompressed.
  websocket::Event inflate(const websocket::Event& message, std::uint32_t bytes_max,
                           KeptContexts* contexts);
  /// The messages asked for have been used: a large one leaves no memory behind.
  void trim();

 private:
  friend class KeptContexts;
  static constexpr std::size_t kWindows = websocket::kWindowBitsMax - websocket::kWindowBitsMin + 1;

  bool is_small(std::string_view message) const {
    return message.empty() || message.size() < options_.message_bytes_min;
  }

  CompressionOptions options_;
  std::array<std::optional<websocket::Deflater>, kWindows> deflaters_;  // by window bits
  websocket::Inflater inflater_{websocket::Context::Reset};
  websocket::ScratchBuffer compressed_;
  websocket::ScratchBuffer decompressed_;
  std::uint32_t takeover_connections_ = 0;
};

}  // namespace sanjay::transport
