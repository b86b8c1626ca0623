// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/tls/handshake_queue.h"
#include "runtime/tls/tls_session.h"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace sanjay::runtime {

/// What a stream that speaks TLS has besides. Its write queue holds plaintext; of that, no more
/// than one record at a time is encrypted and stands here until the kernel has taken it.
struct TlsStream {
  explicit TlsStream(std::shared_ptr<const TlsContext> context) : session(std::move(context)) {}

  /// Bytes for the peer that the kernel has not taken.
  std::size_t unsent() const { return sending.size() - sent + session.output().size(); }
  bool holds_receiving() const { return handshake && handshake->receiving_paused; }

  TlsSession session;
  std::string sending;                          // stays where it is while a send is in flight
  std::size_t sent = 0;                         // of these
  std::size_t counted = 0;                      // of unsent(), in the table's sum of queued bytes
  std::unique_ptr<PendingHandshake> handshake;  // until it is done
  bool finished = false;                        // close_notify was said
};

}  // namespace sanjay::runtime
