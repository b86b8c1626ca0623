// SPDX-License-Identifier: Apache-2.0
#include "hub/test_broker.h"

#include "core/random.h"
#include "hub/broker_contract_test.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sanjay::hub {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr core::Instant kStart{std::chrono::hours(1)};
constexpr PublishOptions kKept{.history = {10, seconds(60), std::chrono::hours(1)}};

class TestBrokerTest : public testing::Test {
 protected:
  TestBrokerTest() { broker_.attach(events_); }

  // Whether it was answered at once.
  bool publish(std::string_view data, const PublishOptions& options = kKept) {
    return broker_.publish("chat", {data, {}}, options, ++ticket_).has_value();
  }
  std::vector<BrokerTicket> answered() const {
    std::vector<BrokerTicket> tickets;
    for (const auto& [ticket, answer] : events_.answers) tickets.push_back(ticket);
    return tickets;
  }
  std::vector<std::string> kept() {
    broker_.history("chat", {.limit = HistoryQuery::kAll}, ++ticket_);
    broker_.poll(now_);
    const auto found = events_.answers.find(ticket_);
    if (found == events_.answers.end()) return {"not answered"};
    return texts(std::get<History>(found->second).publications);
  }

  core::Instant now_ = kStart;
  RecordedEvents events_;
  TestBroker broker_{{.key = {1, 2}}, 3, now_};
  BrokerTicket ticket_ = 0;
};

TEST_F(TestBrokerTest, HoldsEverythingAndReleasesAnswersInAnyOrder) {
  ASSERT_TRUE(broker_.subscribe("chat", ++ticket_));
  broker_.hold();
  EXPECT_FALSE(publish("a"));                          // ticket 2
  EXPECT_FALSE(broker_.subscribe("news", ++ticket_));  // 3
  broker_.presence_stats("chat", ++ticket_);           // 4
  broker_.poll(now_);
  EXPECT_THAT(answered(), IsEmpty());
  EXPECT_THAT(events_.told, IsEmpty());
  EXPECT_FALSE(broker_.has_answers());
  EXPECT_EQ(broker_.answers_held(), 3U);

  broker_.release_one(2);
  EXPECT_TRUE(broker_.has_answers());
  broker_.poll(now_);
  EXPECT_THAT(answered(), ElementsAre(4U));
  broker_.release_one(0);
  broker_.poll(now_);
  EXPECT_THAT(answered(), ElementsAre(2U, 4U));
  EXPECT_THAT(events_.told, IsEmpty());  // the publication comes when it comes
  EXPECT_FALSE(broker_.is_subscribed("news"));
  broker_.release_all();
  broker_.poll(now_);
  EXPECT_THAT(answered(), ElementsAre(2U, 3U, 4U));
  EXPECT_THAT(events_.told, ElementsAre("chat 1 a"));
  EXPECT_TRUE(broker_.is_subscribed("news"));
  EXPECT_TRUE(publish("b"));
}

TEST_F(TestBrokerTest, PublicationsKeepTheirOrderWhateverIsReleased) {
  broker_.subscribe("chat", ++ticket_);
  broker_.hold();
  publish("a");
  broker_.publish_join("chat", {"one", {}, {}, {}});
  publish("b", {});
  EXPECT_EQ(broker_.events_held("chat"), 3U);
  broker_.release_events("chat", 2);
  broker_.poll(now_);
  EXPECT_THAT(events_.told, ElementsAre("chat 1 a", "chat +one"));
  broker_.release_all();
  publish("c");  // before the poll that tells "b": behind it
  EXPECT_EQ(events_.told.size(), 2U);
  broker_.poll(now_);
  EXPECT_THAT(events_.told, ElementsAre("chat 1 a", "chat +one", "chat - b", "chat 2 c"));
}

TEST_F(TestBrokerTest, FailsTheNextCallWithOrWithoutEffect) {
  broker_.subscribe("chat", ++ticket_);
  broker_.fail_next(BrokerCall::Publish, Failure::Timeout, true);
  EXPECT_FALSE(publish("a"));  // ticket 2
  broker_.fail_next(BrokerCall::Publish);
  EXPECT_FALSE(publish("b"));  // 3
  EXPECT_TRUE(publish("c"));
  broker_.poll(now_);
  EXPECT_EQ(std::get<Failure>(events_.answers.at(2)), Failure::Timeout);
  EXPECT_EQ(std::get<Failure>(events_.answers.at(3)), Failure::Unavailable);
  EXPECT_THAT(kept(), ElementsAre("1:a", "2:c"));
  EXPECT_THAT(events_.told, ElementsAre("chat 1 a", "chat 2 c"));
  EXPECT_EQ(broker_.seen().failures, 2U);
}

TEST_F(TestBrokerTest, NeverAnswersTheNextCallWithOrWithoutEffect) {
  broker_.silence_next(BrokerCall::Publish);
  EXPECT_FALSE(publish("a"));
  broker_.silence_next(BrokerCall::Publish, false);
  EXPECT_FALSE(publish("b"));
  broker_.silence_next(BrokerCall::History);
  EXPECT_THAT(kept(), ElementsAre("not answered"));
  now_ += seconds(30);
  EXPECT_THAT(kept(), ElementsAre("1:a"));
  EXPECT_EQ(answered().size(), 1U);
}

TEST_F(TestBrokerTest, ALostPublicationIsAGap) {
  broker_.subscribe("chat", ++ticket_);
  publish("a");
  broker_.drop_next_publication("chat");
  publish("b");
  publish("c");
  EXPECT_THAT(events_.told, ElementsAre("chat 1 a", "chat 3 c"));
  EXPECT_THAT(kept(), ElementsAre("1:a", "2:b", "3:c"));
  const std::string epoch = events_.told_epoch;
  broker_.lose_history("chat");
  publish("d");
  EXPECT_EQ(events_.told.back(), "chat 1 d");
  EXPECT_NE(events_.told_epoch, epoch);
}

TEST_F(TestBrokerTest, NothingIsToldBeforeTheSubscriptionIsConfirmedOrAfterItsEnd) {
  publish("a");
  broker_.hold();
  EXPECT_FALSE(broker_.subscribe("chat", ++ticket_));
  publish("b");
  EXPECT_FALSE(broker_.subscribe("chat", ++ticket_));
  broker_.release_all();
  broker_.poll(now_);
  EXPECT_THAT(events_.told, IsEmpty());
  publish("c");
  EXPECT_THAT(events_.told, ElementsAre("chat 3 c"));
  broker_.unsubscribe("chat");
  publish("d");
  EXPECT_EQ(events_.told.size(), 1U);

  // Unsubscribed before the confirmation came, which comes all the same.
  broker_.hold();
  broker_.subscribe("chat", ++ticket_);
  broker_.unsubscribe("chat");
  broker_.release_all();
  broker_.poll(now_);
  EXPECT_TRUE(events_.answers.contains(ticket_));
  EXPECT_FALSE(broker_.is_subscribed("chat"));
  broker_.fail_next(BrokerCall::Subscribe);
  EXPECT_FALSE(broker_.subscribe("chat", ++ticket_));
  broker_.poll(now_);
  EXPECT_FALSE(broker_.is_subscribed("chat"));
}

TEST_F(TestBrokerTest, PresenceFadesUnlessItIsRenewed) {
  broker_.fade_presence(seconds(10));
  EXPECT_EQ(broker_.presence_renewal(), seconds(10));
  broker_.add_presence("chat", {"one", "ann", {}, {}}, ++ticket_);
  broker_.add_presence("chat", {"two", "bob", {}, {}}, ++ticket_);
  now_ += seconds(10);
  broker_.poll(now_);
  broker_.add_presence("chat", {"one", "ann", {}, {}}, ++ticket_);
  now_ += seconds(10);
  broker_.poll(now_);
  broker_.presence_stats("chat", ++ticket_);
  broker_.poll(now_);
  EXPECT_EQ(std::get<PresenceStats>(events_.answers.at(ticket_)).clients, 1U);
  now_ += seconds(10);
  broker_.poll(now_);
  broker_.presence_stats("chat", ++ticket_);
  broker_.poll(now_);
  EXPECT_EQ(std::get<PresenceStats>(events_.answers.at(ticket_)).clients, 0U);
  EXPECT_EQ(broker_.seen().faded, 2U);
}

// Whatever chance does: what is told of a channel is told in the order of its offsets and not
// twice, and an answer comes at most once.
TEST(TestBrokerChance, KeepsWhatABrokerMustKeep) {
  TestBroker::Seen all;
  std::uint64_t reordered = 0;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    core::Random random(seed);
    core::Instant now = kStart;
    RecordedEvents events;
    TestBroker broker({.key = {1, 2}}, seed, now);
    broker.attach(events);
    broker.set_faults({.late_answer = 30,
                       .late_publication = 20,
                       .no_answer = 5,
                       .failure = 10,
                       .lost_publication = 5});
    BrokerTicket ticket = 0;
    std::set<BrokerTicket> answered;
    broker.subscribe("chat", ++ticket);
    for (int step = 0; step < 100; ++step) {
      if (broker.publish("chat", {"x", {}}, kKept, ++ticket)) answered.insert(ticket);
      broker.presence_stats("chat", ++ticket);
      if (random.below(3) > 0) continue;
      now += seconds(random.below(5));
      broker.poll(now);
      const BrokerTicket newest = answered.empty() ? 0 : *answered.rbegin();
      for (const auto& [number, given] : std::exchange(events.answers, {})) {
        EXPECT_TRUE(answered.insert(number).second) << "answered twice: " << number;
        if (number < newest) ++reordered;
      }
    }
    std::uint64_t last = 0;
    for (const std::string& told : events.told) {
      const std::uint64_t offset = std::stoull(told.substr(5));
      EXPECT_GT(offset, last);
      last = offset;
    }
    const auto& seen = broker.seen();
    all.late_answers += seen.late_answers;
    all.late_publications += seen.late_publications;
    all.unanswered += seen.unanswered;
    all.failures += seen.failures;
    all.lost_publications += seen.lost_publications;
  }
  EXPECT_GT(reordered, 100U);
  EXPECT_GT(all.late_answers, 100U);
  EXPECT_GT(all.late_publications, 100U);
  EXPECT_GT(all.unanswered, 100U);
  EXPECT_GT(all.failures, 100U);
  EXPECT_GT(all.lost_publications, 100U);
}

}  // namespace
}  // namespace sanjay::hub
