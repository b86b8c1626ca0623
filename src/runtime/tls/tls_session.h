// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/tls/tls_context.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct ssl_st;

namespace sanjay::runtime {

/// One end of one TLS connection (RFC 8446, RFC 5246) without its socket: bytes of the peer go in,
/// plaintext and bytes for the peer come out. Owned by one stream, one thread. Keeps no buffer
/// while nothing is under way. Does not move: OpenSSL holds its address.
class TlsSession {
 public:
  enum class Handshake : std::uint8_t { NeedsMore, Done, Failed };
  enum class Read : std::uint8_t { Bytes, NeedsMore, PeerFinished, Failed };
  struct ReadResult {
    Read end;
    std::size_t bytes = 0;
  };

  explicit TlsSession(std::shared_ptr<const TlsContext> context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// The peer's next bytes. They must stay until handshake() and read() have answered NeedsMore or
  /// an end: then all of them were taken, or nothing more will be.
  void give(std::string_view bytes) { input_ = bytes; }
  /// Those not taken yet: behind the end of the handshake there may be data.
  std::string_view input() const { return input_; }

  /// Goes on with the handshake as far as the bytes given allow. A client begins by calling it.
  Handshake handshake();
  bool begun() const { return begun_; }
  bool established() const { return established_; }
  /// Whether this handshake went the short way, with a ticket.
  bool resumed() const;

  /// Decrypts at most one record of the bytes given. Only once established.
  ReadResult read(std::span<char> into);
  /// Encrypts: at most kRecordBytes make one record. Only once established and before finish().
  /// False: the session is broken.
  bool write(std::string_view plaintext);
  static constexpr std::size_t kRecordBytes = 16 * 1024;
  /// What a record has besides its plaintext, at most, for the caller who reserves room.
  static constexpr std::size_t kRecordOverhead = 64;
  /// Says that nothing more will be written (close_notify); nothing where it cannot be said.
  void finish();

  /// Bytes for the peer. The caller takes them out; what they are they must stay, in this order.
  std::string& output() { return output_; }
  const std::string& output() const { return output_; }
  /// Why it failed.
  const std::string& error() const { return error_; }

 private:
  friend struct SessionBio;

  void fail();

  std::shared_ptr<const TlsContext> context_;
  ssl_st* ssl_;
  std::string_view input_;
  std::string output_;
  std::string error_;
  bool begun_ = false;
  bool established_ = false;
  bool failed_ = false;
};

}  // namespace sanjay::runtime
