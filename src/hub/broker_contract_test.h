// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hub/broker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sanjay::hub {

/// What a broker said, as texts where order matters.
class RecordedEvents : public BrokerEvents {
 public:
  void on_publication(std::string_view channel, const PublicationRef& publication,
                      std::string_view epoch) override {
    const Publication& view = publication->view();
    told.push_back(std::string(channel) + " " + std::to_string(view.offset) + " " +
                   std::string(view.data));
    told_epoch = epoch;
    told_publication = publication;
  }
  void on_transient_publication(std::string_view channel, const Publication& publication) override {
    told.push_back(std::string(channel) + " - " + std::string(publication.data));
  }
  void on_join(std::string_view channel, const ClientInfo& info) override {
    told.push_back(std::string(channel) + " +" + std::string(info.client));
  }
  void on_leave(std::string_view channel, const ClientInfo& info) override {
    told.push_back(std::string(channel) + " -" + std::string(info.client));
  }
  void on_answer(BrokerTicket ticket, Answer&& answer) override {
    EXPECT_TRUE(answers.emplace(ticket, std::move(answer)).second) << "answered twice";
  }

  std::vector<std::string> told;
  std::string told_epoch;           // of the last publication with history
  PublicationRef told_publication;  // the last one
  std::map<BrokerTicket, Answer> answers;
};

/// "offset:data" of each publication.
inline std::vector<std::string> texts(const std::vector<PublicationRef>& publications) {
  std::vector<std::string> result;
  for (const auto& publication : publications) {
    result.push_back(std::to_string(publication->offset()) + ":" +
                     std::string(publication->view().data));
  }
  return result;
}

/// The contract of broker.h, to be kept by every Broker in good health. `Around` has one:
///
///     Broker& broker();                         // one that knows of nothing yet
///     void turn();                              // one poll(), after waiting for something to do
///     static constexpr bool kCanPassTime;       // whether it has:
///     void pass(core::Duration);                // lets time go by, and polls
template <class Around>
class BrokerContract : public testing::Test {
 protected:
  static constexpr HistorySettings kHistory{5, std::chrono::seconds(60), std::chrono::hours(1)};
  static constexpr int kTurnsMax = 10'000;

  BrokerContract() { broker().attach(events_); }

  Broker& broker() { return around_.broker(); }
  BrokerTicket next() { return ++ticket_; }

  template <class Condition>
  bool turn_until(Condition&& condition) {
    for (int i = 0; i < kTurnsMax && !condition(); ++i) around_.turn();
    return condition();
  }
  /// The answer to the call made last.
  Answer answer() {
    EXPECT_TRUE(turn_until([&] { return events_.answers.contains(ticket_); })) << "no answer";
    return events_.answers.contains(ticket_) ? events_.answers.at(ticket_) : Answer(Busy{});
  }
  void subscribe(std::string_view channel) {
    if (broker().subscribe(channel, next())) return;
    EXPECT_TRUE(std::holds_alternative<Done>(answer()));
  }
  Published publish(std::string_view channel, std::string_view data,
                    const PublishOptions& options) {
    Publication publication;
    publication.data = data;
    auto now = broker().publish(channel, publication, options, next());
    const Answer later = now ? *now : answer();
    EXPECT_TRUE(std::holds_alternative<Published>(later));
    return std::holds_alternative<Published>(later) ? std::get<Published>(later) : Published{};
  }
  Published publish(std::string_view channel, std::string_view data) {
    return publish(channel, data, {.history = kHistory});
  }
  History history(std::string_view channel, const HistoryQuery& query) {
    broker().history(channel, query, next());
    const Answer given = answer();
    EXPECT_TRUE(std::holds_alternative<History>(given));
    return std::holds_alternative<History>(given) ? std::get<History>(given) : History{};
  }
  std::vector<std::string> kept(std::string_view channel) {
    return texts(history(channel, all()).publications);
  }
  static HistoryQuery all() {
    return {.limit = HistoryQuery::kAll, .meta_ttl = std::chrono::hours(1)};
  }
  HistoryQuery since(std::uint64_t offset, bool reverse = false,
                     std::int32_t limit = HistoryQuery::kAll) {
    HistoryQuery query = all();
    query.has_since = true;
    query.since.offset = offset;
    query.reverse = reverse;
    query.limit = limit;
    return query;
  }
  PresenceStats count(std::string_view channel) {
    broker().presence_stats(channel, next());
    const Answer given = answer();
    EXPECT_TRUE(std::holds_alternative<PresenceStats>(given));
    return std::holds_alternative<PresenceStats>(given) ? std::get<PresenceStats>(given)
                                                        : PresenceStats{};
  }
  // "client user conn_info chan_info" by client.
  std::vector<std::string> present(std::string_view channel) {
    broker().presence(channel, next());
    const Answer given = answer();
    EXPECT_TRUE(std::holds_alternative<Presence>(given));
    std::vector<std::string> result;
    if (!std::holds_alternative<Presence>(given)) return result;
    for (const auto& info : std::get<Presence>(given).clients) {
      result.push_back(info.client + " " + info.user + " " + info.conn_info + " " + info.chan_info);
    }
    std::sort(result.begin(), result.end());
    return result;
  }
  void add(std::string_view channel, const ClientInfo& info) {
    broker().add_presence(channel, info, next());
    EXPECT_TRUE(std::holds_alternative<Done>(answer()));
  }
  void remove(std::string_view channel, std::string_view client) {
    broker().remove_presence(channel, client, next());
    EXPECT_TRUE(std::holds_alternative<Done>(answer()));
  }
  void expect_told(const std::vector<std::string>& expected) {
    turn_until([&] { return events_.told.size() >= expected.size(); });
    EXPECT_EQ(events_.told, expected);
  }

  RecordedEvents events_;
  Around around_;
  BrokerTicket ticket_ = 0;
};

TYPED_TEST_SUITE_P(BrokerContract);

TYPED_TEST_P(BrokerContract, TellsWhatIsPublishedInOrder) {
  this->subscribe("chat");
  EXPECT_EQ(this->publish("chat", "1", {}).position, StreamPosition{});
  const auto second = this->publish("chat", "2");
  EXPECT_EQ(second.position.offset, 1U);
  EXPECT_EQ(second.position.epoch.size(), 8U);
  EXPECT_FALSE(second.suppressed);
  EXPECT_EQ(this->publish("chat", "3").position, (StreamPosition{2, second.position.epoch}));
  this->publish("chat", "4", {});
  this->expect_told({"chat - 1", "chat 1 2", "chat 2 3", "chat - 4"});
  EXPECT_EQ(this->events_.told_epoch, second.position.epoch);
}

TYPED_TEST_P(BrokerContract, APublicationArrivesWhole) {
  this->subscribe("chat");
  const std::vector<Tag> tags{{"a", "1"}, {"b", ""}};
  Publication publication;
  publication.data = std::string_view("\0\xff{", 3);
  publication.data_is_json = false;
  publication.publisher = {"client", "user", "{\"a\":1}", "\xfe"};
  publication.tags = tags;
  if (!this->broker().publish("chat", publication, {.history = this->kHistory}, this->next())) {
    this->answer();
  }
  ASSERT_TRUE(this->turn_until([&] { return this->events_.told_publication != nullptr; }));
  const auto history = this->history("chat", this->all());
  ASSERT_EQ(history.publications.size(), 1U);
  for (const auto& came : {this->events_.told_publication, history.publications[0]}) {
    EXPECT_EQ(came->view().data, publication.data);
    EXPECT_FALSE(came->view().data_is_json);
    EXPECT_EQ(came->view().publisher.client, "client");
    EXPECT_EQ(came->view().publisher.user, "user");
    EXPECT_EQ(came->view().publisher.conn_info, "{\"a\":1}");
    EXPECT_EQ(came->view().publisher.chan_info, "\xfe");
    ASSERT_EQ(came->view().tags.size(), 2U);
    EXPECT_EQ(came->view().tags[0].value, "1");
    EXPECT_EQ(came->view().tags[1].key, "b");
  }
}

TYPED_TEST_P(BrokerContract, TellsJoinsAndLeaves) {
  this->subscribe("chat");
  this->broker().publish_join("chat", {"one", "u", {}, {}});
  this->broker().publish_leave("chat", {"one", "u", {}, {}});
  this->expect_told({"chat +one", "chat -one"});
}

TYPED_TEST_P(BrokerContract, KeepsTheNewest) {
  for (const char* data : {"a", "b", "c", "d", "e", "f", "g"}) this->publish("chat", data);
  EXPECT_EQ(this->kept("chat"), (std::vector<std::string>{"3:c", "4:d", "5:e", "6:f", "7:g"}));
  this->publish("chat", "h", {.history = {2, this->kHistory.ttl, this->kHistory.meta_ttl}});
  EXPECT_EQ(this->kept("chat"), (std::vector<std::string>{"7:g", "8:h"}));
  EXPECT_TRUE(this->kept("news").empty());
}

TYPED_TEST_P(BrokerContract, AHistoryIsReadFromAnywhereInBothDirections) {
  using Texts = std::vector<std::string>;
  for (const char* data : {"a", "b", "c", "d", "e", "f", "g"}) this->publish("chat", data);
  const auto read = [this](const HistoryQuery& query) {
    const auto history = this->history("chat", query);
    EXPECT_EQ(history.top.offset, 7U);
    EXPECT_TRUE(history.epoch_matches);
    return texts(history.publications);
  };
  HistoryQuery query = this->all();
  query.limit = 0;
  EXPECT_EQ(read(query), Texts{});
  query.limit = 2;
  EXPECT_EQ(read(query), (Texts{"3:c", "4:d"}));
  query.reverse = true;
  EXPECT_EQ(read(query), (Texts{"7:g", "6:f"}));
  query.limit = HistoryQuery::kAll;
  EXPECT_EQ(read(query), (Texts{"7:g", "6:f", "5:e", "4:d", "3:c"}));

  EXPECT_EQ(read(this->since(5)), (Texts{"6:f", "7:g"}));
  EXPECT_EQ(read(this->since(5, false, 1)), (Texts{"6:f"}));
  EXPECT_EQ(read(this->since(5, false, 0)), Texts{});
  EXPECT_EQ(read(this->since(0)), (Texts{"3:c", "4:d", "5:e", "6:f", "7:g"}));
  EXPECT_EQ(read(this->since(6)), (Texts{"7:g"}));
  EXPECT_EQ(read(this->since(7)), Texts{});
  EXPECT_EQ(read(this->since(8)), Texts{});
  EXPECT_EQ(read(this->since(~std::uint64_t{0})), Texts{});

  EXPECT_EQ(read(this->since(5, true)), (Texts{"4:d", "3:c"}));
  EXPECT_EQ(read(this->since(5, true, 1)), (Texts{"4:d"}));
  EXPECT_EQ(read(this->since(4, true)), (Texts{"3:c"}));
  EXPECT_EQ(read(this->since(3, true)), Texts{});
  EXPECT_EQ(read(this->since(0, true)), Texts{});
  EXPECT_EQ(read(this->since(8, true, 1)), (Texts{"7:g"}));
  EXPECT_EQ(read(this->since(~std::uint64_t{0}, true, 1)), (Texts{"7:g"}));
}

TYPED_TEST_P(BrokerContract, AnotherEpochIsAnotherHistory) {
  const auto published = this->publish("chat", "a");
  HistoryQuery query = this->since(0);
  query.since.epoch = published.position.epoch;
  EXPECT_EQ(texts(this->history("chat", query).publications), (std::vector<std::string>{"1:a"}));
  query.since.epoch = "_";
  const auto history = this->history("chat", query);
  EXPECT_FALSE(history.epoch_matches);
  EXPECT_TRUE(history.publications.empty());
  EXPECT_EQ(history.top, published.position);
}

TYPED_TEST_P(BrokerContract, AChannelGetsItsEpochByBeingAsked) {
  const auto asked = this->history("chat", {});
  EXPECT_EQ(asked.top.offset, 0U);
  EXPECT_EQ(asked.top.epoch.size(), 8U);
  EXPECT_EQ(this->history("chat", {}).top, asked.top);
  EXPECT_NE(this->history("news", {}).top.epoch, asked.top.epoch);
  EXPECT_EQ(this->publish("chat", "a").position, (StreamPosition{1, asked.top.epoch}));
}

TYPED_TEST_P(BrokerContract, RemovingAHistoryKeepsThePosition) {
  const auto first = this->publish("chat", "a");
  this->broker().remove_history("chat", this->next());
  EXPECT_TRUE(std::holds_alternative<Done>(this->answer()));
  const auto history = this->history("chat", this->all());
  EXPECT_TRUE(history.publications.empty());
  EXPECT_EQ(history.top, first.position);
  EXPECT_EQ(this->publish("chat", "b").position, (StreamPosition{2, first.position.epoch}));
  EXPECT_EQ(this->kept("chat"), (std::vector<std::string>{"2:b"}));
  this->broker().remove_history("unknown", this->next());
  EXPECT_TRUE(std::holds_alternative<Done>(this->answer()));
}

TYPED_TEST_P(BrokerContract, ARepeatIsAnsweredAsTheFirstTime) {
  this->subscribe("chat");
  this->subscribe("news");
  PublishOptions options{.history = this->kHistory};
  options.idempotency_key = "k";
  const auto first = this->publish("chat", "a", options);
  this->publish("chat", "b");
  const auto repeat = this->publish("chat", "c", options);
  EXPECT_EQ(repeat.position, first.position);
  EXPECT_TRUE(repeat.suppressed);
  EXPECT_FALSE(this->publish("news", "d", options).suppressed);  // the key is the channel's
  options.idempotency_key = "l";
  EXPECT_FALSE(this->publish("chat", "e", options).suppressed);
  this->expect_told({"chat 1 a", "chat 2 b", "news 1 d", "chat 3 e"});
}

TYPED_TEST_P(BrokerContract, ARepeatIsNotedWithoutHistoryToo) {
  this->subscribe("chat");
  PublishOptions options;
  options.idempotency_key = "k";
  EXPECT_FALSE(this->publish("chat", "a", options).suppressed);
  const auto repeat = this->publish("chat", "b", options);
  EXPECT_TRUE(repeat.suppressed);
  EXPECT_EQ(repeat.position, StreamPosition{});
  this->publish("chat", "c", {});
  this->expect_told({"chat - a", "chat - c"});
}

TYPED_TEST_P(BrokerContract, OnlyAHigherVersionIsPublished) {
  this->subscribe("chat");
  PublishOptions options{.history = this->kHistory};
  const auto publish = [&](std::uint64_t version, std::string_view epoch, std::string_view data) {
    options.version = version;
    options.version_epoch = epoch;
    return this->publish("chat", data, options);
  };
  EXPECT_FALSE(publish(5, "x", "a").suppressed);
  const auto equal = publish(5, "x", "b");
  EXPECT_TRUE(equal.suppressed);
  EXPECT_EQ(equal.position.offset, 1U);
  EXPECT_TRUE(publish(4, "x", "c").suppressed);
  EXPECT_TRUE(publish(4, "", "d").suppressed);  // no epoch: that of the last one
  EXPECT_FALSE(publish(6, "x", "e").suppressed);
  EXPECT_FALSE(publish(0, "", "f").suppressed);  // no version: always, and none is noted
  EXPECT_TRUE(publish(6, "x", "g").suppressed);
  EXPECT_FALSE(publish(1, "y", "h").suppressed);  // another epoch counts anew
  EXPECT_TRUE(publish(1, "y", "i").suppressed);
  this->expect_told({"chat 1 a", "chat 2 e", "chat 3 f", "chat 4 h"});
}

TYPED_TEST_P(BrokerContract, CallsOfAChannelTakeEffectInTheirOrder) {
  const PublishOptions options{.history = this->kHistory};
  this->broker().publish("chat", {"a", {}}, options, this->next());
  this->broker().history("chat", this->all(), this->next());
  const BrokerTicket first = this->ticket_;
  this->broker().publish("chat", {"b", {}}, options, this->next());
  this->broker().add_presence("chat", {"one", "u", {}, {}}, this->next());
  this->broker().presence_stats("chat", this->next());
  const BrokerTicket second = this->ticket_;
  this->broker().remove_presence("chat", "one", this->next());
  this->broker().remove_history("chat", this->next());
  EXPECT_TRUE(this->kept("chat").empty());
  ASSERT_TRUE(this->events_.answers.contains(first) && this->events_.answers.contains(second));
  EXPECT_EQ(texts(std::get<History>(this->events_.answers.at(first)).publications),
            (std::vector<std::string>{"1:a"}));
  EXPECT_EQ(std::get<PresenceStats>(this->events_.answers.at(second)).clients, 1U);
  EXPECT_EQ(this->count("chat").clients, 0U);
}

TYPED_TEST_P(BrokerContract, KnowsWhoIsThere) {
  EXPECT_EQ(this->count("chat").clients, 0U);
  EXPECT_TRUE(this->present("chat").empty());
  this->add("chat", {"one", "ann", "ci", "hi"});
  this->add("chat", {"two", "ann", {}, {}});
  this->add("chat", {"three", "bob", {}, {}});
  this->add("news", {"one", "ann", {}, {}});
  EXPECT_EQ(this->present("chat"),
            (std::vector<std::string>{"one ann ci hi", "three bob  ", "two ann  "}));
  EXPECT_EQ(this->count("chat").clients, 3U);
  EXPECT_EQ(this->count("chat").users, 2U);
  this->remove("chat", "one");
  this->remove("chat", "one");
  this->remove("chat", "nobody");
  EXPECT_EQ(this->count("chat").clients, 2U);
  EXPECT_EQ(this->count("chat").users, 2U);
  this->remove("chat", "two");
  EXPECT_EQ(this->count("chat").users, 1U);
  this->remove("chat", "three");
  EXPECT_EQ(this->count("chat").users, 0U);
  EXPECT_EQ(this->count("news").clients, 1U);
}

TYPED_TEST_P(BrokerContract, AllAnonymousClientsAreOneUser) {
  this->add("chat", {"one", "", {}, {}});
  this->add("chat", {"two", "", {}, {}});
  EXPECT_EQ(this->count("chat").clients, 2U);
  EXPECT_EQ(this->count("chat").users, 1U);
}

TYPED_TEST_P(BrokerContract, AddingWhoIsThereReplacesWhatIsKnownOfHim) {
  this->add("chat", {"one", "ann", "old", {}});
  this->add("chat", {"one", "bob", "new", "chan"});
  EXPECT_EQ(this->present("chat"), (std::vector<std::string>{"one bob new chan"}));
  EXPECT_EQ(this->count("chat").clients, 1U);
  EXPECT_EQ(this->count("chat").users, 1U);
}

TYPED_TEST_P(BrokerContract, AHistoryFadesAsAWhole) {
  if constexpr (TypeParam::kCanPassTime) {
    const auto first = this->publish("chat", "a");
    this->around_.pass(std::chrono::seconds(59));
    this->publish("chat", "b");
    this->around_.pass(std::chrono::seconds(59));
    EXPECT_EQ(this->kept("chat"), (std::vector<std::string>{"1:a", "2:b"}));
    this->around_.pass(std::chrono::seconds(1));
    const auto history = this->history("chat", this->all());
    EXPECT_TRUE(history.publications.empty());
    EXPECT_EQ(history.top, (StreamPosition{2, first.position.epoch}));
    EXPECT_EQ(this->publish("chat", "c").position.offset, 3U);
    EXPECT_EQ(this->kept("chat"), (std::vector<std::string>{"3:c"}));
  } else {
    GTEST_SKIP() << "time cannot be passed";
  }
}

TYPED_TEST_P(BrokerContract, APositionThatNobodyAsksForIsForgotten) {
  if constexpr (TypeParam::kCanPassTime) {
    const auto first = this->publish("chat", "a");
    this->around_.pass(std::chrono::minutes(59));
    EXPECT_EQ(this->history("chat", this->all()).top, first.position);
    this->around_.pass(std::chrono::minutes(59));
    EXPECT_EQ(this->history("chat", this->all()).top, first.position);
    this->around_.pass(std::chrono::minutes(60));
    const auto anew = this->publish("chat", "b");
    EXPECT_EQ(anew.position.offset, 1U);
    EXPECT_NE(anew.position.epoch, first.position.epoch);
  } else {
    GTEST_SKIP() << "time cannot be passed";
  }
}

TYPED_TEST_P(BrokerContract, AKeyIsForgottenAfterItsTime) {
  if constexpr (TypeParam::kCanPassTime) {
    PublishOptions options;
    options.idempotency_key = "k";
    options.idempotency_ttl = std::chrono::seconds(10);
    this->publish("chat", "a", options);
    this->around_.pass(std::chrono::seconds(9));
    EXPECT_TRUE(this->publish("chat", "b", options).suppressed);  // which renews nothing
    this->around_.pass(std::chrono::seconds(1));
    EXPECT_FALSE(this->publish("chat", "c", options).suppressed);
  } else {
    GTEST_SKIP() << "time cannot be passed";
  }
}

REGISTER_TYPED_TEST_SUITE_P(BrokerContract, TellsWhatIsPublishedInOrder, APublicationArrivesWhole,
                            TellsJoinsAndLeaves, KeepsTheNewest,
                            AHistoryIsReadFromAnywhereInBothDirections,
                            AnotherEpochIsAnotherHistory, AChannelGetsItsEpochByBeingAsked,
                            RemovingAHistoryKeepsThePosition, ARepeatIsAnsweredAsTheFirstTime,
                            ARepeatIsNotedWithoutHistoryToo, OnlyAHigherVersionIsPublished,
                            CallsOfAChannelTakeEffectInTheirOrder, KnowsWhoIsThere,
                            AllAnonymousClientsAreOneUser, AddingWhoIsThereReplacesWhatIsKnownOfHim,
                            AHistoryFadesAsAWhole, APositionThatNobodyAsksForIsForgotten,
                            AKeyIsForgottenAfterItsTime);

}  // namespace sanjay::hub
