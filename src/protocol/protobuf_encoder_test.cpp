// SPDX-License-Identifier: Apache-2.0
#include "protocol/protobuf_encoder.h"

#include "core/random.h"
#include "protocol/json_encoder.h"
#include "protocol/protobuf_reader.h"
#include "protocol/protobuf_writer.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>
#include <protocol/client.pb.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::protocol {
namespace {

constexpr auto kUint32Max = std::numeric_limits<std::uint32_t>::max();
constexpr auto kUint64Max = std::numeric_limits<std::uint64_t>::max();
constexpr auto kInt64Min = std::numeric_limits<std::int64_t>::min();

/// What `append(out, arguments...)` appends behind what stands in `out`, checked to be left alone.
template <class Append, class... Arguments>
std::string encoded(Append append, const Arguments&... arguments) {
  std::string out = "before";
  append(out, arguments...);
  EXPECT_EQ(out.substr(0, 6), "before");
  return out.substr(6);
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string result;
  for (const char byte : bytes) {
    if (!result.empty()) result.push_back(' ');
    result.push_back(kDigits[static_cast<unsigned char>(byte) >> 4]);
    result.push_back(kDigits[static_cast<unsigned char>(byte) & 15]);
  }
  return result;
}

/// With entries of maps in the order of their keys, as the tests hand them over.
std::string serialized(const google::protobuf::MessageLite& message) {
  std::string result;
  {
    google::protobuf::io::StringOutputStream stream(&result);
    google::protobuf::io::CodedOutputStream out(&stream);
    out.SetSerializationDeterministic(true);
    out.WriteVarint32(static_cast<std::uint32_t>(message.ByteSizeLong()));
    EXPECT_TRUE(message.SerializeToCodedStream(&out));
  }
  return result;
}

/// Our bytes are those that libprotobuf writes for the same values, and it reads them back.
void expect_same(const std::string& ours, const wire::Reply& theirs) {
  EXPECT_EQ(hex(ours), hex(serialized(theirs)));
  std::string_view rest = ours;
  const auto body = take_delimited(rest);
  ASSERT_TRUE(body);
  EXPECT_TRUE(rest.empty());
  wire::Reply parsed;
  ASSERT_TRUE(parsed.ParseFromArray(body->data(), static_cast<int>(body->size())));
  EXPECT_EQ(hex(serialized(parsed)), hex(serialized(theirs)));
}

Publication publication(std::string_view data, std::uint64_t offset = 0) {
  Publication result;
  result.data = data;
  result.offset = offset;
  return result;
}

constexpr ClientInfo kInfo{"42", "c1", "{\"n\":1}", std::string_view("\xFF\0", 2)};
constexpr Tag kTags[] = {{"", "empty"}, {"k", "v"}, {"l", ""}};

/// Every field set to something that is neither its default nor another field's value.
Publication full_publication() {
  Publication result = publication(std::string_view("\0\xFF{}", 4), kUint64Max);
  result.info = kInfo;
  result.tags = kTags;
  result.delta = true;
  result.time_ms = kInt64Min;
  result.epoch = "ep";
  result.version = 7;
  return result;
}

void fill(wire::ClientInfo& info) {
  info.set_user("42");
  info.set_client("c1");
  info.set_conn_info("{\"n\":1}");
  info.set_chan_info(std::string("\xFF\0", 2));
}

void fill(wire::Publication& publication) {
  publication.set_data(std::string("\0\xFF{}", 4));
  fill(*publication.mutable_info());
  publication.set_offset(kUint64Max);
  (*publication.mutable_tags())[""] = "empty";
  (*publication.mutable_tags())["k"] = "v";
  (*publication.mutable_tags())["l"] = "";
  publication.set_delta(true);
  publication.set_time(kInt64Min);
  publication.set_epoch("ep");
  publication.set_version(7);
}

SubscribeResult full_subscribe_result(std::span<const Publication> publications) {
  SubscribeResult result;
  result.expires = true;
  result.ttl_s = kUint32Max;
  result.recoverable = true;
  result.epoch = "E";
  result.publications = publications;
  result.recovered = true;
  result.offset = 300;
  result.positioned = true;
  result.data = "d";
  result.was_recovering = true;
  result.delta = true;
  return result;
}

void fill(wire::SubscribeResult& result) {
  result.set_expires(true);
  result.set_ttl(kUint32Max);
  result.set_recoverable(true);
  result.set_epoch("E");
  fill(*result.add_publications());
  result.add_publications();
  result.set_recovered(true);
  result.set_offset(300);
  result.set_positioned(true);
  result.set_data("d");
  result.set_was_recovering(true);
  result.set_delta(true);
}

TEST(ProtobufEncoder, WritesTheGoldenReplies) {
  ConnectResult connect;
  connect.client = "c1";
  connect.version = "x";
  connect.ping_s = 25;
  connect.pong = true;
  EXPECT_EQ(hex(encoded(protobuf::append_connect_reply, 1u, connect)),
            "0f 08 01 2a 0b 0a 02 63 31 12 01 78 38 19 40 01");

  EXPECT_EQ(hex(encoded(protobuf::append_ping)), "00");

  SubscribeResult subscribe;
  subscribe.recoverable = true;
  subscribe.epoch = "E";
  subscribe.offset = 300;
  subscribe.positioned = true;
  EXPECT_EQ(hex(encoded(protobuf::append_subscribe_reply, 2u, subscribe)),
            "0e 08 02 32 0a 18 01 32 01 45 48 ac 02 50 01");

  EXPECT_EQ(hex(encoded(protobuf::append_error_reply, 2u, kErrorPermissionDenied)),
            "19 08 02 12 15 08 67 12 11 70 65 72 6d 69 73 73 69 6f 6e 20 64 65 6e 69 65 64");

  EXPECT_EQ(hex(encoded(protobuf::append_empty_reply, 3u, EmptyResult::Publish)), "04 08 03 42 00");
}

TEST(ProtobufEncoder, WritesTheGoldenPushes) {
  EXPECT_EQ(hex(encoded(protobuf::append_publication_push, "chat:index", publication("{}", 1))),
            "16 22 14 12 0a 63 68 61 74 3a 69 6e 64 65 78 22 06 22 02 7b 7d 30 01");
  EXPECT_EQ(hex(encoded(protobuf::append_unsubscribe_push, "a", kUnsubscribeInsufficient)),
            "1e 22 1c 12 01 61 3a 17 10 c4 13 1a 12 69 6e 73 75 66 66 69 63 69 65 6e 74 20 73 74 "
            "61 74 65");
}

TEST(ProtobufEncoder, WritesEveryFieldOfConnectReplies) {
  const std::vector<Publication> publications{full_publication(), {}};
  const std::vector<ServerSubscription> subs{{"", {}},
                                             {"#42", full_subscribe_result(publications)}};
  ConnectResult result;
  result.client = "c";
  result.version = "6.9.1 OSS";
  result.expires = true;
  result.ttl_s = kUint32Max;
  result.data = std::string_view("\0\xFF", 2);
  result.subs = subs;
  result.ping_s = 25;
  result.pong = true;
  result.session = "S";
  result.node = "N";
  result.time_ms = 1790000000000;

  wire::Reply reply;
  reply.set_id(kUint32Max);
  auto& connect = *reply.mutable_connect();
  connect.set_client("c");
  connect.set_version("6.9.1 OSS");
  connect.set_expires(true);
  connect.set_ttl(kUint32Max);
  connect.set_data(std::string("\0\xFF", 2));
  (*connect.mutable_subs())[""];
  fill((*connect.mutable_subs())["#42"]);
  connect.set_ping(25);
  connect.set_pong(true);
  connect.set_session("S");
  connect.set_node("N");
  connect.set_time(1790000000000);
  expect_same(encoded(protobuf::append_connect_reply, kUint32Max, result), reply);
}

TEST(ProtobufEncoder, WritesEveryFieldOfSubscribeReplies) {
  const std::vector<Publication> publications{full_publication(), {}};
  wire::Reply reply;
  reply.set_id(3);
  fill(*reply.mutable_subscribe());
  expect_same(encoded(protobuf::append_subscribe_reply, 3u, full_subscribe_result(publications)),
              reply);
}

TEST(ProtobufEncoder, WritesEmptyResultsUnderTheirFields) {
  wire::Reply unsubscribe;
  unsubscribe.set_id(4);
  unsubscribe.mutable_unsubscribe();
  expect_same(encoded(protobuf::append_empty_reply, 4u, EmptyResult::Unsubscribe), unsubscribe);
  wire::Reply publish;
  publish.set_id(4);
  publish.mutable_publish();
  expect_same(encoded(protobuf::append_empty_reply, 4u, EmptyResult::Publish), publish);
  wire::Reply presence;
  presence.set_id(4);
  presence.mutable_presence();
  expect_same(encoded(protobuf::append_presence_reply, 4u, PresenceResult{}), presence);
  wire::Reply stats;
  stats.set_id(4);
  stats.mutable_presence_stats();
  expect_same(encoded(protobuf::append_presence_stats_reply, 4u, PresenceStatsResult{}), stats);
  wire::Reply history;
  history.set_id(4);
  history.mutable_history();
  expect_same(encoded(protobuf::append_history_reply, 4u, HistoryResult{}), history);
  wire::Reply rpc;
  rpc.set_id(4);
  rpc.mutable_rpc();
  expect_same(encoded(protobuf::append_rpc_reply, 4u, RpcResult{}), rpc);
}

TEST(ProtobufEncoder, WritesEveryFieldOfPresenceReplies) {
  const std::vector<ClientInfo> clients{kInfo, {"", "c2", {}, {}}};
  wire::Reply reply;
  reply.set_id(5);
  fill((*reply.mutable_presence()->mutable_presence())["c1"]);
  (*reply.mutable_presence()->mutable_presence())["c2"].set_client("c2");
  expect_same(encoded(protobuf::append_presence_reply, 5u, PresenceResult{clients}), reply);

  wire::Reply stats;
  stats.set_id(6);
  stats.mutable_presence_stats()->set_num_clients(kUint32Max);
  stats.mutable_presence_stats()->set_num_users(2);
  expect_same(
      encoded(protobuf::append_presence_stats_reply, 6u, PresenceStatsResult{kUint32Max, 2}),
      stats);
}

TEST(ProtobufEncoder, WritesEveryFieldOfHistoryReplies) {
  const std::vector<Publication> publications{full_publication(), publication("2", 2)};
  wire::Reply reply;
  reply.set_id(7);
  auto& history = *reply.mutable_history();
  fill(*history.add_publications());
  auto& second = *history.add_publications();
  second.set_data("2");
  second.set_offset(2);
  history.set_epoch("E");
  history.set_offset(127);
  expect_same(encoded(protobuf::append_history_reply, 7u, HistoryResult{publications, "E", 127}),
              reply);
}

TEST(ProtobufEncoder, WritesEveryFieldOfTheOtherReplies) {
  wire::Reply rpc;
  rpc.set_id(8);
  rpc.mutable_rpc()->set_data(std::string("\xFF\0", 2));
  expect_same(encoded(protobuf::append_rpc_reply, 8u, RpcResult{std::string_view("\xFF\0", 2)}),
              rpc);

  wire::Reply refresh;
  refresh.set_id(9);
  refresh.mutable_refresh()->set_expires(true);
  refresh.mutable_refresh()->set_ttl(60);
  expect_same(encoded(protobuf::append_refresh_reply, 9u, RefreshResult{true, 60}), refresh);

  wire::Reply sub_refresh;
  sub_refresh.set_id(10);
  sub_refresh.mutable_sub_refresh()->set_expires(true);
  sub_refresh.mutable_sub_refresh()->set_ttl(128);
  expect_same(encoded(protobuf::append_sub_refresh_reply, 10u, RefreshResult{true, 128}),
              sub_refresh);

  wire::Reply error;
  error.set_id(11);
  error.mutable_error()->set_code(111);
  error.mutable_error()->set_message("too many requests");
  error.mutable_error()->set_temporary(true);
  expect_same(encoded(protobuf::append_error_reply, 11u, kErrorTooManyRequests), error);
}

TEST(ProtobufEncoder, WritesEveryFieldOfPublicationPushes) {
  wire::Reply reply;
  reply.mutable_push()->set_channel("news");
  fill(*reply.mutable_push()->mutable_pub());
  expect_same(encoded(protobuf::append_publication_push, "news", full_publication()), reply);
}

TEST(ProtobufEncoder, WritesEveryFieldOfTheOtherPushes) {
  wire::Reply join;
  join.mutable_push()->set_channel("a");
  fill(*join.mutable_push()->mutable_join()->mutable_info());
  expect_same(encoded(protobuf::append_join_push, "a", kInfo), join);

  wire::Reply leave;
  leave.mutable_push()->set_channel("a");
  fill(*leave.mutable_push()->mutable_leave()->mutable_info());
  expect_same(encoded(protobuf::append_leave_push, "a", kInfo), leave);

  wire::Reply unsubscribe;
  unsubscribe.mutable_push()->set_channel("a");
  unsubscribe.mutable_push()->mutable_unsubscribe()->set_code(2000);
  unsubscribe.mutable_push()->mutable_unsubscribe()->set_reason("server unsubscribe");
  expect_same(encoded(protobuf::append_unsubscribe_push, "a", kUnsubscribeServer), unsubscribe);

  wire::Reply reply;
  reply.mutable_push()->set_channel("a");
  auto& subscribe = *reply.mutable_push()->mutable_subscribe();
  subscribe.set_recoverable(true);
  subscribe.set_epoch("E");
  subscribe.set_offset(16384);
  subscribe.set_positioned(true);
  subscribe.set_data("d");
  expect_same(
      encoded(protobuf::append_subscribe_push, "a", SubscribePush{true, "E", 16384, true, "d"}),
      reply);

  wire::Reply refresh;
  refresh.mutable_push()->mutable_refresh()->set_expires(true);
  refresh.mutable_push()->mutable_refresh()->set_ttl(300);
  expect_same(encoded(protobuf::append_refresh_push, RefreshResult{true, 300}), refresh);

  wire::Reply disconnect;
  disconnect.mutable_push()->mutable_disconnect()->set_code(3001);
  disconnect.mutable_push()->mutable_disconnect()->set_reason("shutdown");
  expect_same(encoded(protobuf::append_disconnect_push, kDisconnectShutdown), disconnect);
}

TEST(ProtobufEncoder, LengthsAreRightAtEverySize) {
  for (const std::size_t size : {0u, 1u, 100u, 127u, 128u, 16383u, 16384u, 2097152u}) {
    for (std::size_t less = 0; less <= std::min<std::size_t>(size, 16); ++less) {
      const std::string data(size - less, 'x');
      wire::Reply reply;
      reply.mutable_push()->set_channel("a");
      reply.mutable_push()->mutable_pub()->set_data(data);
      const std::string ours = encoded(protobuf::append_publication_push, "a", publication(data));
      ASSERT_TRUE(ours == serialized(reply)) << data.size();
    }
  }
}

TEST(ProtobufEncoder, SizesAndWritesEveryVarintAlike) {
  for (unsigned bits = 0; bits <= 64; ++bits) {
    const std::uint64_t top = bits == 64 ? kUint64Max : (std::uint64_t{1} << bits) - 1;
    for (const std::uint64_t value : {top, top + 1}) {
      wire::Reply reply;
      reply.mutable_history()->set_offset(value);
      HistoryResult result;
      result.offset = value;
      expect_same(encoded(protobuf::append_history_reply, 0u, result), reply);
      EXPECT_EQ(varint_bytes(value), google::protobuf::io::CodedOutputStream::VarintSize64(value));
    }
  }
}

TEST(ProtobufEncoder, RepliesJoinWithoutAnythingBetween) {
  std::string out;
  protobuf::append_ping(out);
  protobuf::append_publication_push(out, "a", publication("1"));
  protobuf::append_empty_reply(out, 3, EmptyResult::Publish);
  std::string_view rest = out;
  std::vector<wire::Reply> replies(3);
  for (wire::Reply& reply : replies) {
    const auto body = take_delimited(rest);
    ASSERT_TRUE(body);
    ASSERT_TRUE(reply.ParseFromArray(body->data(), static_cast<int>(body->size())));
  }
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(replies[0].ByteSizeLong(), 0u);
  EXPECT_EQ(replies[1].push().pub().data(), "1");
  EXPECT_EQ(replies[2].id(), 3u);
}

TEST(ProtobufEncoder, SubscribersOfBothEncodingsSeeTheSameData) {
  const std::string_view data = R"({"text":"h\u00e9","n":[1,2.50]})";
  std::string json;
  append_publication_push(json, "a", publication(data, 7));
  EXPECT_NE(json.find("\"data\":" + std::string(data) + ","), std::string::npos);

  const std::string ours = encoded(protobuf::append_publication_push, "a", publication(data, 7));
  std::string_view rest = ours;
  wire::Reply reply;
  const auto body = take_delimited(rest);
  ASSERT_TRUE(body);
  ASSERT_TRUE(reply.ParseFromArray(body->data(), static_cast<int>(body->size())));
  EXPECT_EQ(reply.push().pub().data(), data);
}

TEST(ProtobufEncoder, UsesTheRoomThatIsThere) {
  std::string out;
  out.reserve(4096);
  const char* const memory = out.data();
  protobuf::append_publication_push(out, "a", full_publication());
  protobuf::append_empty_reply(out, 3, EmptyResult::Publish);
  protobuf::append_error_reply(out, 3, kErrorTooManyRequests);
  protobuf::append_ping(out);
  EXPECT_EQ(out.data(), memory);
}

/// Publications with any subset of their fields, in a message that nests them as deeply as any.
TEST(ProtobufEncoder, WritesAnySubsetOfFieldsAsLibprotobufDoes) {
  core::Random random(20261124);
  for (int i = 0; i < 2000; ++i) {
    const std::string data(random.below(300), 'd');
    const std::string user(random.below(200), 'u');
    const std::uint64_t offset = random.next() >> random.below(64);
    const auto time_ms = static_cast<std::int64_t>(random.next());
    const std::uint64_t fields = random.below(32);
    Publication ours;
    wire::Reply reply;
    auto& theirs = *(*reply.mutable_connect()->mutable_subs())["a"].add_publications();
    ours.data = data;
    theirs.set_data(data);
    if (fields & 1) {
      ours.info = ClientInfo{user, {}, {}, data};
      theirs.mutable_info()->set_user(user);
      theirs.mutable_info()->set_chan_info(data);
    }
    if (fields & 2) {
      ours.offset = offset;
      theirs.set_offset(offset);
    }
    const Tag tags[] = {{"t", user}};
    if (fields & 4) {
      ours.tags = tags;
      (*theirs.mutable_tags())["t"] = user;
    }
    if (fields & 8) {
      ours.time_ms = time_ms;
      theirs.set_time(time_ms);
    }
    if (fields & 16) {
      ours.epoch = user;
      theirs.set_epoch(user);
    }
    const std::vector<Publication> publications{ours};
    std::vector<ServerSubscription> subs{{"a", {}}};
    subs[0].result.publications = publications;
    ConnectResult result;
    result.subs = subs;
    expect_same(encoded(protobuf::append_connect_reply, 0u, result), reply);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace sanjay::protocol
