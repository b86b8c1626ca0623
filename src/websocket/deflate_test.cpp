// SPDX-License-Identifier: Apache-2.0

// permessage-deflate as it is on the wire: Deflater, Inflater and Decoder together (RFC 7692 §6,
// §7).

#include "core/chunking.h"
#include "core/random.h"
#include "websocket/deflater.h"
#include "websocket/encoder.h"
#include "websocket/inflater.h"
#include "websocket/wire_samples.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sanjay::websocket {
namespace {

using Events = std::vector<std::string>;

constexpr unsigned kFin = 0x80, kRsv1 = 0x40;
constexpr unsigned kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

void expect_events(std::string_view wire, const Events& expected, Context context = Context::Reset,
                   const Limits& limits = {}) {
  core::for_each_split(wire, 30, [&](std::span<const std::string_view> pieces) {
    Inflater inflater(context);
    ASSERT_EQ(events_of(pieces, Role::Server, limits, &inflater), expected)
        << pieces.size() << " pieces";
  });
}

std::string from_client(unsigned first_octet, std::string_view payload) {
  return wire_frame(first_octet, payload, Role::Server);
}

std::string octets(std::initializer_list<unsigned> values) {
  std::string out;
  for (const unsigned value : values) out += static_cast<char>(value);
  return out;
}

std::string deflated(std::string_view message, const Deflater::Options& options = {}) {
  Deflater deflater(Context::Reset, options);
  ScratchBuffer scratch;
  return std::string(deflater.compress(message, scratch));
}

/// Something like the JSON that clients send, `bytes` long.
std::string sentences(std::size_t bytes, std::uint64_t seed = 1) {
  constexpr std::string_view kWords[] = {"{\"publish\":{\"channel\":\"",
                                         "chat:",
                                         "\"data\":",
                                         "null,",
                                         "123",
                                         "price",
                                         "\xe2\x82\xac"};
  core::Random random(seed);
  std::string out;
  while (out.size() < bytes) {
    out += kWords[random.below(std::size(kWords))];
    out += std::to_string(random.below(100'000));
  }
  out.resize(bytes);
  return out;
}

std::string noise(std::size_t bytes, std::uint64_t seed = 1) {
  core::Random random(seed);
  std::string out;
  while (out.size() < bytes) out += static_cast<char>(random.below(256));
  return out;
}

// --- RFC 7692 §7.2.3: its examples, byte by byte ---

const std::string kHello = octets({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00});

TEST(Deflate, Section7_2_3_1_ReadsAMessageOfOneBlock) {
  expect_events(from_client(kFin | kRsv1 | kText, kHello), {"text Hello"});
  EXPECT_EQ(deflated("Hello"), kHello);
}

TEST(Deflate, Section7_2_3_1_ReadsItInFragments) {
  expect_events(from_client(kRsv1 | kText, kHello.substr(0, 3)) +
                    from_client(kFin | kContinuation, kHello.substr(3)),
                {"text Hello"});
}

TEST(Deflate, Section7_2_3_2_ReadsAMessageThatRefersToTheOneBefore) {
  const std::string again = octets({0xf2, 0x00, 0x11, 0x00, 0x00});
  const std::string first = from_client(kFin | kRsv1 | kText, kHello);
  expect_events(first + from_client(kFin | kRsv1 | kText, kHello), {"text Hello", "text Hello"},
                Context::Keep);
  expect_events(first + from_client(kFin | kRsv1 | kText, again), {"text Hello", "text Hello"},
                Context::Keep);
  expect_events(first + from_client(kFin | kRsv1 | kText, again), {"text Hello", "violation 1007"},
                Context::Reset);
  Deflater deflater(Context::Keep, {});
  ScratchBuffer scratch;
  EXPECT_EQ(deflater.compress("Hello", scratch), kHello);
  EXPECT_EQ(deflater.compress("Hello", scratch), again);
}

TEST(Deflate, Section7_2_3_3_ReadsABlockThatIsNotCompressed) {
  expect_events(from_client(kFin | kRsv1 | kText, octets({0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65,
                                                          0x6c, 0x6c, 0x6f, 0x00})),
                {"text Hello"});
}

TEST(Deflate, Section7_2_3_4_ReadsABlockThatSaysItIsTheLast) {
  const std::string last = octets({0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00});
  for (const Context context : {Context::Reset, Context::Keep}) {
    const std::string with_end = from_client(kFin | kRsv1 | kText, last + octets({0x00}));
    expect_events(with_end + with_end, {"text Hello", "text Hello"}, context);
    // Some leave the empty block behind it off.
    const std::string without = from_client(kFin | kRsv1 | kText, last);
    expect_events(without + without, {"text Hello", "text Hello"}, context);
    expect_events(from_client(kFin | kRsv1 | kText, last + last + last), {"text HelloHelloHello"},
                  context);
    expect_events(from_client(kFin | kRsv1 | kText, octets({0x01})), {"text "}, context);
  }
  // The context lives on behind a last block.
  expect_events(with_zero_mask(octets({kFin | kRsv1 | kText, 0x87}), last) +
                    from_client(kFin | kRsv1 | kText, octets({0xf2, 0x00, 0x11, 0x00, 0x00})),
                {"text Hello", "text Hello"}, Context::Keep);
}

TEST(Deflate, Section7_2_3_5_ReadsTwoBlocks) {
  expect_events(from_client(kFin | kRsv1 | kText, octets({0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff,
                                                          0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00})),
                {"text Hello"});
}

TEST(Deflate, Section7_2_3_6_ReadsAndWritesAnEmptyMessage) {
  const std::string empty = from_client(kFin | kRsv1 | kText, octets({0x00}));
  expect_events(empty + from_client(kFin | kRsv1 | kText, kHello) + empty,
                {"text ", "text Hello", "text "});
  expect_events(from_client(kRsv1 | kBinary, "") + from_client(kContinuation, octets({0x00})) +
                    from_client(kFin | kContinuation, ""),
                {"binary "});
  for (const Context context : {Context::Reset, Context::Keep}) {
    Deflater deflater(context, {});
    ScratchBuffer scratch;
    EXPECT_EQ(deflater.compress("", scratch), octets({0x00}));
    EXPECT_EQ(deflater.compress("Hello", scratch), kHello);
    EXPECT_EQ(deflater.compress("", scratch), octets({0x00}));
  }
}

// --- §6: where RSV1 may stand ---

TEST(Deflate, Section6_TakesPlainMessagesToo) {
  expect_events(from_client(kFin | kText, "plain") + from_client(kFin | kRsv1 | kText, kHello) +
                    from_client(kText, "a") + from_client(kFin | kContinuation, "b") +
                    from_client(kFin | kText, ""),
                {"text plain", "text Hello", "text ab", "text "});
}

TEST(Deflate, Section6_1_RefusesRsv1OnControlFrames) {
  for (const unsigned opcode : {kClose, kPing, kPong}) {
    expect_events(from_client(kFin | kRsv1 | opcode, ""), {"violation 1002"});
  }
}

TEST(Deflate, Section6_1_RefusesRsv1OnContinuations) {
  expect_events(from_client(kRsv1 | kText, kHello.substr(0, 3)) +
                    from_client(kFin | kRsv1 | kContinuation, kHello.substr(3)),
                {"violation 1002"});
  expect_events(from_client(kFin | kRsv1 | kContinuation, "x"), {"violation 1002"});
  expect_events(from_client(kText, "a") + from_client(kFin | kRsv1 | kContinuation, "b"),
                {"violation 1002"});
}

TEST(Deflate, Section6_RefusesTheOtherReservedBits) {
  for (const unsigned bits : {0x20u, 0x10u, 0x60u, 0x50u, 0x70u}) {
    expect_events(from_client(kFin | bits | kText, kHello), {"violation 1002"});
  }
}

TEST(Deflate, ControlFramesComeBetweenCompressedFragments) {
  expect_events(from_client(kRsv1 | kText, kHello.substr(0, 2)) + from_client(kFin | kPing, "p") +
                    from_client(kFin | kContinuation, kHello.substr(2)),
                {"ping p", "text Hello"});
}

// --- What is no message ---

TEST(Deflate, RefusesATruncatedMessageWith1007) {
  const std::string message = sentences(3000);
  const std::string whole = deflated(message);
  expect_events(from_client(kFin | kRsv1 | kBinary, whole), {"binary " + message});
  unsigned refused = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string wire = from_client(kFin | kRsv1 | kBinary, whole.substr(0, size));
    const std::string_view pieces[] = {wire};
    Inflater inflater(Context::Reset);
    const Events events = events_of(pieces, Role::Server, {}, &inflater);
    ASSERT_EQ(events.size(), 1u);
    // By chance, what is cut off may look like what the sender leaves off.
    if (events[0] == "violation 1007") ++refused;
    EXPECT_TRUE(size >= 2 || events[0] == "violation 1007");
  }
  EXPECT_GE(refused + 2, whole.size());
}

TEST(Deflate, RefusesGarbageWith1007AndServesTheNextConnection) {
  Inflater shared(Context::Reset);
  core::Random random(3);
  for (int round = 0; round < 200; ++round) {
    const std::string garbage = "\x07" + noise(200, random.next());  // block type 3 does not exist
    const std::string wire = from_client(kFin | kRsv1 | kBinary, garbage);
    const std::string_view pieces[] = {wire};
    ASSERT_EQ(events_of(pieces, Role::Server, {}, &shared), Events{"violation 1007"});
    const std::string good = from_client(kFin | kRsv1 | kText, kHello);
    const std::string_view good_pieces[] = {good};
    ASSERT_EQ(events_of(good_pieces, Role::Server, {}, &shared), Events{"text Hello"});
  }
}

TEST(Deflate, RefusesACompressedMessageOfNoBytesWith1007) {
  expect_events(from_client(kFin | kRsv1 | kText, ""), {"violation 1007"});
}

TEST(Deflate, RefusesTextThatIsNotUtf8OnceDecompressed) {
  for (const std::string_view text : {"abc\xff", "\xe2\x82", "\xed\xa0\x80"}) {
    expect_events(from_client(kFin | kRsv1 | kText, deflated(text)), {"violation 1007"});
    expect_events(from_client(kFin | kRsv1 | kBinary, deflated(text)),
                  {"binary " + std::string(text)});
  }
  const std::string valid = "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
  expect_events(from_client(kFin | kRsv1 | kText, deflated(valid)), {"text " + valid});
}

TEST(Deflate, CompressedOctetsNeedNotBeUtf8) {
  const std::string message = sentences(2000);
  const std::string wire = deflated(message);
  expect_events(from_client(kRsv1 | kText, wire.substr(0, 100)) + from_client(kContinuation, "") +
                    from_client(kFin | kContinuation, wire.substr(100)),
                {"text " + message});
}

// --- Bounds ---

TEST(Deflate, RefusesAMessageThatBecomesLargerThanAllowed) {
  const Limits limits{.message_bytes_max = 4000, .inflated_bytes_max = 5000};
  const std::string fits = sentences(5000);
  ASSERT_LT(deflated(fits).size(), 4000u);
  expect_events(from_client(kFin | kRsv1 | kBinary, deflated(fits)), {"binary " + fits},
                Context::Reset, limits);
  expect_events(from_client(kFin | kRsv1 | kBinary, deflated(fits + "x")), {"violation 1009"},
                Context::Reset, limits);
}

TEST(Deflate, RefusesAMessageThatGrowsAHundredfold) {
  const Limits limits{.message_bytes_max = 1u << 20, .inflated_bytes_max = 1u << 30};
  const auto bomb = [](std::size_t bytes) { return deflated(std::string(bytes, 'x')); };
  const std::string free(Inflater::kRatioFreeBytes, 'x');
  const auto events_of_payload = [&](const std::string& payload) {
    const std::string wire = from_client(kFin | kRsv1 | kBinary, payload);
    const std::string_view pieces[] = {wire};
    Inflater inflater(Context::Reset);
    return events_of(pieces, Role::Server, limits, &inflater);
  };
  EXPECT_TRUE(events_of_payload(bomb(Inflater::kRatioFreeBytes)) == Events{"binary " + free});
  EXPECT_EQ(events_of_payload(bomb(Inflater::kRatioFreeBytes + 1)), Events{"violation 1009"});
  // Ten KiB that would become ten MiB.
  const std::string large = bomb(10u << 20);
  EXPECT_LT(large.size(), 47'000u);
  EXPECT_EQ(events_of_payload(large), Events{"violation 1009"});
  // What compresses well, but not like a bomb, passes at any size.
  const std::string honest = sentences(300'000);
  EXPECT_TRUE(events_of_payload(deflated(honest)) == Events{"binary " + honest});
}

TEST(Deflate, BoundsTheMemoryOfABomb) {
  Inflater inflater(Context::Reset);
  ScratchBuffer scratch;
  const std::string bomb = deflated(std::string(32u << 20, '\0'));
  ASSERT_LT(bomb.size(), 150'000u);
  EXPECT_FALSE(inflater.inflate(bomb, 100'000, scratch));
  EXPECT_LE(scratch.size(), 100'001u);
  scratch.trim();
  EXPECT_EQ(scratch.size(), 0u);
  EXPECT_TRUE(inflater.inflate(kHello, 100'000, scratch));
  EXPECT_LE(scratch.size(), 1024u);
  scratch.trim();
  EXPECT_GT(scratch.size(), 0u) << "a little is kept";
}

TEST(Deflate, BoundsTheSumOfCompressedFragments) {
  const Limits limits{.message_bytes_max = 10};
  // Incompressible data grows a little: 64 bytes more are allowed for that.
  const std::string half(37, 'x');
  expect_events(from_client(kRsv1 | kBinary, half) + with_zero_mask(octets({0x80, 0xa6}), ""),
                {"violation 1009"}, Context::Reset, limits);
  expect_events(from_client(kFin | kBinary, "12345678901"), {"violation 1009"}, Context::Reset,
                limits);
}

TEST(Deflate, AMessageOfTheLargestSizePassesThoughItCannotBeCompressed) {
  for (const std::uint8_t memory_level : std::initializer_list<std::uint8_t>{3, 5, 8, 9}) {
    const std::string message = noise(65536);
    const std::string payload = deflated(message, {.memory_level = memory_level});
    EXPECT_GT(payload.size(), message.size());
    const std::string wire = from_client(kFin | kRsv1 | kBinary, payload);
    const std::string_view pieces[] = {wire};
    Inflater inflater(Context::Reset);
    EXPECT_TRUE(events_of(pieces, Role::Server, {}, &inflater) == Events{"binary " + message});
  }
}

TEST(Deflate, VeryManyLastBlocksCostLittle) {
  // Each is two bytes and resets the stream: 32,768 of them in one message.
  std::string payload;
  for (int i = 0; i < 32'768; ++i) payload += octets({0x03, 0x00});
  const std::string wire = from_client(kFin | kRsv1 | kText, payload);
  const std::string_view pieces[] = {wire};
  for (const Context context : {Context::Reset, Context::Keep}) {
    Inflater inflater(context);
    EXPECT_EQ(events_of(pieces, Role::Server, {}, &inflater), Events{"text "});
  }
}

// --- Both directions ---

TEST(Deflate, ReturnsEveryMessageWithEveryParameter) {
  const std::string messages[] = {"",
                                  "a",
                                  "Hello",
                                  sentences(100),
                                  sentences(5000, 2),
                                  noise(20'000),
                                  sentences(70'000, 3),
                                  std::string(40'000, 'z'),
                                  ""};
  for (const Context context : {Context::Reset, Context::Keep}) {
    for (std::uint8_t bits = 9; bits <= 15; ++bits) {
      for (const std::uint8_t level : std::initializer_list<std::uint8_t>{1, 6, 9}) {
        Deflater deflater(context, {level, bits, 5});
        Inflater exact(context, bits);
        Inflater wide(context);
        ScratchBuffer compressed, first, second;
        for (const std::string& message : messages) {
          const std::string_view payload = deflater.compress(message, compressed);
          for (auto& [inflater, scratch] : {std::pair{&exact, &first}, {&wide, &second}}) {
            const auto result = inflater->inflate(payload, 1 << 20, *scratch);
            ASSERT_TRUE(result) << result.error().reason;
            ASSERT_TRUE(*result == message) << "window bits " << int{bits};
          }
        }
      }
    }
  }
}

TEST(Deflate, AContextMakesWhatComesAgainSmall) {
  const std::string message = sentences(1000);
  Deflater with(Context::Keep, {}), without(Context::Reset, {});
  ScratchBuffer scratch;
  const std::size_t first = with.compress(message, scratch).size();
  EXPECT_EQ(without.compress(message, scratch).size(), first);
  EXPECT_LT(with.compress(message, scratch).size(), first / 10);
  EXPECT_EQ(without.compress(message, scratch).size(), first);
}

TEST(Deflate, AFrameSaysThatItIsCompressed) {
  EXPECT_EQ(make_frame(Opcode::Text, kHello, Coding::Deflated).bytes(),
            octets({0xc1, 0x07}) + kHello);
  std::string out;
  append_frame(out, Opcode::Binary, kHello, Coding::Deflated);
  EXPECT_EQ(out, octets({0xc2, 0x07}) + kHello);
  std::string masked;
  append_masked_frame(masked, Opcode::Text, kHello, 0x37fa213d, Coding::Deflated);
  EXPECT_EQ(masked, from_client(kFin | kRsv1 | kText, kHello));
}

}  // namespace
}  // namespace sanjay::websocket
