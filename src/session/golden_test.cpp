// SPDX-License-Identifier: Apache-2.0

// The wire as SDKs know it: a whole session in JSON, and frames in Protobuf byte by byte.

#include "session/session_fixture.h"

namespace sanjay::session {
namespace {

class GoldenTest : public SessionFixture {
 protected:
  /// The channels of the session in JSON: a room, and news with 42 publications.
  void start_with_news() {
    use_tokens();
    options_.server_version = "6.9.1 OSS";
    channels::ChannelOptions& chat = add_namespace("chat");
    chat.allow_subscribe_for_client = chat.allow_publish_for_subscriber = true;
    chat.presence = chat.allow_presence_for_subscriber = true;
    channels::ChannelOptions& news = names_.without_namespace;
    news.history.size = 10;
    news.history.ttl = seconds(600);
    news.force_recovery = news.allow_subscribe_for_client = news.allow_history_for_client = true;
    start();
    for (int n = 1; n <= 42; ++n) publish("news", R"({"n":)" + std::to_string(n) + "}");
    settle();
  }
};

TEST_F(GoldenTest, AJsonSession) {
  start_with_news();
  std::string epoch = epoch_of("news");
  Client& client = add_client();
  // Both ways with the words of this session in the place of those of the text.
  const auto exchange = [&](std::string_view said, std::string_view heard) {
    const std::map<std::string, std::string> words{{"CLIENT", id_of(client)}, {"xyzw", epoch}};
    const std::string answer = ask(client, replaced(std::string(said), words));
    EXPECT_EQ(answer, replaced(std::string(heard), {{"CLIENT", id_of(client)}, {"xyzw", epoch}}));
  };
  const auto hears = [&](std::string_view heard) {
    settle();
    EXPECT_EQ(client.take(),
              replaced(std::string(heard), {{"CLIENT", id_of(client)}, {"xyzw", epoch}}));
  };
  exchange(R"({"id":1,"connect":{"token":")" + token(R"({"sub":"42","exp":1700003599})") +
               R"(","name":"js"}})",
           R"({"id":1,"connect":{"client":"CLIENT","version":"6.9.1 OSS","expires":true,)"
           R"("ttl":3599,"ping":25,"pong":true}})");
  exchange(R"({"id":2,"subscribe":{"channel":"chat:index"}})"
           "\n"
           R"({"id":3,"subscribe":{"channel":"news","recover":true,"epoch":"xyzw","offset":41}})",
           R"({"id":2,"subscribe":{}})"
           "\n"
           R"({"id":3,"subscribe":{"recoverable":true,"epoch":"xyzw","publications":)"
           R"([{"data":{"n":42},"offset":42}],"recovered":true,"offset":41,"positioned":true,)"
           R"("was_recovering":true}})");
  publish("news", R"({"n":43})");
  hears(R"({"push":{"channel":"news","pub":{"data":{"n":43},"offset":43}}})");
  Client& other = connect_with(R"({"sub":"42"})");
  ask(other, R"({"id":2,"subscribe":{"channel":"chat:index"}})");
  ask(other, R"({"id":3,"publish":{"channel":"chat:index","data":{"t":"hi"}}})");
  hears(R"({"push":{"channel":"chat:index","pub":{"data":{"t":"hi"},)"
        R"("info":{"user":"42","client":")" +
        id_of(other) + R"("}}}})");
  pass(client.session->deadline() - now_.instant);
  hears("{}");
  say(client, "{}");
  exchange(R"({"id":4,"publish":{"channel":"chat:index","data":{"t":"yo"}}})",
           R"({"id":4,"publish":{}})"
           "\n"
           R"({"push":{"channel":"chat:index","pub":{"data":{"t":"yo"},)"
           R"("info":{"user":"42","client":"CLIENT"}}}})");
  exchange(
      R"({"id":5,"history":{"channel":"news","limit":2,"since":{"offset":40,"epoch":"xyzw"}}})",
      R"({"id":5,"history":{"publications":[{"data":{"n":41},"offset":41},)"
      R"({"data":{"n":42},"offset":42}],"epoch":"xyzw","offset":43}})");
  exchange(R"({"id":6,"presence_stats":{"channel":"chat:index"}})",
           R"({"id":6,"presence_stats":{"num_clients":2,"num_users":1}})");
  exchange(R"({"id":7,"rpc":{"method":"getX","data":{}}})",
           R"({"id":7,"error":{"code":108,"message":"not available"}})");  // nobody answers them
  broker().lose_history("news");
  publish("news", R"({"n":44})");
  hears(R"({"push":{"channel":"news","unsubscribe":{"code":2500,"reason":"insufficient state"}}})");
  for (int n = 2; n <= 5; ++n) publish("news", R"({"n":44})");
  const std::string lost = std::exchange(epoch, epoch_of("news"));
  EXPECT_NE(epoch, lost);
  exchange(R"({"id":8,"subscribe":{"channel":"news","recover":true,"epoch":")" + lost +
               R"(","offset":43}})",
           R"({"id":8,"subscribe":{"recoverable":true,"epoch":"xyzw","offset":5,)"
           R"("positioned":true,"was_recovering":true}})");
  EXPECT_FALSE(client.ended);
}

TEST_F(GoldenTest, AServerSideSubscriptionAndItsRecovery) {
  use_tokens();
  names_.personal.enabled = true;
  channels::ChannelOptions& personal = names_.without_namespace;
  personal.history.size = 10;
  personal.history.ttl = seconds(600);
  personal.force_recovery = true;
  start();
  for (int n = 1; n <= 7; ++n) publish("#42", "1");
  settle();
  const std::string epoch = epoch_of("#42");
  const std::string credentials = R"("token":")" + token(R"({"sub":"42"})") + "\"";
  Client& first = connect(credentials);
  EXPECT_EQ(first.take(), R"({"id":1,"connect":{"client":")" + id_of(first) +
                              R"(","subs":{"#42":{"recoverable":true,"epoch":")" + epoch +
                              R"(","offset":7,"positioned":true}},"ping":25,"pong":true}})");
  Client& again = connect(credentials + R"(,"subs":{"#42":{"recover":true,"offset":7,"epoch":")" +
                          epoch + "\"}}");
  EXPECT_EQ(again.take(),
            R"({"id":1,"connect":{"client":")" + id_of(again) +
                R"(","subs":{"#42":{"recoverable":true,"epoch":")" + epoch +
                R"(","recovered":true,"offset":7,"positioned":true,"was_recovering":true}},)"
                R"("ping":25,"pong":true}})");
}

std::string bytes_of(std::string_view hex) {
  std::string out;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < hex.size(); i += 3) {
    out += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  }
  return out;
}

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char byte : bytes) {
    if (!out.empty()) out += ' ';
    out += kDigits[static_cast<unsigned char>(byte) >> 4];
    out += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return out;
}

TEST_F(GoldenTest, ProtobufFrames) {
  options_.insecure = true;
  names_.without_namespace.history.size = 10;
  names_.without_namespace.history.ttl = seconds(60);
  start();
  Client& client = add_client(hub::Encoding::ProtobufWebSocket);
  const auto exchange = [&](std::string_view said) {
    client.take();
    say_raw(client, bytes_of(said));
    settle();
    std::string all;
    for (const std::string& message : client.wire) all += message;
    return hex_of(all);
  };
  // connect{token "T", name "js"}: no token is looked at without a verifier.
  const std::string connected = exchange("0b 08 01 22 07 0a 01 54 22 02 6a 73");
  const std::string id = hex_of(id_of(client));
  EXPECT_TRUE(connected.starts_with("2e 08 01 2a 2a 0a 24 " + id)) << connected;
  EXPECT_TRUE(connected.ends_with("38 19 40 01")) << connected;
  pass(client.session->deadline() - now_.instant);
  EXPECT_EQ(hex_of(client.wire.back()), "00");
  EXPECT_EQ(exchange("00"), "");
  EXPECT_EQ(exchange("10 08 02 2a 0c 0a 0a 63 68 61 74 3a 69 6e 64 65 78"),
            "17 08 02 12 13 08 66 12 0f 75 6e 6b 6e 6f 77 6e 20 63 68 61 6e 6e 65 6c")
      << "there is no such namespace";
  EXPECT_EQ(exchange("07 08 02 2a 03 0a 01 61"), "04 08 02 32 00");
  EXPECT_EQ(exchange("0b 08 03 3a 07 0a 01 61 12 02 7b 7d").substr(0, 14), "04 08 03 42 00");
  publish("a", "{}");
  client.take();
  settle();
  ASSERT_EQ(client.wire.size(), 1u);
  EXPECT_EQ(hex_of(client.wire[0]), "0d 22 0b 12 01 61 22 06 22 02 7b 7d 30 02");
  // history{"a", limit -1}: a negative number has ten bytes.
  const std::string history = exchange("12 08 04 52 0e 0a 01 61 38 ff ff ff ff ff ff ff ff ff 01");
  EXPECT_NE(history.find("22 02 7b 7d"), history.npos) << history;
  client.take();
  client.session->unsubscribe_by_server("a", protocol::kUnsubscribeInsufficient);
  EXPECT_EQ(hex_of(client.wire.at(0)),
            "1e 22 1c 12 01 61 3a 17 10 c4 13 1a 12 69 6e 73 75 66 66 69 63 69 65 6e 74 20 73 74 "
            "61 74 65");
  EXPECT_EQ(exchange("08 08 02 2a 04 0a 02 24 61"),
            "19 08 02 12 15 08 67 12 11 70 65 72 6d 69 73 73 69 6f 6e 20 64 65 6e 69 65 64");
  // recover, epoch "E", offset 300: of another epoch, so the reply says where the stream is.
  names_.without_namespace.force_recovery = true;
  start();
  Client& other = connect(hub::Encoding::ProtobufWebSocket);
  other.take();
  say_raw(other, bytes_of("0f 08 02 2a 0b 0a 01 61 18 01 32 01 45 38 ac 02"));
  settle();
  const std::string epoch = epoch_of("a");
  std::string expected = R"({"id":2,"subscribe":{"recoverable":true,"epoch":")" + epoch +
                         R"(","positioned":true,"was_recovering":true}})";
  EXPECT_EQ(other.take(), expected);
}

TEST_F(GoldenTest, TwoProtobufMessagesStandOneBehindTheOther) {
  options_.insecure = true;
  start();
  Client& client = connect(hub::Encoding::ProtobufWebSocket);
  client.take();
  say_raw(client, bytes_of("07 08 02 2a 03 0a 01 61 07 08 03 32 03 0a 01 61"));
  ASSERT_EQ(client.wire.size(), 1u);
  EXPECT_EQ(hex_of(client.wire[0]), "04 08 02 32 00 04 08 03 3a 00");
}

}  // namespace
}  // namespace sanjay::session
