// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/time.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

namespace sanjay::runtime {

/// The keys of session tickets (RFC 5077, RFC 8446 §4.6.1), shared by all shards, so that a client
/// resumes on whichever it comes back to, and by all contexts, so that a reload voids no ticket.
/// The newest one seals; those before it still open what they sealed. Any thread.
class TicketKeys {
 public:
  static constexpr core::Duration kRotateEvery = std::chrono::hours(1);
  static constexpr std::size_t kKeys = 3;
  /// How long a ticket is good for: as long as its key is sure to be kept.
  static constexpr core::Duration kTicketLife = kRotateEvery * (kKeys - 1);

  struct Key {
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
  };

  TicketKeys();
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  /// Makes a new key when the newest is old enough. Cheap when it is not.
  void rotate(core::Instant now);
  Key newest() const;
  /// The key of that name and whether it is the newest one; nothing when it is gone.
  std::optional<std::pair<Key, bool>> find(std::span<const unsigned char, 16> name) const;

 private:
  void add_key();

  mutable std::mutex mutex_;
  std::array<Key, kKeys> keys_;  // the newest first; made of chance before they are used, too
  std::atomic<core::Instant::rep> rotate_at_{0};
};

}  // namespace sanjay::runtime
