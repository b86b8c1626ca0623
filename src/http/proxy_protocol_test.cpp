// SPDX-License-Identifier: Apache-2.0
#include "http/proxy_protocol.h"

#include "core/chunking.h"
#include "core/random.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace sanjay::http {

void fuzz_proxy_protocol(const std::uint8_t* data, std::size_t size);

namespace {

using State = ProxyHeaderParser::State;
using std::string_literals::operator""s;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

/// A version 2 header; `length` is what it says its rest is, the rest's own length if not given.
std::string binary(int version_and_command, int family, const std::string& rest, int length = -1) {
  const std::size_t said = length < 0 ? rest.size() : static_cast<std::size_t>(length);
  std::string out = kSignature;
  out += static_cast<char>(version_and_command);
  out += static_cast<char>(family);
  out += static_cast<char>(said >> 8);
  out += static_cast<char>(said & 0xff);
  return out + rest;
}

const std::string kV4 = "\xcb\x00\x71\x09\xc0\x00\x02\x01\x12\x67\x01\xbb"s;  // 203.0.113.9:4711
const std::string kV6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x05"s +
                        "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01\x12\x67\x01\xbb"s;

struct Outcome {
  State state = State::NeedMore;
  std::size_t consumed = 0;
  std::string source = "none";
  std::string reason;
};

Outcome feed(std::span<const std::string_view> pieces) {
  ProxyHeaderParser parser;
  Outcome outcome;
  for (const std::string_view piece : pieces) {
    const auto progress = parser.feed(piece);
    outcome.state = progress.state;
    outcome.consumed += progress.consumed;
    if (progress.state != State::NeedMore) break;
  }
  if (const auto& source = parser.source()) {
    outcome.source = source->address.to_string() + " " + std::to_string(source->port);
  }
  outcome.reason = parser.reason();
  return outcome;
}

Outcome feed(std::string_view wire) {
  const std::string_view pieces[] = {wire};
  return feed(pieces);
}

TEST(ProxyProtocol, NamesTheClientAtEveryChunkingAndLeavesItsBytes) {
  const struct {
    std::string header, source;
  } cases[] = {
      {"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n", "203.0.113.9 4711"},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n", "255.255.255.255 65535"},
      {"PROXY TCP6 2001:db8::5 2001:db8::1 4711 443\r\n", "2001:db8::5 4711"},
      {"PROXY TCP6 ::ffff:203.0.113.9 ::1 4711 443\r\n", "203.0.113.9 4711"},
      {"PROXY UNKNOWN\r\n", "none"},
      {"PROXY UNKNOWN ffff:f...f:ffff nonsense 65535 65535\r\n", "none"},
      {binary(0x21, 0x11, kV4), "203.0.113.9 4711"},
      {binary(0x21, 0x21, kV6), "2001:db8::5 4711"},
      {binary(0x21, 0x11, kV4 + "\x04\x00\x01x\x20\x00\xff"s), "203.0.113.9 4711"},
      {binary(0x20, 0x00, ""), "none"},
      {binary(0x20, 0x11, kV4), "none"},
      {binary(0x20, 0xff, "abc"), "none"},
      {binary(0x21, 0x00, ""), "none"},
      {binary(0x21, 0x00, "whatever"), "none"},
      {binary(0x21, 0x31, std::string(216, '/')), "none"},
  };
  for (const auto& [header, source] : cases) {
    core::for_each_split(header + "GET /", 5, [&](std::span<const std::string_view> pieces) {
      const Outcome outcome = feed(pieces);
      ASSERT_EQ(outcome.state, State::Done) << header << outcome.reason;
      ASSERT_EQ(outcome.consumed, header.size()) << header;
      ASSERT_EQ(outcome.source, source) << header;
    });
  }
}

TEST(ProxyProtocol, RefusesWhatIsNoHeaderAtTheFirstByteThatShowsIt) {
  const struct {
    std::string wire;
    std::size_t consumed;
  } cases[] = {
      {"GET / HTTP/1.1\r\n", 1},
      {"PROXy ", 5},
      {"PROXY\r\n", 6},
      {" PROXY TCP4", 1},
      {"proxy TCP4", 1},
      {"\r\n\r\nGET /", 5},
      {kSignature.substr(0, 11) + "\r", 12},
      {binary(0x11, 0x11, kV4), 16},  // version 1 in binary
      {binary(0x31, 0x11, kV4), 16},  // version 3
      {binary(0x22, 0x11, kV4), 16},  // an unknown command
      {binary(0x21, 0x12, kV4), 16},  // UDP
      {binary(0x21, 0x22, kV6), 16},
      {binary(0x21, 0x32, std::string(216, '/')), 16},
      {binary(0x21, 0x41, kV4), 16},            // no such family
      {binary(0x21, 0x11, kV4.substr(1)), 16},  // a byte short
      {binary(0x21, 0x11, ""), 16},
      {binary(0x21, 0x21, kV4), 16},
  };
  for (const auto& [wire, consumed] : cases) {
    core::for_each_split(wire, 5, [&](std::span<const std::string_view> pieces) {
      const Outcome outcome = feed(pieces);
      ASSERT_EQ(outcome.state, State::Malformed) << wire;
      ASSERT_EQ(outcome.consumed, consumed) << wire;
      ASSERT_EQ(outcome.source, "none");
      ASSERT_NE(outcome.reason, "");
    });
  }
}

TEST(ProxyProtocol, RefusesMalformedLines) {
  for (const std::string line : {"TCP4 203.0.113.9 192.0.2.1 4711",
                                 "TCP4 203.0.113.9 192.0.2.1 4711 443 ",
                                 "TCP4 203.0.113.9 192.0.2.1 4711 443 5",
                                 "TCP4  203.0.113.9 192.0.2.1 4711 443",
                                 "TCP4 203.0.113.9 192.0.2.1 65536 443",
                                 "TCP4 203.0.113.9 192.0.2.1 4711 -1",
                                 "TCP4 203.0.113.9 192.0.2.1 04711 443",
                                 "TCP4 203.0.113.9 192.0.2.1 x 443",
                                 "TCP4 203.0.113.9 192.0.2.1 4711 443x",
                                 "TCP4 203.0.113.256 192.0.2.1 4711 443",
                                 "TCP4 203.0.113.9 nowhere 4711 443",
                                 "TCP4 2001:db8::5 2001:db8::1 4711 443",
                                 "TCP6 203.0.113.9 192.0.2.1 4711 443",
                                 "TCP6 2001:db8::5 192.0.2.1 4711 443",
                                 "TCP5 203.0.113.9 192.0.2.1 4711 443",
                                 "tcp4 203.0.113.9 192.0.2.1 4711 443",
                                 "UDP4 203.0.113.9 192.0.2.1 4711 443",
                                 "TCP4",
                                 "TCP4 ",
                                 "",
                                 " ",
                                 "UNKNOWNS",
                                 "unknown",
                                 "TCP4\t203.0.113.9 192.0.2.1 4711 443",
                                 "TCP4 203.0.113.9 192.0.2.1 4711 443\r"}) {
    const Outcome outcome = feed("PROXY " + line + "\r\n");
    EXPECT_EQ(outcome.state, State::Malformed) << line;
    EXPECT_EQ(outcome.source, "none");
  }
}

TEST(ProxyProtocol, HoldsTheBoundOfALineExactly) {
  const std::string longest = "PROXY UNKNOWN " + std::string(91, 'x') + "\r\n";
  ASSERT_EQ(longest.size(), ProxyHeaderParser::kLineBytesMax);
  EXPECT_EQ(feed(longest).state, State::Done);
  const std::string longer = "PROXY UNKNOWN " + std::string(92, 'x') + "\r\n";
  const Outcome outcome = feed(longer);
  EXPECT_EQ(outcome.state, State::Malformed);
  EXPECT_EQ(outcome.consumed, ProxyHeaderParser::kLineBytesMax);
}

TEST(ProxyProtocol, LooksAtTheLengthBeforeWaitingForTheRest) {
  EXPECT_EQ(feed(binary(0x21, 0x11, kV4 + std::string(508, 't'))).state, State::Done);
  for (const int length : {521, 1000, 65535}) {
    for (const int command : {0x20, 0x21}) {
      const Outcome outcome = feed(binary(command, 0x11, "", length));
      EXPECT_EQ(outcome.state, State::Malformed) << length;
      EXPECT_EQ(outcome.consumed, 16u);
    }
  }
}

TEST(ProxyProtocolFuzz, HoldsOnTheCorpusAndItsMutations) {
  core::Random random(5);
  unsigned files = 0;
  const std::filesystem::directory_iterator corpus(SANJAY_CORPUS_DIR "/proxy_protocol");
  for (const auto& entry : corpus) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string seed(std::istreambuf_iterator<char>(file), {});
    ++files;
    for (int round = 0; round < 2000; ++round) {
      std::string input = seed;
      const std::size_t at = random.below(input.size());
      if (round > 0) {
        switch (random.below(3)) {
          case 0:
            input[at] = static_cast<char>(random.below(256));
            break;
          case 1:
            input.insert(at, random.below(400), input[at]);
            break;
          default:
            input.resize(at);
        }
      }
      fuzz_proxy_protocol(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
    }
  }
  EXPECT_GE(files, 5u);
}

}  // namespace
}  // namespace sanjay::http
