// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "core/siphash.h"
#include "hub/home_channels.h"
#include "hub/local_channels.h"
#include "hub/mail.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace sanjay::hub {

/// Carries mail to the hubs of other shards. Implemented over runtime's mailboxes.
class MailCarrier {
 public:
  virtual ~MailCarrier() = default;
  /// False, with the mail untouched, when there is no room at present.
  virtual bool send(core::ShardIndex to, Mail&& mail) = 0;
};

/// What a hub tells the connections of its shard, from inside on_mail() and hand_over() only. The
/// receiver may subscribe, publish, and end the subscription it is told of; it must not end others.
class HubEvents {
 public:
  virtual ~HubEvents() = default;
  /// A subscription that subscribe() left pending is live: publications follow this call.
  virtual void on_subscribed(core::ConnectionId connection, SubscriptionNumber subscription) = 0;
  /// A publish() that was left pending has been decided: Accepted or Busy.
  virtual void on_published(const ReplyTo& reply_to, PublishOutcome outcome) = 0;
};

/// Bytes of publications on their way between each two shards, counted from hand-over until the
/// last subscriber's queue has them. The only state that hubs share; plain counters.
class FlowMeter {
 public:
  explicit FlowMeter(core::ShardIndex shards)
      : shards_(shards),
        counters_(std::make_unique<std::atomic<std::size_t>[]>(std::size_t{shards} * shards)) {}
  std::atomic<std::size_t>& between(core::ShardIndex from, core::ShardIndex to) {
    return counters_[std::size_t{from} * shards_ + to];
  }

 private:
  const core::ShardIndex shards_;
  std::unique_ptr<std::atomic<std::size_t>[]> counters_;
};

/// Counters of one shard's hub; any thread may read them.
struct HubStats {
  telemetry::Counter publications;   // taken by this shard as their channel's home
  telemetry::Counter busy;           // and refused because queues were full
  telemetry::Counter held_back;      // hand-overs that found the way to some shard full
  telemetry::Counter channels;       // with subscribers on this shard, at present
  telemetry::Counter home_channels;  // ordered here: with subscribers on any shard, at present
  telemetry::Counter subscriptions;  // on this shard, at present
  telemetry::Counter pending_bytes;  // waiting to be handed over, at present
};

struct HubOptions {
  core::ShardIndex shard = 0;
  core::ShardIndex shards = 1;
  core::SipKey key{};  // the same on all shards: it decides which shard is a channel's home
  std::uint32_t channels_max = 1U << 22;           // with subscribers on this shard
  std::uint32_t publishes_in_flight_max = 1024;    // to each other shard, answers outstanding
  std::size_t flow_bytes_max = 256 * 1024;         // of publications, from this to any one shard
  std::size_t quiet_flow_bytes_max = 1024 * 1024;  // the same, for what a quiet channel hands over
  std::size_t channel_backlog_bytes_max = 64 * 1024;  // of one channel's fan-out on this shard
  HomeChannels::Limits home{};
};

/// One shard's part in the delivery of publications. Subscribing and publishing go to the channel's
/// home shard, hash(channel) mod shards, which gives every channel one order; publications come
/// back as one batch per turn and are fanned out here.
///
/// Backpressure: fan-out that lags holds back the home shard's hand-over, whose full channels
/// refuse publications as Busy; nothing accepted is dropped. Who subscribes meanwhile is made live
/// after what is held back, so that he receives nothing older. One shard's thread.
class Hub {
 public:
  Hub(const HubOptions& options, FlowMeter& flow, PublicationEncoder& encoder, MailCarrier& carrier,
      DeliverySink& sink, HubEvents& events);

  struct Subscribed {
    SubscriptionNumber number;
    bool live;  // false: on_subscribed follows
  };
  /// Subscribes the connection; it must not be subscribed already. Nothing: channels_max reached.
  std::optional<Subscribed> subscribe(core::ConnectionId connection, std::string_view channel,
                                      Encoding encoding);
  /// Ends a subscription, live or pending.
  void unsubscribe(SubscriptionNumber subscription);
  /// The channel's number on this shard, if it is known here: no subscriber exists without one.
  std::optional<std::uint32_t> find_channel(std::string_view channel) const {
    return local_.find(channel);
  }
  std::uint32_t channel_of(SubscriptionNumber subscription) const {
    return local_.channel_of(subscription);
  }

  /// The channel's name; valid as long as the subscription.
  std::string_view name_of(SubscriptionNumber subscription) {
    return local_.at(local_.channel_of(subscription)).name;
  }

  /// Publishes. Pending: on_published answers to `reply_to`, once, whoever is gone by then.
  PublishOutcome publish(std::string_view channel, const Publication& publication,
                         const ReplyTo& reply_to);

  void on_mail(core::ShardIndex from, Mail&& mail);

  /// Hands over what was published in this turn, makes live who waited for that, and sends mail
  /// that had to wait. Once per turn.
  void hand_over(core::Instant now);
  /// Delivers to about `deliveries_max` subscribers. True when work is left.
  bool run(std::size_t deliveries_max);
  /// The batches that the last run() brought to their last subscriber.
  std::span<const LocalChannels::Finished> finished() const { return finished_; }
  /// Whether hand_over() or run() has something to do at once.
  bool has_work() const { return home_.has_untried() || work_left_; }
  /// Whether something waits for another shard to catch up. No mail tells when it has: hand_over()
  /// must be called again within a millisecond or so, but spinning would only hold the other up.
  bool is_held_back() const { return home_.has_pending() || waiting_mail_ > 0; }

  const HubStats& stats() const { return stats_; }
  const telemetry::Counter& deliveries() const { return local_.deliveries(); }
  /// See LocalChannels.
  template <class Visit>
  std::optional<std::uint32_t> visit_channels(std::uint32_t slot, std::uint32_t slots_max,
                                              Visit&& visit) {
    return local_.visit_some(slot, slots_max, std::forward<Visit>(visit));
  }

  std::uint32_t channel_count() const { return local_.channel_count(); }
  std::uint32_t home_channel_count() const { return home_.channel_count(); }
  std::size_t subscription_count() const { return local_.subscription_count(); }
  core::ShardIndex home_of(std::string_view channel) const;

 private:
  PublishOutcome publish_at_home(std::string_view channel, const Publication& publication);
  Subscribed subscribe_at_home(std::uint32_t channel, core::ConnectionId connection,
                               Encoding encoding);
  void ask_home(std::uint32_t channel, EncodingSet encodings);
  void leave_home(std::uint32_t channel);
  void post(core::ShardIndex to, Mail&& mail);
  std::vector<LocalChannels::Waiting> confirm_interest(const InterestConfirmed& confirmed);
  void tell_subscribed(const std::vector<LocalChannels::Waiting>& admitted);
  void confirm_disinterest(std::uint32_t local_channel);
  void on_interest(core::ShardIndex from, const Interest& interest);
  void on_publish_request(core::ShardIndex from, const PublishRequest& request);

  const HubOptions options_;
  FlowMeter& flow_;
  MailCarrier& carrier_;
  HubEvents& events_;
  HomeChannels home_;
  LocalChannels local_;
  std::vector<std::deque<Mail>> waiting_;  // per shard: mail that found no room, oldest first
  std::size_t waiting_mail_ = 0;
  std::vector<std::uint32_t> publishes_in_flight_;  // per shard
  std::vector<LocalChannels::Finished> finished_;   // by the last run()
  HubStats stats_;
  bool work_left_ = false;
};

}  // namespace sanjay::hub
