// SPDX-License-Identifier: Apache-2.0
#include "protocol/protobuf_decoder.h"

#include "core/random.h"

#include <gtest/gtest.h>
#include <protocol/client.pb.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::protocol {

void fuzz_protobuf_decoder(const std::uint8_t* data, std::size_t size);

namespace {

/// "04 08" is the two bytes 0x04 0x08.
std::string bytes(std::string_view hex) {
  std::string result;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 3) {
    result.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return result;
}

std::string varint(std::uint64_t value) {
  std::string result;
  for (; value >= 0x80; value >>= 7) result.push_back(static_cast<char>(value | 0x80));
  result.push_back(static_cast<char>(value));
  return result;
}

std::string delimited(std::string_view body) { return varint(body.size()).append(body); }
std::string delimited(const google::protobuf::MessageLite& message) {
  return delimited(message.SerializeAsString());
}

/// A length-delimited field.
std::string field(std::uint32_t number, std::string_view body) {
  return varint(number << 3 | 2) + delimited(body);
}

/// A command with id 1 and these fields behind it, framed.
std::string command(std::string_view fields) {
  return delimited(std::string("\x08\x01").append(fields));
}

/// Holds the decoder a single command's views point into.
struct Decoded {
  explicit Decoded(std::string text) : message(std::move(text)) {
    decoder.begin(message);
    auto result = decoder.next();
    if (result && *result) {
      command = *std::move(*result);
    } else {
      error = result ? std::string(result->error().reason) : "no command";
    }
  }

  template <class T>
  const T& as() const {
    EXPECT_TRUE(std::holds_alternative<T>(command.request)) << error;
    return std::get<T>(command.request);
  }

  std::string message;
  ProtobufDecoder decoder;
  Command command;
  std::string error;
};

std::string error_of(const std::string& message) { return Decoded(message).error; }

using Outline = std::vector<std::string>;

/// The ids of the commands in `message`, and at its end the reason of an error.
Outline outline(ProtobufDecoder& decoder, std::string_view message) {
  Outline seen;
  decoder.begin(message);
  while (const auto result = decoder.next()) {
    seen.push_back(*result ? std::to_string((*result)->id) : std::string(result->error().reason));
  }
  return seen;
}

TEST(ProtobufDecoder, DecodesTheGoldenConnects) {
  const Decoded empty(bytes("04 08 01 22 00"));
  EXPECT_EQ(empty.command.id, 1u);
  EXPECT_EQ(empty.as<ConnectRequest>().token, "");

  const Decoded named(bytes("0b 08 01 22 07 0a 01 54 22 02 6a 73"));
  EXPECT_EQ(named.as<ConnectRequest>().token, "T");
  EXPECT_EQ(named.as<ConnectRequest>().name, "js");
}

TEST(ProtobufDecoder, DecodesTheGoldenPong) {
  const Decoded pong(bytes("00"));
  EXPECT_EQ(pong.error, "");
  pong.as<Pong>();
}

TEST(ProtobufDecoder, DecodesTheGoldenSubscribes) {
  const Decoded plain(bytes("10 08 02 2a 0c 0a 0a 63 68 61 74 3a 69 6e 64 65 78"));
  EXPECT_EQ(plain.command.id, 2u);
  EXPECT_EQ(plain.as<SubscribeRequest>().channel, "chat:index");
  EXPECT_FALSE(plain.as<SubscribeRequest>().recover);

  const Decoded recover(bytes("0f 08 02 2a 0b 0a 01 61 18 01 32 01 45 38 ac 02"));
  const auto& request = recover.as<SubscribeRequest>();
  EXPECT_EQ(request.channel, "a");
  EXPECT_TRUE(request.recover);
  EXPECT_EQ(request.epoch, "E");
  EXPECT_EQ(request.offset, 300u);
}

TEST(ProtobufDecoder, DecodesTheGoldenPublish) {
  const Decoded publish(bytes("0b 08 03 3a 07 0a 01 61 12 02 7b 7d"));
  EXPECT_EQ(publish.command.id, 3u);
  EXPECT_EQ(publish.as<PublishRequest>().channel, "a");
  EXPECT_EQ(publish.as<PublishRequest>().data, "{}");
}

TEST(ProtobufDecoder, DecodesTheGoldenHistory) {
  const Decoded history(bytes("12 08 04 52 0e 0a 01 61 38 ff ff ff ff ff ff ff ff ff 01"));
  EXPECT_EQ(history.command.id, 4u);
  EXPECT_EQ(history.as<HistoryRequest>().channel, "a");
  EXPECT_EQ(history.as<HistoryRequest>().limit, -1);
  EXPECT_FALSE(history.as<HistoryRequest>().has_since);
}

TEST(ProtobufDecoder, DecodesEveryFieldOfConnect) {
  wire::Command wire;
  wire.set_id(1);
  auto& request = *wire.mutable_connect();
  request.set_token("a.b.c");
  request.set_data(std::string("\xFF\x00\n", 3));
  request.set_name("swift");
  request.set_version("1.0");
  auto& sub = (*request.mutable_subs())["#42"];
  sub.set_recover(true);
  sub.set_offset(7);
  sub.set_epoch("e");
  (*request.mutable_headers())["X-User"] = "42";
  const Decoded d(delimited(wire));
  const auto& connect = d.as<ConnectRequest>();
  EXPECT_EQ(connect.token, "a.b.c");
  EXPECT_EQ(connect.data, std::string_view("\xFF\x00\n", 3));
  EXPECT_EQ(connect.name, "swift");
  EXPECT_EQ(connect.version, "1.0");
  ASSERT_EQ(connect.subs.size(), 1u);
  EXPECT_EQ(connect.subs[0].channel, "#42");
  EXPECT_TRUE(connect.subs[0].recover);
  EXPECT_EQ(connect.subs[0].offset, 7u);
  EXPECT_EQ(connect.subs[0].epoch, "e");
  ASSERT_EQ(connect.headers.size(), 1u);
  EXPECT_EQ(connect.headers[0].name, "X-User");
  EXPECT_EQ(connect.headers[0].value, "42");
}

TEST(ProtobufDecoder, DecodesEveryFieldOfSubscribe) {
  wire::Command wire;
  wire.set_id(4294967295u);
  auto& request = *wire.mutable_subscribe();
  request.set_channel("news");
  request.set_token("t");
  request.set_data("d");
  request.set_offset(std::numeric_limits<std::uint64_t>::max());
  request.set_positioned(true);
  request.set_recoverable(true);
  request.set_join_leave(true);
  request.set_delta("fossil");
  request.set_flag(std::numeric_limits<std::int64_t>::min());
  request.set_type(std::numeric_limits<std::int32_t>::min());
  auto& filter = *request.mutable_tf();
  filter.set_op("and");
  auto& leaf = *filter.add_nodes();
  leaf.set_key("k");
  leaf.set_cmp("in");
  leaf.set_val("v");
  leaf.add_vals("a");
  leaf.add_vals("");
  filter.add_nodes()->set_op("not");
  const Decoded d(delimited(wire));
  EXPECT_EQ(d.command.id, 4294967295u);
  const auto& subscribe = d.as<SubscribeRequest>();
  EXPECT_EQ(subscribe.channel, "news");
  EXPECT_EQ(subscribe.token, "t");
  EXPECT_EQ(subscribe.data, "d");
  EXPECT_EQ(subscribe.offset, std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(subscribe.positioned && subscribe.recoverable && subscribe.join_leave);
  EXPECT_EQ(subscribe.delta, "fossil");
  EXPECT_EQ(subscribe.flags, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(subscribe.type, std::numeric_limits<std::int32_t>::min());
  ASSERT_TRUE(subscribe.tags_filter);
  EXPECT_EQ(subscribe.tags_filter->op, "and");
  ASSERT_EQ(subscribe.tags_filter->nodes.size(), 2u);
  EXPECT_EQ(subscribe.tags_filter->nodes[0].key, "k");
  EXPECT_EQ(subscribe.tags_filter->nodes[0].compare, "in");
  EXPECT_EQ(subscribe.tags_filter->nodes[0].value, "v");
  EXPECT_EQ(subscribe.tags_filter->nodes[0].values, (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(subscribe.tags_filter->nodes[1].op, "not");
}

TEST(ProtobufDecoder, DecodesTheOtherRequests) {
  EXPECT_EQ(Decoded(command(field(6, field(1, "a")))).as<UnsubscribeRequest>().channel, "a");
  EXPECT_EQ(Decoded(command(field(8, field(1, "a")))).as<PresenceRequest>().channel, "a");
  EXPECT_EQ(Decoded(command(field(9, field(1, "a")))).as<PresenceStatsRequest>().channel, "a");
  EXPECT_EQ(Decoded(command(field(12, field(1, "\xFF")))).as<SendRequest>().data, "\xFF");
  EXPECT_EQ(Decoded(command(field(14, field(1, "t")))).as<RefreshRequest>().token, "t");

  const Decoded rpc(command(field(13, field(1, "\xFF") + field(2, "m"))));
  EXPECT_EQ(rpc.as<RpcRequest>().data, "\xFF");
  EXPECT_EQ(rpc.as<RpcRequest>().method, "m");

  const Decoded refresh(command(field(15, field(1, "a") + field(2, "t") + "\x18\x02")));
  EXPECT_EQ(refresh.as<SubRefreshRequest>().channel, "a");
  EXPECT_EQ(refresh.as<SubRefreshRequest>().token, "t");
  EXPECT_EQ(refresh.as<SubRefreshRequest>().type, 2);

  const Decoded history(command(field(10, field(1, "a") +
                                              field(8,
                                                    "\x08\x07\x12\x01"
                                                    "E") +
                                              "\x48\x01")));
  EXPECT_TRUE(history.as<HistoryRequest>().has_since);
  EXPECT_EQ(history.as<HistoryRequest>().since_offset, 7u);
  EXPECT_EQ(history.as<HistoryRequest>().since_epoch, "E");
  EXPECT_TRUE(history.as<HistoryRequest>().reverse);
}

TEST(ProtobufDecoder, PayloadsAreViewsIntoTheMessage) {
  const Decoded d(command(field(7, field(2, std::string(1000, '\xFF')))));
  const std::string_view data = d.as<PublishRequest>().data;
  EXPECT_EQ(data.data() + data.size(), d.message.data() + d.message.size());
}

TEST(ProtobufDecoder, DecodesSeveralCommandsAndResumesAfterEach) {
  const std::string message = command(field(4, "")) + bytes("00") +
                              bytes("0b 08 03 3a 07 0a 01 61 12 02 7b 7d") +
                              command(field(6, field(1, "a")));
  ProtobufDecoder decoder;
  EXPECT_EQ(outline(decoder, message), (Outline{"1", "0", "3", "1"}));
  EXPECT_EQ(decoder.rest(), "");

  Outline seen;
  std::string saved = message;
  while (!saved.empty()) {
    decoder.begin(saved);
    const auto result = decoder.next();
    ASSERT_TRUE(result && *result);
    seen.push_back(std::to_string((*result)->id));
    saved = std::string(decoder.rest());
  }
  EXPECT_EQ(seen, (Outline{"1", "0", "3", "1"}));
}

TEST(ProtobufDecoder, EveryPrefixEndsInTheSameCommandsAndThenAnError) {
  const std::string first = bytes("0b 08 03 3a 07 0a 01 61 12 02 7b 7d");
  const std::string message = first + bytes("0f 08 02 2a 0b 0a 01 61 18 01 32 01 45 38 ac 02");
  ProtobufDecoder decoder;
  for (std::size_t size = 0; size <= message.size(); ++size) {
    Outline expected;
    if (size == 0) expected = {"empty message"};
    if (size >= first.size()) expected.push_back("3");
    if (size == message.size()) expected.push_back("2");
    const bool cut = size != 0 && size != first.size() && size != message.size();
    if (cut) expected.push_back("message is cut off");
    EXPECT_EQ(outline(decoder, std::string_view(message).substr(0, size)), expected) << size;
  }
}

TEST(ProtobufDecoder, DropsWhatFollowsAnError) {
  ProtobufDecoder decoder;
  EXPECT_EQ(outline(decoder, command(field(4, "")) + bytes("02 08 01") + bytes("00")),
            (Outline{"1", "command without request"}));
  EXPECT_EQ(decoder.rest(), "");
  EXPECT_EQ(outline(decoder, bytes("00")), (Outline{"0"}));
}

TEST(ProtobufDecoder, RefusesAnEmptyMessage) { EXPECT_EQ(error_of(""), "empty message"); }

TEST(ProtobufDecoder, PassesOverUnknownFields) {
  const std::string unknown = field(100, "\xFF\xFF") + bytes("a0 06 ff 01") +  // varint
                              bytes("a1 06 01 02 03 04 05 06 07 08") + bytes("a5 06 01 02 03 04");
  const Decoded d(command(unknown + field(7, unknown + field(1, "a") + unknown)));
  EXPECT_EQ(d.error, "");
  EXPECT_EQ(d.as<PublishRequest>().channel, "a");
  const Decoded sub(command(field(4, field(3, unknown + field(1, "a") + field(2, unknown)))));
  ASSERT_EQ(sub.as<ConnectRequest>().subs.size(), 1u);
  EXPECT_EQ(sub.as<ConnectRequest>().subs[0].channel, "a");
}

TEST(ProtobufDecoder, AnswersTheFirstOfSeveralRequestsInDispatchOrder) {
  const std::string publish = field(7, field(1, "p"));
  const std::string subscribe = field(5, field(1, "s"));
  EXPECT_EQ(Decoded(command(publish + subscribe)).as<SubscribeRequest>().channel, "s");
  EXPECT_EQ(Decoded(command(subscribe + publish)).as<SubscribeRequest>().channel, "s");
  const std::string send = field(12, field(1, "s"));
  const std::string rpc = field(13, field(2, "r"));
  EXPECT_EQ(Decoded(command(send + rpc)).as<RpcRequest>().method, "r");
  EXPECT_EQ(Decoded(command(field(11, "") + field(4, ""))).error, "");
}

TEST(ProtobufDecoder, ValidatesRequestsThatAreNotAnswered) {
  EXPECT_EQ(error_of(command(field(5, "") + field(7, field(1, "\xFF")))), "text is not UTF-8");
  EXPECT_EQ(error_of(command(field(4, "") + field(11, bytes("0a 01")))), "message is cut off");
}

TEST(ProtobufDecoder, MergesARequestThatIsGivenInParts) {
  const Decoded d(command(field(7, field(1, "a") + field(2, "x")) + field(7, field(2, "y"))));
  EXPECT_EQ(d.as<PublishRequest>().channel, "a");
  EXPECT_EQ(d.as<PublishRequest>().data, "y");
  const std::string one = field(4, field(3, field(1, "a")));
  EXPECT_EQ(Decoded(command(one + one)).as<ConnectRequest>().subs.size(), 2u);
}

TEST(ProtobufDecoder, RefusesWhatNoClientMaySend) {
  EXPECT_EQ(error_of(command(field(11, ""))), "ping is not a client command");
  EXPECT_EQ(error_of(bytes("02 08 01")), "command without request");
  EXPECT_EQ(error_of(delimited(field(7, ""))), "request without id");
  EXPECT_EQ(error_of(delimited(field(12, ""))), "");
}

TEST(ProtobufDecoder, RefusesTruncatedVarints) {
  EXPECT_EQ(error_of(bytes("80")), "message is cut off");
  EXPECT_EQ(error_of(bytes("02 08 80")), "message is cut off");
  EXPECT_EQ(error_of(bytes("01 88")), "message is cut off");
  EXPECT_EQ(error_of(bytes("03 08 01 aa")), "message is cut off");
}

TEST(ProtobufDecoder, RefusesVarintsThatAreTooLong) {
  const std::string_view reason = "varint is too long";
  EXPECT_EQ(error_of(bytes("80 80 80 80 80 00")), reason);                    // frame's length
  EXPECT_EQ(error_of(bytes("0b 08 80 80 80 80 80 80 80 80 80 80")), reason);  // value, 10 bytes
  EXPECT_EQ(error_of(bytes("0b 08 ff ff ff ff ff ff ff ff ff 02")), reason);  // 65 bits
  EXPECT_EQ(error_of(bytes("07 88 80 80 80 80 00 01")), reason);              // tag
  EXPECT_EQ(error_of(bytes("09 08 01 22 80 80 80 80 80 00")), reason);        // length
}

TEST(ProtobufDecoder, AcceptsPaddedVarints) {
  const Decoded d(bytes("89 80 00 08 81 80 00 22 80 80 80 00"));
  EXPECT_EQ(d.error, "");
  EXPECT_EQ(d.command.id, 1u);
}

TEST(ProtobufDecoder, RefusesLengthsBeyondTheEnd) {
  EXPECT_EQ(error_of(bytes("05 08 01 22 00")), "message is cut off");
  EXPECT_EQ(error_of(bytes("04 08 01 22 01")), "message is cut off");
  EXPECT_EQ(error_of(bytes("ff ff ff ff 7f 08 01")), "message is cut off");
  // The inner message may not reach into what follows it in the outer one.
  EXPECT_EQ(error_of(command(bytes("22 02 0a 05") + field(100, "aaaaaaaa"))), "message is cut off");
}

TEST(ProtobufDecoder, RefusesGroups) {
  EXPECT_EQ(error_of(command(bytes("a3 06 a4 06"))), "groups are refused");
  EXPECT_EQ(error_of(command(bytes("24"))), "groups are refused");
  EXPECT_EQ(error_of(command(field(4, bytes("23 24")))), "groups are refused");
  EXPECT_EQ(error_of(command(std::string(60000, '\x23'))), "groups are refused");
}

TEST(ProtobufDecoder, RefusesMalformedTags) {
  EXPECT_EQ(error_of(command(bytes("02 00"))), "invalid field number");
  EXPECT_EQ(error_of(command(bytes("ff ff ff ff 7f"))), "invalid field number");
  EXPECT_EQ(error_of(command(bytes("26"))), "unknown wire type");
  EXPECT_EQ(error_of(command(bytes("27"))), "unknown wire type");
}

TEST(ProtobufDecoder, RefusesKnownFieldsOfAnotherWireType) {
  const std::string_view reason = "field has the wrong wire type";
  EXPECT_EQ(error_of(delimited(field(1, "x"))), reason);
  EXPECT_EQ(error_of(command(bytes("20 00"))), reason);
  EXPECT_EQ(error_of(command(field(7, bytes("08 01")))), reason);
  EXPECT_EQ(error_of(command(field(7, field(3, "x")))), reason);
  EXPECT_EQ(error_of(command(field(5, bytes("39 01 02 03 04 05 06 07 08")))), reason);
}

TEST(ProtobufDecoder, RefusesANegativeId) {
  EXPECT_EQ(error_of(bytes("0d 08 ff ff ff ff ff ff ff ff ff 01 22 00")), "number is out of range");
  EXPECT_EQ(error_of(bytes("08 08 80 80 80 80 10 22 00")), "number is out of range");
}

TEST(ProtobufDecoder, RefusesNumbersOutOfRange) {
  EXPECT_EQ(error_of(command(field(10, bytes("38 80 80 80 80 08")))), "number is out of range");
  EXPECT_EQ(error_of(command(field(10, bytes("38 ff ff ff ff f7 ff ff ff ff 01")))),
            "number is out of range");
}

TEST(ProtobufDecoder, RefusesTextThatIsNotUtf8) {
  for (const std::string_view text : {"\xFF", "\xC0\x80", "\xED\xA0\x80", "a\xC3"}) {
    EXPECT_EQ(error_of(command(field(7, field(1, text)))), "text is not UTF-8");
    EXPECT_EQ(error_of(command(field(4, field(3, field(1, text))))), "text is not UTF-8");
    EXPECT_EQ(error_of(command(field(5, field(13, field(5, text))))), "text is not UTF-8");
  }
  EXPECT_EQ(error_of(command(field(7, field(1, "\xC3\xA9")))), "");
}

/// A subscribe whose filter has `levels` nodes inside each other.
std::string nested_filter(std::size_t levels) {
  std::string node;
  for (std::size_t i = 1; i < levels; ++i) node = field(6, node);
  return command(field(5, field(13, node)));
}

TEST(ProtobufDecoder, BoundsTheDepthOfFilters) {
  EXPECT_EQ(error_of(nested_filter(30)), "");  // within command and subscribe: 32
  EXPECT_EQ(error_of(nested_filter(31)), "nested too deeply");
  EXPECT_EQ(error_of(nested_filter(5000)), "nested too deeply");
}

std::string repeated(std::string_view piece, std::size_t times) {
  std::string result;
  result.reserve(piece.size() * times);
  for (std::size_t i = 0; i < times; ++i) result += piece;
  return result;
}

TEST(ProtobufDecoder, BoundsTheEntriesOfEachMapAndRepeatedField) {
  const auto subs = [](std::size_t n) { return command(field(4, repeated(field(3, ""), n))); };
  const auto headers = [](std::size_t n) { return command(field(4, repeated(field(6, ""), n))); };
  const auto filter = [](std::uint32_t number, std::size_t n) {
    return command(field(5, field(13, repeated(field(number, ""), n))));
  };
  EXPECT_EQ(Decoded(subs(256)).as<ConnectRequest>().subs.size(), 256u);
  EXPECT_EQ(Decoded(headers(256)).as<ConnectRequest>().headers.size(), 256u);
  EXPECT_EQ(Decoded(filter(5, 256)).as<SubscribeRequest>().tags_filter->values.size(), 256u);
  EXPECT_EQ(Decoded(filter(6, 256)).as<SubscribeRequest>().tags_filter->nodes.size(), 256u);
  for (const std::size_t many : {257u, 4'000'000u}) {
    EXPECT_EQ(error_of(subs(many)), "too many entries");
    EXPECT_EQ(error_of(headers(many)), "too many entries");
    EXPECT_EQ(error_of(filter(5, many)), "too many entries");
    EXPECT_EQ(error_of(filter(6, many)), "too many entries");
  }
}

TEST(ProtobufDecoder, BoundsTheEntriesOfACommand) {
  const auto filter = [](std::size_t leaves) {  // 16 nodes of 255 leaves, and some
    return command(field(5, field(13, repeated(field(6, repeated(field(6, ""), 255)), 16) +
                                          repeated(field(5, ""), leaves))));
  };
  EXPECT_EQ(error_of(filter(0)), "");
  EXPECT_EQ(error_of(filter(1)), "too many entries");
}

TEST(ProtobufDecoder, BoundsTheCommandsOfAMessage) {
  ProtobufDecoder decoder;
  EXPECT_EQ(outline(decoder, std::string(4096, '\0')), Outline(4096, "0"));
  Outline expected(4096, "0");
  expected.push_back("too many commands");
  EXPECT_EQ(outline(decoder, std::string(1'000'000, '\0')), expected);
  EXPECT_EQ(outline(decoder, bytes("00")), (Outline{"0"}));
}

TEST(ProtobufDecoder, BoundsTheMessage) {
  ProtobufOptions options;
  options.message_bytes_max = 10;
  ProtobufDecoder decoder(options);
  EXPECT_EQ(outline(decoder, command(field(4, field(1, "aaa")))), (Outline{"1"}));
  EXPECT_EQ(outline(decoder, command(field(4, field(1, "aaaa")))),
            (Outline{"message is too large"}));
}

TEST(ProtobufDecoder, ForgetsTheSubscriptionsOfAnEarlierCommand) {
  ProtobufDecoder decoder;
  const std::string message =
      command(field(4, field(3, field(1, "a")) + field(6, field(1, "h")))) + command(field(4, ""));
  decoder.begin(message);
  ASSERT_TRUE(decoder.next().value());
  const auto second = decoder.next();
  ASSERT_TRUE(second && *second);
  EXPECT_TRUE(std::get<ConnectRequest>((*second)->request).subs.empty());
  EXPECT_TRUE(std::get<ConnectRequest>((*second)->request).headers.empty());
}

/// Fills messages with whatever the schema allows within the decoder's limits.
class RandomCommand {
 public:
  explicit RandomCommand(std::uint64_t seed) : random_(seed) {}

  wire::Command command() {
    wire::Command result;
    result.set_id(static_cast<std::uint32_t>(1 + number() % 0xFFFFFFFEu));
    // One request mostly; sometimes more, of which one is answered.
    for (std::uint64_t n = 1 + random_.below(8) / 7; n > 0; --n) add_request(result);
    return result;
  }

 private:
  bool chance() { return random_.below(2) == 0; }
  std::uint64_t number() { return random_.next() >> random_.below(64); }
  std::int64_t signed_number() { return static_cast<std::int64_t>(number() * (chance() ? 1 : -1)); }
  std::int32_t small_number() { return static_cast<std::int32_t>(random_.next()); }
  std::string data() {
    std::string result(random_.below(3) == 0 ? random_.below(300) : random_.below(8), '\0');
    for (char& byte : result) byte = static_cast<char>(random_.below(256));
    return result;
  }
  std::string text() {
    constexpr std::string_view kCharacters[] = {"a", "\xC3\xA9", "\xF0\x9F\x98\x80", "\n", ":"};
    std::string result;
    for (std::uint64_t n = random_.below(6) * random_.below(30); n > 0; --n) {
      result += kCharacters[random_.below(std::size(kCharacters))];
    }
    return result;
  }

  void fill(wire::FilterNode& node, int levels) {
    node.set_op(text());
    node.set_key(text());
    node.set_cmp(text());
    node.set_val(text());
    for (std::uint64_t n = random_.below(4); n > 0; --n) node.add_vals(text());
    for (std::uint64_t n = levels > 0 ? random_.below(4) : 0; n > 0; --n) {
      fill(*node.add_nodes(), levels - 1);
    }
  }
  void fill(wire::SubscribeRequest& request) {
    request.set_channel(text());
    request.set_token(text());
    request.set_recover(chance());
    request.set_epoch(text());
    request.set_offset(number());
    request.set_data(data());
    request.set_positioned(chance());
    request.set_recoverable(chance());
    request.set_join_leave(chance());
    request.set_delta(text());
    if (chance()) fill(*request.mutable_tf(), 3);
    request.set_flag(signed_number());
    request.set_type(small_number());
  }
  void fill(wire::ConnectRequest& request) {
    request.set_token(text());
    request.set_data(data());
    for (std::uint64_t n = random_.below(4); n > 0; --n) fill((*request.mutable_subs())[text()]);
    request.set_name(text());
    request.set_version(text());
    for (std::uint64_t n = random_.below(4); n > 0; --n) {
      (*request.mutable_headers())[text()] = text();
    }
  }
  void fill(wire::PublishRequest& request) {
    request.set_channel(text());
    request.set_data(data());
    request.set_type(small_number());
  }
  void fill(wire::HistoryRequest& request) {
    request.set_channel(text());
    request.set_limit(small_number());
    request.set_reverse(chance());
    if (!chance()) return;
    request.mutable_since()->set_offset(number());
    request.mutable_since()->set_epoch(text());
  }
  void fill(wire::SubRefreshRequest& request) {
    request.set_channel(text());
    request.set_token(text());
    request.set_type(small_number());
  }

  void add_request(wire::Command& command) {
    switch (random_.below(11)) {
      case 0:
        return fill(*command.mutable_connect());
      case 1:
        return fill(*command.mutable_subscribe());
      case 2:
        return command.mutable_unsubscribe()->set_channel(text());
      case 3:
        return fill(*command.mutable_publish());
      case 4:
        return command.mutable_presence()->set_channel(text());
      case 5:
        return command.mutable_presence_stats()->set_channel(text());
      case 6:
        return fill(*command.mutable_history());
      case 7:
        return command.mutable_send()->set_data(data());
      case 8:
        command.mutable_rpc()->set_method(text());
        return command.mutable_rpc()->set_data(data());
      case 9:
        return command.mutable_refresh()->set_token(text());
      default:
        return fill(*command.mutable_sub_refresh());
    }
  }

  core::Random random_;
};

TEST(ProtobufDecoder, DecodesWhateverTheSchemaAllowsToTheSameValues) {
  ProtobufDecoder decoder;
  RandomCommand random(20261124);
  for (int i = 0; i < 4000; ++i) {
    std::string message;
    Outline ids;
    for (int n = 0; n <= i % 3; ++n) {
      const wire::Command command = random.command();
      message += delimited(command);
      ids.push_back(std::to_string(command.id()));
    }
    ASSERT_EQ(outline(decoder, message), ids) << i;
    // Compares every value with libprotobuf's, and aborts at a difference.
    fuzz_protobuf_decoder(reinterpret_cast<const std::uint8_t*>(message.data()), message.size());
  }
}

}  // namespace
}  // namespace sanjay::protocol
