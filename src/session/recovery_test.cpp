// SPDX-License-Identifier: Apache-2.0

// Positions in a channel's history: what a client that comes back is given, and what it is told
// when something was lost.

#include "session/session_fixture.h"

namespace sanjay::session {
namespace {

class RecoveryTest : public SessionTest {
 protected:
  RecoveryTest() {
    options_.insecure = true;
    keep_history(add_namespace("news")).force_recovery = true;
    keep_history(add_namespace("live")).force_positioning = true;
    keep_history(add_namespace("plain"));
    channels::ChannelOptions& cache = keep_history(add_namespace("cache"));
    cache.force_recovery = true;
    cache.force_recovery_mode = channels::RecoveryMode::Cache;
    channels::ChannelOptions& newest = keep_history(add_namespace("newest"));
    newest.force_recovery = true;
    newest.force_recovery_mode = channels::RecoveryMode::Cache;
    newest.auto_cache_recover = true;
  }
  static channels::ChannelOptions& keep_history(channels::ChannelOptions& options) {
    options.history.size = 5;
    options.history.ttl = seconds(60);
    return options;
  }
  Client& open(core::ShardIndex shards = 1) {
    start(shards);
    Client& client = connect();
    client.take();
    return client;
  }
  void publish_some(std::string_view channel, int count) {
    for (int i = 0; i < count; ++i) publish(channel, R"({"n":)" + std::to_string(++n_) + "}");
    settle();
  }
  /// The answer with the epoch's text in the place of what it is.
  std::string subscribe(Client& client, std::string_view channel, std::string_view more = "") {
    const std::string epoch = epoch_of(channel);
    const std::string command = R"({"id":2,"subscribe":{"channel":")" + std::string(channel) +
                                "\"" + std::string(more) + "}}";
    return replaced(ask(client, replaced(command, {{"EPOCH", epoch}})), {{epoch, "EPOCH"}});
  }
  static std::string since(std::uint64_t offset, std::string_view epoch = "EPOCH") {
    return R"(,"recover":true,"offset":)" + std::to_string(offset) + R"(,"epoch":")" +
           std::string(epoch) + "\"";
  }
  int n_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Both, RecoveryTest, both_encodings(), encoding_name);

TEST_P(RecoveryTest, ASubscriptionSaysWhereItBegins) {
  Client& client = open();
  publish_some("news:a", 3);
  EXPECT_EQ(subscribe(client, "news:a"),
            R"({"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","offset":3,)"
            R"("positioned":true}})");
  publish_some("live:a", 2);
  EXPECT_EQ(subscribe(client, "live:a"),
            R"({"id":2,"subscribe":{"epoch":"EPOCH","offset":2,"positioned":true}})");
  EXPECT_EQ(subscribe(client, "plain:a"), R"({"id":2,"subscribe":{}})");
  EXPECT_EQ(subscribe(client, "plain:b", R"(,"recoverable":true,"positioned":true)"),
            R"({"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","positioned":true}})")
      << "who may read the history may ask for it";
}

TEST_P(RecoveryTest, ReturnsWhatWasMissedOrSaysThatItCannot) {
  struct Case {
    std::string_view name;
    int published;
    std::string more;
    std::string_view result;
  };
  const std::vector<Case> cases{
      {"all of it, and the offset of the request", 4, since(2),
       R"("publications":[{"data":{"n":3},"offset":3},{"data":{"n":4},"offset":4}],)"
       R"("recovered":true,"offset":2,"positioned":true,"was_recovering":true)"},
      {"nothing was missed", 4, since(4),
       R"("recovered":true,"offset":4,"positioned":true,"was_recovering":true)"},
      {"any epoch will do", 4, since(3, ""),
       R"("publications":[{"data":{"n":4},"offset":4}],)"
       R"("recovered":true,"offset":3,"positioned":true,"was_recovering":true)"},
      {"another epoch", 4, since(3, "other"),
       R"("offset":4,"positioned":true,"was_recovering":true)"},
      {"the sentinel of the JavaScript SDK", 4, since(0, "_"),
       R"("offset":4,"positioned":true,"was_recovering":true)"},
      {"the sentinel on a channel that is empty", 0, since(0, "_"),
       R"("positioned":true,"was_recovering":true)"},
      {"the oldest that is kept", 8, since(3),
       R"("publications":[{"data":{"n":4},"offset":4},{"data":{"n":5},"offset":5},)"
       R"({"data":{"n":6},"offset":6},{"data":{"n":7},"offset":7},{"data":{"n":8},"offset":8}],)"
       R"("recovered":true,"offset":3,"positioned":true,"was_recovering":true)"},
      {"one more than is kept", 8, since(2),
       R"("offset":8,"positioned":true,"was_recovering":true)"},
      {"a position that never was", 4, since(9),
       R"("offset":4,"positioned":true,"was_recovering":true)"}};
  for (const Case& c : cases) {
    n_ = 0;
    Client& client = open();
    publish_some("news:a", c.published);
    EXPECT_EQ(subscribe(client, "news:a", c.more),
              R"({"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH",)" +
                  std::string(c.result) + "}}")
        << c.name;
    publish_some("news:a", 1);
    // The first of a history names its epoch.
    const std::string heard =
        replaced(client.take(), {{R"(,"epoch":")" + epoch_of("news:a") + "\"", ""}});
    EXPECT_EQ(heard, R"({"push":{"channel":"news:a","pub":{"data":{"n":)" + std::to_string(n_) +
                         R"(},"offset":)" + std::to_string(c.published + 1) + "}}}")
        << c.name << ": and it goes on from there";
  }
}

TEST_P(RecoveryTest, ReturnsAtMostItsBoundAndMoreIsNotRecovered) {
  names_.namespaces[0].options.history.size = 1000;
  EXPECT_EQ(options_.recovery_publications_max, 300u);
  for (const std::uint64_t missed : {300, 301}) {
    Client& client = open();
    publish_some("news:a", 310);
    const std::string answer = subscribe(client, "news:a", since(310 - missed));
    const bool recovered = answer.find(R"("recovered":true)") != answer.npos;
    EXPECT_EQ(recovered, missed == 300) << missed;
    EXPECT_FALSE(client.ended) << "to have missed too much is no fault";
  }
}

TEST_P(RecoveryTest, AClientMayPreferAnErrorToALoss) {
  Client& client = open();
  publish_some("news:a", 4);
  constexpr std::string_view kRefused =
      R"({"id":2,"error":{"code":112,"message":"unrecoverable position"}})";
  EXPECT_EQ(subscribe(client, "news:a", since(3, "other") + R"(,"flag":2)"), kRefused);
  EXPECT_EQ(subscribe(client, "news:a", since(9) + R"(,"flag":3)"), kRefused);
  EXPECT_EQ(hub().subscription_count(), 0u);
  EXPECT_EQ(client.session->subscription_count(), 0u);
  const std::string answer = subscribe(client, "news:a", since(3) + R"(,"flag":2)");
  EXPECT_NE(answer.find(R"("recovered":true)"), answer.npos) << answer;
}

TEST_P(RecoveryTest, WithoutAHistoryNothingIsRecovered) {
  start();
  Client& client = connect();
  client.take();
  EXPECT_EQ(ask(client, R"({"id":2,"subscribe":{"channel":"a","recover":true,"epoch":"e"}})"),
            R"({"id":2,"subscribe":{"was_recovering":true}})");
}

TEST_P(RecoveryTest, ACacheGivesTheNewestOnly) {
  Client& client = open();
  publish_some("cache:a", 4);
  EXPECT_EQ(subscribe(client, "cache:a", since(1)),
            R"({"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH",)"
            R"("publications":[{"data":{"n":4},"offset":4}],"recovered":true,"offset":1,)"
            R"("positioned":true,"was_recovering":true}})");
  ask(client, R"({"id":3,"unsubscribe":{"channel":"cache:a"}})");
  EXPECT_EQ(subscribe(client, "cache:a", since(4)),
            R"({"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","recovered":true,)"
            R"("offset":4,"positioned":true,"was_recovering":true}})")
      << "he has it already";
  ask(client, R"({"id":3,"unsubscribe":{"channel":"cache:a"}})");
  EXPECT_EQ(subscribe(client, "cache:a"),
            R"({"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","offset":4,)"
            R"("positioned":true}})")
      << "he has not asked";
}

TEST_P(RecoveryTest, ACacheMayGiveTheNewestToEverybody) {
  Client& client = open();
  publish_some("newest:a", 4);
  EXPECT_EQ(subscribe(client, "newest:a"),
            R"({"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH",)"
            R"("publications":[{"data":{"n":4},"offset":4}],"recovered":true,)"
            R"("positioned":true,"was_recovering":true}})");
}

TEST_P(RecoveryTest, TheReplyPrecedesWhatWasPublishedMeanwhile) {
  Client& client = open(2);
  const std::string away = channel(false, "news:");
  publish_some(away, 3);
  say(client, R"({"id":2,"subscribe":{"channel":")" + away + R"(","recover":true,"offset":1}})");
  publish(away, R"({"n":"before the request"})");
  deliver_mail();  // his request
  publish(away, R"({"n":"behind it"})");
  settle();
  publish(away, R"({"n":"later"})");
  settle();
  ASSERT_GE(client.received.size(), 2u);
  const std::string first = client.received[0];
  EXPECT_TRUE(first.starts_with(R"({"id":2,"subscribe":{)")) << first;
  std::string all = client.take();
  for (int offset = 2; offset <= 6; ++offset) {
    const std::string one = "\"offset\":" + std::to_string(offset) + "}";
    EXPECT_NE(all.find(one), all.npos) << "missing: " << one << " in " << all;
    EXPECT_EQ(all.find(one), all.rfind(one)) << "twice: " << one;
  }
}

TEST_P(RecoveryTest, ALossEndsASubscriptionThatIsToMissNothing) {
  Client& client = open();
  for (const char* channel : {"news:a", "live:a", "plain:a"}) {
    subscribe(client, channel);
    publish_some(channel, 2);
  }
  client.take();
  for (const char* channel : {"news:a", "live:a", "plain:a"}) {
    broker().lose_history(channel);
    publish(channel, "1");
    settle();
  }
  const std::string all =
      replaced(client.take(), {{R"(,"epoch":")" + epoch_of("plain:a") + "\"", ""}});
  const std::string lost = R"("unsubscribe":{"code":2500,"reason":"insufficient state"}}})";
  EXPECT_EQ(all, R"({"push":{"channel":"news:a",)" + lost + "\n" +
                     R"({"push":{"channel":"live:a",)" + lost + "\n" +
                     R"({"push":{"channel":"plain:a","pub":{"data":1,"offset":1}}})");
  EXPECT_FALSE(client.ended);
  EXPECT_EQ(client.session->subscription_count(), 1u);
  // He comes back at once, and is told of the new epoch.
  const std::string back = subscribe(client, "news:a", since(2, "old"));
  EXPECT_EQ(back, R"({"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","offset":1,)"
                  R"("positioned":true,"was_recovering":true}})");
}

TEST_P(RecoveryTest, ALossEndsTheConnectionOfAServerSideSubscription) {
  use_tokens();
  start();
  Client& client = connect_with(R"({"sub":"42","channels":["news:a"]})");
  publish_some("news:a", 2);
  client.take();
  broker().lose_history("news:a");
  publish("news:a", "1");
  settle();
  EXPECT_EQ(client.end_code(), 3010);
  EXPECT_EQ(client.take(), "");
  EXPECT_EQ(hub().subscription_count(), 0u);
}

TEST_P(RecoveryTest, ALossReachesEverySubscriberOfTheChannel) {
  Client& first = open();
  std::vector<Client*> all{&first};
  for (int i = 0; i < 5; ++i) all.push_back(&connect());
  for (Client* client : all) subscribe(*client, "news:a");
  publish_some("news:a", 1);
  for (Client* client : all) client->take();
  broker().lose_history("news:a");
  publish("news:a", "1");
  settle();
  for (Client* client : all) {
    EXPECT_EQ(client->take(), R"({"push":{"channel":"news:a","unsubscribe":)"
                              R"({"code":2500,"reason":"insufficient state"}}})");
  }
  EXPECT_EQ(hub().subscription_count(), 0u);
}

TEST_P(RecoveryTest, WhatAClientMissedMayBeWhatItCannotRead) {
  Client& client = open();
  publish("news:a", R"({"n":1})");
  publish("news:a", "\x01\x02", false);
  settle();
  const std::string answer = subscribe(client, "news:a", since(0));
  EXPECT_EQ(client.end_code(), is_json() ? 3506 : 0);
  EXPECT_EQ(answer.empty(), is_json());
}

}  // namespace
}  // namespace sanjay::session
