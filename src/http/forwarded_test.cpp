// SPDX-License-Identifier: Apache-2.0
#include "http/forwarded.h"

#include "core/random.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace sanjay::http {

void fuzz_forwarded(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::string_view kProxy = "10.0.0.1";
constexpr std::string_view kStranger = "198.51.100.66";

TrustedProxies trusted(std::vector<std::string> networks = {"10.0.0.0/8", "fd00::/8"}) {
  auto parsed = TrustedProxies::parse(networks);
  EXPECT_TRUE(parsed);
  return *std::move(parsed);
}

std::string client(std::string_view peer, const std::vector<std::string_view>& lines) {
  Headers headers;
  headers.add("Host", "x");
  for (const auto line : lines) headers.add("x-forwarded-FOR", line);
  headers.add("Forwarded", "for=9.9.9.9");
  return client_address(trusted(), *core::IpAddress::parse(peer), headers).to_string();
}

TEST(Forwarded, TheFirstAddressFromTheRightThatIsNoProxyIsTheClient) {
  const struct {
    std::vector<std::string_view> lines;
    std::string_view client;
  } cases[] = {
      {{}, kProxy},
      {{""}, kProxy},
      {{" , ,"}, kProxy},
      {{"203.0.113.9"}, "203.0.113.9"},
      {{"203.0.113.9:55"}, "203.0.113.9"},
      {{"2001:db8::5"}, "2001:db8::5"},
      {{"[2001:db8::5]"}, "2001:db8::5"},
      {{"[2001:db8::5]:80"}, "2001:db8::5"},
      {{"::ffff:203.0.113.9"}, "203.0.113.9"},
      {{"\t203.0.113.9 "}, "203.0.113.9"},
      {{"203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
      {{"203.0.113.9,10.0.0.2,fd00::1,[fd00::2]:80"}, "203.0.113.9"},
      {{"203.0.113.9, ,10.0.0.2,"}, "203.0.113.9"},
      {{"203.0.113.9", "10.0.0.2"}, "203.0.113.9"},
      {{"198.51.100.1, 203.0.113.9", "10.0.0.3, 10.0.0.2"}, "203.0.113.9"},
      {{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
      {{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},  // all are ours: the outermost of them
  };
  for (const auto& c : cases) {
    EXPECT_EQ(client(kProxy, c.lines), c.client) << (c.lines.empty() ? "" : c.lines[0]);
  }
}

TEST(Forwarded, WhatAClientInventsIsLeftOfWhatTheProxyAdds) {
  for (const std::string_view invented :
       {"127.0.0.1", "10.0.0.9", "10.0.0.9, 10.0.0.8", "127.0.0.1, 10.0.0.9", "garbage", ",,,",
        "[::1", "10.0.0.9:99999", "unknown", "\"", "203.0.113.1\t203.0.113.2"}) {
    const std::string line = std::string(invented) + ", 203.0.113.9";
    EXPECT_EQ(client(kProxy, {line}), "203.0.113.9") << invented;
    EXPECT_EQ(client(kProxy, {invented, "203.0.113.9"}), "203.0.113.9") << invented;
    EXPECT_EQ(client(kProxy, {line + ", 10.0.0.2"}), "203.0.113.9") << invented;
  }
}

TEST(Forwarded, AStrangersWordIsNotTaken) {
  for (const std::string_view line : {"203.0.113.9", "10.0.0.2", "127.0.0.1",
                                      "203.0.113.9, 10.0.0.2", "198.51.100.66, 10.0.0.1"}) {
    EXPECT_EQ(client(kStranger, {line}), kStranger);
    EXPECT_EQ(client("::1", {line}), "::1");
  }
  Headers headers;
  headers.add("X-Forwarded-For", "203.0.113.9");
  const auto peer = *core::IpAddress::parse(kProxy);
  EXPECT_EQ(client_address(trusted({}), peer, headers), peer) << "nobody is trusted by default";
}

TEST(Forwarded, NothingLeftOfGarbageIsBelieved) {
  for (const std::string_view garbage : {"unknown",
                                         "garbage",
                                         "203.0.113",
                                         "203.0.113.9:",
                                         "203.0.113.9:x",
                                         "203.0.113.9:65536",
                                         "203.0.113.9:-1",
                                         "[2001:db8::5",
                                         "2001:db8::5]",
                                         "[2001:db8::5]80",
                                         "[2001:db8::5]:",
                                         "[2001:db8::5]:x",
                                         "[203.0.113.9]",
                                         "[]",
                                         "[",
                                         "203.0.113.9 203.0.113.8",
                                         "for=203.0.113.9",
                                         "\"203.0.113.9\"",
                                         "_hidden",
                                         "203.0.113.9;",
                                         "203.0.113.9/32",
                                         "::1%lo",
                                         "-"}) {
    const std::string line = "203.0.113.7, " + std::string(garbage);
    EXPECT_EQ(client(kProxy, {line}), kProxy) << garbage;
    EXPECT_EQ(client(kProxy, {line + ", 10.0.0.2"}), "10.0.0.2") << garbage;
    EXPECT_EQ(client(kProxy, {"203.0.113.7", garbage, "10.0.0.2"}), "10.0.0.2") << garbage;
  }
}

TEST(Forwarded, LooksAtABoundedNumberOfElements) {
  const auto behind = [](std::size_t proxies) {
    std::string line = "203.0.113.9";
    for (std::size_t i = 0; i < proxies; ++i) line += ", 10.0.0.2";
    return client(kProxy, {line});
  };
  EXPECT_EQ(behind(kForwardedElementsMax - 1), "203.0.113.9");
  EXPECT_EQ(behind(kForwardedElementsMax), "10.0.0.2");
  const std::string commas(5000, ',');
  EXPECT_EQ(client(kProxy, {"203.0.113.9" + commas}), kProxy);
}

TEST(Forwarded, NamesTheNetworkThatIsNone) {
  const std::vector<std::string> networks{"10.0.0.0/8", "10.0.0.1/8"};
  const auto parsed = TrustedProxies::parse(networks);
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message.find("10.0.0.1/8"), std::string::npos);
}

TEST(ForwardedFuzz, HoldsOnTheCorpusAndItsMutations) {
  core::Random random(5);
  unsigned files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SANJAY_CORPUS_DIR "/forwarded")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string seed(std::istreambuf_iterator<char>(file), {});
    ++files;
    for (int round = 0; round < 2000; ++round) {
      std::string input = seed;
      for (std::uint64_t changes = round == 0 ? 0 : 1 + random.below(3); changes > 0; --changes) {
        const std::size_t at = random.below(input.size());
        if (random.below(2) == 0) {
          input[at] = ",.:[]\n 0123456789af"[random.below(19)];
        } else {
          input.insert(at, 1, input[random.below(input.size())]);
        }
      }
      fuzz_forwarded(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
    }
  }
  EXPECT_GE(files, 4u);
}

}  // namespace
}  // namespace sanjay::http
