// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/time.h"
#include "hub/answers.h"
#include "hub/publication.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace sanjay::hub {

/// Names one call on a broker; chosen by the caller, who uses none twice.
using BrokerTicket = std::uint64_t;

/// What a broker tells the one hub it serves.
class BrokerEvents {
 public:
  virtual ~BrokerEvents() = default;
  /// A publication of a channel, in the channel's order. With history its offset is set and `epoch`
  /// names the history; a broker that can lose publications shows it by a gap in the offsets.
  virtual void on_publication(std::string_view channel, const PublicationRef& publication,
                              std::string_view epoch) = 0;
  /// The same for a publication that nobody keeps: the views live until this returns.
  virtual void on_transient_publication(std::string_view channel,
                                        const Publication& publication) = 0;
  virtual void on_join(std::string_view channel, const ClientInfo& info) = 0;
  virtual void on_leave(std::string_view channel, const ClientInfo& info) = 0;
  /// The answer to one call. Done, Published, History, Presence or PresenceStats as the call has
  /// it, or a Failure.
  virtual void on_answer(BrokerTicket ticket, Answer&& answer) = 0;
};

/// Keeps the channels of one home shard: their order, history and presence, and tells everybody
/// interested of what is published. Behind it stands this process's memory, or a server that other
/// nodes use as well.
///
/// Every call returns at once. What it leads to may come late, out of the order of the calls, or
/// not at all: the caller watches the time and knows what to do then. Calls of one channel take
/// effect in the order in which they were made; an answer that says Failure leaves open whether it
/// did. BrokerEvents are called from within poll() and, where that is said, from within the call
/// itself; they may make further calls, except poll(). Owned by the hub's shard; one thread.
class Broker {
 public:
  virtual ~Broker() = default;

  /// Whom to tell; before anything else is called, once. `events` outlives the broker's use.
  virtual void attach(BrokerEvents& events) = 0;

  /// From the answer on, the channel's publications, joins and leaves arrive, also those of other
  /// nodes. True: they do so now, and no answer comes.
  virtual bool subscribe(std::string_view channel, BrokerTicket ticket) = 0;
  /// What is under way may still arrive.
  virtual void unsubscribe(std::string_view channel) = 0;

  /// Publishes. Answers now, after on_publication() or on_transient_publication() has been called
  /// from within, or later: Published or Failure.
  virtual std::optional<Answer> publish(std::string_view channel, const Publication& publication,
                                        const PublishOptions& options, BrokerTicket ticket) = 0;
  /// Tells everybody interested, at most once; may call on_join() or on_leave() from within.
  virtual void publish_join(std::string_view channel, const ClientInfo& info) = 0;
  virtual void publish_leave(std::string_view channel, const ClientInfo& info) = 0;

  /// Answers History. A channel without history gets an epoch by being asked.
  virtual void history(std::string_view channel, const HistoryQuery& query,
                       BrokerTicket ticket) = 0;
  /// Forgets the publications, not the position: offsets go on. Answers Done.
  virtual void remove_history(std::string_view channel, BrokerTicket ticket) = 0;

  /// Answers Done. Adding who is there already renews his entry.
  virtual void add_presence(std::string_view channel, const ClientInfo& info,
                            BrokerTicket ticket) = 0;
  /// Answers Done, also when he was not there.
  virtual void remove_presence(std::string_view channel, std::string_view client,
                               BrokerTicket ticket) = 0;
  /// Answers Presence.
  virtual void presence(std::string_view channel, BrokerTicket ticket) = 0;
  /// Answers PresenceStats.
  virtual void presence_stats(std::string_view channel, BrokerTicket ticket) = 0;

  /// Once per turn: gives the answers there are, and forgets what has outlived its time.
  virtual void poll(core::Instant now) = 0;
  /// Whether poll() has something to do at once: answers to give, or more to forget than it had
  /// time for.
  virtual bool has_answers() const = 0;
  /// Whether presence entries fade and must be renewed by add_presence() at least this often;
  /// zero: they stay until they are removed.
  virtual core::Duration presence_renewal() const = 0;
};

}  // namespace sanjay::hub
