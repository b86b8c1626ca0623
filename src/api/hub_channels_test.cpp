// SPDX-License-Identifier: Apache-2.0

// The server API's core over a real hub and broker of one shard.

#include "api/hub_channels.h"

#include "api/commands.h"
#include "api/fakes_test.h"
#include "api/json_replies.h"
#include "hub/memory_broker.h"
#include "protocol/api_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sanjay::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

channels::NamespacesConfig namespaces_config() {
  channels::NamespacesConfig config;
  channels::ChannelOptions kept;
  kept.history.size = 3;
  kept.history.ttl = std::chrono::minutes(1);
  kept.presence = true;
  config.namespaces.push_back({"kept", kept});
  channels::ChannelOptions json;
  json.publication_data_format = channels::DataFormat::Json;
  config.namespaces.push_back({"json", json});
  channels::ChannelOptions binary;
  binary.publication_data_format = channels::DataFormat::Binary;
  config.namespaces.push_back({"binary", binary});
  return config;
}

hub::HubOptions hub_options() {
  hub::HubOptions options;
  options.home.channels.pending_bytes_max = 1000;
  return options;
}

class HubChannelsTest : public testing::Test,
                        public hub::PublicationEncoder,
                        public hub::MailCarrier,
                        public hub::DeliverySink,
                        public hub::HubEvents {
 protected:
  bool encode(const hub::EncodeAs&, std::string_view channel, const hub::Publication& publication,
              std::string& out) override {
    out.append(channel).append("=").append(publication.data);
    return true;
  }
  bool encode_movement(hub::Encoding, std::string_view, hub::Movement, const hub::ClientInfo&,
                       std::string&) override {
    return true;
  }
  bool send(core::ShardIndex, hub::Mail&&) override { return false; }
  void deliver(std::uint32_t, const core::SegmentRef& bytes, hub::Reach) override {
    delivered_.emplace_back(bytes.bytes());
  }
  void hold(std::uint32_t, const core::SegmentRef&) override {}
  void on_trouble(std::uint32_t, hub::SubscriptionNumber, hub::Trouble) override {}
  void on_subscribed(core::ConnectionId, hub::SubscriptionNumber,
                     hub::SubscriptionResult&&) override {}
  void on_answer(const hub::ReplyTo& to, hub::Answer&& answer) override {
    if (auto finished = commands_.on_answer(to.request, std::move(answer))) {
      append_reply(late_, finished->replies.at(0));
    }
  }

  void settle() {
    hub_.hand_over({});
    while (hub_.run(1000)) continue;
  }
  /// What comes of one command, by the end of the turn at the latest.
  std::string call(std::string_view method, std::string_view body) {
    auto batch = protocol::decode_api_batch("{\"commands\":[{\"" + std::string(method) +
                                            "\":" + std::string(body) + "}]}");
    auto started =
        commands_.start(std::move(batch->commands), Commands::Order::Sequential, {1, 1, 0}, {});
    std::string text;
    if (const auto* replies = std::get_if<Commands::Replies>(&started)) {
      append_reply(text, replies->at(0));
      return text;
    }
    settle();
    return std::exchange(late_, "");
  }

  const channels::Namespaces namespaces_ = *channels::Namespaces::create(namespaces_config());
  hub::FlowMeter flow_{1};
  hub::MemoryBroker broker_{{}, 1, {}};
  hub::Hub hub_{hub_options(), flow_, broker_, *this, *this, *this, *this};
  HubChannels channels_{hub_, namespaces_};
  FakeNode node_;
  Commands commands_{{}, channels_, node_};
  std::vector<std::string> delivered_;
  std::string late_;
};

TEST_F(HubChannelsTest, PublishesToSubscribers) {
  ASSERT_TRUE(hub_.subscribe({9, 1, 0}, "news", hub::Encoding::JsonWebSocket));
  settle();
  EXPECT_EQ(call("publish", R"({"channel":"news","data":{"n":1}})"), R"({"result":{}})");
  settle();
  EXPECT_THAT(delivered_, ElementsAre("news={\"n\":1}"));
}

TEST_F(HubChannelsTest, FullQueuesAreBusy) {
  ASSERT_TRUE(hub_.subscribe({9, 1, 0}, "news", hub::Encoding::JsonWebSocket));
  settle();
  const std::string body = R"({"channel":"news","data":")" + std::string(1000, 'x') + "\"}";
  EXPECT_EQ(call("publish", body), R"({"result":{}})");
  EXPECT_THAT(call("publish", body), HasSubstr("\"code\":111"));
  settle();
  EXPECT_EQ(call("publish", body), R"({"result":{}})");
}

TEST_F(HubChannelsTest, GoesByTheRulesOfTheNamespace) {
  EXPECT_FALSE(channels_.find("none:x"));
  EXPECT_FALSE(channels_.find("news")->history.enabled());
  EXPECT_FALSE(channels_.find("news")->presence);
  EXPECT_TRUE(channels_.find("kept:x")->history.enabled());
  EXPECT_EQ(channels_.find("kept:x")->history.size, 3U);
  EXPECT_TRUE(channels_.find("kept:x")->presence);

  EXPECT_THAT(call("publish", R"({"channel":"none:x","data":1})"), HasSubstr("\"code\":102"));
  EXPECT_THAT(call("publish", R"({"channel":"json:x","b64data":"AP8="})"),
              HasSubstr("\"code\":107"));
  EXPECT_EQ(call("publish", R"({"channel":"json:x","b64data":"eyJhIjoxfQ=="})"),
            R"({"result":{}})");
  EXPECT_EQ(call("publish", R"({"channel":"binary:x"})"), R"({"result":{}})");
  EXPECT_EQ(call("publish", R"({"channel":"news","b64data":"AP8="})"), R"({"result":{}})");
  EXPECT_THAT(call("publish", R"({"channel":"news"})"), HasSubstr("\"code\":107"));
}

TEST_F(HubChannelsTest, KeepsAndRemovesHistory) {
  std::string epoch;
  for (int n = 1; n <= 5; ++n) {
    const std::string reply = call(
        "publish", R"({"channel":"kept:x","tags":{"t":"1"},"data":)" + std::to_string(n) + "}");
    ASSERT_THAT(reply, HasSubstr("{\"offset\":" + std::to_string(n) + ",\"epoch\":\""));
    epoch = reply.substr(reply.find("epoch") + 8);
    epoch.resize(epoch.find('"'));
  }
  const std::string top = R"(],"epoch":")" + epoch + R"(","offset":5}})";
  EXPECT_EQ(call("history", R"({"channel":"kept:x"})"), R"({"result":{"publications":[)" + top);
  EXPECT_EQ(call("history", R"({"channel":"kept:x","limit":-1,"since":{"offset":3}})"),
            R"({"result":{"publications":[{"data":4,"offset":4,"tags":{"t":"1"}},)"
            R"({"data":5,"offset":5,"tags":{"t":"1"}})" +
                top);
  EXPECT_THAT(call("history", R"({"channel":"kept:x","limit":1,"since":{"epoch":"none"}})"),
              HasSubstr("\"code\":112"));
  EXPECT_EQ(call("history_remove", R"({"channel":"kept:x"})"), R"({"result":{}})");
  EXPECT_EQ(call("history", R"({"channel":"kept:x","limit":-1})"),
            R"({"result":{"publications":[)" + top);
}

TEST_F(HubChannelsTest, HeedsIdempotencyKeysAndVersions) {
  const std::string first = call("publish", R"({"channel":"kept:x","data":1,"version":5})");
  EXPECT_THAT(first, HasSubstr("\"offset\":1,"));
  EXPECT_EQ(call("publish", R"({"channel":"kept:x","data":2,"version":5})"), first);
  EXPECT_THAT(call("publish", R"({"channel":"kept:x","data":2,"version":6})"),
              HasSubstr("\"offset\":2,"));
  const std::string keyed =
      call("publish", R"({"channel":"kept:x","data":3,"idempotency_key":"k"})");
  EXPECT_EQ(call("publish", R"({"channel":"kept:x","data":4,"idempotency_key":"k"})"), keyed);
}

TEST_F(HubChannelsTest, ShowsWhoIsPresent) {
  EXPECT_EQ(call("presence", R"({"channel":"kept:x"})"), R"({"result":{"presence":{}}})");
  hub::SubscriptionOptions options;
  options.presence = true;
  options.info = hub::OwnedClientInfo({"c1", "ann", "{}", ""});
  ASSERT_TRUE(hub_.subscribe({9, 1, 0}, "kept:x", hub::Encoding::JsonWebSocket, options));
  settle();
  EXPECT_EQ(call("presence", R"({"channel":"kept:x"})"),
            R"({"result":{"presence":{"c1":{"user":"ann","client":"c1","conn_info":{}}}}})");
  EXPECT_EQ(call("presence_stats", R"({"channel":"kept:x"})"),
            R"({"result":{"num_clients":1,"num_users":1}})");
}

}  // namespace
}  // namespace sanjay::api
