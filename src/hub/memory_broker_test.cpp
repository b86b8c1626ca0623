// SPDX-License-Identifier: Apache-2.0
#include "hub/memory_broker.h"

#include "hub/broker_contract_test.h"

#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <set>
#include <utility>

namespace {

// How often the program has asked the heap for memory.
std::atomic<std::size_t> allocations{0};

}  // namespace

// Not inlined: g++ would see malloc() and delete, or new and free(), and take it for a mistake.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return operator new(size); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace sanjay::hub {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr core::Instant kStart{hours(100)};
constexpr HistorySettings kHistory{10, seconds(60), hours(1)};

class MemoryBrokerTest : public testing::Test {
 protected:
  MemoryBrokerTest() { make({}); }

  void make(MemoryBrokerOptions options) {
    options.key = {1, 2};
    broker_ = std::make_unique<MemoryBroker>(options, 3, now_);
    broker_->attach(events_);
  }
  const BrokerStats& stats() const { return broker_->stats(); }

  Answer publish(std::string_view channel, std::string_view data,
                 const PublishOptions& options = {.history = kHistory}) {
    auto answer = broker_->publish(channel, {data, {}}, options, ++ticket_);
    EXPECT_TRUE(answer.has_value());
    return *std::move(answer);
  }
  StreamPosition position(std::string_view channel, std::string_view data,
                          const PublishOptions& options = {.history = kHistory}) {
    const Answer answer = publish(channel, data, options);
    EXPECT_TRUE(std::holds_alternative<Published>(answer));
    return std::holds_alternative<Published>(answer) ? std::get<Published>(answer).position
                                                     : StreamPosition{};
  }
  bool is_repeat(std::string_view channel, std::string_view key, core::Duration ttl = seconds(10)) {
    PublishOptions options;
    options.idempotency_key = key;
    options.idempotency_ttl = ttl;
    return std::get<Published>(publish(channel, "x", options)).suppressed;
  }
  Answer asked(const std::function<void(BrokerTicket)>& ask) {
    const BrokerTicket ticket = ++ticket_;
    ask(ticket);
    broker_->poll(now_);
    EXPECT_TRUE(events_.answers.contains(ticket));
    return events_.answers.contains(ticket) ? events_.answers.at(ticket) : Answer(Busy{});
  }
  Answer history(std::string_view channel, std::int32_t limit = HistoryQuery::kAll,
                 core::Duration meta_ttl = hours(1)) {
    return asked([&](BrokerTicket ticket) {
      broker_->history(channel, {.limit = limit, .meta_ttl = meta_ttl}, ticket);
    });
  }
  std::vector<std::string> kept(std::string_view channel) {
    const Answer answer = history(channel);
    EXPECT_TRUE(std::holds_alternative<History>(answer));
    return texts(std::get<History>(answer).publications);
  }
  Answer add(std::string_view channel, const ClientInfo& info) {
    return asked([&](BrokerTicket ticket) { broker_->add_presence(channel, info, ticket); });
  }
  void remove(std::string_view channel, std::string_view client) {
    asked([&](BrokerTicket ticket) { broker_->remove_presence(channel, client, ticket); });
  }
  // The broker knows of the time by its polls.
  void pass(core::Duration duration) {
    now_ += duration;
    broker_->poll(now_);
  }
  // Polls until there is nothing left to do.
  void settle() {
    int polls = 0;
    do broker_->poll(now_);
    while (broker_->has_answers() && ++polls < 100'000);
    EXPECT_FALSE(broker_->has_answers());
  }

  core::Instant now_ = kStart;
  RecordedEvents events_;
  std::unique_ptr<MemoryBroker> broker_;
  BrokerTicket ticket_ = 0;
};

// Counts, and touches no memory of its own.
struct CountingEvents final : BrokerEvents {
  void on_publication(std::string_view, const PublicationRef&, std::string_view) override {}
  void on_transient_publication(std::string_view, const Publication&) override { ++transient; }
  void on_join(std::string_view, const ClientInfo&) override {}
  void on_leave(std::string_view, const ClientInfo&) override {}
  void on_answer(BrokerTicket, Answer&&) override {}
  int transient = 0;
};

TEST_F(MemoryBrokerTest, WhatIsNotKeptIsPassedOnWithoutACopy) {
  CountingEvents events;
  MemoryBroker broker({.key = {1, 2}}, 3, now_);
  broker.attach(events);
  const std::string channel(200, 'c');
  const std::string data(5000, 'd');
  PublishOptions options;
  options.version = 7;  // counts only with history
  const std::size_t before = allocations;
  for (BrokerTicket ticket = 1; ticket <= 100; ++ticket) {
    broker.publish(channel, {data, {}}, options, ticket);
  }
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(events.transient, 100);
  EXPECT_EQ(broker.stats().history_channels.value(), 0U);
  EXPECT_FALSE(broker.has_answers());
  options.history = kHistory;
  broker.publish(channel, {data, {}}, options, 101);
  EXPECT_GT(allocations, before);  // the count counts
}

TEST_F(MemoryBrokerTest, BeyondItsBytesHistoryIsRefused) {
  position("chat", "12345");
  const std::size_t one = stats().history_bytes.value();
  MemoryBrokerOptions options;
  options.history.bytes_max = 2 * one - std::string_view("chat").size();
  make(options);
  events_.told.clear();
  position("chat", "12345");
  const StreamPosition last = position("chat", "12345");
  EXPECT_EQ(stats().history_bytes.value(), options.history.bytes_max);
  EXPECT_EQ(std::get<Failure>(publish("chat", "")), Failure::Overloaded);
  EXPECT_EQ(std::get<Failure>(publish("news", "")), Failure::Overloaded);
  EXPECT_EQ(std::get<Failure>(history("news")), Failure::Overloaded);
  EXPECT_EQ(stats().history_refused.value(), 3U);
  EXPECT_EQ(stats().history_channels.value(), 1U);
  EXPECT_THAT(events_.told, ElementsAre("chat 1 12345", "chat 2 12345"));
  EXPECT_THAT(kept("chat"), ElementsAre("1:12345", "2:12345"));
  // What takes the place of others finds room, to the byte.
  EXPECT_EQ(std::get<Failure>(publish("chat", "123456", {.history = {2, seconds(60), hours(1)}})),
            Failure::Overloaded);
  EXPECT_EQ(position("chat", "12345", {.history = {2, seconds(60), hours(1)}}),
            (StreamPosition{3, last.epoch}));
  // And so does what comes when others are gone.
  now_ += seconds(60);
  settle();
  EXPECT_EQ(position("chat", "123456"), (StreamPosition{4, last.epoch}));
  EXPECT_LE(stats().history_bytes.value(), options.history.bytes_max);
}

TEST_F(MemoryBrokerTest, VersionEpochsAndNamesCountAsBytes) {
  MemoryBrokerOptions options;
  options.history.bytes_max = 2000;
  make(options);
  const std::string long_name(2001, 'x');
  PublishOptions versioned{.history = kHistory};
  versioned.version = 1;
  versioned.version_epoch = long_name;
  EXPECT_EQ(std::get<Failure>(publish("chat", "", versioned)), Failure::Overloaded);
  EXPECT_EQ(std::get<Failure>(publish(long_name, "")), Failure::Overloaded);
  EXPECT_EQ(std::get<Failure>(history(long_name)), Failure::Overloaded);
  EXPECT_EQ(stats().history_bytes.value(), 0U);
  versioned.version_epoch = std::string_view(long_name).substr(0, 500);
  position("chat", "", versioned);
  EXPECT_GT(stats().history_bytes.value(), 500U);
  now_ += hours(1);
  settle();
  EXPECT_EQ(stats().history_bytes.value(), 0U);
}

TEST_F(MemoryBrokerTest, BeyondItsChannelsHistoryIsRefused) {
  MemoryBrokerOptions options;
  options.history.channels_max = 2;
  make(options);
  position("a", "1");
  history("b");
  EXPECT_EQ(std::get<Failure>(publish("c", "1")), Failure::Overloaded);
  EXPECT_EQ(std::get<Failure>(history("c")), Failure::Overloaded);
  EXPECT_EQ(stats().history_refused.value(), 2U);
  EXPECT_EQ(position("c", "1", {}), StreamPosition{});  // without history there is no limit
  EXPECT_EQ(position("a", "2").offset, 2U);
  EXPECT_EQ(position("b", "1").offset, 1U);
  now_ += hours(1);
  settle();
  EXPECT_EQ(position("c", "1").offset, 1U);
}

TEST_F(MemoryBrokerTest, BeyondItsEntriesPresenceIsRefused) {
  MemoryBrokerOptions options;
  options.presence.entries_max = 2;
  make(options);
  EXPECT_TRUE(std::holds_alternative<Done>(add("chat", {"one", "ann", {}, {}})));
  EXPECT_TRUE(std::holds_alternative<Done>(add("news", {"one", "ann", {}, {}})));
  EXPECT_EQ(std::get<Failure>(add("chat", {"two", "ann", {}, {}})), Failure::Overloaded);
  EXPECT_EQ(std::get<Failure>(add("other", {"two", "ann", {}, {}})), Failure::Overloaded);
  EXPECT_TRUE(std::holds_alternative<Done>(add("chat", {"one", "bob", {}, {}})));
  EXPECT_EQ(stats().presence_refused.value(), 2U);
  EXPECT_EQ(stats().presence_entries.value(), 2U);
  EXPECT_EQ(stats().presence_channels.value(), 2U);
  remove("news", "one");
  EXPECT_TRUE(std::holds_alternative<Done>(add("chat", {"two", "ann", {}, {}})));
}

TEST_F(MemoryBrokerTest, BeyondItsBytesPresenceIsRefused) {
  add("chat", {"one", "ann", "12345", {}});
  MemoryBrokerOptions options;
  options.presence.bytes_max = stats().presence_bytes.value();
  make(options);
  EXPECT_EQ(std::get<Failure>(add("chat", {"one", "ann", "12345", "6"})), Failure::Overloaded);
  EXPECT_EQ(stats().presence_channels.value(), 0U);
  EXPECT_TRUE(std::holds_alternative<Done>(add("chat", {"one", "ann", "12345", {}})));
  EXPECT_EQ(std::get<Failure>(add("chat", {"one", "ann", "12345", "6"})), Failure::Overloaded);
  EXPECT_TRUE(std::holds_alternative<Done>(add("chat", {"one", "ann", {}, "54321"})));
  EXPECT_EQ(stats().presence_bytes.value(), options.presence.bytes_max);
  remove("chat", "one");
  EXPECT_EQ(stats().presence_bytes.value(), 0U);
  EXPECT_EQ(stats().presence_channels.value(), 0U);
}

TEST_F(MemoryBrokerTest, BeyondItsKeysTheOneWithLeastTimeLeftIsForgotten) {
  MemoryBrokerOptions options;
  options.idempotency.keys_max = 2;
  make(options);
  EXPECT_FALSE(is_repeat("chat", "long", seconds(20)));
  EXPECT_FALSE(is_repeat("chat", "short", seconds(10)));
  EXPECT_FALSE(is_repeat("chat", "new", seconds(30)));
  EXPECT_EQ(stats().keys_forgotten_early.value(), 1U);
  EXPECT_EQ(stats().idempotency_keys.value(), 2U);
  EXPECT_TRUE(is_repeat("chat", "new"));
  EXPECT_TRUE(is_repeat("chat", "long"));
  EXPECT_FALSE(is_repeat("chat", "short"));
}

TEST_F(MemoryBrokerTest, TheBytesOfKeysAreBounded) {
  MemoryBrokerOptions options;
  options.idempotency.bytes_max = 100;
  make(options);
  const std::string key(60, 'k');
  EXPECT_FALSE(is_repeat("a", key));
  EXPECT_FALSE(is_repeat("b", key));
  EXPECT_EQ(stats().idempotency_keys.value(), 1U);
  EXPECT_TRUE(is_repeat("b", key));
  EXPECT_FALSE(is_repeat("a", key));
}

TEST_F(MemoryBrokerTest, AKeyIsNotMistakenForPartOfAName) {
  EXPECT_FALSE(is_repeat("ab", "c"));
  EXPECT_FALSE(is_repeat("a", "bc"));
  EXPECT_FALSE(is_repeat("1 a", "x"));
  EXPECT_FALSE(is_repeat("1", " ax"));
}

TEST_F(MemoryBrokerTest, WhatWasRefusedIsNoFirstTime) {
  MemoryBrokerOptions options;
  options.history.channels_max = 1;
  make(options);
  position("a", "1");
  PublishOptions keyed{.history = kHistory};
  keyed.idempotency_key = "k";
  EXPECT_EQ(std::get<Failure>(publish("b", "1", keyed)), Failure::Overloaded);
  now_ += hours(1);
  settle();
  EXPECT_FALSE(std::get<Published>(publish("b", "1", keyed)).suppressed);
}

TEST_F(MemoryBrokerTest, ReadsAreRefusedWhileTooMuchWaitsToBeGiven) {
  MemoryBrokerOptions options;
  options.answer_items_max = 3;
  make(options);
  position("chat", "1");
  position("chat", "2");
  const HistoryQuery all{.limit = HistoryQuery::kAll};
  for (BrokerTicket ticket = 101; ticket <= 103; ++ticket) broker_->history("chat", all, ticket);
  broker_->presence("chat", 104);
  broker_->presence_stats("chat", 105);
  EXPECT_TRUE(broker_->has_answers());
  broker_->poll(now_);
  EXPECT_EQ(std::get<History>(events_.answers.at(101)).publications.size(), 2U);
  EXPECT_EQ(std::get<History>(events_.answers.at(102)).publications.size(), 2U);
  EXPECT_EQ(std::get<Failure>(events_.answers.at(103)), Failure::Overloaded);
  EXPECT_EQ(std::get<Failure>(events_.answers.at(104)), Failure::Overloaded);
  EXPECT_TRUE(std::holds_alternative<PresenceStats>(events_.answers.at(105)));
  EXPECT_EQ(stats().reads_refused.value(), 2U);
  EXPECT_EQ(kept("chat").size(), 2U);
  EXPECT_FALSE(broker_->has_answers());
}

TEST_F(MemoryBrokerTest, WhatHasOutlivedItsTimeIsNotSeenThoughItIsNotFreedYet) {
  MemoryBrokerOptions options;
  options.forget_per_turn = 0;
  make(options);
  const StreamPosition first = position("chat", "1");
  pass(seconds(60));
  EXPECT_THAT(kept("chat"), IsEmpty());
  EXPECT_EQ(stats().history_publications.value(), 1U);
  pass(hours(1));
  const StreamPosition anew = position("chat", "2");
  EXPECT_EQ(anew.offset, 1U);
  EXPECT_NE(anew.epoch, first.epoch);
  EXPECT_FALSE(is_repeat("chat", "k", seconds(1)));
  pass(seconds(1));
  EXPECT_FALSE(is_repeat("chat", "k", seconds(1)));
}

TEST_F(MemoryBrokerTest, APollFreesABoundedShareAndSaysThatMoreIsLeft) {
  MemoryBrokerOptions options;
  options.forget_per_turn = 7;
  make(options);
  for (int i = 0; i < 20; ++i) {
    const std::string channel = "c" + std::to_string(i);
    for (int k = 0; k < 5; ++k) position(channel, "x");
    is_repeat(channel, "k");
  }
  EXPECT_EQ(stats().history_publications.value(), 100U);
  EXPECT_FALSE(broker_->has_answers());
  now_ += hours(2);
  std::uint64_t left = 20 + 100 + 20;
  int polls = 0;
  do {
    broker_->poll(now_);
    const std::uint64_t still = stats().history_channels.value() +
                                stats().history_publications.value() +
                                stats().idempotency_keys.value();
    EXPECT_LE(left - still, options.forget_per_turn);
    left = still;
    ++polls;
  } while (broker_->has_answers() && polls < 1000);
  EXPECT_EQ(left, 0U);
  EXPECT_EQ(stats().history_bytes.value(), 0U);
}

TEST_F(MemoryBrokerTest, AHistoryThatWasRemovedIsFreedLittleByLittleToo) {
  MemoryBrokerOptions options;
  options.forget_per_turn = 2;
  make(options);
  for (int i = 0; i < 10; ++i) position("chat", "x");
  broker_->remove_history("chat", 100);
  EXPECT_THAT(kept("chat"), IsEmpty());
  EXPECT_GT(stats().history_publications.value(), 0U);
  settle();
  EXPECT_EQ(stats().history_publications.value(), 0U);
  EXPECT_EQ(stats().history_channels.value(), 1U);
}

TEST_F(MemoryBrokerTest, APositionWithoutATimeOfItsOwnLivesForTheDefault) {
  MemoryBrokerOptions options;
  options.history.meta_ttl = seconds(100);
  make(options);
  const StreamPosition first = position("chat", "1", {.history = {1, seconds(1), seconds(0)}});
  pass(seconds(99));
  EXPECT_EQ(std::get<History>(history("chat", 0, seconds(0))).top, first);
  pass(seconds(99));
  EXPECT_EQ(std::get<History>(history("chat", 0, seconds(0))).top, first);
  pass(seconds(100));
  EXPECT_NE(std::get<History>(history("chat", 0, seconds(0))).top.epoch, first.epoch);
}

TEST_F(MemoryBrokerTest, APositionOutlivesItsPublications) {
  position("chat", "1", {.history = {1, seconds(60), hours(1)}});
  history("chat", 0, seconds(1));  // a reader who cares less
  pass(seconds(59));
  settle();
  EXPECT_THAT(kept("chat"), ElementsAre("1:1"));
}

TEST_F(MemoryBrokerTest, AnEndThatIsTooFarToSayNeverComes) {
  const auto ever = core::Duration::max();
  const StreamPosition first = position("chat", "1", {.history = {1, ever, ever}});
  EXPECT_FALSE(is_repeat("chat", "k", ever));
  pass(hours(24 * 365 * 100));
  settle();
  EXPECT_EQ(position("chat", "2"), (StreamPosition{2, first.epoch}));
  EXPECT_TRUE(is_repeat("chat", "k", ever));
}

TEST_F(MemoryBrokerTest, LosingAHistoryBeginsAnotherEpoch) {
  const StreamPosition first = position("chat", "1");
  broker_->lose_history("chat");
  broker_->lose_history("unknown");
  const StreamPosition anew = position("chat", "2");
  EXPECT_EQ(anew.offset, 1U);
  EXPECT_NE(anew.epoch, first.epoch);
  EXPECT_THAT(kept("chat"), ElementsAre("1:2"));
}

TEST_F(MemoryBrokerTest, EpochsAreEightLettersOfTheirOwn) {
  std::set<std::string> epochs;
  for (int i = 0; i < 1000; ++i) epochs.insert(position(std::to_string(i), "x").epoch);
  EXPECT_EQ(epochs.size(), 1000U);
  EXPECT_EQ(stats().epochs.value(), 1000U);
  for (const std::string& epoch : epochs) EXPECT_THAT(epoch, testing::MatchesRegex("[a-z]{8}"));
}

// Does once what it was given when it is told of a publication or an answer.
class ActingEvents final : public RecordedEvents {
 public:
  std::function<void()> act;

  void on_publication(std::string_view channel, const PublicationRef& publication,
                      std::string_view epoch) override {
    if (const auto action = std::exchange(act, nullptr)) action();
    RecordedEvents::on_publication(channel, publication, epoch);
  }
  void on_transient_publication(std::string_view channel, const Publication& publication) override {
    if (const auto action = std::exchange(act, nullptr)) action();
    RecordedEvents::on_transient_publication(channel, publication);
  }
  void on_answer(BrokerTicket ticket, Answer&& answer) override {
    if (const auto action = std::exchange(act, nullptr)) action();
    RecordedEvents::on_answer(ticket, std::move(answer));
  }
};

TEST_F(MemoryBrokerTest, EventsMayLeadToFurtherCalls) {
  ActingEvents events;
  MemoryBroker broker({.key = {1, 2}}, 3, now_);
  broker.attach(events);
  PublishOptions keyed{.history = kHistory};
  keyed.idempotency_key = "k";
  std::optional<Answer> inner;
  events.act = [&] {
    inner = broker.publish("chat", {"repeat", {}}, keyed, 2);
    broker.lose_history("chat");
    for (int i = 0; i < 1000; ++i) {
      broker.publish("c" + std::to_string(i), {"x", {}}, {.history = kHistory}, 3);
    }
  };
  const Answer outer = *broker.publish("chat", {"first", {}}, keyed, 1);
  EXPECT_TRUE(std::get<Published>(*inner).suppressed);
  EXPECT_EQ(std::get<Published>(*inner).position, std::get<Published>(outer).position);
  EXPECT_EQ(events.told.back(), "chat 1 first");
  EXPECT_EQ(events.told_epoch, std::get<Published>(outer).position.epoch);

  // An answer may ask again; that is answered by the next poll.
  broker.presence_stats("chat", 10);
  events.act = [&] { broker.presence_stats("chat", 11); };
  broker.poll(now_);
  EXPECT_TRUE(events.answers.contains(10));
  EXPECT_FALSE(events.answers.contains(11));
  EXPECT_TRUE(broker.has_answers());
  broker.poll(now_);
  EXPECT_TRUE(events.answers.contains(11));
}

TEST_F(MemoryBrokerTest, HasTheLimitsOfTheTable) {
  const MemoryBrokerOptions options;
  EXPECT_EQ(options.history.channels_max, 1'048'576U);
  EXPECT_EQ(options.history.bytes_max, 268'435'456U);
  EXPECT_EQ(options.history.meta_ttl, hours(30 * 24));
  EXPECT_EQ(options.idempotency.keys_max, 262'144U);
  EXPECT_EQ(options.idempotency.bytes_max, 67'108'864U);
  EXPECT_EQ(options.presence.entries_max, 1'048'576U);
  EXPECT_EQ(options.presence.bytes_max, 268'435'456U);
  EXPECT_EQ(options.answer_items_max, 1'048'576U);
  EXPECT_EQ(options.forget_per_turn, 1024U);
}

TEST_F(MemoryBrokerTest, CountsWhatItKeeps) {
  position("chat", "1");
  position("chat", "2", {.history = {1, seconds(60), hours(1)}});
  add("chat", {"one", "ann", {}, {}});
  is_repeat("chat", "k");
  is_repeat("chat", "k");
  EXPECT_EQ(stats().history_channels.value(), 1U);
  EXPECT_EQ(stats().history_publications.value(), 1U);
  EXPECT_EQ(stats().presence_entries.value(), 1U);
  EXPECT_EQ(stats().idempotency_keys.value(), 1U);
  EXPECT_EQ(stats().suppressed.value(), 1U);
}

}  // namespace
}  // namespace sanjay::hub
