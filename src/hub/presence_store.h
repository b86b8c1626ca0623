// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/siphash.h"
#include "hub/answers.h"
#include "hub/broker_stats.h"
#include "hub/named_slab.h"
#include "hub/publication.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sanjay::hub {

/// Beyond these an entry is refused.
struct PresenceLimits {
  std::uint32_t entries_max = 1U << 20;
  std::size_t bytes_max = std::size_t{256} << 20;  // of ids and infos
};

/// Who is in the channels of one home shard. Users are counted as entries come and go, so that
/// stats() costs nothing; all who are anonymous count as one user. One shard's thread.
class PresenceStore {
 public:
  PresenceStore(const core::SipKey& key, const PresenceLimits& limits, BrokerStats& stats);

  /// Adds the client, or replaces what is known of him. False, and nothing is changed, when a limit
  /// is reached.
  bool add(std::string_view channel, const ClientInfo& info);
  /// Does nothing where he is not.
  void remove(std::string_view channel, std::string_view client);

  Presence clients(std::string_view channel);
  PresenceStats stats(std::string_view channel);

 private:
  struct Hasher {
    using is_transparent = void;
    core::SipKey key;
    std::size_t operator()(std::string_view text) const { return core::siphash(key, text); }
  };
  struct Members {
    explicit Members(const Hasher& hasher) : clients(0, hasher), users(0, hasher) {}
    // By client id, which stands in the entry.
    std::unordered_map<std::string_view, std::unique_ptr<OwnedClientInfo>, Hasher> clients;
    // How many clients each has.
    std::unordered_map<std::string, std::uint32_t, Hasher, std::equal_to<>> users;
  };

  struct Channel {
    explicit Channel(std::string_view n) : name(n) {}
    const std::string name;
    std::optional<Members> members;  // always, but for a moment: a slab passes the name only
  };

  Members* find(std::string_view channel);
  static void count(Members& members, std::string_view user);
  static void discount(Members& members, std::string_view user);
  void show();

  NamedSlab<Channel> channels_;
  const Hasher hasher_;
  const PresenceLimits limits_;
  BrokerStats& stats_;
  std::size_t entries_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace sanjay::hub
