// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/connection_id.h"
#include "hub/broker.h"
#include "hub/home_channels.h"
#include "hub/mail.h"
#include "telemetry/counter.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace sanjay::hub {

struct HomeOptions {
  HomeChannels::Limits channels{};
  core::Duration call_timeout = std::chrono::seconds(5);  // of the broker
  core::Duration subscribe_again_after = std::chrono::seconds(1);
  /// How often a followed channel's position is compared with the broker's: what was lost last
  /// would be missed only with the next publication. 0: never.
  core::Duration position_check_every = std::chrono::seconds(40);
  std::uint32_t gap_max = 1000;  // missing publications that are fetched
};

/// Where a home's answers go. Implemented by Hub.
class HomeOutput {
 public:
  virtual ~HomeOutput() = default;
  virtual void reply(core::ShardIndex to, SubscriptionReply&& reply) = 0;
  virtual void answer(core::ShardIndex to, QueryReply&& reply) = 0;
};

/// Counters of one shard as the home of channels; any thread may read them.
struct HomeStats {
  telemetry::Counter failures;  // calls the broker answered with one
  telemetry::Counter timeouts;  // or not in time
  telemetry::Counter gaps;      // publications found missing
  telemetry::Counter losses;    // that could not be had again: subscribers were told
};

/// What a shard does as the home of channels: it alone of this process talks to the broker about
/// them. Publications come from the broker, whoever published them, and go on to the shards with
/// subscribers in one order; a subscription begins at a point of that order, with everything before
/// it that the subscriber missed. Survives a broker that is late, out of order between its answers,
/// loses publications, fails, or never answers. One shard's thread.
class Home final : private BrokerEvents {
 public:
  Home(const core::SipKey& key, const HomeOptions& options, Broker& broker,
       PublicationEncoder& encoder, HomeOutput& output);

  struct InterestTaken {
    std::uint32_t home_channel;
    bool joined;  // false: hand_over() will tell
  };
  InterestTaken add_interest(std::string_view channel, const HomeChannels::Interested& interested);
  /// Answers the local channel number that the shard had named.
  std::uint32_t remove_interest(core::ShardIndex shard, std::uint32_t home_channel);

  /// Begins a subscription of a shard that has told its interest in the channel before.
  void begin(core::ShardIndex from, SubscriptionRequest&& request);
  void depart(core::ShardIndex from, const Departure& departure);

  /// Published, Busy or Failure; or nothing: HomeOutput::answer() follows.
  std::optional<Answer> publish(core::ShardIndex from, std::string_view channel,
                                const Publication& publication, const PublishOptions& options,
                                const ReplyTo& reply_to);
  /// Answered by HomeOutput::answer(), from within hand_over().
  void query(core::ShardIndex from, const Query& query);

  /// Once per turn: takes the broker's answers, gives up calls that are late, hands over what came
  /// and begins the subscriptions that can; see HomeChannels::hand_over().
  template <class MaySend, class Send, class Joined>
  void hand_over(core::Instant now, MaySend&& may_send, Send&& send, Joined&& joined) {
    take_answers(now);
    channels_.hand_over(now, may_send, send, joined,
                        [this](std::uint32_t channel) { on_handed(channel); });
    finish_turn();
  }

  bool has_pending() const { return channels_.has_pending(); }
  bool has_work() const {
    // What was begun or asked since the last hand_over(), or by it, needs another.
    return channels_.has_untried() || broker_.has_answers() || !touched_.empty() ||
           !new_calls_.empty();
  }
  /// When hand_over() must be called at the latest.
  core::Instant deadline() const;

  std::uint32_t channel_count() const { return channels_.channel_count(); }
  std::size_t pending_bytes() const { return channels_.pending_bytes(); }
  const HomeStats& stats() const { return stats_; }

 private:
  using Channel = HomeChannels::Channel;

  // What the broker was asked, and for whom. The channels named here stay until it is answered.
  struct Subscribe {
    std::uint32_t channel;
  };
  struct ForRequester {
    core::ShardIndex shard;
    ReplyTo reply_to;
    bool publish;
  };
  struct ForSubscription {
    std::uint32_t channel;
    core::ShardIndex shard;
    std::uint32_t ticket;
  };
  struct Fill {
    std::uint32_t channel;
  };
  struct Check {
    std::uint32_t channel;
  };
  struct ForNobody {};
  using Call = std::variant<Subscribe, ForRequester, ForSubscription, Fill, Check, ForNobody>;

  // BrokerEvents
  void on_publication(std::string_view channel, const PublicationRef& publication,
                      std::string_view epoch) override;
  void on_transient_publication(std::string_view channel, const Publication& publication) override;
  void on_join(std::string_view channel, const ClientInfo& info) override;
  void on_leave(std::string_view channel, const ClientInfo& info) override;
  void on_answer(BrokerTicket ticket, Answer&& answer) override;

  /// The channel's number, if there is one here.
  std::optional<std::uint32_t> find(std::string_view channel) const;
  BrokerTicket new_call(Call&& call);
  std::optional<Call> take_call(BrokerTicket ticket);
  void settle(Call&& call, Answer&& answer);
  void take_answers(core::Instant now);
  void on_handed(std::uint32_t channel);
  void finish_turn();

  void subscribe(std::uint32_t channel);
  void on_subscribe_answer(std::uint32_t channel, const Failure* failure);
  void on_subscribed(std::uint32_t channel);
  Following& following_of(std::uint32_t channel);
  void start(std::uint32_t channel, BeginningSubscription& beginning);
  BrokerTicket call_for(std::uint32_t channel, BeginningSubscription& beginning);
  void read_position(std::uint32_t channel, BeginningSubscription& beginning);
  BeginningSubscription* find_beginning(std::uint32_t channel, core::ShardIndex shard,
                                        std::uint32_t ticket);
  void on_subscription_answer(const ForSubscription& call, Answer&& answer);
  void finish_beginnings(std::uint32_t channel);
  static SubscriptionResult result_of(const Channel& channel,
                                      const BeginningSubscription& beginning);

  void follow(std::uint32_t channel, const PublicationRef& publication, std::string_view epoch);
  void append(std::uint32_t channel, const PublicationRef& publication);
  void fill(std::uint32_t channel);
  void compare(std::uint32_t channel, const History& history);
  void schedule_check(std::uint32_t channel, core::Instant now);
  void check_positions(core::Instant now);
  void on_filled(std::uint32_t channel, Answer&& answer);
  void lose(std::uint32_t channel);
  void follow_held(std::uint32_t channel);
  void retire_if_unused(std::uint32_t channel);
  void touch(std::uint32_t channel);

  const HomeOptions options_;
  Broker& broker_;
  HomeOutput& output_;
  HomeChannels channels_;
  std::unordered_map<BrokerTicket, Call> calls_;
  std::vector<BrokerTicket> new_calls_;  // made since the last hand_over()
  std::deque<std::pair<core::Instant, BrokerTicket>> deadlines_;
  std::deque<std::pair<core::Instant, std::uint32_t>> subscribe_again_;  // channels, with a call
  std::vector<std::uint32_t> failed_subscribes_;  // since the last hand_over()
  // Comparisons to come: when, of which channel, and its Following::check.
  struct Comparison {
    core::Instant at;
    std::uint32_t channel;
    std::uint64_t check;
  };
  std::deque<Comparison> comparisons_;
  std::uint64_t last_check_ = 0;
  core::Instant now_{};                 // as the last hand_over() was told
  std::vector<std::uint32_t> touched_;  // channels that may have something to finish this turn
  // By beginning_key(): announced, and told of a failure that their shard has not acknowledged.
  std::unordered_set<std::uint64_t> refused_;
  // The channel that publish() is about: the broker names it again from within.
  struct Publishing {
    std::string_view channel{};
    std::optional<std::uint32_t> number{};
  } publishing_{};
  BrokerTicket next_ticket_ = 1;
  HomeStats stats_;
};

}  // namespace sanjay::hub
