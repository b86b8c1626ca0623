// SPDX-License-Identifier: Apache-2.0
#include "session/session.h"

#include "auth/token_signer.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sanjay::session {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class PlainEncoder final : public hub::PublicationEncoder {
 public:
  bool encode(hub::Encoding, std::string_view, const hub::Publication& publication,
              std::string& out) override {
    out.append(publication.data);
    out.append(publication.publisher.user);
    return true;
  }
};

/// The other shards: keeps the mail until the test delivers or answers it.
class HeldMail final : public hub::MailCarrier {
 public:
  bool send(core::ShardIndex, hub::Mail&& mail) override {
    if (full) return false;
    mails.push_back(std::move(mail));
    return true;
  }
  std::vector<hub::Mail> mails;
  bool full = false;
};

class Deliveries final : public hub::DeliverySink {
 public:
  void deliver(std::uint32_t slot, const core::SegmentRef& bytes, hub::Reach) override {
    received.emplace_back(slot, bytes.bytes());
  }
  std::vector<std::pair<std::uint32_t, std::string>> received;
};

/// One shard with one session on it; the clock is the test's.
class SessionTest : public ::testing::Test, public hub::HubEvents, public SessionOutput {
 protected:
  void on_subscribed(core::ConnectionId, hub::SubscriptionNumber number) override {
    session_->on_subscribed(number, now_);
    session_->resume(now_);
  }
  void on_published(const hub::ReplyTo& to, hub::PublishOutcome outcome) override {
    session_->on_published(to.request, outcome, now_);
    session_->resume(now_);
  }
  void send(std::string_view message) override { sent_.emplace_back(message); }
  void disconnect(const protocol::Disconnect& disconnect) override {
    ASSERT_FALSE(ended_) << "disconnected twice";
    ended_ = disconnect;
  }

  void open(core::ShardIndex shards = 1) {
    session_.reset();  // leaves the old hub while it is there
    hub::HubOptions hub_options;
    hub_options.shards = shards;
    hub_options.publishes_in_flight_max = 8;
    hub_options.home.pending_bytes_max = 64;
    hub_options.channels_max = channels_max_;
    hub_ = std::make_unique<hub::Hub>(hub_options, flow_, encoder_, mail_, deliveries_, *this);
    context_ = std::make_unique<SessionContext>(&options_, *hub_, decoder_, random_,
                                                UserDirectory(core::SipKey{1, 2}));
    session_ = std::make_unique<Session>(*context_, *this, core::ConnectionId{7, 1, 0},
                                         hub::Encoding::JsonWebSocket, now_);
  }
  void open_insecure(core::ShardIndex shards = 1) {
    options_.insecure = options_.channels.insecure = true;
    open(shards);
    say(R"({"id":1,"connect":{}})");
    sent_.clear();
  }

  void say(std::string_view message) { session_->on_message(message, now_); }
  /// The answer to one message, which must be a single frame.
  std::string ask(std::string_view message) {
    sent_.clear();
    say(message);
    return sent_.size() == 1 ? sent_[0] : std::to_string(sent_.size()) + " messages";
  }
  std::uint16_t end_code() const { return ended_ ? ended_->code : 0; }
  void pass(core::Duration time) {
    now_.instant += time;
    now_.wall += time;
    if (session_->deadline() <= now_.instant) session_->on_deadline(now_);
  }
  /// A channel whose home is (not) this shard.
  std::string channel(bool at_home) {
    for (int i = 0;; ++i) {
      std::string name = "c" + std::to_string(i);
      if ((hub_->home_of(name) == 0) == at_home) return name;
    }
  }
  std::string token(std::string_view claims) {
    return auth::sign_hs256(std::string(claims), "secret").value();
  }
  void use_tokens() {
    auth::VerifierOptions verifier;
    verifier.hmac_secret_key = "secret";
    options_.verifier =
        std::make_shared<const auth::TokenVerifier>(auth::TokenVerifier::create(verifier).value());
  }

  SessionOptions options_;
  std::uint32_t channels_max_ = 1000;  // of the shard
  Now now_{core::Instant(seconds(1000)), core::WallTime(seconds(1'700'000'000))};
  hub::FlowMeter flow_{4};
  PlainEncoder encoder_;
  HeldMail mail_;
  Deliveries deliveries_;
  protocol::JsonDecoder decoder_;
  core::Random random_{1};
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<SessionContext> context_;
  std::unique_ptr<Session> session_;
  std::vector<std::string> sent_;
  std::optional<protocol::Disconnect> ended_;
};

TEST_F(SessionTest, ConnectAnswersWithClientIdPingAndPong) {
  options_.insecure = true;
  open();
  const std::string answer = ask(R"({"id":1,"connect":{"name":"js"}})");
  EXPECT_TRUE(answer.starts_with(R"({"id":1,"connect":{"client":")")) << answer;
  EXPECT_NE(answer.find(R"("ping":25,"pong":true)"), std::string::npos) << answer;
  EXPECT_EQ(answer.find("expires"), std::string::npos);
  EXPECT_FALSE(ended_);
}

TEST_F(SessionTest, ClientIdsAreDistinctVersion4Uuids) {
  const ClientId first(random_), second(random_);
  const ClientId::Text text = first.text();
  EXPECT_NE(view(text), view(second.text()));
  EXPECT_EQ(text[8], '-');
  EXPECT_EQ(text[14], '4');
  EXPECT_NE(std::string_view("89ab").find(text[19]), std::string_view::npos);
}

TEST_F(SessionTest, FirstCommandMustBeConnect) {
  options_.insecure = true;
  open();
  say(R"({"id":1,"subscribe":{"channel":"a"}})");
  EXPECT_EQ(end_code(), 3501);
}

TEST_F(SessionTest, SecondConnectEndsTheConnection) {
  open_insecure();
  say(R"({"id":2,"connect":{}})");
  EXPECT_EQ(end_code(), 3501);
}

TEST_F(SessionTest, BrokenJsonBlankLineAndEmptyMessageEndTheConnection) {
  for (const std::string_view bad :
       {"{", "{\"id\":2,\"unsubscribe\":{\"channel\":\"a\"}}\n\n{}", ""}) {
    ended_.reset();
    open_insecure();
    say(bad);
    EXPECT_EQ(end_code(), 3501) << bad;
  }
}

TEST_F(SessionTest, RepliesBeforeTheErrorStillLeave) {
  open_insecure();
  say("{\"id\":2,\"unsubscribe\":{\"channel\":\"a\"}}\nbroken");
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0], R"({"id":2,"unsubscribe":{}})");
  EXPECT_EQ(end_code(), 3501);
}

TEST_F(SessionTest, WithoutCredentialsTheConnectionIsABadRequest) {
  open();
  say(R"({"id":1,"connect":{}})");
  EXPECT_EQ(end_code(), 3501);
}

TEST_F(SessionTest, AnonymousConnectCanBeAllowed) {
  options_.allow_anonymous_connect_without_token = true;
  open();
  EXPECT_NE(ask(R"({"id":1,"connect":{}})").find("\"client\""), std::string::npos);
}

TEST_F(SessionTest, TokenNamesTheUserAndItsExpiry) {
  use_tokens();
  open();
  const std::string answer =
      ask(R"({"id":1,"connect":{"token":")" + token(R"({"sub":"42","exp":1700000060})") + R"("}})");
  EXPECT_NE(answer.find(R"("expires":true,"ttl":60)"), std::string::npos) << answer;
  EXPECT_EQ(session_->user(), "42");
}

TEST_F(SessionTest, ExpiredTokenIsAnErrorAndTheConnectionUnusable) {
  use_tokens();
  open();
  EXPECT_EQ(
      ask(R"({"id":1,"connect":{"token":")" + token(R"({"sub":"42","exp":1600000000})") + R"("}})"),
      R"({"id":1,"error":{"code":109,"message":"token expired"}})");
  EXPECT_FALSE(ended_);
  pass(seconds(10));
  EXPECT_EQ(end_code(), 3502) << "the stale timer goes on";
}

TEST_F(SessionTest, CommandAfterRefusedConnectEndsTheConnection) {
  use_tokens();
  open();
  say(R"({"id":1,"connect":{"token":")" + token(R"({"sub":"42","exp":1600000000})") + R"("}})");
  say(R"({"id":2,"subscribe":{"channel":"a"}})");
  EXPECT_EQ(end_code(), 3501);
}

TEST_F(SessionTest, ForeignTokenIsInvalid) {
  use_tokens();
  open();
  say(R"({"id":1,"connect":{"token":")" + auth::sign_hs256(R"({"sub":"42"})", "other").value() +
      R"("}})");
  EXPECT_EQ(end_code(), 3500);
}

TEST_F(SessionTest, TokenWithoutAnyKeyConfiguredIsInvalid) {
  open();
  say(R"({"id":1,"connect":{"token":"a.b.c"}})");
  EXPECT_EQ(end_code(), 3500);
}

TEST_F(SessionTest, StaleConnectionIsClosedAtItsDelay) {
  open();
  pass(milliseconds(9999));
  EXPECT_FALSE(ended_);
  pass(milliseconds(1));
  EXPECT_EQ(end_code(), 3502);
}

TEST_F(SessionTest, CredentialsExpireAfterTheCloseDelay) {
  use_tokens();
  open();
  say(R"({"id":1,"connect":{"token":")" + token(R"({"sub":"42","exp":1700000010})") + R"("}})");
  for (int i = 0; i < 34; ++i) {
    pass(seconds(1));
    if (!sent_.empty() && sent_.back() == "{}") say("{}"), sent_.clear();
    EXPECT_FALSE(ended_) << i;
  }
  pass(milliseconds(999));
  EXPECT_FALSE(ended_);
  pass(milliseconds(1));
  EXPECT_EQ(end_code(), 3005);
}

TEST_F(SessionTest, RefreshProlongsTheConnection) {
  use_tokens();
  open();
  say(R"({"id":1,"connect":{"token":")" + token(R"({"sub":"42","exp":1700000010})") + R"("}})");
  EXPECT_EQ(
      ask(R"({"id":2,"refresh":{"token":")" + token(R"({"sub":"42","exp":1700000300})") + R"("}})"),
      R"({"id":2,"refresh":{"expires":true,"ttl":300}})");
}

TEST_F(SessionTest, RefreshRefusesOtherUsersAndBadTokens) {
  const std::vector<std::pair<std::string, std::uint16_t>> cases{
      {token(R"({"sub":"43","exp":1700000300})"), 3500},
      {token(R"({"sub":"42","exp":1600000000})"), 3005},
      {"garbage", 3500},
      {"", 3501}};
  for (const auto& [refreshed, code] : cases) {
    ended_.reset();
    use_tokens();
    open();
    say(R"({"id":1,"connect":{"token":")" + token(R"({"sub":"42","exp":1700000010})") + R"("}})");
    say(R"({"id":2,"refresh":{"token":")" + refreshed + R"("}})");
    EXPECT_EQ(end_code(), code) << refreshed;
  }
}

TEST_F(SessionTest, FirstPingIsSpreadOverTheSecondHalfOfTheInterval) {
  std::vector<core::Duration> first;
  for (int i = 0; i < 50; ++i) {
    open_insecure();
    first.push_back(session_->deadline() - now_.instant);
    EXPECT_GE(first.back(), milliseconds(12500));
    EXPECT_LE(first.back(), seconds(25));
  }
  std::sort(first.begin(), first.end());
  EXPECT_GT(first.back() - first.front(), seconds(6)) << "all alike";
}

TEST_F(SessionTest, PingsGoOnAtTheIntervalWhilePongsCome) {
  open_insecure();
  core::Instant last{};
  for (int i = 0; i < 5; ++i) {
    pass(session_->deadline() - now_.instant);
    ASSERT_EQ(sent_.size(), 1u);
    EXPECT_EQ(sent_[0], "{}");
    if (i > 0) {
      EXPECT_EQ(now_.instant - last, seconds(25));
    }
    last = now_.instant;
    sent_.clear();
    pass(seconds(3));
    say("{}");
  }
  EXPECT_FALSE(ended_);
}

TEST_F(SessionTest, MissingPongEndsTheConnectionAtTheTimeout) {
  open_insecure();
  pass(session_->deadline() - now_.instant);
  pass(milliseconds(7999));
  EXPECT_FALSE(ended_);
  pass(milliseconds(1));
  EXPECT_EQ(end_code(), 3012);
}

TEST_F(SessionTest, PingAndPongStayAsTheClientWasToldWhateverIsReloaded) {
  open_insecure();
  SessionOptions others = options_;  // as after a reload: the context then has other options
  others.pong_timeout = seconds(0);
  others.ping_interval = seconds(0);
  context_->options = &others;
  for (int i = 0; i < 3; ++i) {
    sent_.clear();
    pass(session_->deadline() - now_.instant);
    ASSERT_EQ(sent_, std::vector<std::string>{"{}"});
    const core::Instant pinged = now_.instant;
    say("{}");
    ASSERT_FALSE(ended_) << "he was told to answer";
    EXPECT_EQ(session_->deadline(), pinged + seconds(25));
  }
}

TEST_F(SessionTest, AClientThatWasToldToSendNoPongsNeedNotLearnToWhenThatChanges) {
  options_.pong_timeout = seconds(0);
  open_insecure();
  SessionOptions others = options_;
  others.pong_timeout = seconds(8);
  context_->options = &others;
  pass(session_->deadline() - now_.instant);
  EXPECT_EQ(sent_.back(), "{}");
  pass(seconds(25));
  EXPECT_FALSE(ended_);
}

TEST_F(SessionTest, OurOwnPauseDoesNotKillWhoAnsweredMeanwhile) {
  open_insecure();
  pass(session_->deadline() - now_.instant);
  now_.catching_up = true;  // stopped for so long that the pong's deadline is over
  pass(seconds(9));
  ASSERT_FALSE(ended_);
  say("{}");  // it was in the socket all the time
  now_.catching_up = false;
  pass(session_->deadline() - now_.instant);
  EXPECT_FALSE(ended_);
  EXPECT_EQ(sent_.back(), "{}");
  pass(seconds(8));
  EXPECT_EQ(end_code(), 3012) << "patience has an end";
}

TEST_F(SessionTest, AClientWhoseInputWeHoldBackIsNotKilledForSilence) {
  open_insecure();
  const std::string full = channel(true);
  ask(R"({"id":2,"subscribe":{"channel":")" + full + "\"}}");
  while (!session_->blocked()) {
    say(R"({"id":3,"publish":{"channel":")" + full + R"(","data":"0123456789"}})");
  }
  pass(session_->deadline() - now_.instant);  // the ping
  pass(seconds(8));
  EXPECT_FALSE(ended_) << "his pong may be among what was not read";
  hub_->hand_over({});
  hub_->run(10);
  session_->resume(now_);
  EXPECT_FALSE(session_->blocked());
  pass(session_->deadline() - now_.instant);
  EXPECT_EQ(end_code(), 3012);
}

TEST_F(SessionTest, TheServerEndsSubscriptionsAndConnectionsOfAUser) {
  use_tokens();
  open();
  say(R"({"id":1,"connect":{"token":")" + token(R"({"sub":"ann"})") + "\"}}");
  EXPECT_EQ(context_->stats.clients.value(), 1U);
  EXPECT_EQ(context_->users.sessions_of("ann"), std::vector<Session*>{session_.get()});
  EXPECT_TRUE(context_->users.sessions_of("").empty());
  options_.channels.allow_subscribe_for_client = true;
  ask(R"({"id":2,"subscribe":{"channel":"chat"}})");
  sent_.clear();
  session_->unsubscribe_by_server("other", protocol::kUnsubscribeServer);
  EXPECT_TRUE(sent_.empty());
  session_->unsubscribe_by_server("chat", protocol::kUnsubscribeServer);
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(
      sent_[0],
      R"({"push":{"channel":"chat","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}})");
  EXPECT_EQ(hub_->subscription_count(), 0U);
  session_->disconnect_by_server(protocol::kDisconnectForced);
  EXPECT_EQ(end_code(), 3503);
  EXPECT_TRUE(context_->users.sessions_of("ann").empty());
  EXPECT_EQ(context_->users.user_count(), 0U);
  EXPECT_EQ(context_->stats.clients.value(), 0U);
}

TEST_F(SessionTest, ASubscriptionEndedBeforeItIsLiveIsRefused) {
  open_insecure(2);
  const std::string remote = channel(false);
  say(R"({"id":2,"subscribe":{"channel":")" + remote + "\"}}");
  ASSERT_TRUE(session_->blocked());
  session_->unsubscribe_by_server(remote, protocol::kUnsubscribeServer);
  EXPECT_TRUE(sent_.empty());
  const auto& interest = std::get<hub::Interest>(mail_.mails.at(0));
  hub_->on_mail(1, hub::InterestConfirmed{interest.local_channel, 0, interest.encodings});
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0], R"({"id":2,"error":{"code":103,"message":"permission denied"}})");
  EXPECT_EQ(hub_->subscription_count(), 0U);
  EXPECT_FALSE(session_->blocked());
}

TEST_F(SessionTest, PongWithoutPingAndSecondPongEndTheConnection) {
  open_insecure();
  say("{}");
  EXPECT_EQ(end_code(), 3501);
  ended_.reset();
  open_insecure();
  pass(session_->deadline() - now_.instant);
  say("{}");
  EXPECT_FALSE(ended_);
  say("{}");
  EXPECT_EQ(end_code(), 3501);
}

TEST_F(SessionTest, PingCommandOfTheClientIsRefused) {
  open_insecure();
  say(R"({"id":2,"ping":{}})");
  EXPECT_EQ(end_code(), 3501);
}

TEST_F(SessionTest, SubscribePublishAndReceiveOwnPublication) {
  open_insecure();
  EXPECT_EQ(ask(R"({"id":2,"subscribe":{"channel":"chat"}})"), R"({"id":2,"subscribe":{}})");
  EXPECT_EQ(ask(R"({"id":3,"publish":{"channel":"chat","data":{"n":1}}})"),
            R"({"id":3,"publish":{}})");
  hub_->hand_over({});
  hub_->run(10);
  ASSERT_EQ(deliveries_.received.size(), 1u);
  EXPECT_EQ(deliveries_.received[0].first, 7u);
  EXPECT_EQ(deliveries_.received[0].second, R"({"n":1})");
}

TEST_F(SessionTest, SeveralCommandsOfOneMessageAreAnsweredInOne) {
  open_insecure();
  EXPECT_EQ(ask("{\"id\":2,\"subscribe\":{\"channel\":\"a\"}}\n"
                "{\"id\":3,\"unsubscribe\":{\"channel\":\"a\"}}\n"),
            "{\"id\":2,\"subscribe\":{}}\n{\"id\":3,\"unsubscribe\":{}}");
}

TEST_F(SessionTest, RefusalsNameTheProtocolsCode) {
  options_.subscriptions_max = 1;
  open_insecure();
  ask(R"({"id":2,"subscribe":{"channel":"a"}})");
  const std::vector<std::pair<std::string, int>> cases{
      {R"({"id":3,"subscribe":{"channel":"a"}})", 105},
      {R"({"id":3,"subscribe":{"channel":"b"}})", 106},
      {R"({"id":3,"subscribe":{"channel":")" + std::string(256, 'x') + R"("}})", 107},
      {R"({"id":3,"subscribe":{"channel":"ns:a"}})", 102},
      {R"({"id":3,"subscribe":{"channel":"\u00e9"}})", 107},
      {R"({"id":3,"publish":{"channel":"ns:a","data":1}})", 102},
      {R"({"id":3,"publish":{"channel":"a"}})", 107},
      {R"({"id":3,"rpc":{"method":"x","data":{}}})", 104},
      {R"({"id":3,"history":{"channel":"a"}})", 108},
      {R"({"id":3,"presence":{"channel":"a"}})", 108},
      {R"({"id":3,"presence_stats":{"channel":"a"}})", 108},
      {R"({"id":3,"sub_refresh":{"channel":"a","token":"x"}})", 108},
      {R"({"id":3,"sub_refresh":{"channel":"z","token":"x"}})", 103}};
  for (const auto& [command, code] : cases) {
    EXPECT_TRUE(ask(command).starts_with(R"({"id":3,"error":{"code":)" + std::to_string(code)))
        << command << " -> " << sent_[0];
  }
  EXPECT_FALSE(ended_);
}

TEST_F(SessionTest, AChannelNameHas255BytesAtMost) {
  open_insecure();
  const auto ask_for = [&](std::string_view command, std::size_t bytes, std::string_view more) {
    return ask(R"({"id":2,")" + std::string(command) + R"(":{"channel":")" +
               std::string(bytes, 'x') + "\"" + std::string(more) + "}}");
  };
  constexpr std::string_view kRefused = R"({"id":2,"error":{"code":107,"message":"bad request"}})";
  EXPECT_EQ(ask_for("subscribe", 256, ""), kRefused);
  EXPECT_EQ(ask_for("subscribe", 255, ""), R"({"id":2,"subscribe":{}})");
  EXPECT_EQ(ask_for("publish", 256, R"(,"data":1)"), kRefused);
  EXPECT_EQ(ask_for("publish", 255, R"(,"data":1)"), R"({"id":2,"publish":{}})");
  EXPECT_FALSE(ended_);
}

TEST_F(SessionTest, AShardHasABoundedNumberOfChannels) {
  channels_max_ = 2;
  open_insecure();
  for (const char* channel : {"a", "b"}) {
    EXPECT_EQ(ask(R"({"id":2,"subscribe":{"channel":")" + std::string(channel) + "\"}}"),
              R"({"id":2,"subscribe":{}})");
  }
  EXPECT_EQ(ask(R"({"id":3,"subscribe":{"channel":"c"}})"),
            R"({"id":3,"error":{"code":106,"message":"limit exceeded"}})");
  ask(R"({"id":4,"unsubscribe":{"channel":"a"}})");
  EXPECT_EQ(ask(R"({"id":5,"subscribe":{"channel":"c"}})"), R"({"id":5,"subscribe":{}})");
}

TEST_F(SessionTest, AConnectionMayHave128Subscriptions) {
  open_insecure();
  const auto subscribe = [&](int number) {
    return ask(R"({"id":2,"subscribe":{"channel":"c)" + std::to_string(number) + "\"}}");
  };
  for (int i = 0; i < 128; ++i) ASSERT_EQ(subscribe(i), R"({"id":2,"subscribe":{}})") << i;
  EXPECT_EQ(subscribe(128), R"({"id":2,"error":{"code":106,"message":"limit exceeded"}})");
  EXPECT_FALSE(ended_);
}

TEST_F(SessionTest, JsonMayBeNestedToItsBound) {
  for (const auto& [depth, code] : {std::pair(30, 0), std::pair(31, 3501)}) {
    ended_.reset();
    open_insecure();
    // The command and its request are the first two of 32 levels.
    say(R"({"id":2,"publish":{"channel":"a","data":)" + std::string(depth, '[') +
        std::string(depth, ']') + "}}");
    EXPECT_EQ(end_code(), code) << depth;
  }
}

TEST_F(SessionTest, PrivateChannelsNeedATokenAndNoneIsValidYet) {
  open_insecure();
  EXPECT_TRUE(ask(R"({"id":2,"subscribe":{"channel":"$a"}})").find("103") != std::string::npos);
  EXPECT_TRUE(ask(R"({"id":2,"subscribe":{"channel":"a","token":"t"}})").find("103") !=
              std::string::npos);
}

TEST_F(SessionTest, EmptyChannelsEndTheConnection) {
  for (const std::string_view command :
       {R"({"id":2,"subscribe":{}})", R"({"id":2,"unsubscribe":{}})",
        R"({"id":2,"publish":{"data":1}})", R"({"id":2,"sub_refresh":{"token":"t"}})"}) {
    ended_.reset();
    open_insecure();
    say(command);
    EXPECT_EQ(end_code(), 3501) << command;
  }
}

TEST_F(SessionTest, SendIsNotAvailable) {
  open_insecure();
  say(R"({"send":{"data":{}}})");
  EXPECT_EQ(end_code(), 3508);
}

TEST_F(SessionTest, PermissionsAreDeniedByDefaultAndGrantedOneByOne) {
  use_tokens();
  const auto connect = [&](std::string_view user) {
    ended_.reset();
    open();
    say(R"({"id":1,"connect":{"token":")" + token(R"({"sub":")" + std::string(user) + R"("})") +
        R"("}})");
  };
  const auto code_of = [&](std::string_view command) {
    const std::string answer = ask(command);
    const auto at = answer.find("\"code\":");
    return at == std::string::npos ? 0 : std::stoi(answer.substr(at + 7));
  };
  constexpr std::string_view kSubscribe = R"({"id":2,"subscribe":{"channel":"a"}})";
  constexpr std::string_view kPublish = R"({"id":3,"publish":{"channel":"a","data":1}})";
  connect("42");
  EXPECT_EQ(code_of(kSubscribe), 103);
  EXPECT_EQ(code_of(kPublish), 103);
  options_.channels.allow_subscribe_for_client = true;
  options_.channels.allow_publish_for_subscriber = true;
  connect("");
  EXPECT_EQ(code_of(kSubscribe), 103) << "anonymous";
  connect("42");
  EXPECT_EQ(code_of(kPublish), 103) << "not subscribed";
  EXPECT_EQ(code_of(kSubscribe), 0);
  EXPECT_EQ(code_of(kPublish), 0);
  options_.channels.allow_publish_for_subscriber = false;
  options_.channels.allow_publish_for_client = true;
  connect("");
  EXPECT_EQ(code_of(kPublish), 103) << "anonymous";
  options_.channels.allow_publish_for_anonymous = true;
  EXPECT_EQ(code_of(kPublish), 0);
}

TEST_F(SessionTest, SubscribeWaitsForTheHomeShardAndLaterCommandsForIt) {
  open_insecure(2);
  const std::string away = channel(false);
  say("{\"id\":2,\"subscribe\":{\"channel\":\"" + away + "\"}}\n" +
      "{\"id\":3,\"unsubscribe\":{\"channel\":\"zzz\"}}");
  EXPECT_TRUE(sent_.empty());
  EXPECT_TRUE(session_->blocked());
  const auto interest = std::get<hub::Interest>(mail_.mails.at(0));
  hub_->on_mail(1, hub::InterestConfirmed{interest.local_channel, 5, interest.encodings});
  EXPECT_FALSE(session_->blocked());
  ASSERT_EQ(sent_.size(), 2u);
  EXPECT_EQ(sent_[0], R"({"id":2,"subscribe":{}})");
  EXPECT_EQ(sent_[1], R"({"id":3,"unsubscribe":{}})");
}

TEST_F(SessionTest, PublishesToOneHomeShardArePipelinedOthersWait) {
  open_insecure(2);
  options_.publishes_pipelined_max = 3;
  const std::string away = channel(false), here = channel(true);
  std::string message;
  for (int id = 2; id <= 5; ++id) {
    message += "{\"id\":" + std::to_string(id) + ",\"publish\":{\"channel\":\"" + away +
               "\",\"data\":1}}\n";
  }
  message += "{\"id\":6,\"publish\":{\"channel\":\"" + here + "\",\"data\":1}}";
  say(message);
  EXPECT_EQ(mail_.mails.size(), 3u) << "the fourth waits";
  EXPECT_TRUE(session_->blocked());
  for (std::size_t i = 0; i < mail_.mails.size(); ++i) {
    const auto to = std::get<std::unique_ptr<hub::PublishRequest>>(mail_.mails[i])->reply_to;
    hub_->on_mail(1, hub::PublishResult{to, hub::PublishOutcome::Accepted});
  }
  EXPECT_FALSE(session_->blocked());
  std::string all;
  for (const auto& sent : sent_) all += sent + "|";
  EXPECT_EQ(all, R"({"id":2,"publish":{}}|{"id":3,"publish":{}}|{"id":4,"publish":{}}|)"
                 R"({"id":5,"publish":{}}|{"id":6,"publish":{}}|)");
}

TEST_F(SessionTest, RemoteBusyIsATemporaryError) {
  open_insecure(2);
  say("{\"id\":2,\"publish\":{\"channel\":\"" + channel(false) + "\",\"data\":1}}");
  const auto to = std::get<std::unique_ptr<hub::PublishRequest>>(mail_.mails.at(0))->reply_to;
  hub_->on_mail(1, hub::PublishResult{to, hub::PublishOutcome::Busy});
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0],
            R"({"id":2,"error":{"code":111,"message":"too many requests","temporary":true}})");
}

TEST_F(SessionTest, FullQueuesSlowThePublisherThenRefuse) {
  open_insecure();
  ask(R"({"id":2,"subscribe":{"channel":"chat"}})");
  sent_.clear();
  const std::string big =
      R"({"id":3,"publish":{"channel":"chat","data":")" + std::string(100, 'x') + R"("}})";
  say(big);
  ASSERT_EQ(sent_.size(), 1u);
  sent_.clear();
  say(big);
  EXPECT_TRUE(session_->blocked() && session_->wants_retry());
  now_.instant += milliseconds(999);
  session_->resume(now_);
  EXPECT_TRUE(sent_.empty() && session_->blocked()) << "still no room";
  hub_->hand_over({});
  session_->resume(now_);
  ASSERT_EQ(sent_.size(), 1u) << "room again";
  EXPECT_EQ(sent_[0], R"({"id":3,"publish":{}})");
  sent_.clear();
  say(big);
  now_.instant += milliseconds(999);
  session_->resume(now_);
  EXPECT_TRUE(sent_.empty() && session_->blocked()) << "the wait begins anew";
  now_.instant += milliseconds(1);
  session_->resume(now_);
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0],
            R"({"id":3,"error":{"code":111,"message":"too many requests","temporary":true}})")
      << "refused after the wait";
}

TEST_F(SessionTest, ClosingLeavesEveryChannelAlsoThoseNotConfirmed) {
  open_insecure(2);
  ask("{\"id\":2,\"subscribe\":{\"channel\":\"" + channel(true) + "\"}}");
  say("{\"id\":3,\"subscribe\":{\"channel\":\"" + channel(false) + "\"}}");
  EXPECT_EQ(hub_->subscription_count(), 2u);
  session_->close();
  EXPECT_EQ(hub_->subscription_count(), 0u);
  EXPECT_EQ(session_->deadline(), core::kNever);
}

}  // namespace
}  // namespace sanjay::session
