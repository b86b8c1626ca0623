// SPDX-License-Identifier: Apache-2.0
#include "websocket/decoder.h"

#include "core/chunking.h"
#include "core/random.h"
#include "websocket/encoder.h"
#include "websocket/wire_samples.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <string>
#include <vector>

namespace {

// What the program has taken from the heap, so that tests can tell what a decoder owns.
std::atomic<std::size_t> bytes_allocated_total{0};
std::atomic<long> allocations_alive{0};

}  // namespace

void* operator new(std::size_t size) {
  bytes_allocated_total += size;
  ++allocations_alive;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}

void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  --allocations_alive;
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

namespace sanjay::websocket {

void fuzz_decoder(const std::uint8_t* data, std::size_t size);

namespace {

using Events = std::vector<std::string>;

constexpr unsigned kFin = 0x80;
constexpr unsigned kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

void expect_events(std::string_view wire, const Events& expected, const Limits& limits = {},
                   Role role = Role::Server) {
  core::for_each_split(wire, 30, [&](std::span<const std::string_view> pieces) {
    ASSERT_EQ(events_of(pieces, role, limits), expected) << pieces.size() << " pieces";
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

// --- RFC 6455 §5.1, §5.2: the header ---

TEST(Decoder, ReadsTheExamplesOfRfc6455Section5_7) {
  expect_events(octets({0x81, 0x05, 'H', 'e', 'l', 'l', 'o'}), {"text Hello"}, {}, Role::Client);
  expect_events(octets({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}),
                {"text Hello"});
  expect_events(octets({0x01, 0x03, 'H', 'e', 'l', 0x80, 0x02, 'l', 'o'}), {"text Hello"}, {},
                Role::Client);
  expect_events(octets({0x89, 0x05, 'H', 'e', 'l', 'l', 'o'}), {"ping Hello"}, {}, Role::Client);
  expect_events(octets({0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}),
                {"pong Hello"});
  const std::string medium(256, 'm');
  expect_events(octets({0x82, 0x7e, 0x01, 0x00}) + medium, {"binary " + medium}, {}, Role::Client);
  const std::string large(65536, 'l');
  expect_events(octets({0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0}) + large, {"binary " + large}, {},
                Role::Client);
}

TEST(Decoder, Section5_1_RefusesAnUnmaskedFrameFromAClient) {
  expect_events(octets({0x81, 0x01, 'a'}), {"violation 1002"});
}

TEST(Decoder, Section5_1_RefusesAMaskedFrameFromAServer) {
  expect_events(from_client(kFin | kText, "a"), {"violation 1002"}, {}, Role::Client);
}

TEST(Decoder, Section5_2_RefusesReservedBits) {
  for (const unsigned bit : {0x40u, 0x20u, 0x10u, 0x70u}) {
    for (const unsigned opcode : {kContinuation, kText, kBinary, kClose, kPing, kPong}) {
      expect_events(from_client(kFin | bit | opcode, "a"), {"violation 1002"});
    }
  }
}

TEST(Decoder, FitsIntoFortyBytes) { EXPECT_LE(sizeof(Decoder), 40u); }

TEST(Decoder, Section5_2_RefusesReservedOpcodes) {
  for (const unsigned opcode : {3u, 4u, 5u, 6u, 7u, 11u, 12u, 13u, 14u, 15u}) {
    expect_events(from_client(kFin | opcode, "a"), {"violation 1002"});
    expect_events(from_client(opcode, "a"), {"violation 1002"});
  }
}

TEST(Decoder, Section5_2_ReportsABadFirstOctetBeforeTheSecond) {
  expect_events(octets({0xc1}), {"violation 1002"});
  expect_events(octets({0x83}), {"violation 1002"});
  expect_events(octets({0x09}), {"violation 1002"});
  expect_events(octets({0x81}), {});
}

TEST(Decoder, Section5_2_RefusesLengthsNotInTheShortestForm) {
  expect_events(with_zero_mask(octets({0x82, 0xfe, 0, 125}), "x"), {"violation 1002"});
  expect_events(with_zero_mask(octets({0x82, 0xfe, 0, 0}), ""), {"violation 1002"});
  expect_events(with_zero_mask(octets({0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 125}), ""),
                {"violation 1002"});
  expect_events(with_zero_mask(octets({0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff}), ""),
                {"violation 1002"});
}

TEST(Decoder, Section5_2_AcceptsEachLengthFormAtItsBounds) {
  for (const std::size_t size : {0u, 1u, 125u, 126u, 127u, 65535u, 65536u}) {
    const std::string payload(size, 'p');
    expect_events(from_client(kFin | kBinary, payload), {"binary " + payload});
  }
}

TEST(Decoder, Section5_2_RefusesALengthWithItsTopBitSet) {
  expect_events(octets({0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0}), {"violation 1002"});
  expect_events(octets({0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
                {"violation 1002"});
}

TEST(Decoder, Section5_3_UnmasksWithEveryPhaseOfTheKey) {
  for (std::size_t size = 0; size < 80; ++size) {
    std::string payload;
    for (std::size_t i = 0; i < size; ++i) payload += static_cast<char>('!' + i);
    expect_events(from_client(kFin | kText, payload), {"text " + payload});
  }
}

// --- §5.4: fragmentation ---

TEST(Decoder, Section5_4_JoinsFragments) {
  expect_events(from_client(kText, "Hel") + from_client(kContinuation, "") +
                    from_client(kContinuation, "l") + from_client(kFin | kContinuation, "o") +
                    from_client(kFin | kBinary, "next"),
                {"text Hello", "binary next"});
}

TEST(Decoder, Section5_4_JoinsEmptyFragments) {
  expect_events(from_client(kText, "") + from_client(kFin | kContinuation, ""), {"text "});
}

TEST(Decoder, Section5_4_LetsControlFramesComeBetweenFragments) {
  expect_events(from_client(kBinary, "ab") + from_client(kFin | kPing, "1") +
                    from_client(kContinuation, "cd") + from_client(kFin | kPong, "2") +
                    from_client(kFin | kPing, "") + from_client(kFin | kContinuation, "ef"),
                {"ping 1", "pong 2", "ping ", "binary abcdef"});
}

TEST(Decoder, Section5_4_LetsACloseComeBetweenFragments) {
  expect_events(from_client(kText, "ab") + from_client(kFin | kClose, octets({0x03, 0xe8})) +
                    from_client(kFin | kContinuation, "cd"),
                {"close 1000 "});
}

TEST(Decoder, Section5_4_RefusesAContinuationOfNothing) {
  expect_events(from_client(kFin | kContinuation, "a"), {"violation 1002"});
  expect_events(from_client(kContinuation, "a"), {"violation 1002"});
  expect_events(from_client(kFin | kText, "a") + from_client(kFin | kContinuation, "b"),
                {"text a", "violation 1002"});
  expect_events(from_client(kText, "a") + from_client(kFin | kContinuation, "b") +
                    from_client(kFin | kContinuation, "c"),
                {"text ab", "violation 1002"});
}

TEST(Decoder, Section5_4_RefusesANewMessageWithinAMessage) {
  for (const unsigned second : {kText, kBinary, kFin | kText, kFin | kBinary}) {
    expect_events(from_client(kText, "a") + from_client(second, "b"), {"violation 1002"});
    expect_events(from_client(kText, "") + from_client(second, ""), {"violation 1002"});
  }
}

// --- §5.5: control frames ---

TEST(Decoder, Section5_5_RefusesAFragmentedControlFrame) {
  for (const unsigned opcode : {kClose, kPing, kPong}) {
    expect_events(from_client(opcode, ""), {"violation 1002"});
  }
}

TEST(Decoder, Section5_5_RefusesAControlPayloadAbove125Bytes) {
  const std::string fits(125, 'x');
  expect_events(from_client(kFin | kPing, fits), {"ping " + fits});
  for (const unsigned opcode : {kClose, kPing, kPong}) {
    expect_events(from_client(kFin | opcode, std::string(126, 'x')), {"violation 1002"});
    expect_events(octets({kFin | opcode, 0xfe}), {"violation 1002"});
    expect_events(octets({kFin | opcode, 0xff}), {"violation 1002"});
  }
}

TEST(Decoder, Section5_5_1_TellsACloseWithoutCodeAs1005) {
  expect_events(from_client(kFin | kClose, ""), {"close 1005 "});
}

TEST(Decoder, Section5_5_1_TellsTheCodeAndTheReason) {
  expect_events(from_client(kFin | kClose, octets({0x0f, 0xa0}) + "bye \xe2\x82\xac"),
                {"close 4000 bye \xe2\x82\xac"});
  const std::string longest(123, 'r');
  expect_events(from_client(kFin | kClose, octets({0x03, 0xe9}) + longest),
                {"close 1001 " + longest});
}

TEST(Decoder, Section5_5_1_RefusesAClosePayloadOfOneByte) {
  expect_events(from_client(kFin | kClose, "x"), {"violation 1002"});
}

TEST(Decoder, Section5_5_1_RefusesACloseReasonThatIsNotUtf8) {
  expect_events(from_client(kFin | kClose, octets({0x03, 0xe8}) + "ab\xff"), {"violation 1007"});
  expect_events(from_client(kFin | kClose, octets({0x03, 0xe8, 0xe2, 0x82})), {"violation 1007"});
}

TEST(Decoder, Section7_4_AcceptsExactlyTheDefinedCloseCodes) {
  for (unsigned code = 0; code <= 0xffff; ++code) {
    const bool valid = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                       (code >= 3000 && code <= 4999);
    const std::string wire = from_client(kFin | kClose, octets({code >> 8, code & 0xff}));
    const Events expected{valid ? "close " + std::to_string(code) + " " : "violation 1002"};
    const std::string_view whole[] = {wire};
    ASSERT_EQ(events_of(whole, Role::Server, {}), expected) << code;
  }
}

TEST(Decoder, Section5_5_1_DropsEverythingAfterAClose) {
  expect_events(
      from_client(kFin | kClose, "") + from_client(kFin | kText, "late") + octets({0xff, 0xff}),
      {"close 1005 "});
}

TEST(Decoder, Section7_1_7_DropsEverythingAfterAViolation) {
  expect_events(octets({0xff}) + from_client(kFin | kText, "late"), {"violation 1002"});
  expect_events(from_client(kFin | kText, "ok") + from_client(kFin | kText, "\xff") +
                    from_client(kFin | kText, "late"),
                {"text ok", "violation 1007"});
}

TEST(Decoder, Section5_5_2_GivesEveryPingInOrder) {
  std::string wire;
  Events expected;
  for (int i = 0; i < 20; ++i) {
    wire += from_client(kFin | (i % 2 == 0 ? kPing : kPong), std::to_string(i));
    expected.push_back((i % 2 == 0 ? "ping " : "pong ") + std::to_string(i));
  }
  expect_events(wire, expected);
}

// --- §8.1: text is UTF-8 ---

TEST(Decoder, Section8_1_RefusesTextThatIsNotUtf8) {
  expect_events(from_client(kFin | kText, "abc\xff"), {"violation 1007"});
  expect_events(from_client(kFin | kText, std::string(500, 'a') + "\x80"), {"violation 1007"});
  expect_events(from_client(kFin | kBinary, "abc\xff"), {"binary abc\xff"});
}

TEST(Decoder, Section8_1_RefusesTextThatEndsWithinACharacter) {
  expect_events(from_client(kFin | kText, "abc\xe2\x82"), {"violation 1007"});
  expect_events(from_client(kText, "abc\xe2") + from_client(kFin | kContinuation, "\x82"),
                {"violation 1007"});
  expect_events(from_client(kText, "abc\xe2") + from_client(kFin | kContinuation, ""),
                {"violation 1007"});
}

TEST(Decoder, Section8_1_AcceptsACharacterCutByFragments) {
  expect_events(from_client(kText, "\xf0") + from_client(kContinuation, "\x9f") +
                    from_client(kFin | kPing, "\xff") + from_client(kContinuation, "") +
                    from_client(kFin | kContinuation, "\x98\x80"),
                {"ping \xff", "text \xf0\x9f\x98\x80"});
}

TEST(Decoder, Section8_1_DoesNotCarryACharacterIntoTheNextMessage) {
  expect_events(from_client(kText, "\xc3") + from_client(kFin | kContinuation, "\xa9") +
                    from_client(kFin | kText, "\xa9"),
                {"text \xc3\xa9", "violation 1007"});
}

TEST(Decoder, Section8_1_RefusesAtTheFirstBadOctetWithinAFrame) {
  // A frame that declares 1000 bytes; 4 have come, the last of them cannot stand there.
  expect_events(with_zero_mask(octets({0x81, 0xfe, 0x03, 0xe8}), "abc\x80"), {"violation 1007"});
  expect_events(with_zero_mask(octets({0x81, 0xfe, 0x03, 0xe8}), "abc\xe2\x82"), {});
  expect_events(with_zero_mask(octets({0x81, 0xfe, 0x03, 0xe8}), "\xed\xa0"), {"violation 1007"});
}

// --- Limits ---

TEST(Decoder, RefusesAMessageAboveTheLimitFromItsDeclaredLength) {
  const Limits limits{.message_bytes_max = 10};
  expect_events(from_client(kFin | kText, "1234567890"), {"text 1234567890"}, limits);
  expect_events(with_zero_mask(octets({0x81, 0x8b}), ""), {"violation 1009"}, limits);
  expect_events(
      with_zero_mask(octets({0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), ""),
      {"violation 1009"}, limits);
  expect_events(with_zero_mask(octets({0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0}), ""),
                {"violation 1009"}, limits);
}

TEST(Decoder, RefusesFragmentsWhoseSumIsAboveTheLimit) {
  const Limits limits{.message_bytes_max = 10};
  expect_events(from_client(kText, "12345") + from_client(kFin | kContinuation, "67890"),
                {"text 1234567890"}, limits);
  expect_events(from_client(kText, "12345") + with_zero_mask(octets({0x00, 0x86}), ""),
                {"violation 1009"}, limits);
  expect_events(
      from_client(kText, "12345") +
          with_zero_mask(octets({0x80, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfb}), ""),
      {"violation 1009"}, limits);
}

TEST(Decoder, CountsTheLimitAnewForEveryMessage) {
  const Limits limits{.message_bytes_max = 4, .fragments_max = 2};
  std::string wire;
  Events expected;
  for (int i = 0; i < 5; ++i) {
    wire += from_client(kText, "ab") + from_client(kFin | kContinuation, "cd");
    expected.push_back("text abcd");
  }
  expect_events(wire, expected, limits);
}

TEST(Decoder, RefusesMoreFragmentsThanTheLimitEmptyOnesToo) {
  const Limits limits{.fragments_max = 3};
  const std::string empty = from_client(kContinuation, "");
  expect_events(from_client(kText, "") + empty + from_client(kFin | kContinuation, ""), {"text "},
                limits);
  expect_events(from_client(kText, "") + empty + empty + empty, {"violation 1008"}, limits);
  expect_events(from_client(kText, "a") + empty + empty + from_client(kFin | kContinuation, "b"),
                {"violation 1008"}, limits);
}

TEST(Decoder, HasTheLimitsOfTheDocumentation) {
  const std::string longest(65536, 'x');
  const auto expect_whole = [](const std::string& wire, const std::string& event) {
    const std::string_view whole[] = {wire};
    EXPECT_EQ(events_of(whole, Role::Server, {}), Events{event});
  };
  expect_whole(from_client(kFin | kText, longest), "text " + longest);
  expect_whole(from_client(kFin | kText, longest + "x"), "violation 1009");
  const auto in_fragments = [](int count) {
    std::string wire = from_client(kText, "a");
    for (int i = 2; i < count; ++i) wire += from_client(kContinuation, "");
    return wire + from_client(kFin | kContinuation, "b");
  };
  expect_whole(in_fragments(1024), "text ab");
  expect_whole(in_fragments(1025), "violation 1008");
}

TEST(Decoder, HoldsAgainstAMillionEmptyFragments) {
  std::string wire = from_client(kText, "");
  for (int i = 0; i < 1'000'000; ++i) wire += octets({0x00, 0x80, 0, 0, 0, 0});
  const std::string_view whole[] = {wire};
  EXPECT_EQ(events_of(whole, Role::Server, {}), Events{"violation 1008"});
}

// --- Memory ---

// Feeds a copy of `wire` and returns every event but the last NeedMore.
std::vector<Event::Type> types_of(Decoder& decoder, std::string& wire) {
  std::vector<Event::Type> types;
  decoder.feed(wire);
  for (;;) {
    const Event event = decoder.next();
    if (event.type == Event::Type::NeedMore) return types;
    types.push_back(event.type);
  }
}

TEST(Decoder, HandsOutAWholeFrameInPlace) {
  const Limits limits;
  Decoder decoder(Role::Server, limits);
  std::string wire = from_client(kFin | kText, "first") + from_client(kFin | kPing, "second");
  decoder.feed(wire);
  const std::size_t before = bytes_allocated_total;
  const Event first = decoder.next();
  EXPECT_EQ(first.payload.data(), wire.data() + 6);
  const Event second = decoder.next();
  EXPECT_EQ(second.payload.data(), wire.data() + 11 + 6);
  EXPECT_EQ(second.payload, "second");
  EXPECT_EQ(decoder.next().type, Event::Type::NeedMore);
  EXPECT_EQ(bytes_allocated_total, before);
}

TEST(Decoder, OwnsNoHeapMemoryBetweenMessages) {
  const Limits limits;
  Decoder decoder(Role::Server, limits);
  std::string head = from_client(kText, "part") + from_client(kFin | kPing, "x").substr(0, 3);
  std::string tail = from_client(kFin | kPing, "x").substr(3) +
                     from_client(kFin | kContinuation, std::string(3000, 'y')) +
                     from_client(kFin | kText, "after");
  const long before = allocations_alive;
  EXPECT_TRUE(types_of(decoder, head).empty());
  EXPECT_GT(allocations_alive, before);
  EXPECT_EQ(types_of(decoder, tail).size(), 3u);
  EXPECT_EQ(allocations_alive, before);
}

TEST(Decoder, FreesItsMemoryAfterAViolation) {
  const Limits limits;
  Decoder decoder(Role::Server, limits);
  std::string wire = from_client(kText, "part") + octets({0xff});
  const long before = allocations_alive;
  EXPECT_EQ(types_of(decoder, wire).size(), 1u);
  EXPECT_EQ(allocations_alive, before);
}

TEST(Decoder, NeverAllocatesADeclaredSize) {
  const Limits limits{.message_bytes_max = 1u << 30};
  Decoder decoder(Role::Server, limits);
  std::string wire =
      with_zero_mask(octets({0x82, 0xff, 0, 0, 0, 0, 0x3f, 0xff, 0xff, 0xff}), "little");
  const std::size_t before = bytes_allocated_total;
  EXPECT_TRUE(types_of(decoder, wire).empty());
  EXPECT_LT(bytes_allocated_total - before, 1024u);
}

TEST(Decoder, GrowsItsBufferGeometrically) {
  const Limits limits{.message_bytes_max = 1u << 20};
  Decoder decoder(Role::Server, limits);
  std::string wire = from_client(kFin | kBinary, std::string(1u << 20, 'z'));
  const std::size_t before = bytes_allocated_total;
  for (char& octet : wire) {
    decoder.feed({&octet, 1});
    if (decoder.next().type != Event::Type::NeedMore) break;
  }
  EXPECT_EQ(decoder.next().type, Event::Type::NeedMore);
  EXPECT_LT(bytes_allocated_total - before, (1u << 20) * 5);
}

// --- Fuzzing as a test ---

std::string random_frames(core::Random& random, Role role) {
  constexpr unsigned kFirstOctets[] = {0x81, 0x82, 0x01, 0x00, 0x80, 0x89, 0x8a, 0x88, 0x02};
  constexpr std::string_view kPayloads[] = {
      "", "a", "\xc3\xa9", "\xe2\x82", "\xac", "\x03\xe8", "hello hello hello hello hello hello"};
  std::string wire;
  for (std::uint64_t n = 1 + random.below(6); n > 0; --n) {
    std::string payload(kPayloads[random.below(std::size(kPayloads))]);
    if (random.below(8) == 0) payload.append(random.below(400), 'p');
    wire += wire_frame(kFirstOctets[random.below(std::size(kFirstOctets))], payload, role);
  }
  if (random.below(3) == 0) wire[random.below(wire.size())] = static_cast<char>(random.below(256));
  return wire;
}

void fuzz(std::string_view input) {
  fuzz_decoder(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

TEST(DecoderFuzz, HoldsOnSeededFrames) {
  core::Random random(1);
  for (int round = 0; round < 20'000; ++round) {
    const auto first = static_cast<char>(random.below(256));
    fuzz(first + random_frames(random, (first & 1) != 0 ? Role::Client : Role::Server));
  }
}

TEST(DecoderFuzz, HoldsOnTheCorpusAndItsMutations) {
  core::Random random(2);
  unsigned files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SANJAY_CORPUS_DIR "/decoder")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string seed(std::istreambuf_iterator<char>(file), {});
    ++files;
    fuzz(seed);
    for (int round = 0; round < 300; ++round) {
      std::string input = seed;
      for (int flips = 0; flips < 3; ++flips) {
        input[random.below(input.size())] = static_cast<char>(random.below(256));
      }
      fuzz(input);
    }
  }
  EXPECT_GE(files, 10u);
}

}  // namespace
}  // namespace sanjay::websocket
