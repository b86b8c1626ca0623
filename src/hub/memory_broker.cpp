// SPDX-License-Identifier: Apache-2.0
#include "hub/memory_broker.h"

#include "core/assert.h"
#include "core/failpoint.h"

namespace sanjay::hub {

MemoryBroker::MemoryBroker(const MemoryBrokerOptions& options, std::uint64_t seed,
                           core::Instant now)
    : options_(options),
      now_(now),
      history_(options.key, options.history, seed, stats_),
      idempotency_(options.key, options.idempotency, stats_),
      presence_(options.key, options.presence, stats_) {}

void MemoryBroker::attach(BrokerEvents& events) {
  ASSERT(events_ == nullptr);
  events_ = &events;
}

bool MemoryBroker::subscribe(std::string_view, BrokerTicket) { return true; }

void MemoryBroker::unsubscribe(std::string_view) {}

std::optional<Answer> MemoryBroker::publish(std::string_view channel,
                                            const Publication& publication,
                                            const PublishOptions& options, BrokerTicket) {
  const std::string_view key = options.idempotency_key;
  if (!key.empty()) {
    if (const StreamPosition* const first = idempotency_.find(now_, channel, key)) {
      stats_.suppressed.add();
      return Published{*first, true};
    }
  }
  // The events may lead to further calls, so everything is done before they are told.
  if (!options.history.enabled()) {
    if (!key.empty()) idempotency_.remember(now_, channel, key, options.idempotency_ttl, {});
    events_->on_transient_publication(channel, publication);
    return Published{};
  }
  const auto added = history_.add(now_, channel, publication, options);
  if (!added) return Failure::Overloaded;
  if (!added->publication) {
    stats_.suppressed.add();
    return Published{added->position, true};
  }
  if (!key.empty()) {
    idempotency_.remember(now_, channel, key, options.idempotency_ttl, added->position);
  }
  events_->on_publication(channel, added->publication, added->position.epoch);
  return Published{added->position};
}

void MemoryBroker::publish_join(std::string_view channel, const ClientInfo& info) {
  events_->on_join(channel, info);
}

void MemoryBroker::publish_leave(std::string_view channel, const ClientInfo& info) {
  events_->on_leave(channel, info);
}

void MemoryBroker::history(std::string_view channel, const HistoryQuery& query,
                           BrokerTicket ticket) {
  if (!takes_reads()) return answer(ticket, Failure::Overloaded);
  auto history = history_.read(now_, channel, query);
  if (!history) return answer(ticket, Failure::Overloaded);
  const std::size_t items = history->publications.size();
  answer(ticket, *std::move(history), items);
}

void MemoryBroker::remove_history(std::string_view channel, BrokerTicket ticket) {
  history_.remove(channel);
  answer(ticket, Done{});
}

void MemoryBroker::add_presence(std::string_view channel, const ClientInfo& info,
                                BrokerTicket ticket) {
  if (!presence_.add(channel, info)) return answer(ticket, Failure::Overloaded);
  answer(ticket, Done{});
}

void MemoryBroker::remove_presence(std::string_view channel, std::string_view client,
                                   BrokerTicket ticket) {
  presence_.remove(channel, client);
  answer(ticket, Done{});
}

void MemoryBroker::presence(std::string_view channel, BrokerTicket ticket) {
  if (!takes_reads()) return answer(ticket, Failure::Overloaded);
  Presence presence = presence_.clients(channel);
  const std::size_t items = presence.clients.size();
  answer(ticket, std::move(presence), items);
}

void MemoryBroker::presence_stats(std::string_view channel, BrokerTicket ticket) {
  answer(ticket, presence_.stats(channel));
}

bool MemoryBroker::takes_reads() {
  if (answer_items_ < options_.answer_items_max || FAILPOINT("hub.answer_items")) return true;
  stats_.reads_refused.add();
  return false;
}

void MemoryBroker::answer(BrokerTicket ticket, Answer&& answer, std::size_t items) {
  answers_.emplace_back(ticket, std::move(answer));
  answer_items_ += items;
}

void MemoryBroker::poll(core::Instant now) {
  ASSERT(giving_.empty());
  now_ = now;
  // What an answer leads to is answered by the next poll, so that this one comes to an end.
  giving_.swap(answers_);
  answer_items_ = 0;
  for (auto& [ticket, answer] : giving_) events_->on_answer(ticket, std::move(answer));
  giving_.clear();
  for (std::uint32_t i = 0; i < options_.forget_per_turn && has_due(); ++i) {
    if (history_.has_due(now)) {
      history_.forget_one(now);
    } else {
      idempotency_.forget_one(now);
    }
  }
}

bool MemoryBroker::has_answers() const { return !answers_.empty() || has_due(); }

}  // namespace sanjay::hub
