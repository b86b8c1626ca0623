// SPDX-License-Identifier: Apache-2.0

// Commands whose tokens are verified with keys that are still to be fetched.

#include "auth/key_source.h"
#include "auth/signing_test.h"
#include "session/session_fixture.h"

namespace sanjay::session {
namespace {

using State = auth::KeyLookup::State;

/// Knows what the test says.
class FakeSource final : public auth::KeySource {
 public:
  auth::KeyLookup look_up(std::string_view) override {
    ++lookups;
    return {state, state == State::Known ? keys : nullptr};
  }
  auth::KeyStatus status() const override { return {}; }
  State state = State::Pending;
  std::shared_ptr<const auth::KeySet> keys;
  int lookups = 0;
};

class FetchedKeysTest : public SessionTest {
 protected:
  FetchedKeysTest() {
    source_->keys = std::make_shared<const auth::KeySet>(
        auth::parse_jwks(R"({"keys":[)" + pair().jwk(R"("kid":"k",)") + "]}").value());
    auth::VerifierOptions verifier;
    verifier.key_source = source_;
    options_.verifier =
        std::make_shared<const auth::TokenVerifier>(auth::TokenVerifier::create(verifier).value());
    options_.subscription_verifier = options_.verifier;
  }
  static const auth::TestKey& pair() {
    static const auth::TestKey key = auth::TestKey::p256();
    return key;
  }
  static std::string signed_token(std::string_view claims) {
    return pair().token(auth::SignatureAlgorithm::Es256, R"({"alg":"ES256","kid":"k"})", claims);
  }
  static std::string connect_command(std::string_view claims) {
    return R"({"id":1,"connect":{"token":")" + signed_token(claims) + R"("}})";
  }
  /// Keys have come: what a transport does then.
  void keys_changed(State state) {
    source_->state = state;
    for (Client& client : clients_) {
      if (client.session->wants_keys()) client.session->resume(now_);
    }
  }
  /// A client that has connected while the keys were known.
  Client& open() {
    start();
    source_->state = State::Known;
    Client& client = add_client();
    say(client, connect_command(R"({"sub":"42","exp":1700000060})"));
    EXPECT_TRUE(client.session->connected());
    client.take();
    source_->state = State::Pending;
    return client;
  }

  std::shared_ptr<FakeSource> source_ = std::make_shared<FakeSource>();
  static constexpr std::string_view kInternal =
      R"("error":{"code":100,"message":"internal server error","temporary":true}})";
};
INSTANTIATE_TEST_SUITE_P(Both, FetchedKeysTest, both_encodings(), encoding_name);

TEST_P(FetchedKeysTest, AConnectWaitsForThemAndWhatIsBehindForIt) {
  start();
  Client& client = add_client();
  say(client,
      connect_command(R"({"sub":"42"})") + "\n" + R"({"id":2,"unsubscribe":{"channel":"a"}})");
  EXPECT_TRUE(client.session->blocked() && client.session->wants_keys());
  keys_changed(State::Pending);
  EXPECT_TRUE(client.session->wants_keys()) << "others have come";
  EXPECT_EQ(client.take(), "");
  keys_changed(State::Known);
  EXPECT_FALSE(client.session->blocked());
  EXPECT_EQ(client.session->user(), "42");
  const std::string all = client.take();
  EXPECT_TRUE(all.starts_with(R"({"id":1,"connect":{)")) << all;
  EXPECT_TRUE(all.ends_with(R"({"id":2,"unsubscribe":{}})")) << all;
}

TEST_P(FetchedKeysTest, KeysThatCannotBeHadAreATemporaryError) {
  start();
  Client& client = add_client();
  source_->state = State::Unavailable;
  say(client, connect_command(R"({"sub":"42"})"));
  EXPECT_EQ(client.take(), R"({"id":1,)" + std::string(kInternal));
  EXPECT_FALSE(client.ended);
  source_->state = State::Unknown;
  Client& other = add_client();
  say(other, connect_command(R"({"sub":"42"})"));
  EXPECT_EQ(other.end_code(), 3500);
}

TEST_P(FetchedKeysTest, NobodyWaitsForThemForEver) {
  start();
  Client& client = add_client();
  say(client, connect_command(R"({"sub":"42"})"));
  pass(milliseconds(4999));
  keys_changed(State::Pending);
  EXPECT_EQ(client.take(), "");
  pass(milliseconds(1));
  EXPECT_EQ(client.take(), R"({"id":1,)" + std::string(kInternal));
  EXPECT_FALSE(client.session->blocked());
  pass(seconds(6));
  EXPECT_EQ(client.end_code(), 3502) << "and it is stale as any other";
}

TEST_P(FetchedKeysTest, KeysThatCameUnnoticedAreFoundWhenTheWaitIsOver) {
  start();
  Client& client = add_client();
  say(client, connect_command(R"({"sub":"42"})"));
  source_->state = State::Known;
  pass(seconds(5));
  EXPECT_TRUE(client.take().starts_with(R"({"id":1,"connect":{)"));
  EXPECT_TRUE(client.session->connected());
}

TEST_P(FetchedKeysTest, EveryCommandWithATokenWaitsThenGoesOnOrFails) {
  const std::string channel_token = signed_token(R"({"sub":"42","channel":"$a","exp":1700000060})");
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"({"id":2,"refresh":{"token":")" + signed_token(R"({"sub":"42","exp":1700000060})") +
           R"("}})",
       R"({"id":2,"refresh":{"expires":true,"ttl":60}})"},
      {R"({"id":2,"subscribe":{"channel":"$a","token":")" + channel_token + R"("}})",
       R"({"id":2,"subscribe":{"expires":true,"ttl":60}})"},
      {R"({"id":2,"sub_refresh":{"channel":"$b","token":")" +
           signed_token(R"({"sub":"42","channel":"$b","exp":1700000060})") + R"("}})",
       R"({"id":2,"sub_refresh":{"expires":true,"ttl":60}})"}};
  for (const auto& [command, answer] : cases) {
    for (const bool in_time : {true, false}) {
      Client& client = open();
      source_->state = State::Known;
      ask(client, R"({"id":9,"subscribe":{"channel":"$b","token":")" +
                      signed_token(R"({"sub":"42","channel":"$b","exp":1700000060})") + R"("}})");
      client.take();
      source_->state = State::Pending;
      say(client, command);
      EXPECT_TRUE(client.session->wants_keys()) << command;
      EXPECT_EQ(client.take(), "");
      if (in_time) {
        keys_changed(State::Known);
        settle();
        EXPECT_EQ(client.take(), answer);
      } else {
        pass(seconds(5));
        EXPECT_EQ(client.take(), R"({"id":2,)" + std::string(kInternal)) << command;
      }
      EXPECT_FALSE(client.session->blocked());
      EXPECT_FALSE(client.ended);
    }
  }
}

TEST_P(FetchedKeysTest, EachCommandWaitsItsOwnTime) {
  Client& client = open();
  const std::string refresh = R"({"id":2,"refresh":{"token":")" +
                              signed_token(R"({"sub":"42","exp":1700000060})") + R"("}})";
  say(client, refresh);
  pass(seconds(4));
  keys_changed(State::Known);
  client.take();
  source_->state = State::Pending;
  say(client, refresh);
  pass(seconds(4));
  EXPECT_TRUE(client.session->wants_keys());
  EXPECT_EQ(client.take(), "");
}

TEST_P(FetchedKeysTest, WhoeverGoesWhileWaitingIsGone) {
  start();
  Client& client = add_client();
  say(client, connect_command(R"({"sub":"42"})"));
  client.session->close();
  keys_changed(State::Known);
  client.session->resume(now_);
  EXPECT_EQ(client.take(), "");
  EXPECT_EQ(client.session->deadline(), core::kNever);
}

TEST_P(FetchedKeysTest, EverySessionOfAShardSharesWhatItsCacheKnows) {
  const std::string command = connect_command(R"({"sub":"42","exp":1700000060})");
  start();
  source_->state = State::Known;
  const auto come = [&]() -> Client& {
    Client& client = add_client();
    say(client, command);
    EXPECT_TRUE(client.session->connected());
    client.take();
    return client;
  };
  Client& client = come();
  EXPECT_EQ(context_->signatures.size(), 1U);
  come();
  EXPECT_EQ(context_->signatures.size(), 1U) << "the same token";
  const auto subscribe = [&](std::string_view kind, std::string_view claims) {
    say(client, R"({"id":2,")" + std::string(kind) + R"(":{"channel":"a","token":")" +
                    signed_token(claims) + R"("}})");
    EXPECT_EQ(client.take().find("error"), std::string::npos) << kind;
  };
  subscribe("subscribe", R"({"sub":"42","channel":"a","exp":1700000030})");
  EXPECT_EQ(context_->signatures.size(), 2U);
  subscribe("sub_refresh", R"({"sub":"42","channel":"a","exp":1700000040})");
  EXPECT_EQ(context_->signatures.size(), 3U);
  say(client, R"({"id":3,"refresh":{"token":")" + signed_token(R"({"sub":"42","exp":1700000090})") +
                  R"("}})");
  EXPECT_EQ(client.take().find("error"), std::string::npos);
  EXPECT_EQ(context_->signatures.size(), 4U);
  // The key is gone, and with it whatever was signed by it.
  source_->keys = std::make_shared<const auth::KeySet>(
      auth::parse_jwks(R"({"keys":[)" + auth::TestKey::p256().jwk(R"("kid":"k",)") + "]}").value());
  Client& late = add_client();
  say(late, command);
  EXPECT_EQ(late.end_code(), 3500);
}

}  // namespace
}  // namespace sanjay::session
