// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/assert.h"
#include "core/random.h"
#include "hub/memory_broker.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::hub {

/// The calls of a Broker that are answered.
enum class BrokerCall : std::uint8_t {
  Subscribe,
  Publish,
  History,
  RemoveHistory,
  AddPresence,
  RemovePresence,
  Presence,
  PresenceStats,
};

/// How a TestBroker misbehaves by chance; chances in percent, rolled for each call.
struct BrokerFaults {
  unsigned late_answer = 0;       // up to late_max
  unsigned late_publication = 0;  // the same; what follows in the channel waits behind it
  unsigned no_answer = 0;         // at all; the call takes effect or not
  unsigned failure = 0;           // answered; the call took effect or not
  unsigned lost_publication = 0;
  core::Duration late_max = std::chrono::seconds(10);
};

/// For tests of those who use a Broker: a MemoryBroker behind a network and on a bad day. Calls
/// take effect in their order, when they are made (a subscription when it is answered: what comes
/// before is not told), but answers come late, in another order than the calls, as a Failure or
/// never, and publications, joins and leaves late as well: in order within a channel, as from one
/// connection, in none towards answers. Nothing is told of channels without subscription. Chance
/// comes from the seed; whatever was not asked for passes through. One thread.
class TestBroker final : public Broker, private BrokerEvents {
 public:
  TestBroker(const MemoryBrokerOptions& options, std::uint64_t seed, core::Instant now)
      : random_(seed), now_(now), kept_(options, random_.next(), now) {
    kept_.attach(*this);
  }

  // Steering. It shows at the next poll().

  void set_faults(const BrokerFaults& faults) { faults_ = faults; }
  /// From now on no answer is given and nothing is told until it is released.
  void hold() { holding_ = true; }
  /// Ends hold() and releases everything.
  void release_all() {
    holding_ = false;
    for (auto& answer : answers_) answer.due = now_;
    for (auto& [channel, queue] : told_) {
      for (auto& event : queue) event.due = now_;
    }
  }
  /// Releases the n-th of the answers not yet given, in the order of the calls.
  void release_one(std::size_t n) {
    ASSERT(n < answers_.size());
    answers_[n].due = now_;
  }
  /// Releases the first events that wait in a channel.
  void release_events(std::string_view channel, std::size_t count) {
    auto& queue = told_[std::string(channel)];
    for (std::size_t i = 0; i < count && i < queue.size(); ++i) queue[i].due = now_;
  }
  /// The next such call is answered so; it takes effect or it does not.
  void fail_next(BrokerCall call, Failure failure = Failure::Unavailable,
                 bool takes_effect = false) {
    planned_.insert_or_assign(call, Fate{now_, failure, takes_effect, true});
  }
  /// The next such call is never answered; it takes effect or it does not.
  void silence_next(BrokerCall call, bool takes_effect = true) {
    planned_.insert_or_assign(call, Fate{now_, std::nullopt, takes_effect, false});
  }
  /// The channel's next publication is not told. It has its offset, and is kept.
  void drop_next_publication(std::string_view channel) { dropping_.emplace(channel); }
  void lose_history(std::string_view channel) { kept_.lose_history(channel); }
  /// Presence entries must be renewed this often, and fade when that did not happen for twice as
  /// long.
  void fade_presence(core::Duration renewal) { renewal_ = renewal; }

  std::size_t answers_held() const { return answers_.size(); }
  std::size_t events_held(std::string_view channel) const {
    const auto found = told_.find(channel);
    return found == told_.end() ? 0 : found->second.size();
  }
  bool is_subscribed(std::string_view channel) const { return subscribed_.contains(channel); }

  /// How often the rare things happened, so that a test can show that it met them.
  struct Seen {
    std::uint64_t late_answers = 0;
    std::uint64_t late_publications = 0;
    std::uint64_t unanswered = 0;
    std::uint64_t failures = 0;
    std::uint64_t lost_publications = 0;
    std::uint64_t faded = 0;
  };
  const Seen& seen() const { return seen_; }
  const MemoryBroker& kept() const { return kept_; }

  // Broker.

  void attach(BrokerEvents& events) override {
    ASSERT(events_ == nullptr);
    events_ = &events;
  }
  bool subscribe(std::string_view channel, BrokerTicket ticket) override {
    const Fate fate = decide(BrokerCall::Subscribe);
    if (fate.is_plain(now_)) {
      subscribed_.emplace(channel);
      return true;
    }
    if (!fate.answered && fate.takes_effect) subscribed_.emplace(channel);
    answer_late(ticket, fate, fate.failure ? Answer(*fate.failure) : Answer(Done{}),
                fate.takes_effect ? channel : std::string_view());
    return false;
  }
  void unsubscribe(std::string_view channel) override {
    if (is_subscribed(channel)) subscribed_.erase(subscribed_.find(channel));
    // A subscription under way came before this, and is over when it is answered.
    for (auto* const list : {&answers_, &giving_}) {
      for (auto& answer : *list) {
        if (answer.subscribes == channel) answer.subscribes.clear();
      }
    }
  }
  std::optional<Answer> publish(std::string_view channel, const Publication& publication,
                                const PublishOptions& options, BrokerTicket ticket) override {
    const Fate fate = decide(BrokerCall::Publish);
    if (!fate.takes_effect) {
      answer_late(ticket, fate, Failure::Unavailable);
      return std::nullopt;
    }
    const std::uint64_t before = withheld_;
    auto answer = kept_.publish(channel, publication, options, ticket);
    ASSERT(answer.has_value());
    // An answer that is given now says that the publication has been told.
    if (fate.is_plain(now_) && withheld_ == before) return answer;
    answer_late(ticket, fate, std::move(*answer));
    return std::nullopt;
  }
  void publish_join(std::string_view channel, const ClientInfo& info) override {
    kept_.publish_join(channel, info);
  }
  void publish_leave(std::string_view channel, const ClientInfo& info) override {
    kept_.publish_leave(channel, info);
  }
  void history(std::string_view channel, const HistoryQuery& query, BrokerTicket ticket) override {
    if (takes_effect(BrokerCall::History, ticket)) kept_.history(channel, query, ticket);
  }
  void remove_history(std::string_view channel, BrokerTicket ticket) override {
    if (takes_effect(BrokerCall::RemoveHistory, ticket)) kept_.remove_history(channel, ticket);
  }
  void add_presence(std::string_view channel, const ClientInfo& info,
                    BrokerTicket ticket) override {
    if (!takes_effect(BrokerCall::AddPresence, ticket)) return;
    kept_.add_presence(channel, info, ticket);
    if (renewal_ == core::Duration::zero()) return;
    fades_[{std::string(channel), std::string(info.client)}] = now_ + 2 * renewal_;
  }
  void remove_presence(std::string_view channel, std::string_view client,
                       BrokerTicket ticket) override {
    if (!takes_effect(BrokerCall::RemovePresence, ticket)) return;
    kept_.remove_presence(channel, client, ticket);
    fades_.erase({std::string(channel), std::string(client)});
  }
  void presence(std::string_view channel, BrokerTicket ticket) override {
    if (takes_effect(BrokerCall::Presence, ticket)) kept_.presence(channel, ticket);
  }
  void presence_stats(std::string_view channel, BrokerTicket ticket) override {
    if (takes_effect(BrokerCall::PresenceStats, ticket)) kept_.presence_stats(channel, ticket);
  }
  void poll(core::Instant now) override {
    now_ = now;
    fade();
    kept_.poll(now);
    const bool answers_first = faults_.late_publication > 0 && rolls(50);
    if (answers_first) give_due();
    tell_due();
    if (!answers_first) give_due();
  }
  bool has_answers() const override {
    if (kept_.has_answers()) return true;
    for (const auto& answer : answers_) {
      if (answer.due <= now_) return true;
    }
    for (const auto& [channel, queue] : told_) {
      if (!queue.empty() && queue.front().due <= now_) return true;
    }
    return false;
  }
  core::Duration presence_renewal() const override { return renewal_; }

 private:
  // What becomes of a call.
  struct Fate {
    core::Instant due;
    std::optional<Failure> failure{};
    bool takes_effect = true;
    bool answered = true;

    bool is_plain(core::Instant now) const {
      return due <= now && !failure && takes_effect && answered;
    }
  };
  struct LateAnswer {
    BrokerTicket ticket;
    Answer answer;
    core::Instant due;
    std::string subscribes;  // the channel that is subscribed with it, if any
  };
  using Event = std::function<void(std::string_view channel)>;
  struct LateEvent {
    core::Instant due;
    Event tell;
  };
  static constexpr BrokerTicket kOwnTicket = ~BrokerTicket{0};

  bool rolls(unsigned percent) { return percent > 0 && random_.below(100) < percent; }
  core::Instant later() {
    return now_ + core::Duration(static_cast<core::Duration::rep>(
                      1 + random_.below(static_cast<std::uint64_t>(faults_.late_max.count()))));
  }

  Fate decide(BrokerCall call) {
    Fate fate{now_};
    if (const auto planned = planned_.find(call); planned != planned_.end()) {
      fate = planned->second;
      planned_.erase(planned);
    } else if (rolls(faults_.no_answer)) {
      fate.answered = false;
      fate.takes_effect = rolls(50);
    } else if (rolls(faults_.failure)) {
      fate.failure = rolls(50) ? Failure::Unavailable : Failure::Timeout;
      fate.takes_effect = rolls(50);
    }
    if (rolls(faults_.late_answer)) {
      fate.due = later();
      ++seen_.late_answers;
    }
    if (holding_) fate.due = core::kNever;
    if (fate.failure) ++seen_.failures;
    if (!fate.answered) ++seen_.unanswered;
    return fate;
  }
  // For the calls that are answered by poll(): whether this one is to be made.
  bool takes_effect(BrokerCall call, BrokerTicket ticket) {
    const Fate fate = decide(call);
    if (!fate.takes_effect) {
      answer_late(ticket, fate, Failure::Unavailable);
      return false;
    }
    fates_.emplace(ticket, fate);
    return true;
  }
  void answer_late(BrokerTicket ticket, const Fate& fate, Answer&& answer,
                   std::string_view subscribes = {}) {
    if (!fate.answered) return;
    if (fate.failure) answer = *fate.failure;
    answers_.push_back({ticket, std::move(answer), fate.due, std::string(subscribes)});
  }

  // What the MemoryBroker says.

  void on_publication(std::string_view channel, const PublicationRef& publication,
                      std::string_view epoch) override {
    if (is_lost(channel)) return;
    tell(channel, true, [this, publication, in = std::string(epoch)](std::string_view name) {
      events_->on_publication(name, publication, in);
    });
  }
  void on_transient_publication(std::string_view channel, const Publication& publication) override {
    if (is_lost(channel)) return;
    const auto copy = std::make_shared<const StoredPublication>(publication);
    tell(channel, true, [this, copy](std::string_view name) {
      events_->on_transient_publication(name, copy->view());
    });
  }
  void on_join(std::string_view channel, const ClientInfo& info) override {
    tell(channel, false, [this, copy = OwnedClientInfo(info)](std::string_view name) {
      events_->on_join(name, copy.view());
    });
  }
  void on_leave(std::string_view channel, const ClientInfo& info) override {
    tell(channel, false, [this, copy = OwnedClientInfo(info)](std::string_view name) {
      events_->on_leave(name, copy.view());
    });
  }
  void on_answer(BrokerTicket ticket, Answer&& answer) override {
    if (ticket == kOwnTicket) return;
    const auto found = fates_.find(ticket);
    ASSERT(found != fates_.end());
    answer_late(ticket, found->second, std::move(answer));
    fates_.erase(found);
  }

  bool is_lost(std::string_view channel) {
    const auto planned = dropping_.find(channel);
    if (planned != dropping_.end()) {
      dropping_.erase(planned);
    } else if (!rolls(faults_.lost_publication)) {
      return false;
    }
    ++seen_.lost_publications;
    ++withheld_;
    return true;
  }
  // Tells now, or in its place behind what the channel still has to tell.
  void tell(std::string_view channel, bool is_publication, Event&& event) {
    if (!subscribed_.contains(channel)) return;
    auto& queue = told_[std::string(channel)];
    core::Instant due = now_;
    if (rolls(faults_.late_publication)) {
      due = later();
      ++seen_.late_publications;
    }
    if (holding_) due = core::kNever;
    if (queue.empty() && due <= now_) return event(channel);
    if (!queue.empty()) due = std::max(due, queue.back().due);
    queue.push_back({due, std::move(event)});
    if (is_publication) ++withheld_;
  }
  // The events may make calls that add to the queues, and so may the answers; what they add waits
  // for the next poll(), or takes its place at the end of its channel's queue.
  void tell_due() {
    std::vector<std::string> names;
    for (const auto& [name, queue] : told_) names.push_back(name);
    for (const std::string& name : names) {
      std::deque<LateEvent>& queue = told_[name];
      for (std::size_t left = queue.size(); left > 0 && queue.front().due <= now_; --left) {
        // Taken out only afterwards: what this one leads to must not be told before its end.
        const Event event = queue.front().tell;
        event(name);
        queue.pop_front();
      }
    }
  }
  void give_due() {
    ASSERT(giving_.empty());
    const auto due = std::stable_partition(
        answers_.begin(), answers_.end(), [this](const auto& answer) { return answer.due > now_; });
    std::move(due, answers_.end(), std::back_inserter(giving_));
    answers_.erase(due, answers_.end());
    std::stable_sort(giving_.begin(), giving_.end(),
                     [](const auto& a, const auto& b) { return a.due < b.due; });
    for (LateAnswer& answer : giving_) {
      if (!answer.subscribes.empty()) subscribed_.insert(answer.subscribes);
      events_->on_answer(answer.ticket, std::move(answer.answer));
    }
    giving_.clear();
  }
  void fade() {
    for (auto entry = fades_.begin(); entry != fades_.end();) {
      if (entry->second > now_) {
        ++entry;
        continue;
      }
      kept_.remove_presence(entry->first.first, entry->first.second, kOwnTicket);
      entry = fades_.erase(entry);
      ++seen_.faded;
    }
  }

  core::Random random_;
  core::Instant now_;
  MemoryBroker kept_;
  BrokerEvents* events_ = nullptr;
  BrokerFaults faults_;
  bool holding_ = false;
  core::Duration renewal_{0};
  std::map<BrokerCall, Fate> planned_;
  std::multiset<std::string, std::less<>> dropping_;
  std::set<std::string, std::less<>> subscribed_;
  std::map<BrokerTicket, Fate> fates_;  // of calls that poll() will answer
  std::vector<LateAnswer> answers_;
  std::vector<LateAnswer> giving_;  // empty but within poll()
  std::map<std::string, std::deque<LateEvent>, std::less<>> told_;
  std::map<std::pair<std::string, std::string>, core::Instant> fades_;  // channel and client
  std::uint64_t withheld_ = 0;  // publications not told at once
  Seen seen_;
};

}  // namespace sanjay::hub
