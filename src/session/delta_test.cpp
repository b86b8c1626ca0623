// SPDX-License-Identifier: Apache-2.0
// Subscribers that take publications as differences, and those that want some of them only.
#include "session/session_fixture.h"

#include <string>
#include <string_view>

namespace sanjay::session {
namespace {

constexpr std::string_view kFirst = R"({"price":100,"symbol":"AAPL","exchange":"NASDAQ"})";
constexpr std::string_view kSecond = R"({"price":101,"symbol":"AAPL","exchange":"NASDAQ"})";
constexpr std::string_view kPatch = "m\nB@0,1:1a@C,3rHTAY;";

class DeltaTest : public SessionTest {
 protected:
  DeltaTest() {
    options_.insecure = true;
    channels::ChannelOptions& news = add_namespace("news");
    news.history = {100, seconds(60), {}};
    news.force_recovery = true;
    news.allowed_delta_types = {channels::DeltaType::Fossil};
    news.delta_publish = true;
    news.allow_tags_filter = true;
    channels::ChannelOptions options = news;  // it moves when another is added
    options.delta_publish = false;
    add_namespace("asked") = options;
    options.delta_publish = true;
    channels::ChannelOptions& cache = add_namespace("cache") = options;
    cache.force_recovery_mode = channels::RecoveryMode::Cache;
    add_namespace("plain").allowed_delta_types = {channels::DeltaType::Fossil};
    add_namespace("closed");
  }
  Client& open(core::ShardIndex shards = 1) {
    start(shards);
    Client& client = connect();
    client.take();
    return client;
  }
  std::string subscribe(Client& client, std::string_view channel, std::string_view more = "") {
    const std::string epoch = epoch_of(channel);
    const std::string command = R"({"id":2,"subscribe":{"channel":")" + std::string(channel) +
                                "\"" + std::string(more) + "}}";
    return replaced(ask(client, replaced(command, {{"EPOCH", epoch}})), {{epoch, "EPOCH"}});
  }
  static std::string recovered_since(int offset) {
    return R"(,"recover":true,"epoch":"EPOCH","offset":)" + std::to_string(offset);
  }
  /// Publishes as the server API does, with a tag.
  void publish(std::string_view channel, std::string_view data, std::string_view color = "",
               bool is_json = true) {
    const channels::ChannelOptions& options = *options_.namespaces->find(channel);
    const hub::Tag tag{"color", color};
    hub::Publication publication{
        .data = data, .data_is_json = is_json, .delta = options.delta_publish};
    if (!color.empty()) publication.tags = {&tag, 1};
    hub::PublishOptions how;
    how.history = {options.history.size, options.history.ttl, options.history.meta_ttl};
    hub::Hub& home = *shards_[hub().home_of(channel)].hub;
    ASSERT_TRUE(home.publish(channel, publication, how, {}));
    settle();
  }
  /// The data of a publication as this client's encoding has it.
  std::string data(std::string_view payload, bool delta_negotiated = true) const {
    const bool is_patch = payload.ends_with(';');
    const std::string text =
        quoted(replaced(std::string(payload), {{"\"", "\\\""}, {"\n", "\\n"}}));
    if (is_json() && delta_negotiated) return text;
    return is_patch ? R"({"binary":)" + text + "}" : std::string(payload);
  }
  std::string push(std::string_view channel, std::string_view payload, std::string_view more = "",
                   bool delta_negotiated = true) const {
    return R"({"push":{"channel":")" + std::string(channel) + R"(","pub":{"data":)" +
           data(payload, delta_negotiated) + std::string(more) + "}}}";
  }
  /// Without the epoch that the first publication of a history names.
  std::string heard(Client& client, std::string_view channel) {
    const std::string epoch = R"(,"epoch":")" + epoch_of(channel) + "\"";
    return replaced(client.take(), {{epoch, ""}});
  }
};
INSTANTIATE_TEST_SUITE_P(Both, DeltaTest, both_encodings(), encoding_name);

constexpr std::string_view kFossil = R"(,"delta":"fossil")";
constexpr std::string_view kRed = R"(,"tf":{"key":"color","cmp":"eq","val":"red"})";

TEST_P(DeltaTest, IsNegotiatedWhereTheNamespaceAllowsIt) {
  Client& client = open();
  EXPECT_EQ(subscribe(client, "news:a", kFossil),
            R"({"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","positioned":true,)"
            R"("delta":true}})");
  EXPECT_EQ(subscribe(client, "plain:a", kFossil), R"({"id":2,"subscribe":{"delta":true}})");
  EXPECT_EQ(subscribe(client, "closed:a", kFossil), R"({"id":2,"subscribe":{}})");
  say(client, R"({"id":3,"subscribe":{"channel":"news:b","delta":"vcdiff"}})");
  EXPECT_EQ(client.end_code(), 3501);
}

TEST_P(DeltaTest, TheFirstPublicationIsWholeTheNextADifference) {
  for (const int shards : {1, 2}) {
    Client& client = open(static_cast<core::ShardIndex>(shards));
    Client& plain = connect();
    const std::string name = shards == 1 ? "news:a" : channel(false, "news:");
    subscribe(client, name, kFossil);
    subscribe(plain, name);
    plain.take();
    publish(name, kFirst);
    EXPECT_EQ(heard(client, name), push(name, kFirst, R"(,"offset":1)"));
    publish(name, kSecond);
    EXPECT_EQ(heard(client, name), push(name, kPatch, R"(,"offset":2,"delta":true)"));
    publish(name, "[]");
    EXPECT_EQ(heard(client, name), push(name, "[]", R"(,"offset":3)")) << "no shorter as a patch";
    EXPECT_EQ(heard(plain, name), push(name, kFirst, R"(,"offset":1)", false) + "\n" +
                                      push(name, kSecond, R"(,"offset":2)", false) + "\n" +
                                      push(name, "[]", R"(,"offset":3)", false));
    // Who comes later has none of them.
    Client& late = connect();
    subscribe(late, name, kFossil);
    publish(name, kFirst);
    publish(name, kSecond);
    EXPECT_EQ(heard(late, name), push(name, kFirst, R"(,"offset":4)") + "\n" +
                                     push(name, kPatch, R"(,"offset":5,"delta":true)"));
  }
}

TEST_P(DeltaTest, SeveralOfOneTurnAreDifferencesToo) {
  Client& client = open();
  subscribe(client, "news:a", kFossil);
  const auto& options = *options_.namespaces->find("news:a");
  const hub::PublishOptions how{.history = {options.history.size, options.history.ttl, {}}};
  for (const std::string_view payload : {kFirst, kSecond, kFirst}) {
    hub().publish("news:a", {.data = payload, .delta = true}, how, {});
  }
  settle();
  const std::string received = heard(client, "news:a");
  EXPECT_TRUE(received.starts_with(push("news:a", kFirst, R"(,"offset":1)") + "\n" +
                                   push("news:a", kPatch, R"(,"offset":2,"delta":true)")));
  EXPECT_NE(received.find(R"("offset":3,"delta":true)"), std::string::npos);
}

TEST_P(DeltaTest, NothingIsADifferenceUnlessThePublisherAllowsIt) {
  Client& client = open();
  subscribe(client, "asked:a", kFossil);
  publish("asked:a", kFirst);
  publish("asked:a", kSecond);
  EXPECT_EQ(heard(client, "asked:a"), push("asked:a", kFirst, R"(,"offset":1)") + "\n" +
                                          push("asked:a", kSecond, R"(,"offset":2)"));
}

TEST_P(DeltaTest, AClientsPublicationsAreDifferencesWhereTheNamespaceSaysSo) {
  Client& client = open();
  subscribe(client, "news:a", kFossil);
  for (const std::string_view payload : {kFirst, kSecond}) {
    say(client, R"({"id":3,"publish":{"channel":"news:a","data":)" + std::string(payload) + "}}");
    settle();
  }
  EXPECT_NE(client.take().find(R"("offset":2,"delta":true)"), std::string::npos);
}

TEST_P(DeltaTest, OfWhatWasMissedTheFirstIsWholeAndTheNextLiveOneFollowsIt) {
  Client& client = open();
  publish("news:a", "0");
  publish("news:a", kFirst);
  publish("news:a", kSecond);
  // Somebody takes differences: there is a base to take the next one from.
  Client& other = connect();
  subscribe(other, "news:a", kFossil);
  publish("news:a", kFirst);
  EXPECT_EQ(subscribe(client, "news:a", std::string(kFossil) + recovered_since(1)),
            R"({"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","publications":[{"data":)" +
                data(kFirst) + R"(,"offset":2},{"data":)" + data(kPatch) +
                R"(,"offset":3,"delta":true},{"data":)" + data("m\nB@0,1:0a@C,3rHTAX;") +
                R"(,"offset":4,"delta":true}],"recovered":true,"offset":1,"positioned":true,)"
                R"("was_recovering":true,"delta":true}})");
  publish("news:a", kSecond);
  EXPECT_EQ(client.take(), push("news:a", kPatch, R"(,"offset":5,"delta":true)"));
}

TEST_P(DeltaTest, AfterARecoveryOfNothingTheNextOneIsWhole) {
  Client& client = open();
  Client& other = connect();
  subscribe(other, "news:a", kFossil);
  publish("news:a", kFirst);
  other.take();
  EXPECT_EQ(subscribe(client, "news:a", std::string(kFossil) + recovered_since(1)),
            R"({"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","recovered":true,)"
            R"("offset":1,"positioned":true,"was_recovering":true,"delta":true}})");
  publish("news:a", kSecond);
  EXPECT_EQ(client.take(), push("news:a", kSecond, R"(,"offset":2)"));
  EXPECT_EQ(other.take(), push("news:a", kPatch, R"(,"offset":2,"delta":true)"));
}

TEST_P(DeltaTest, WhatIsNotKeptCountsAsTheBaseOfTheNext) {
  Client& client = open();
  subscribe(client, "news:a", kFossil);
  publish("news:a", kFirst);
  hub().publish("news:a", {.data = "{\"transient\":1}", .delta = true}, {}, {});
  settle();
  client.take();
  // He who recovers has the last one of the history, and not what came behind it.
  Client& late = connect();
  subscribe(late, "news:a", std::string(kFossil) + recovered_since(0));
  late.take();
  publish("news:a", kSecond);
  EXPECT_EQ(late.take(), push("news:a", kSecond, R"(,"offset":2)"));
}

TEST_P(DeltaTest, ALossIsFollowedByAWholePublication) {
  Client& client = open();
  subscribe(client, "news:a", kFossil);
  publish("news:a", kFirst);
  broker().lose_history("news:a");
  publish("news:a", kSecond);
  EXPECT_NE(client.take().find(R"("unsubscribe":{"code":2500)"), std::string::npos);
  subscribe(client, "news:a", kFossil);
  publish("news:a", kFirst);
  EXPECT_EQ(client.take(), push("news:a", kFirst, R"(,"offset":2)"));
}

TEST_P(DeltaTest, WhatJsonCannotCarryEndsThoseWhoSpeakIt) {
  Client& client = open();
  Client& binary = connect(hub::Encoding::ProtobufWebSocket);
  for (Client* one : {&client, &binary}) subscribe(*one, "news:a", kFossil);
  publish("news:a", "\xff\xfe", "", false);
  EXPECT_EQ(client.end_code(), is_json() ? 3506 : 0);
  EXPECT_FALSE(binary.ended);
  Client& next = connect();
  subscribe(next, "news:a", kFossil);
  publish("news:a", kFirst);
  publish("news:a", kSecond);
  EXPECT_EQ(next.take(), push("news:a", kFirst, R"(,"offset":2)") + "\n" +
                             push("news:a", kPatch, R"(,"offset":3,"delta":true)"));
}

TEST_P(DeltaTest, JsonOfAProtobufPublisherIsTheBaseAsItWasSent) {
  Client& client = open();
  subscribe(client, "news:a", kFossil);
  const std::string spread = "{\"price\":100,\n\"symbol\":\"AAPL\",\n\"exchange\":\"NASDAQ\"}";
  publish("news:a", spread, "", false);
  publish("news:a", kSecond);
  const std::string received = heard(client, "news:a");
  if (is_json()) {
    EXPECT_EQ(received, push("news:a", kFirst, R"(,"offset":1)") + "\n" +
                            push("news:a", kPatch, R"(,"offset":2,"delta":true)"));
  } else {
    EXPECT_NE(received.find(R"("offset":2,"delta":true)"), std::string::npos);
  }
}

TEST_P(DeltaTest, ServerSideSubscriptionsTakeThemWhenTheClientSaysSo) {
  names_.personal.enabled = true;
  names_.personal.personal_channel_namespace = "news";
  use_tokens();
  start();
  Client& client = add_client();
  const std::string name = "news:#anna";
  say(client, R"({"id":1,"connect":{"token":")" + token(R"({"sub":"anna","exp":1800000000})") +
                  R"(","subs":{")" + name + R"(":{"delta":"fossil"}}}})");
  settle();
  EXPECT_NE(client.take().find(R"("delta":true)"), std::string::npos);
  publish(name, kFirst);
  publish(name, kSecond);
  EXPECT_EQ(heard(client, name), push(name, kFirst, R"(,"offset":1)") + "\n" +
                                     push(name, kPatch, R"(,"offset":2,"delta":true)"));
}

TEST_P(DeltaTest, AFilterAndDifferencesExcludeEachOther) {
  Client& client = open();
  EXPECT_EQ(subscribe(client, "news:a", std::string(kFossil) + std::string(kRed)),
            R"({"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","positioned":true}})");
  publish("news:a", kFirst, "blue");
  publish("news:a", kSecond, "red");
  EXPECT_EQ(client.take(), push("news:a", kSecond, R"(,"offset":2,"tags":{"color":"red"})", false));
}

TEST_P(DeltaTest, AFilterIsRefusedWhereItIsNotAllowedOrWrong) {
  Client& client = open();
  const std::string refused = R"({"id":2,"error":{"code":107,"message":"bad request"}})";
  EXPECT_EQ(subscribe(client, "plain:a", kRed), refused);
  EXPECT_EQ(subscribe(client, "news:a", R"(,"tf":{"key":"color","cmp":"eq"})"), refused);
  EXPECT_EQ(subscribe(client, "news:a", R"(,"tf":{"op":"xor","nodes":[]})"), refused);
  EXPECT_EQ(client.session->subscription_count(), 0U);
  EXPECT_EQ(hub().subscription_count(), 0U);
}

TEST_P(DeltaTest, WhatWasMissedIsFilteredAndThePositionStays) {
  Client& client = open();
  for (const std::string_view color : {"red", "blue", "red", "blue"}) publish("news:a", "1", color);
  EXPECT_EQ(subscribe(client, "news:a", std::string(kRed) + recovered_since(1)),
            R"({"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","publications":[{"data":1,)"
            R"("offset":3,"tags":{"color":"red"}}],"recovered":true,"offset":1,"positioned":true,)"
            R"("was_recovering":true}})");
  EXPECT_EQ(subscribe(client, "cache:a", std::string(kRed)),
            R"({"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","positioned":true}})");
}

TEST_P(DeltaTest, OfACacheChannelAFilterGivesTheNewestItLetsThrough) {
  Client& client = open();
  for (const std::string_view color : {"red", "red", "blue"}) publish("cache:a", "1", color);
  EXPECT_EQ(subscribe(client, "cache:a", std::string(kRed) + recovered_since(0)),
            R"({"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","publications":[{"data":1,)"
            R"("offset":2,"tags":{"color":"red"}}],"recovered":true,"positioned":true,)"
            R"("was_recovering":true}})");
}

}  // namespace
}  // namespace sanjay::session
