// SPDX-License-Identifier: Apache-2.0
#include "websocket/utf8.h"

#include "core/chunking.h"
#include "core/random.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace sanjay::websocket {
namespace {

std::string bytes(std::initializer_list<unsigned> octets) {
  std::string out;
  for (const unsigned octet : octets) out += static_cast<char>(octet);
  return out;
}

std::string encoded(unsigned point) {
  if (point < 0x80) return bytes({point});
  if (point < 0x800) return bytes({0xc0 | (point >> 6), 0x80 | (point & 0x3f)});
  if (point < 0x10000) {
    return bytes({0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f)});
  }
  return bytes({0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f), 0x80 | ((point >> 6) & 0x3f),
                0x80 | (point & 0x3f)});
}

// Another way to the same answer: decode to a code point, encode it again, compare.
bool reference_is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto octet = [&](std::size_t i) {
      return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
    };
    const unsigned lead = octet(0);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    unsigned point = size == 1 ? lead : lead & (0xffu >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) point = (point << 6) | (octet(i) & 0x3f);
    const bool allowed = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    if (!allowed || text.substr(at, size) != encoded(point)) return false;
    at += size;
  }
  return true;
}

TEST(Utf8, AgreesWithTheReferenceOnAllTwoOctetSequences) {
  for (unsigned a = 0; a < 256; ++a) {
    for (unsigned b = 0; b < 256; ++b) {
      const std::string text = bytes({a, b});
      ASSERT_EQ(is_utf8(text), reference_is_utf8(text)) << a << ' ' << b;
    }
  }
}

TEST(Utf8, AgreesWithTheReferenceOnAllThreeOctetSequences) {
  unsigned valid = 0;
  std::string text(3, '\0');
  for (unsigned value = 0; value < (1u << 24); ++value) {
    // Three plain ASCII octets teach nothing after the two-octet test.
    if ((value & 0x808080) == 0) continue;
    text[0] = static_cast<char>(value >> 16);
    text[1] = static_cast<char>(value >> 8);
    text[2] = static_cast<char>(value);
    const bool answer = is_utf8(text);
    valid += answer ? 1 : 0;
    if (answer != reference_is_utf8(text)) FAIL() << std::hex << value;
  }
  // U+0800..U+FFFF without surrogates, and a two-octet character before or after an ASCII one.
  EXPECT_EQ(valid, 0xf800u - 0x800u + 2u * 128u * 0x780u);
}

TEST(Utf8, AcceptsEveryCodePointAndNoSurrogate) {
  for (unsigned point = 0; point <= 0x10ffff; ++point) {
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    ASSERT_EQ(is_utf8(encoded(point)), !surrogate) << std::hex << point;
  }
}

TEST(Utf8, KnowsTheBoundariesOfFourOctetCharacters) {
  for (unsigned lead = 0xef; lead <= 0xf8; ++lead) {
    for (unsigned second = 0x7f; second <= 0xc0; ++second) {
      for (const unsigned third : {0x7fu, 0x80u, 0xbfu, 0xc0u}) {
        for (const unsigned fourth : {0x7fu, 0x80u, 0xbfu, 0xc0u}) {
          const std::string text = bytes({lead, second, third, fourth});
          ASSERT_EQ(is_utf8(text), reference_is_utf8(text)) << std::hex << lead << ' ' << second;
        }
      }
    }
  }
}

struct BadText {
  std::string text;
  std::size_t position;
};

TEST(Utf8, NamesTheFirstBadOctetAtEveryChunking) {
  const BadText cases[] = {
      {bytes({0x80}), 0},
      {bytes({'a', 0xff}), 1},
      {bytes({0xc0, 0xaf}), 0},
      {bytes({0xc3, 'a'}), 1},
      {bytes({0xe0, 0x9f, 0x80}), 1},
      {bytes({0xed, 0xa0, 0x80}), 1},
      {bytes({0xf0, 0x8f, 0x80, 0x80}), 1},
      {bytes({0xf4, 0x90, 0x80, 0x80}), 1},
      {bytes({0xf5, 0x80, 0x80, 0x80}), 0},
      {bytes({0xe2, 0x82, 0xe2}), 2},
      {std::string(100, 'x') + bytes({0xc3, 0xa9}) + std::string(70, 'y') + bytes({0xfe}), 172},
      {std::string(31, 'x') + bytes({0x80}) + std::string(64, 'y'), 31},
  };
  for (const BadText& bad : cases) {
    core::for_each_split(bad.text, 20, [&](std::span<const std::string_view> pieces) {
      Utf8Validator validator;
      std::size_t before = 0;
      for (const std::string_view piece : pieces) {
        if (const auto at = validator.find_bad_octet(piece)) {
          EXPECT_EQ(before + *at, bad.position);
          return;
        }
        before += piece.size();
      }
      FAIL() << "accepted, bad octet at " << bad.position;
    });
  }
}

TEST(Utf8, FindsABadOctetAtEveryPlaceOfTheWideSteps) {
  for (std::size_t size = 1; size < 100; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'a');
      text[at] = static_cast<char>(0x80);
      Utf8Validator validator;
      ASSERT_EQ(validator.find_bad_octet(text), at);
    }
  }
}

TEST(Utf8, IsIncompleteWithinACharacter) {
  Utf8Validator validator;
  EXPECT_TRUE(validator.complete());
  EXPECT_FALSE(validator.find_bad_octet(bytes({0xf0, 0x9f, 0x98})));
  EXPECT_FALSE(validator.complete());
  EXPECT_FALSE(validator.find_bad_octet(bytes({0x80})));
  EXPECT_TRUE(validator.complete());
}

// The texts of the Autobahn test suite, cases 6.5 to 6.23.
TEST(Utf8, AcceptsTheValidTextsOfAutobahn) {
  const std::string texts[] = {
      "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!",  // 6.5, 6.6
      "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",                             // 6.7
      bytes({0x00}),                                                              // 6.8
      "\xc2\x80",
      "\xe0\xa0\x80",
      "\xf0\x90\x80\x80",  // 6.9
      "\x7f",
      "\xdf\xbf",
      "\xef\xbf\xbf",
      "\xf4\x8f\xbf\xbf",  // 6.11
      "\xed\x9f\xbf",
      "\xee\x80\x80",
      "\xef\xbf\xbd",  // 6.13
      "\xef\xbf\xbe",
      "\xef\xbf\xbf",
      "\xf0\x9f\xbf\xbe",
      "\xf4\x8f\xbf\xbe",  // 6.22
      "\xf3\xbf\xbf\xbf",
      "\xef\xbf\xbd\xef\xbf\xb8",  // 6.22, 6.23
  };
  for (const std::string& text : texts) EXPECT_TRUE(is_utf8(text)) << text;
}

TEST(Utf8, RefusesTheInvalidTextsOfAutobahn) {
  const std::string texts[] = {
      "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64",  // 6.3
      "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80\x65",                  // 6.4
      "\xf8\x88\x80\x80\x80",
      "\xfc\x84\x80\x80\x80\x80",  // 6.10
      "\xf7\xbf\xbf\xbf",
      "\xfb\xbf\xbf\xbf\xbf",
      "\xfd\xbf\xbf\xbf\xbf\xbf",  // 6.12
      "\xf4\x90\x80\x80",          // 6.13
      "\x80",
      "\xbf",
      "\x80\xbf",
      "\x80\xbf\x80\xbf\x80\xbf",  // 6.14
      "\xc0 \xc1 \xc2 \xdf ",
      "\xe0 \xe1 \xef ",
      "\xf0 \xf1 ",
      "\xf8 \xf9 ",  // 6.15
      "\xc0",
      "\xe0\x80",
      "\xf0\x80\x80",
      "\xf8\x80\x80\x80",
      "\xdf",
      "\xef\xbf",  // 6.16
      "\xf7\xbf\xbf",
      "\xc0\xe0\x80\xf0\x80\x80",  // 6.16, 6.17
      "\xfe",
      "\xff",
      "\xfe\xfe\xff\xff",  // 6.18
      "\xc0\xaf",
      "\xe0\x80\xaf",
      "\xf0\x80\x80\xaf",
      "\xf8\x80\x80\x80\xaf",  // 6.19
      "\xc1\xbf",
      "\xe0\x9f\xbf",
      "\xf0\x8f\xbf\xbf",  // 6.20
      bytes({0xc0, 0x80}),
      bytes({0xe0, 0x80, 0x80}),  // 6.20
      "\xed\xa0\x80",
      "\xed\xad\xbf",
      "\xed\xae\x80",
      "\xed\xaf\xbf",
      "\xed\xb0\x80",  // 6.21
      "\xed\xbe\x80",
      "\xed\xbf\xbf",
      "\xed\xa0\x80\xed\xb0\x80",  // 6.21
  };
  for (const std::string& text : texts) EXPECT_FALSE(is_utf8(text)) << text;
}

TEST(Utf8, AgreesWithTheReferenceOnMixedRandomText) {
  core::Random random(11);
  unsigned valid = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::uint64_t n = random.below(40); n > 0; --n) {
      const unsigned limits[] = {0x80, 0x80, 0x80, 0x800, 0x10000, 0x110000};
      text += encoded(static_cast<unsigned>(random.below(limits[random.below(6)])));
    }
    if (!text.empty() && random.below(2) == 0) {
      text[random.below(text.size())] = static_cast<char>(random.below(256));
    }
    const bool expected = reference_is_utf8(text);
    valid += expected ? 1 : 0;
    ASSERT_EQ(is_utf8(text), expected) << text;
  }
  EXPECT_GT(valid, 500u);
  EXPECT_LT(valid, 2500u);
}

}  // namespace
}  // namespace sanjay::websocket
