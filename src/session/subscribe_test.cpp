// SPDX-License-Identifier: Apache-2.0

// Subscribing and unsubscribing: who may, what waits, how subscriptions end.

#include "session/session_fixture.h"

namespace sanjay::session {
namespace {

class SubscribeTest : public SessionTest {
 protected:
  Client& open_insecure(core::ShardIndex shards = 1) {
    options_.insecure = true;
    start(shards);
    Client& client = connect();
    client.take();
    return client;
  }
  static std::string subscribe_to(std::string_view channel, std::string_view more = "") {
    return R"({"id":2,"subscribe":{"channel":")" + std::string(channel) + "\"" + std::string(more) +
           "}}";
  }
  std::string code_of(std::string_view answer) {
    const auto at = answer.find("\"code\":");
    return at == answer.npos ? std::string(answer) : std::string(answer.substr(at + 7, 3));
  }
};
INSTANTIATE_TEST_SUITE_P(Both, SubscribeTest, both_encodings(), encoding_name);

TEST_P(SubscribeTest, RefusalsNameTheProtocolsCode) {
  options_.subscriptions_max = 1;
  add_namespace("cats").channel_regex = "^[a-z]+$";
  Client& client = open_insecure();
  ask(client, subscribe_to("a"));
  const std::vector<std::pair<std::string, int>> cases{
      {subscribe_to("a"), 105},
      {subscribe_to("b"), 106},
      {subscribe_to(std::string(256, 'x')), 107},
      {R"({"id":3,"publish":{"channel":"ns:a","data":1}})", 102},
      {R"({"id":3,"publish":{"channel":"cats:A","data":1}})", 107},
      {R"({"id":3,"publish":{"channel":"a"}})", 107},
      {R"({"id":3,"publish":{"channel":"a","data":1,"type":1}})", 107},
      {R"({"id":3,"history":{"channel":"a"}})", 108},
      {R"({"id":3,"presence":{"channel":"a"}})", 108},
      {R"({"id":3,"presence_stats":{"channel":"a"}})", 108},
      {R"({"id":3,"history":{"channel":"ns:a"}})", 102},
      {R"({"id":3,"presence":{"channel":"ns:a"}})", 102},
      {R"({"id":3,"presence_stats":{"channel":"ns:a"}})", 102},
      {R"({"id":3,"sub_refresh":{"channel":"a","token":"x","type":1}})", 108},
      {R"({"id":3,"sub_refresh":{"channel":"a"}})", 107},
      {R"({"id":3,"sub_refresh":{"channel":"z","token":"x"}})", 103}};
  for (const auto& [command, code] : cases) {
    EXPECT_EQ(code_of(ask(client, command)), std::to_string(code)) << command;
  }
  EXPECT_FALSE(client.ended);
  ask(client, R"({"id":9,"unsubscribe":{"channel":"a"}})");
  const std::vector<std::pair<std::string, int>> subscribes{
      {subscribe_to("ns:a"), 102},
      {subscribe_to("cats:A"), 107},
      {subscribe_to("\u00e9"), 107},
      {subscribe_to("b", R"(,"type":1)"), 103},
      {subscribe_to("ns:a", R"(,"type":1)"), 102},
      {subscribe_to("b", R"(,"tf":{"key":"k","cmp":"ex"})"), 107},
      {subscribe_to("$b"), 103},
      {subscribe_to("b", R"(,"token":"t")"), 103}};
  for (const auto& [command, code] : subscribes) {
    EXPECT_EQ(code_of(ask(client, command)), std::to_string(code)) << command;
  }
  EXPECT_FALSE(client.ended);
  EXPECT_EQ(hub().subscription_count(), 0u);
  say(client, subscribe_to("b", R"(,"delta":"other")"));
  EXPECT_EQ(client.end_code(), 3501);
}

TEST_P(SubscribeTest, DeltaIsNotNegotiated) {
  Client& client = open_insecure();
  EXPECT_EQ(ask(client, subscribe_to("b", R"(,"delta":"fossil")")), R"({"id":2,"subscribe":{}})");
}

TEST_P(SubscribeTest, AChannelNameHas255BytesAtMost) {
  Client& client = open_insecure();
  const auto ask_for = [&](std::string_view command, std::size_t bytes, std::string_view more) {
    return ask(client, R"({"id":2,")" + std::string(command) + R"(":{"channel":")" +
                           std::string(bytes, 'x') + "\"" + std::string(more) + "}}");
  };
  constexpr std::string_view kRefused = R"({"id":2,"error":{"code":107,"message":"bad request"}})";
  EXPECT_EQ(ask_for("subscribe", 256, ""), kRefused);
  EXPECT_EQ(ask_for("subscribe", 255, ""), R"({"id":2,"subscribe":{}})");
  ask_for("unsubscribe", 255, "");
  EXPECT_EQ(ask_for("publish", 256, R"(,"data":1)"), kRefused);
  EXPECT_EQ(ask_for("publish", 255, R"(,"data":1)"), R"({"id":2,"publish":{}})");
  EXPECT_FALSE(client.ended);
}

TEST_P(SubscribeTest, AShardHasABoundedNumberOfChannels) {
  hub_options_.channels_max = 2;
  Client& client = open_insecure();
  for (const char* channel : {"a", "b"}) {
    EXPECT_EQ(ask(client, subscribe_to(channel)), R"({"id":2,"subscribe":{}})");
  }
  EXPECT_EQ(ask(client, subscribe_to("c")),
            R"({"id":2,"error":{"code":106,"message":"limit exceeded"}})");
  ask(client, R"({"id":4,"unsubscribe":{"channel":"a"}})");
  EXPECT_EQ(ask(client, subscribe_to("c")), R"({"id":2,"subscribe":{}})");
}

TEST_P(SubscribeTest, AConnectionMayHave128Subscriptions) {
  Client& client = open_insecure();
  const auto subscribe = [&](int number) {
    return ask(client, subscribe_to("c" + std::to_string(number)));
  };
  for (int i = 0; i < 128; ++i) ASSERT_EQ(subscribe(i), R"({"id":2,"subscribe":{}})") << i;
  EXPECT_EQ(subscribe(128), R"({"id":2,"error":{"code":106,"message":"limit exceeded"}})");
  EXPECT_FALSE(client.ended);
}

TEST_P(SubscribeTest, PermissionsAreDeniedByDefaultAndGrantedOneByOne) {
  use_tokens();
  channels::ChannelOptions& channel = names_.without_namespace;
  const std::string subscribe = subscribe_to("a");
  const std::string publish = R"({"id":3,"publish":{"channel":"a","data":1}})";
  const auto user = [&](std::string_view name) -> Client& {
    start();
    return connect_with(R"({"sub":")" + std::string(name) + R"("})");
  };
  {
    Client& client = user("42");
    EXPECT_EQ(code_of(ask(client, subscribe)), "103");
    EXPECT_EQ(code_of(ask(client, publish)), "103");
  }
  channel.allow_subscribe_for_client = true;
  channel.allow_publish_for_subscriber = true;
  EXPECT_EQ(code_of(ask(user(""), subscribe)), "103") << "anonymous";
  {
    Client& client = user("42");
    EXPECT_EQ(code_of(ask(client, publish)), "103") << "not subscribed";
    EXPECT_EQ(ask(client, subscribe), R"({"id":2,"subscribe":{}})");
    EXPECT_TRUE(ask(client, publish).starts_with(R"({"id":3,"publish":{}})"));
  }
  channel.allow_publish_for_subscriber = false;
  channel.allow_publish_for_client = true;
  EXPECT_EQ(code_of(ask(user(""), publish)), "103") << "anonymous";
  channel.allow_publish_for_anonymous = true;
  EXPECT_EQ(ask(user(""), publish), R"({"id":3,"publish":{}})");
}

TEST_P(SubscribeTest, UserLimitedChannelsAreForThoseTheyName) {
  use_tokens();
  names_.without_namespace.allow_user_limited_channels = true;
  start();
  Client& client = connect_with(R"({"sub":"42"})");
  EXPECT_EQ(ask(client, subscribe_to("dialog#41,42")), R"({"id":2,"subscribe":{}})");
  EXPECT_EQ(code_of(ask(client, subscribe_to("dialog#41,43"))), "103");
}

TEST_P(SubscribeTest, UnsubscribingSucceedsWhateverThereIs) {
  Client& client = open_insecure();
  constexpr std::string_view kCommand = R"({"id":3,"unsubscribe":{"channel":"a"}})";
  EXPECT_EQ(ask(client, kCommand), R"({"id":3,"unsubscribe":{}})") << "not subscribed";
  ask(client, subscribe_to("a"));
  EXPECT_EQ(hub().subscription_count(), 1u);
  EXPECT_EQ(ask(client, kCommand), R"({"id":3,"unsubscribe":{}})") << "and no push";
  EXPECT_EQ(hub().subscription_count(), 0u);
}

TEST_P(SubscribeTest, ItWaitsForTheHomeShardAndLaterCommandsForIt) {
  Client& client = open_insecure(2);
  say(client, R"({"id":2,"subscribe":{"channel":")" + channel(false) + "\"}}\n" +
                  R"({"id":3,"unsubscribe":{"channel":"zzz"}})");
  EXPECT_TRUE(client.received.empty());
  EXPECT_TRUE(client.session->blocked());
  settle();
  EXPECT_FALSE(client.session->blocked());
  EXPECT_EQ(client.take(), "{\"id\":2,\"subscribe\":{}}\n{\"id\":3,\"unsubscribe\":{}}");
}

TEST_P(SubscribeTest, ASubscriptionEndedBeforeItIsLiveIsRefused) {
  Client& client = open_insecure(2);
  const std::string remote = channel(false);
  say(client, subscribe_to(remote));
  ASSERT_TRUE(client.session->blocked());
  client.session->unsubscribe_by_server(remote, protocol::kUnsubscribeServer);
  EXPECT_TRUE(client.received.empty());
  settle();
  EXPECT_EQ(client.take(), R"({"id":2,"error":{"code":103,"message":"permission denied"}})");
  EXPECT_EQ(hub().subscription_count(), 0U);
  EXPECT_FALSE(client.session->blocked());
  EXPECT_EQ(ask(client, subscribe_to(remote)), R"({"id":2,"subscribe":{}})");
}

TEST_P(SubscribeTest, AHomeThatDoesNotAnswerIsATemporaryError) {
  Client& client = open_insecure(2);
  say(client, subscribe_to(channel(false)));
  shards_[0].mail_out.clear();  // lost
  turn();
  pass(seconds(10));
  turn();
  EXPECT_EQ(client.take(),
            R"({"id":2,"error":{"code":100,"message":"internal server error","temporary":true}})");
  EXPECT_FALSE(client.session->blocked());
  EXPECT_EQ(client.session->subscription_count(), 0U);
}

TEST_P(SubscribeTest, ClosingLeavesEveryChannelAlsoThoseNotConfirmed) {
  Client& client = open_insecure(2);
  ask(client, subscribe_to(channel(true)));
  say(client, subscribe_to(channel(false)));
  EXPECT_EQ(hub().subscription_count(), 2u);
  client.session->close();
  EXPECT_EQ(hub().subscription_count(), 0u);
  EXPECT_EQ(client.session->deadline(), core::kNever);
  settle();
  EXPECT_EQ(client.take(), "");
  EXPECT_EQ(shards_[1].hub->home_channel_count(), 0u);
}

// --- tokens

class SubscriptionTokenTest : public SubscribeTest {
 protected:
  Client& open() {
    use_tokens();
    start();
    return connect_with(R"({"sub":"42"})");
  }
  std::string subscribe_with(Client& client, std::string_view claims,
                             std::string_view channel = "$a") {
    const std::string text =
        replaced(std::string(claims), {{"CLIENT", "\"" + id_of(client) + "\""}});
    return ask(client, subscribe_to(channel, R"(,"token":")" + token(text) + "\""));
  }
  std::string refresh_with(Client& client, std::string_view claims,
                           std::string_view channel = "$a") {
    const std::string text =
        replaced(std::string(claims), {{"CLIENT", "\"" + id_of(client) + "\""}});
    return ask(client, R"({"id":3,"sub_refresh":{"channel":")" + std::string(channel) +
                           R"(","token":")" + token(text) + R"("}})");
  }
};
INSTANTIATE_TEST_SUITE_P(Both, SubscriptionTokenTest, both_encodings(), encoding_name);

TEST_P(SubscriptionTokenTest, OnlyTheTokenDecides) {
  constexpr std::string_view kDone = R"({"id":2,"subscribe":{}})";
  constexpr std::string_view kDenied =
      R"({"id":2,"error":{"code":103,"message":"permission denied"}})";
  constexpr std::string_view kExpired =
      R"({"id":2,"error":{"code":109,"message":"token expired"}})";
  struct Case {
    std::string_view claims;
    std::string_view answer;
    std::uint16_t code = 0;
  };
  for (const Case& c : std::vector<Case>{
           {R"({"sub":"42","channel":"$a"})", kDone},
           {R"({"sub":"42","channel":"$a","client":CLIENT})", kDone},
           {R"({"sub":"42","channel":"$a","exp":1699999999})", kExpired},
           {R"({"sub":"42","channel":"$a","exp":1700000099,"expire_at":1699999999})", kExpired},
           {R"({"sub":"42"})", kDenied},  // of a connection
           {R"({"sub":"42","channel":"$b"})", "", 3500},
           {R"({"sub":"43","channel":"$a"})", "", 3500},
           {R"({"channel":"$a"})", "", 3500},
           {R"({"sub":"42","channel":"$a","client":"another"})", "", 3500},
           {R"({"sub":"42","channel":"$a","b64info":"/w=="})", "", 3500}}) {
    Client& client = open();
    EXPECT_EQ(subscribe_with(client, c.claims), c.answer) << c.claims;
    EXPECT_EQ(client.end_code(), c.code) << c.claims;
  }
  names_.without_namespace.allow_subscribe_for_client = true;
  Client& client = open();
  EXPECT_EQ(ask(client, subscribe_to("a", R"(,"token":"garbage")")), kDenied)
      << "though he might without one";
}

TEST_P(SubscriptionTokenTest, AForeignSignatureIsDenied) {
  Client& client = open();
  const std::string foreign =
      auth::sign_hs256(R"({"sub":"42","channel":"$a"})", "the secret of somebody else, quite long")
          .value();
  EXPECT_EQ(code_of(ask(client, subscribe_to("$a", R"(,"token":")" + foreign + "\""))), "103");
  options_.subscription_verifier = nullptr;
  EXPECT_EQ(code_of(subscribe_with(client, R"({"sub":"42","channel":"$a"})")), "103")
      << "there is nobody to verify it";
  EXPECT_FALSE(client.ended);
}

TEST_P(SubscriptionTokenTest, TheyMayHaveAVerifierOfTheirOwn) {
  Client& client = open();
  auth::VerifierOptions other;
  other.hmac_secret_key = "the secret of subscriptions, as long as any";
  options_.subscription_verifier =
      std::make_shared<const auth::TokenVerifier>(auth::TokenVerifier::create(other).value());
  EXPECT_EQ(code_of(subscribe_with(client, R"({"sub":"42","channel":"$a"})")), "103");
  const std::string good =
      auth::sign_hs256(R"({"sub":"42","channel":"$a"})", other.hmac_secret_key).value();
  EXPECT_EQ(ask(client, subscribe_to("$a", R"(,"token":")" + good + "\"")),
            R"({"id":2,"subscribe":{}})");
}

TEST_P(SubscriptionTokenTest, BringsDataOnOneLineAndItsLifetime) {
  Client& client = open();
  // {\n"a":1\n} behind the base64.
  EXPECT_EQ(subscribe_with(client, R"({"sub":"42","channel":"$a","exp":1700000060,)"
                                   R"("b64data":"ewoiYSI6MQp9"})"),
            is_json()
                ? R"({"id":2,"subscribe":{"expires":true,"ttl":60,"data":{"a":1}}})"
                : "{\"id\":2,\"subscribe\":{\"expires\":true,\"ttl\":60,\"data\":{\n\"a\":1\n}}}");
}

TEST_P(SubscriptionTokenTest, BinaryDataIsForThoseWhoCanReadIt) {
  Client& client = open();
  const std::string answer =
      subscribe_with(client, R"({"sub":"42","channel":"$a","b64data":"AQI="})");
  if (is_json()) {
    EXPECT_EQ(client.end_code(), 3506);
    EXPECT_EQ(answer, "");
  } else {
    EXPECT_FALSE(client.ended);
    EXPECT_NE(answer.find("\"binary\""), answer.npos) << answer;
  }
}

TEST_P(SubscriptionTokenTest, OverridesAndInfoAreThoseOfTheBearer) {
  names_.without_namespace.allow_presence_for_subscriber = true;
  names_.without_namespace.presence = true;
  Client& client = open();
  EXPECT_EQ(subscribe_with(client, R"({"sub":"42","channel":"$a","info":{"role":"x"}})"),
            R"({"id":2,"subscribe":{}})");
  EXPECT_EQ(ask(client, R"({"id":3,"presence":{"channel":"$a"}})"),
            replaced(R"({"id":3,"presence":{"presence":{"ID":{"user":"42","client":"ID",)"
                     R"("chan_info":{"role":"x"}}}}})",
                     {{"ID", id_of(client)}}));
  Client& hidden = connect_with(R"({"sub":"43"})");
  subscribe_with(hidden, R"({"sub":"43","channel":"$a","override":{"presence":{"value":false}}})");
  EXPECT_EQ(ask(hidden, R"({"id":3,"presence_stats":{"channel":"$a"}})"),
            R"({"id":3,"presence_stats":{"num_clients":1,"num_users":1}})");
}

TEST_P(SubscriptionTokenTest, SubRefreshProlongsOrEndsAsTheTokenSays) {
  constexpr std::string_view kSubscription = R"({"sub":"42","channel":"$a","exp":1700000010})";
  struct Case {
    std::string_view claims;
    std::string_view answer;
    std::uint16_t code = 0;
  };
  for (const Case& c :
       std::vector<Case>{{R"({"sub":"42","channel":"$a","exp":1700000100})",
                          R"({"id":3,"sub_refresh":{"expires":true,"ttl":100}})"},
                         {R"({"sub":"42","channel":"$a","exp":1700000100,"client":CLIENT})",
                          R"({"id":3,"sub_refresh":{"expires":true,"ttl":100}})"},
                         {R"({"sub":"42","channel":"$a"})", R"({"id":3,"sub_refresh":{}})"},
                         {R"({"sub":"42","channel":"$a","exp":1699999999})", "", 3006},
                         {R"({"sub":"42","channel":"$a","expire_at":1699999999})", "", 3006},
                         {R"({"sub":"42"})", "", 3500},
                         {R"({"sub":"42","channel":"$b"})", "", 3500},
                         {R"({"sub":"43","channel":"$a"})", "", 3500},
                         {R"({"sub":"42","channel":"$a","client":"another"})", "", 3500},
                         {R"({"sub":"42","channel":"$a","b64info":"/w=="})", "", 3500}}) {
    Client& client = open();
    ASSERT_EQ(subscribe_with(client, kSubscription),
              R"({"id":2,"subscribe":{"expires":true,"ttl":10}})");
    EXPECT_EQ(refresh_with(client, c.claims), c.answer) << c.claims;
    EXPECT_EQ(client.end_code(), c.code) << c.claims;
    if (c.code != 0) continue;
    live(client, seconds(60));
    EXPECT_EQ(client.session->subscription_count(), 1u) << c.claims;
    EXPECT_EQ(client.take(), "") << c.claims;
  }
  Client& client = open();
  subscribe_with(client, kSubscription);
  EXPECT_EQ(code_of(refresh_with(client, R"({"sub":"42","channel":"$b"})", "$b")), "103")
      << "not subscribed";
  options_.subscription_verifier = nullptr;
  refresh_with(client, kSubscription);
  EXPECT_EQ(client.end_code(), 3500);
}

TEST_P(SubscriptionTokenTest, AnExpiredSubscriptionIsEndedAfterItsDelayAndTheConnectionStays) {
  Client& client = open();
  subscribe_with(client, R"({"sub":"42","channel":"$a","exp":1700000010})");
  subscribe_with(client, R"({"sub":"42","channel":"$b","exp":1700000010})", "$b");
  // One that never expires, though there is something to keep of it.
  subscribe_with(client, R"({"sub":"42","channel":"$c","info":{"n":1}})", "$c");
  ask(client, R"({"id":3,"unsubscribe":{"channel":"$b"}})");
  live(client, seconds(34));
  pass(milliseconds(999));
  EXPECT_EQ(client.take(), "");
  pass(milliseconds(1));
  EXPECT_EQ(client.take(), R"({"push":{"channel":"$a","unsubscribe":)"
                           R"({"code":2501,"reason":"subscription expired"}}})");
  EXPECT_EQ(client.session->subscription_count(), 1u);
  live(client, seconds(100));
  EXPECT_EQ(client.take(), "");
  EXPECT_FALSE(client.ended);
}

TEST_P(SubscriptionTokenTest, ManySubscriptionsThatExpireAtOnceEndInOneMessage) {
  Client& client = open();
  for (const char* name : {"$a", "$b", "$c"}) {
    subscribe_with(client,
                   R"({"sub":"42","exp":1700000010,"channel":")" + std::string(name) + "\"}", name);
  }
  live(client, seconds(34));
  pass(seconds(1));
  EXPECT_EQ(client.received.size(), 1u);
  EXPECT_EQ(client.session->subscription_count(), 0u);
  EXPECT_EQ(hub().subscription_count(), 0u);
}

// A subscription whose token expires while it is still being made.
TEST_P(SubscriptionTokenTest, ExpiryFindsASubscriptionThatIsNotLiveYet) {
  options_.expired_subscription_close_delay = seconds(1);
  use_tokens();
  start(2);
  Client& client = connect_with(R"({"sub":"42"})");
  const std::string away = channel(false, "$");
  const std::string here = channel(true, "$");
  subscribe_with(client, R"({"sub":"42","info":{},"channel":")" + here + "\"}", here);
  const std::string signed_token =
      token(R"({"sub":"42","exp":1700000002,"channel":")" + away + "\"}");
  say(client, subscribe_to(away, R"(,"token":")" + signed_token + "\""));
  ASSERT_TRUE(client.session->blocked());
  pass(seconds(3));
  EXPECT_EQ(client.take(), "");
  settle();
  EXPECT_EQ(client.take(), R"({"id":2,"error":{"code":103,"message":"permission denied"}})");
  EXPECT_EQ(client.session->subscription_count(), 1u);
}

}  // namespace
}  // namespace sanjay::session
