// SPDX-License-Identifier: Apache-2.0

// Publishing: who gets what, in which encoding, and what happens where there is no room.

#include "session/session_fixture.h"

namespace sanjay::session {
namespace {

using hub::Encoding;

class PublishTest : public SessionTest {
 protected:
  PublishTest() { options_.insecure = true; }
  Client& open(core::ShardIndex shards = 1) {
    start(shards);
    Client& client = connect();
    client.take();
    return client;
  }
  static std::string publish_to(std::string_view channel, std::string_view data, int id = 3) {
    return R"({"id":)" + std::to_string(id) + R"(,"publish":{"channel":")" + std::string(channel) +
           R"(","data":)" + std::string(data) + "}}";
  }
  static std::string subscribe_to(std::string_view channel) {
    return R"({"id":2,"subscribe":{"channel":")" + std::string(channel) + "\"}}";
  }
};
INSTANTIATE_TEST_SUITE_P(Both, PublishTest, both_encodings(), encoding_name);

TEST_P(PublishTest, ThePublisherReceivesItsOwnPublication) {
  Client& client = open();
  EXPECT_EQ(ask(client, subscribe_to("chat")), R"({"id":2,"subscribe":{}})");
  EXPECT_EQ(ask(client, publish_to("chat", R"({"n":1})")),
            R"({"id":3,"publish":{}})"
            "\n"
            R"({"push":{"channel":"chat","pub":{"data":{"n":1},"info":{"user":"","client":")" +
                id_of(client) + R"("}}}})");
}

TEST_P(PublishTest, NobodyNamesAPublisherWhoIsTheServer) {
  Client& client = open();
  ask(client, subscribe_to("chat"));
  publish("chat", R"({"n":1})");
  settle();
  EXPECT_EQ(client.take(), R"({"push":{"channel":"chat","pub":{"data":{"n":1}}}})");
}

TEST_P(PublishTest, WhatATokenSaysOfThePublisherComesWithIt) {
  use_tokens();
  names_.without_namespace.allow_publish_for_subscriber = true;
  start();
  Client& client = connect_with(R"({"sub":"42","info":{"name":"Ann"}})");
  const std::string of_channel = token(R"({"sub":"42","channel":"$a","info":{"role":"x"}})");
  ask(client, R"({"id":2,"subscribe":{"channel":"$a","token":")" + of_channel + R"("}})");
  client.take();
  const std::string heard = ask(client, publish_to("$a", "1"));
  EXPECT_NE(heard.find(R"("info":{"user":"42","client":")" + id_of(client) +
                       R"(","conn_info":{"name":"Ann"},"chan_info":{"role":"x"}})"),
            heard.npos)
      << heard;
}

TEST_P(PublishTest, DataIsCheckedAgainstTheChannelsFormat) {
  using channels::DataFormat;
  const std::vector<std::pair<std::string, DataFormat>> formats{{"any", DataFormat::NotEmpty},
                                                                {"json", DataFormat::Json},
                                                                {"object", DataFormat::JsonObject},
                                                                {"binary", DataFormat::Binary}};
  for (const auto& [name, format] : formats) {
    add_namespace(name).publication_data_format = format;
  }
  Client& client = open();
  const auto code = [&](std::string_view channel, std::string_view data) {
    const std::string member = data.empty() ? "" : R"(,"data":)" + std::string(data);
    const std::string answer = ask(
        client, R"({"id":3,"publish":{"channel":")" + std::string(channel) + "\"" + member + "}}");
    return answer == R"({"id":3,"publish":{}})" ? "done" : answer.substr(24, 3);
  };
  EXPECT_EQ(code("any:a", ""), "107");
  EXPECT_EQ(code("any:a", "1"), "done");
  EXPECT_EQ(code("json:a", ""), "107");
  EXPECT_EQ(code("json:a", "[1]"), "done");
  EXPECT_EQ(code("object:a", "[1]"), "107");
  EXPECT_EQ(code("object:a", R"({"a":1})"), "done");
  EXPECT_EQ(code("binary:a", ""), "done");
}

/// A publish of any bytes, as only a Protobuf client can send it.
std::string binary_publish(std::string_view channel, std::string_view data) {
  protocol::wire::Command command;
  command.set_id(3);
  command.mutable_publish()->set_channel(std::string(channel));
  command.mutable_publish()->set_data(std::string(data));
  std::string body = command.SerializeAsString();
  return static_cast<char>(body.size()) + body;
}

class MixedEncodingsTest : public SessionFixture {};

TEST_F(MixedEncodingsTest, JsonOfAProtobufClientReachesEverybodyBinaryDataOnlyItsKind) {
  options_.insecure = true;
  start();
  Client& json = connect(Encoding::JsonWebSocket);
  Client& protobuf = connect(Encoding::ProtobufWebSocket);
  Client& bystander = connect(Encoding::JsonWebSocket);
  for (Client* client : {&json, &protobuf, &bystander}) {
    ask(*client, R"({"id":2,"subscribe":{"channel":")" +
                     std::string(client == &bystander ? "other" : "chat") + "\"}}");
    client->take();
  }
  const std::string info = R"(,"info":{"user":"","client":")" + id_of(protobuf) + R"("}}}})";
  say_raw(protobuf, binary_publish("chat", "{\n\"a\": 1\n}"));
  settle();
  EXPECT_EQ(json.take(), R"({"push":{"channel":"chat","pub":{"data":{"a": 1})" + info)
      << "on one line";
  EXPECT_EQ(protobuf.take(),
            "{\"id\":3,\"publish\":{}}\n"
            "{\"push\":{\"channel\":\"chat\",\"pub\":{\"data\":{\n\"a\": 1\n}" +
                info);
  say_raw(protobuf, binary_publish("chat", std::string("\x00\xff", 2)));
  settle();
  EXPECT_EQ(json.end_code(), 3506);
  EXPECT_EQ(json.take(), "");
  EXPECT_NE(protobuf.take().find("\"binary\""), std::string::npos);
  EXPECT_FALSE(protobuf.ended);
  EXPECT_FALSE(bystander.ended);
  EXPECT_EQ(ask(bystander, R"({"id":4,"publish":{"channel":"other","data":1}})").substr(0, 21),
            R"({"id":4,"publish":{}})");
  EXPECT_EQ(hub().subscription_count(), 2u);
}

TEST_F(MixedEncodingsTest, AWholeCrowdOfJsonClientsIsEndedByOneBinaryPublication) {
  options_.insecure = true;
  start();
  std::vector<Client*> crowd;
  for (int i = 0; i < 20; ++i) {
    crowd.push_back(&connect(i % 2 == 0 ? Encoding::JsonWebSocket : Encoding::ProtobufWebSocket));
    ask(*crowd.back(), R"({"id":2,"subscribe":{"channel":"chat"}})");
  }
  publish("chat", "\xff", false);
  settle();
  for (Client* client : crowd) {
    EXPECT_EQ(client->end_code(), client->encoding == Encoding::JsonWebSocket ? 3506 : 0);
  }
  EXPECT_EQ(hub().subscription_count(), 10u);
}

TEST_P(PublishTest, PublishesToOneHomeShardArePipelinedOthersWait) {
  options_.publishes_pipelined_max = 3;
  Client& client = open(2);
  const std::string away = channel(false), here = channel(true);
  std::string message;
  for (int id = 2; id <= 5; ++id) message += publish_to(away, "1", id) + "\n";
  message += publish_to(here, "1", 6);
  say(client, message);
  EXPECT_EQ(shards_[0].mail_out.size(), 3u) << "the fourth waits";
  EXPECT_TRUE(client.session->blocked());
  settle();
  EXPECT_FALSE(client.session->blocked());
  std::string expected;
  for (int id = 2; id <= 6; ++id) {
    expected += (id > 2 ? "\n" : "") + (R"({"id":)" + std::to_string(id) + R"(,"publish":{}})");
  }
  EXPECT_EQ(client.take(), expected);
}

TEST_P(PublishTest, QueriesWaitForPublishesAndSeeThem) {
  channels::ChannelOptions& news = add_namespace("news");
  news.history.size = 10;
  news.history.ttl = seconds(60);
  Client& client = open(2);
  const std::string away = channel(false, "news:");
  std::string message;
  for (int id = 2; id <= 4; ++id) message += publish_to(away, std::to_string(id), id) + "\n";
  say(client, message + R"({"id":5,"history":{"channel":")" + away + R"(","limit":-1}})" + "\n" +
                  publish_to(away, "6", 6));
  EXPECT_TRUE(client.session->blocked());
  settle();
  const std::string all = client.take();
  std::size_t last = 0;
  for (int id = 2; id <= 6; ++id) {
    const auto at = all.find(R"({"id":)" + std::to_string(id));
    ASSERT_NE(at, all.npos) << all;
    EXPECT_GE(at, last) << "answered in sequence";
    last = at;
  }
  EXPECT_NE(all.find(R"("offset":3}})"), all.npos) << all;
  EXPECT_FALSE(client.session->blocked());
}

TEST_P(PublishTest, RemoteBusyIsATemporaryError) {
  hub_options_.home.channels.pending_bytes_max = 64;
  Client& client = open(2);
  const std::string away = channel(false);
  ask(client, subscribe_to(away));
  const std::string big = "\"" + std::string(100, 'x') + "\"";
  say(client, publish_to(away, big, 3) + "\n" + publish_to(away, big, 4));
  settle();
  const std::string all = client.take();
  EXPECT_NE(all.find(R"({"id":3,"publish":{}})"), all.npos) << all;
  EXPECT_NE(
      all.find(R"({"id":4,"error":{"code":111,"message":"too many requests","temporary":true}})"),
      all.npos)
      << all;
}

TEST_P(PublishTest, FullQueuesSlowThePublisherThenRefuse) {
  hub_options_.home.channels.pending_bytes_max = 64;
  Client& client = open();
  ask(client, subscribe_to("chat"));
  const std::string big = publish_to("chat", "\"" + std::string(100, 'x') + "\"");
  constexpr std::string_view kDone = R"({"id":3,"publish":{}})";
  say(client, big);
  EXPECT_EQ(client.take(), kDone);
  say(client, big);
  EXPECT_TRUE(client.session->blocked() && client.session->wants_retry());
  now_.instant += milliseconds(999);
  resume();
  EXPECT_TRUE(client.received.empty() && client.session->blocked()) << "still no room";
  hub().hand_over(now_.instant);
  resume();
  EXPECT_EQ(client.take(), kDone) << "room again";
  say(client, big);
  now_.instant += milliseconds(999);
  resume();
  EXPECT_TRUE(client.received.empty() && client.session->blocked()) << "the wait begins anew";
  now_.instant += milliseconds(1);
  resume();
  EXPECT_EQ(client.take(),
            R"({"id":3,"error":{"code":111,"message":"too many requests","temporary":true}})")
      << "refused after the wait";
}

TEST_P(PublishTest, AHistoryThatIsFullIsATemporaryError) {
  broker_options_.history.channels_max = 1;
  channels::ChannelOptions& news = add_namespace("news");
  news.history.size = 10;
  news.history.ttl = seconds(60);
  Client& client = open();
  EXPECT_EQ(ask(client, publish_to("news:a", "1")), R"({"id":3,"publish":{}})");
  EXPECT_EQ(ask(client, publish_to("news:b", "1")),
            R"({"id":3,"error":{"code":111,"message":"too many requests","temporary":true}})");
}

}  // namespace
}  // namespace sanjay::session
