// SPDX-License-Identifier: Apache-2.0

// Presence, joins and leaves, history.

#include "session/session_fixture.h"

namespace sanjay::session {
namespace {

class QueriesTest : public SessionTest {
 protected:
  QueriesTest() {
    use_tokens();
    channels::ChannelOptions& room = add_namespace("room");
    room.presence = room.join_leave = true;
    room.allow_subscribe_for_client = true;
    room.allow_presence_for_subscriber = true;
    channels::ChannelOptions& loud = add_namespace("loud");
    loud.join_leave = loud.force_push_join_leave = true;
    loud.allow_subscribe_for_client = true;
    channels::ChannelOptions& news = add_namespace("news");
    news.history.size = 5;
    news.history.ttl = seconds(60);
    news.allow_subscribe_for_client = true;
    news.allow_history_for_client = true;
    channels::ChannelOptions& past = add_namespace("past");
    past.history = news.history;
    past.allow_subscribe_for_client = true;
    past.allow_history_for_subscriber = true;
  }
  static std::string subscribe_to(std::string_view channel, std::string_view more = "") {
    return R"({"id":2,"subscribe":{"channel":")" + std::string(channel) + "\"" + std::string(more) +
           "}}";
  }
  static std::string unsubscribe_from(std::string_view channel) {
    return R"({"id":3,"unsubscribe":{"channel":")" + std::string(channel) + "\"}}";
  }
  static std::string info_of(const Client& client, std::string_view user) {
    return R"({"info":{"user":")" + std::string(user) + R"(","client":")" + id_of(client) +
           R"("}}}})";
  }
  std::string history(Client& client, std::string_view channel, std::string_view more) {
    const std::string epoch = epoch_of(channel);
    const std::string command = R"({"id":4,"history":{"channel":")" + std::string(channel) + "\"" +
                                std::string(more) + "}}";
    return replaced(ask(client, replaced(command, {{"EPOCH", epoch}})), {{epoch, "EPOCH"}});
  }
};
INSTANTIATE_TEST_SUITE_P(Both, QueriesTest, both_encodings(), encoding_name);

TEST_P(QueriesTest, PresenceListsEveryConnectionAndCountsUsers) {
  start();
  Client& first = connect_with(R"({"sub":"42","info":{"n":1}})");
  Client& second = connect_with(R"({"sub":"42"})");
  constexpr std::string_view kAsk = R"({"id":3,"presence":{"channel":"room:a"}})";
  constexpr std::string_view kStats = R"({"id":4,"presence_stats":{"channel":"room:a"}})";
  EXPECT_EQ(ask(first, kAsk), R"({"id":3,"error":{"code":103,"message":"permission denied"}})");
  EXPECT_EQ(ask(first, kStats), R"({"id":4,"error":{"code":103,"message":"permission denied"}})");
  ask(first, subscribe_to("room:a"));
  EXPECT_EQ(ask(first, kAsk), R"({"id":3,"presence":{"presence":{")" + id_of(first) +
                                  R"(":{"user":"42","client":")" + id_of(first) +
                                  R"(","conn_info":{"n":1}}}}})");
  ask(second, subscribe_to("room:a"));
  EXPECT_EQ(ask(first, kStats), R"({"id":4,"presence_stats":{"num_clients":2,"num_users":1}})");
  second.session->close();
  settle();
  EXPECT_EQ(ask(first, kStats), R"({"id":4,"presence_stats":{"num_clients":1,"num_users":1}})");
}

TEST_P(QueriesTest, AnEmptyPresenceIsAnEmptyObject) {
  names_.namespaces[0].options.allow_presence_for_client = true;
  start();
  Client& client = connect_with(R"({"sub":"42"})");
  EXPECT_EQ(ask(client, R"({"id":3,"presence":{"channel":"room:z"}})"),
            R"({"id":3,"presence":{"presence":{}}})");
  EXPECT_EQ(ask(client, R"({"id":3,"presence_stats":{"channel":"room:z"}})"),
            R"({"id":3,"presence_stats":{"num_clients":0,"num_users":0}})");
}

TEST_P(QueriesTest, AJoinComesBehindItsSubscribersReplyAndALeaveBehindItsJoin) {
  start();
  Client& client = connect_with(R"({"sub":"42"})");
  const std::string push = R"({"push":{"channel":"loud:a",)";
  EXPECT_EQ(ask(client, subscribe_to("loud:a")),
            "{\"id\":2,\"subscribe\":{}}\n" + push + R"("join":)" + info_of(client, "42"))
      << "he hears of himself";
  Client& other = connect_with(R"({"sub":"43"})");
  ask(other, subscribe_to("loud:a"));
  EXPECT_EQ(client.take(), push + R"("join":)" + info_of(other, "43"));
  ask(other, unsubscribe_from("loud:a"));
  EXPECT_EQ(client.take(), push + R"("leave":)" + info_of(other, "43"));
  ask(other, subscribe_to("loud:a"));
  other.session->disconnect_by_server(protocol::kDisconnectForced);
  settle();
  EXPECT_EQ(client.take(), push + R"("join":)" + info_of(other, "43") + "\n" + push +
                               R"("leave":)" + info_of(other, "43"));
  Client& hasty = connect_with(R"({"sub":"44"})");
  say(hasty, subscribe_to("loud:a"));
  hasty.session->close();
  settle();
  const std::string heard = client.take();
  EXPECT_TRUE(heard.empty() || heard.find("join") < heard.find("leave")) << heard;
}

TEST_P(QueriesTest, JoinsAreForThoseWhoAskAndMay) {
  start();
  Client& deaf = connect_with(R"({"sub":"42"})");
  Client& hears = connect_with(R"({"sub":"43"})");
  Client& other = connect_with(R"({"sub":"44"})");
  ask(deaf, subscribe_to("room:a"));
  ask(hears, subscribe_to("room:a", R"(,"join_leave":true)"));
  ask(other, subscribe_to("room:a"));
  EXPECT_EQ(deaf.take(), "");
  EXPECT_EQ(hears.take(), R"({"push":{"channel":"room:a","join":)" + info_of(other, "44"));
}

TEST_P(QueriesTest, HistoryIsReadInBothDirectionsFromAnywhere) {
  start();
  Client& client = connect_with(R"({"sub":"42"})");
  for (int i = 1; i <= 7; ++i) publish("news:a", std::to_string(i));
  settle();
  const auto list = [](const std::vector<int>& offsets) {
    std::string out;
    for (const int offset : offsets) {
      const std::string text = std::to_string(offset);
      out += (out.empty() ? "" : ",") + (R"({"data":)" + text + R"(,"offset":)" + text + "}");
    }
    return R"({"id":4,"history":{"publications":[)" + out + R"(],"epoch":"EPOCH","offset":7}})";
  };
  constexpr std::string_view kBad = R"({"id":4,"error":{"code":107,"message":"bad request"}})";
  constexpr std::string_view kLost =
      R"({"id":4,"error":{"code":112,"message":"unrecoverable position"}})";
  const auto since = [](int offset, std::string_view more, std::string_view epoch = "EPOCH") {
    return R"(,"since":{"offset":)" + std::to_string(offset) + R"(,"epoch":")" +
           std::string(epoch) + "\"}" + std::string(more);
  };
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", list({})},
      {R"(,"limit":0)", list({})},
      {R"(,"limit":2)", list({3, 4})},
      {R"(,"limit":-1)", list({3, 4, 5, 6, 7})},
      {R"(,"limit":2,"reverse":true)", list({7, 6})},
      {since(4, R"(,"limit":2)"), list({5, 6})},
      {since(4, R"(,"limit":-5)"), list({5, 6, 7})},
      {since(4, R"(,"limit":-1)", ""), list({5, 6, 7})},
      {since(7, R"(,"limit":-1)"), list({})},
      {since(5, R"(,"limit":-1,"reverse":true)"), list({4, 3})},
      {since(0, R"(,"limit":1)"), list({3})},
      {since(0, R"(,"limit":1,"reverse":true)"), std::string(kBad)},
      {since(4, R"(,"limit":1)", "other"), std::string(kLost)}};
  for (const auto& [more, answer] : cases) {
    EXPECT_EQ(history(client, "news:a", more), answer) << more;
  }
  EXPECT_FALSE(client.ended);
}

TEST_P(QueriesTest, AnEmptyHistoryHasAnEpoch) {
  start();
  Client& client = connect_with(R"({"sub":"42"})");
  EXPECT_EQ(history(client, "news:a", R"(,"limit":-1)"),
            R"({"id":4,"history":{"publications":[],"epoch":"EPOCH","offset":0}})");
}

TEST_P(QueriesTest, HistoryGivesAtMost300Publications) {
  names_.namespaces[2].options.history.size = 1000;
  start();
  Client& client = connect_with(R"({"sub":"42"})");
  for (int i = 1; i <= 310; ++i) publish("news:a", "1");
  settle();
  for (const std::string_view limit : {"-1", "300", "301", "2147483647"}) {
    const std::string answer = history(client, "news:a", R"(,"limit":)" + std::string(limit));
    std::size_t count = 0;
    for (auto at = answer.find("\"data\""); at != answer.npos;
         at = answer.find("\"data\"", at + 1)) {
      ++count;
    }
    EXPECT_EQ(count, 300u) << limit;
  }
}

TEST_P(QueriesTest, HistoryIsForThoseWhoMayReadIt) {
  start();
  Client& client = connect_with(R"({"sub":"42"})");
  Client& anonymous = connect_with(R"({"sub":""})");
  constexpr std::string_view kDenied =
      R"({"id":4,"error":{"code":103,"message":"permission denied"}})";
  EXPECT_EQ(history(client, "past:a", ""), kDenied);
  ask(client, subscribe_to("past:a"));
  EXPECT_NE(history(client, "past:a", ""), kDenied);
  EXPECT_EQ(history(anonymous, "news:a", ""), kDenied);
}

TEST_P(QueriesTest, HistoryMayHoldWhatTheClientCannotRead) {
  start();
  Client& client = connect_with(R"({"sub":"42"})");
  publish("news:a", "\xff", false);
  settle();
  history(client, "news:a", "");
  EXPECT_FALSE(client.ended) << "only the position";
  history(client, "news:a", R"(,"limit":1)");
  EXPECT_EQ(client.end_code(), is_json() ? 3506 : 0);
}

/// Answers nothing; takes everything.
class SilentBroker final : public hub::Broker {
 public:
  void attach(hub::BrokerEvents&) override {}
  bool subscribe(std::string_view, hub::BrokerTicket) override { return true; }
  void unsubscribe(std::string_view) override {}
  std::optional<hub::Answer> publish(std::string_view, const hub::Publication&,
                                     const hub::PublishOptions&, hub::BrokerTicket) override {
    return std::nullopt;
  }
  void publish_join(std::string_view, const hub::ClientInfo&) override {}
  void publish_leave(std::string_view, const hub::ClientInfo&) override {}
  void history(std::string_view, const hub::HistoryQuery&, hub::BrokerTicket) override {}
  void remove_history(std::string_view, hub::BrokerTicket) override {}
  void add_presence(std::string_view, const hub::ClientInfo&, hub::BrokerTicket) override {}
  void remove_presence(std::string_view, std::string_view, hub::BrokerTicket) override {}
  void presence(std::string_view, hub::BrokerTicket) override {}
  void presence_stats(std::string_view, hub::BrokerTicket) override {}
  void poll(core::Instant) override {}
  bool has_answers() const override { return false; }
  core::Duration presence_renewal() const override { return core::Duration::zero(); }
};

// Whatever waits for a broker that is gone is answered, and the connection lives on.
TEST_P(QueriesTest, ABrokerThatDoesNotAnswerIsATemporaryErrorOfEachCommand) {
  options_.insecure = true;
  options_.ping_interval = seconds(0);
  make_broker_ = [] { return std::make_unique<SilentBroker>(); };
  names_.namespaces[2].options.force_recovery = true;
  start();
  Client& client = connect();
  for (const std::string_view command : {R"({"id":9,"publish":{"channel":"news:a","data":1}})",
                                         R"({"id":9,"history":{"channel":"news:a","limit":1}})",
                                         R"({"id":9,"presence":{"channel":"room:a"}})",
                                         R"({"id":9,"presence_stats":{"channel":"room:a"}})",
                                         R"({"id":9,"subscribe":{"channel":"news:a"}})"}) {
    client.take();
    say(client, command);
    turn();
    EXPECT_EQ(client.take(), "") << command;
    for (int i = 0; i < 11; ++i) {
      pass(seconds(1));
      turn();
    }
    EXPECT_EQ(client.take(),
              R"({"id":9,"error":{"code":100,"message":"internal server error","temporary":true}})")
        << command;
    EXPECT_FALSE(client.session->blocked()) << command;
    ASSERT_FALSE(client.ended) << command;
  }
}

// As many queries as may be under way are.
TEST_P(QueriesTest, BeyondTheQueriesUnderWayTheyAreRefused) {
  options_.insecure = true;
  hub_options_.queries_in_flight_max = 2;
  start();
  std::vector<Client*> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(&connect());
  for (Client* client : clients) {
    client->take();
    say(*client, R"({"id":9,"presence":{"channel":"room:a"}})");
  }
  settle();
  EXPECT_EQ(clients[0]->take(), R"({"id":9,"presence":{"presence":{}}})");
  EXPECT_EQ(clients[2]->take(),
            R"({"id":9,"error":{"code":111,"message":"too many requests","temporary":true}})");
}

}  // namespace
}  // namespace sanjay::session
