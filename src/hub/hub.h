// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "core/siphash.h"
#include "hub/answers.h"
#include "hub/broker.h"
#include "hub/home.h"
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
#include <utility>
#include <variant>
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
/// receiver may call the hub for anything but these two.
class HubEvents {
 public:
  virtual ~HubEvents() = default;
  /// A subscription that subscribe() left pending is live: publications follow this call. Or it has
  /// failed, as the result says, and is no more.
  virtual void on_subscribed(core::ConnectionId connection, SubscriptionNumber subscription,
                             SubscriptionResult&& result) = 0;
  /// A publish() or a query that was left pending has been decided.
  virtual void on_answer(const ReplyTo& reply_to, Answer&& answer) = 0;
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
  std::uint32_t channels_max = 1U << 22;         // with subscribers on this shard
  std::uint32_t publishes_in_flight_max = 1024;  // to each other shard, answers outstanding
  std::uint32_t queries_in_flight_max = 4096;    // of this shard, to any
  core::Duration subscribe_timeout = std::chrono::seconds(10);  // more than the broker's calls have
  std::size_t flow_bytes_max = 256 * 1024;         // of publications, from this to any one shard
  std::size_t quiet_flow_bytes_max = 1024 * 1024;  // the same, for what a quiet channel hands over
  std::size_t channel_backlog_bytes_max = 64 * 1024;  // of one channel's fan-out on this shard
  HomeOptions home{};
};

/// One shard's part in the delivery of publications. Subscribing, publishing and asking go to the
/// channel's home shard, hash(channel) mod shards, which talks to the broker and gives every
/// channel one order; publications come back as one batch per turn and are fanned out here.
///
/// Backpressure: fan-out that lags holds back the home shard's hand-over, whose full channels
/// refuse publications as Busy; nothing accepted is dropped. Who subscribes meanwhile is made live
/// after what is held back, so that he receives nothing older. One shard's thread.
class Hub final : private HomeOutput {
 public:
  /// `broker` is this shard's own, for the channels whose home it is.
  Hub(const HubOptions& options, FlowMeter& flow, Broker& broker, PublicationEncoder& encoder,
      MailCarrier& carrier, DeliverySink& sink, HubEvents& events);

  struct Subscribed {
    SubscriptionNumber number;
    bool live;  // false: on_subscribed follows
  };
  /// Subscribes the connection; it must not be subscribed already. What comes for a subscription
  /// that is `held` is kept by the DeliverySink until release(). Nothing: channels_max reached,
  /// or kSubscriptionsMax.
  std::optional<Subscribed> subscribe(core::ConnectionId connection, std::string_view channel,
                                      Encoding encoding, SubscriptionOptions options = {},
                                      bool held = false);
  /// The subscriber of differences has a publication to take them from: the channel's newest that
  /// its result brought. Otherwise the next one comes whole.
  void set_based(SubscriptionNumber subscription) { local_.set_based(subscription); }
  void release(SubscriptionNumber subscription) { local_.release(subscription); }

  /// What must be undone at the channel's home when a subscription ends, as it was begun.
  struct Leaving {
    bool presence = false;
    bool announced = false;
    ClientInfo info{};
  };
  /// Ends a subscription, live or pending.
  void unsubscribe(SubscriptionNumber subscription) { unsubscribe(subscription, Leaving{}); }
  void unsubscribe(SubscriptionNumber subscription, const Leaving& leaving);
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

  /// Published, Busy or Failure; or nothing: on_answer() follows, once, whoever is gone by then.
  std::optional<Answer> publish(std::string_view channel, const Publication& publication,
                                const PublishOptions& options, const ReplyTo& reply_to);
  /// Each Busy, or nothing: on_answer() follows, once. Answered by History, Done, Presence,
  /// PresenceStats, or a Failure.
  std::optional<Answer> history(std::string_view channel, const HistoryQuery& query,
                                const ReplyTo& reply_to);
  std::optional<Answer> remove_history(std::string_view channel, const ReplyTo& reply_to);
  std::optional<Answer> presence(std::string_view channel, const ReplyTo& reply_to);
  std::optional<Answer> presence_stats(std::string_view channel, const ReplyTo& reply_to);

  void on_mail(core::ShardIndex from, Mail&& mail);

  /// Hands over what was published in this turn, makes live who waited for that, and sends mail
  /// that had to wait. Once per turn.
  void hand_over(core::Instant now);
  /// Delivers to about `deliveries_max` subscribers. True when work is left.
  bool run(std::size_t deliveries_max);
  /// The batches that the last run() brought to their last subscriber.
  std::span<const LocalChannels::Finished> finished() const { return finished_; }
  /// Whether hand_over() or run() has something to do at once.
  bool has_work() const { return home_.has_work() || work_left_ || !new_deadlines_.empty(); }
  /// Whether something waits for another shard to catch up. No mail tells when it has: hand_over()
  /// must be called again within a millisecond or so, but spinning would only hold the other up.
  bool is_held_back() const { return home_.has_pending() || waiting_mail_ > 0; }
  /// When hand_over() must be called at the latest.
  core::Instant deadline() const;

  const HubStats& stats() const { return stats_; }
  const HomeStats& home_stats() const { return home_.stats(); }
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
  // A subscription whose fate is decided, to be told to its connection.
  struct Decided {
    core::ConnectionId connection;
    SubscriptionNumber subscription;
    SubscriptionResult result{};
  };
  struct Deadline {
    core::Instant at;
    SubscriptionNumber subscription;
    std::uint32_t ticket;
  };

  // HomeOutput
  void reply(core::ShardIndex to, SubscriptionReply&& reply) override;
  void answer(core::ShardIndex to, QueryReply&& reply) override;

  std::optional<Answer> publish_at_home(core::ShardIndex from, std::string_view channel,
                                        const Publication& publication,
                                        const PublishOptions& options, const ReplyTo& reply_to);
  std::optional<Answer> ask(Query&& query);
  std::uint32_t new_ticket();
  bool tell_interest(std::uint32_t channel, Form form);
  void depart(const Departure& departure);
  void leave_home(std::uint32_t channel);
  void post(core::ShardIndex to, Mail&& mail);
  void confirm_interest(const InterestConfirmed& confirmed, std::vector<Decided>& decided);
  void take_reply(SubscriptionReply&& reply, std::vector<Decided>& decided);
  void tell(std::vector<Decided>&& decided);
  void take_answer(core::ShardIndex from, QueryReply&& reply);
  void confirm_disinterest(std::uint32_t local_channel);
  void on_rare_mail(core::ShardIndex from, Mail&& mail);
  void on_interest(core::ShardIndex from, const Interest& interest);
  void on_publish_request(core::ShardIndex from, const PublishRequest& request);
  void send_waiting_mail();
  void hand_over_home(core::Instant now);
  void give_up_late(core::Instant now, std::vector<Decided>& decided);

  const HubOptions options_;
  FlowMeter& flow_;
  MailCarrier& carrier_;
  HubEvents& events_;
  Home home_;
  LocalChannels local_;
  std::vector<std::deque<Mail>> waiting_;  // per shard: mail that found no room, oldest first
  std::size_t waiting_mail_ = 0;
  std::vector<std::uint32_t> publishes_in_flight_;  // per shard
  std::uint32_t queries_in_flight_ = 0;
  std::uint32_t next_ticket_ = 1;
  std::vector<Deadline> new_deadlines_;  // of subscriptions made since the last hand_over()
  std::deque<Deadline> deadlines_;
  // What our own home says, in its order, until the end of hand_over().
  std::vector<std::variant<InterestConfirmed, SubscriptionReply>> own_mail_;
  std::vector<QueryReply> own_answers_;
  std::vector<LocalChannels::Finished> finished_;  // by the last run()
  HubStats stats_;
  bool work_left_ = false;
};

}  // namespace sanjay::hub
