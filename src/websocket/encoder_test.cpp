// SPDX-License-Identifier: Apache-2.0
#include "websocket/encoder.h"

#include "websocket/mask.h"
#include "websocket/utf8.h"
#include "websocket/wire_samples.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

namespace sanjay::websocket {
namespace {

std::vector<std::string> decoded(std::string_view wire, Role role) {
  const std::string_view whole[] = {wire};
  return events_of(whole, role, {.message_bytes_max = 100'000});
}

TEST(Encoder, WritesTheExamplesOfRfc6455Section5_7) {
  EXPECT_EQ(make_frame(Opcode::Text, "Hello").bytes(), "\x81\x05Hello");
  EXPECT_EQ(make_frame(Opcode::Ping, "Hello").bytes(), "\x89\x05Hello");
  std::string out;
  append_masked_frame(out, Opcode::Text, "Hello", 0x37fa213d);
  EXPECT_EQ(out, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
}

TEST(Encoder, ChoosesTheShortestLengthForm) {
  const struct {
    std::size_t payload;
    std::size_t header;
  } cases[] = {{0, 2}, {125, 2}, {126, 4}, {65535, 4}, {65536, 10}, {99'999, 10}};
  for (const auto& [payload, header] : cases) {
    const std::string bytes(payload, 'x');
    EXPECT_EQ(make_frame(Opcode::Binary, bytes).size(), header + payload);
    EXPECT_EQ(decoded(make_frame(Opcode::Binary, bytes).bytes(), Role::Client),
              std::vector{"binary " + bytes});
    std::string masked;
    append_masked_frame(masked, Opcode::Binary, bytes, 0xdeadbeef);
    EXPECT_EQ(masked.size(), header + 4 + payload);
    EXPECT_EQ(decoded(masked, Role::Server), std::vector{"binary " + bytes});
  }
}

TEST(Encoder, WritesEightOctetLengthsInFull) {
  std::array<char, kHeaderBytesMax> header;
  EXPECT_EQ(encode_header(header, Opcode::Binary, 0x0102030405060708ULL), 10u);
  EXPECT_EQ(std::string_view(header.data(), 10), "\x82\x7f\x01\x02\x03\x04\x05\x06\x07\x08");
}

TEST(Encoder, AppendsBehindWhatIsThere) {
  std::string out = "kept";
  append_frame(out, Opcode::Text, "a");
  append_frame(out, Opcode::Pong, "");
  EXPECT_EQ(out, std::string("kept\x81\x01") + "a" + std::string("\x8a\x00", 2));
  append_masked_frame(out, Opcode::Text, "b", 0);
  EXPECT_EQ(out.substr(9), std::string("\x81\x81\0\0\0\0b", 7));
}

TEST(Encoder, RefusesToBuildAControlFrameAbove125Bytes) {
  EXPECT_EQ(make_frame(Opcode::Ping, std::string(125, 'x')).size(), 127u);
  EXPECT_DEATH(make_frame(Opcode::Ping, std::string(126, 'x')), "kControlPayloadBytesMax");
}

TEST(CloseFrame, CarriesCodeAndReason) {
  EXPECT_EQ(make_close_frame(1000, "bye").bytes(),
            "\x88\x05\x03\xe8"
            "bye");
  EXPECT_EQ(make_close_frame(4999, "").bytes(), "\x88\x02\x13\x87");
}

TEST(CloseFrame, CutsTheReasonBetweenCharacters) {
  const std::string fits(123, 'r');
  EXPECT_EQ(make_close_frame(1000, fits).size(), 127u);
  EXPECT_EQ(make_close_frame(1000, fits + "r").size(), 127u);
  for (const std::string_view character : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}) {
    for (std::size_t before = 118; before <= 123; ++before) {
      const std::string reason = std::string(before, 'r') + std::string(character) + "tail tail";
      const ClosePayload payload = encode_close_payload(1000, reason);
      const std::string_view kept = payload.view().substr(2);
      EXPECT_TRUE(is_utf8(kept));
      EXPECT_TRUE(reason.starts_with(kept));
      EXPECT_GT(kept.size(), 123 - character.size());
    }
  }
}

TEST(CloseFrame, AnswerRepeatsTheCodeOrIsEmpty) {  // RFC 6455 §5.5.1
  EXPECT_EQ(make_close_answer(1000).bytes(), make_close_frame(1000, "").bytes());
  EXPECT_EQ(make_close_answer(4999).bytes(), make_close_frame(4999, "").bytes());
  EXPECT_EQ(make_close_answer(kCloseNoCode).bytes(), std::string_view("\x88\x00", 2));
}

TEST(CloseFrame, NeverCarriesAReservedCode) {
  for (const int number : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000}) {
    const auto code = static_cast<std::uint16_t>(number);
    EXPECT_FALSE(is_close_code(code));
    EXPECT_DEATH(make_close_frame(code, ""), "is_close_code");
  }
}

TEST(Mask, EqualsTheDefinitionAtEverySizeAndOffset) {
  constexpr std::uint32_t kMask = 0x01fe7a93;
  constexpr unsigned char kKey[] = {0x01, 0xfe, 0x7a, 0x93};
  for (std::size_t size = 0; size < 130; ++size) {
    for (std::size_t offset = 0; offset < 9; ++offset) {
      std::string bytes, expected;
      for (std::size_t i = 0; i < size; ++i) {
        bytes += static_cast<char>(i * 7);
        expected += static_cast<char>(bytes[i] ^ kKey[(offset + i) % 4]);
      }
      apply_mask(bytes, kMask, offset);
      ASSERT_EQ(bytes, expected) << size << ' ' << offset;
    }
  }
}

}  // namespace
}  // namespace sanjay::websocket
