// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/siphash.h"
#include "core/time.h"
#include "hub/broker.h"
#include "hub/broker_stats.h"
#include "hub/history_store.h"
#include "hub/idempotency_cache.h"
#include "hub/presence_store.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::hub {

/// Beyond its limits a call is answered with Failure::Overloaded and changes nothing; only
/// idempotency keys make room for newer ones. All counts and bytes are those of one home shard.
struct MemoryBrokerOptions {
  core::SipKey key{};  // clients choose the names
  HistoryLimits history{};
  IdempotencyLimits idempotency{};
  PresenceLimits presence{};
  std::size_t answer_items_max = 1U << 20;  // publications and clients in answers not yet given
  std::uint32_t forget_per_turn = 1024;     // channels, publications and keys freed by one poll()
};

/// The Broker of a server that is alone: keeps the channels of one home shard in its memory, and
/// with the process they are gone, which a new epoch shows.
///
/// Every call takes effect before it returns. publish() answers at once; what else is asked is
/// answered as it was at the time of the call, by the next poll(). Everybody interested is the hub:
/// publications, joins and leaves are told from within the call, subscribed or not.
///
/// A publication that is not kept and has no idempotency key is passed on as it is: nothing is
/// copied or allocated. A version counts only with history, a meta_ttl of zero stands for
/// HistoryLimits::meta_ttl, and a repeat that a version has kept back is not remembered by its key.
class MemoryBroker final : public Broker {
 public:
  /// `seed` is for epochs: different from that of every other shard, and not known beforehand.
  /// `now` is the time until the first poll().
  MemoryBroker(const MemoryBrokerOptions& options, std::uint64_t seed, core::Instant now);

  void attach(BrokerEvents& events) override;
  bool subscribe(std::string_view channel, BrokerTicket ticket) override;
  void unsubscribe(std::string_view channel) override;
  std::optional<Answer> publish(std::string_view channel, const Publication& publication,
                                const PublishOptions& options, BrokerTicket ticket) override;
  void publish_join(std::string_view channel, const ClientInfo& info) override;
  void publish_leave(std::string_view channel, const ClientInfo& info) override;
  void history(std::string_view channel, const HistoryQuery& query, BrokerTicket ticket) override;
  void remove_history(std::string_view channel, BrokerTicket ticket) override;
  void add_presence(std::string_view channel, const ClientInfo& info, BrokerTicket ticket) override;
  void remove_presence(std::string_view channel, std::string_view client,
                       BrokerTicket ticket) override;
  void presence(std::string_view channel, BrokerTicket ticket) override;
  void presence_stats(std::string_view channel, BrokerTicket ticket) override;
  void poll(core::Instant now) override;
  bool has_answers() const override;
  core::Duration presence_renewal() const override { return core::Duration::zero(); }

  /// Forgets a channel's history and its position, as a server does that loses its data.
  void lose_history(std::string_view channel) { history_.forget(channel); }

  const BrokerStats& stats() const { return stats_; }

 private:
  bool takes_reads();
  void answer(BrokerTicket ticket, Answer&& answer, std::size_t items = 0);
  bool has_due() const { return history_.has_due(now_) || idempotency_.has_due(now_); }

  const MemoryBrokerOptions options_;
  BrokerEvents* events_ = nullptr;
  core::Instant now_;  // as poll() was told last
  BrokerStats stats_;
  HistoryStore history_;
  IdempotencyCache idempotency_;
  PresenceStore presence_;
  std::vector<std::pair<BrokerTicket, Answer>> answers_;  // for the next poll()
  std::vector<std::pair<BrokerTicket, Answer>> giving_;   // empty but during one
  std::size_t answer_items_ = 0;                          // in answers_
};

}  // namespace sanjay::hub
