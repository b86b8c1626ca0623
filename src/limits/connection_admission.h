// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ip_address.h"
#include "core/siphash.h"
#include "limits/token_bucket.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

namespace sanjay::limits {

class ConnectionAdmission;

/// A connection's place among those of its address, given back when this goes. An empty one holds
/// nothing. Moves with the connection; any thread may let go of it, one at a time.
class Ticket {
 public:
  Ticket() = default;
  Ticket(Ticket&& other) noexcept
      : admission_(std::exchange(other.admission_, nullptr)), key_(other.key_) {}
  Ticket& operator=(Ticket&& other) noexcept {
    if (this == &other) return *this;
    give_back();
    admission_ = std::exchange(other.admission_, nullptr);
    key_ = other.key_;
    return *this;
  }
  ~Ticket() { give_back(); }

  /// Whether it holds a place.
  explicit operator bool() const { return admission_ != nullptr; }

 private:
  friend class ConnectionAdmission;
  Ticket(ConnectionAdmission& admission, std::uint64_t key) : admission_(&admission), key_(key) {}
  void give_back() noexcept;

  ConnectionAdmission* admission_ = nullptr;
  std::uint64_t key_ = 0;
};

static_assert(sizeof(Ticket) <= 16);

struct AdmissionOptions {
  std::uint32_t per_address_max = 0;  // connections at a time; 0: no limit, nothing is counted
  std::uint32_t rate_max = 0;         // new ones per second, and at once; 0: no limit
  core::SipKey key;
};

/// Who may have another connection. One per process, outlives its tickets. Any thread: locks are
/// held for one look-up, and only when a connection comes or goes.
class ConnectionAdmission {
 public:
  explicit ConnectionAdmission(const AdmissionOptions& options);
  ConnectionAdmission(const ConnectionAdmission&) = delete;
  ConnectionAdmission& operator=(const ConnectionAdmission&) = delete;

  /// A place for a connection of that address, or nothing when it has as many as it may.
  std::optional<Ticket> enter(const core::IpAddress& address);
  /// Counts one new connection of the process, or says when to try again.
  core::Result<void, RetryAfter> admit(core::Instant now);

  /// Addresses that hold a place at present.
  std::size_t addresses();
  /// Slots of the tables behind them: what they cost.
  std::size_t table_slots();

 private:
  friend class Ticket;

  struct KeyedHash {
    core::SipKey key;
    std::size_t operator()(std::uint64_t address) const noexcept;
  };
  using Counts = std::unordered_map<std::uint64_t, std::uint32_t, KeyedHash>;
  // A cache line of its own each: neighbours do not disturb one another.
  struct alignas(64) Stripe {
    std::mutex mutex;
    Counts counts;
  };
  static constexpr std::size_t kStripes = 64;
  static constexpr std::size_t kSlotsKept = 64;  // a table this small is not worth shrinking

  Stripe& stripe_of(std::uint64_t address) noexcept;
  void leave(std::uint64_t address) noexcept;

  const std::uint32_t per_address_max_;
  const TokenRate rate_;
  const bool rate_limited_;
  const KeyedHash hash_;
  std::array<Stripe, kStripes> stripes_;
  std::mutex bucket_mutex_;
  TokenBucket bucket_;
};

}  // namespace sanjay::limits
