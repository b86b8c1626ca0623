// SPDX-License-Identifier: Apache-2.0
#include "api/json_replies.h"

#include "protocol/json_scanner.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace sanjay::api {
namespace {

std::string text_of(const Reply& reply) {
  std::string text;
  append_reply(text, reply);
  std::string scratch;
  EXPECT_TRUE(protocol::compact_json(text, scratch)) << text;
  return text;
}

TEST(JsonReplies, OfPublishHaveAPositionOnlyWithHistory) {
  EXPECT_EQ(text_of(hub::Published{{12, "xyzw"}}), R"({"result":{"offset":12,"epoch":"xyzw"}})");
  EXPECT_EQ(text_of(hub::Published{}), R"({"result":{}})");
  EXPECT_EQ(text_of(hub::Done{}), R"({"result":{}})");
}

TEST(JsonReplies, OfBroadcastHaveOneResponseEach) {
  BroadcastResult result;
  result.responses.emplace_back(hub::Published{});
  result.responses.emplace_back(std::unexpected(protocol::kErrorUnknownChannel));
  EXPECT_EQ(text_of(result), R"({"result":{"responses":[{"result":{}},)"
                             R"({"error":{"code":102,"message":"unknown channel"}}]}})");
  EXPECT_EQ(text_of(BroadcastResult{}), R"({"result":{"responses":[]}})");
}

TEST(JsonReplies, OfABatchNameTheirMethod) {
  std::string text;
  append_batch_reply(text, "publish", hub::Published{});
  append_batch_reply(text, "presence", std::unexpected(protocol::kErrorNotAvailable));
  EXPECT_EQ(text, R"({"publish":{}}{"error":{"code":108,"message":"not available"}})");
}

TEST(JsonReplies, APublicationHasEverythingItWasPublishedWith) {
  hub::Publication publication;
  publication.data = "{\"n\":1}";
  publication.offset = 4;
  publication.publisher = {"c1", "u\"1", "{}", "2"};
  const hub::Tag tags[] = {{"a", "b"}, {"\n", ""}};
  publication.tags = tags;
  hub::History history;
  history.publications.push_back(std::make_shared<const hub::StoredPublication>(publication));
  history.top = {4, "e"};
  EXPECT_EQ(text_of(history),
            R"({"result":{"publications":[{"data":{"n":1},"info":{"user":"u\"1","client":"c1",)"
            R"("conn_info":{},"chan_info":2},"offset":4,"tags":{"a":"b","\n":""}}],)"
            R"("epoch":"e","offset":4}})");
}

TEST(JsonReplies, PayloadsOfUnknownKindAreJsonOrBase64) {
  const auto publication_of = [](std::string_view data) {
    hub::Publication publication;
    publication.data = data;
    publication.data_is_json = false;
    hub::History history;
    history.publications.push_back(std::make_shared<const hub::StoredPublication>(publication));
    std::string text = text_of(history);
    constexpr std::size_t kBefore = std::string_view(R"({"result":{"publications":[)").size();
    return text.substr(kBefore, text.find(']') - kBefore);
  };
  EXPECT_EQ(publication_of("{\"n\":1}"), R"({"data":{"n":1}})");
  EXPECT_EQ(publication_of("{\n\"n\":1}\n"), R"({"data":{"n":1}})");
  EXPECT_EQ(publication_of(std::string_view("\0\1\2\xFF", 4)), R"({"b64data":"AAEC/w=="})");
  EXPECT_EQ(publication_of("{\"n\":tru}"), R"({"b64data":"eyJuIjp0cnV9"})");
  EXPECT_EQ(publication_of("1}],\"injected\":[{"), R"({"b64data":"MX1dLCJpbmplY3RlZCI6W3s="})");
  EXPECT_EQ(publication_of(""), "{}");

  hub::Presence presence;
  presence.clients.push_back(hub::OwnedClientInfo({"c", "u", "\xFF", "\"x\""}));
  EXPECT_EQ(text_of(presence),
            R"({"result":{"presence":{"c":{"user":"u","client":"c","b64conn_info":"/w==",)"
            R"("chan_info":"x"}}}})");
}

TEST(JsonReplies, KeepTheKeysThatAreAlwaysThere) {
  EXPECT_EQ(text_of(hub::PresenceStats{}), R"({"result":{"num_clients":0,"num_users":0}})");
  EXPECT_EQ(text_of(hub::Presence{}), R"({"result":{"presence":{}}})");
  EXPECT_EQ(text_of(hub::History{}), R"({"result":{"publications":[],"epoch":"","offset":0}})");
  EXPECT_EQ(text_of(ChannelList{}), R"({"result":{"channels":{}}})");
  EXPECT_EQ(text_of(NodeInfo{}), R"({"result":{"nodes":[{"uid":"","name":"","version":"",)"
                                 R"("num_clients":0,"num_users":0,"num_channels":0,"num_subs":0,)"
                                 R"("process":{}}]}})");
}

TEST(Replies, AreCountedByWhatTheyHold) {
  const auto bytes = [](Reply reply) { return bytes_of(reply); };
  constexpr std::size_t kLarge = 10'000;
  const std::string large(kLarge, 'x');
  hub::Publication publication;
  publication.data = large;
  hub::History history;
  history.publications.assign(3, std::make_shared<const hub::StoredPublication>(publication));
  EXPECT_GE(bytes(history), 3 * kLarge);
  hub::Presence presence;
  presence.clients.push_back(hub::OwnedClientInfo({large, large, large, large}));
  EXPECT_GE(bytes(presence), 4 * kLarge);
  EXPECT_GE(bytes(ChannelList{{{large, 1}}}), kLarge);
  BroadcastResult broadcast;
  broadcast.responses.resize(1000);
  EXPECT_GE(bytes(broadcast), 1000 * sizeof("{\"result\":{}},"));
  EXPECT_LT(bytes(hub::Done{}), 1000U);
  EXPECT_LT(bytes(std::unexpected(protocol::kErrorBadRequest)), 1000U);
}

}  // namespace
}  // namespace sanjay::api
