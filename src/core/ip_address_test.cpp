// SPDX-License-Identifier: Apache-2.0
#include "core/ip_address.h"

#include "core/random.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace sanjay::core {

void fuzz_ip_address(const std::uint8_t* data, std::size_t size);

namespace {

IpAddress address(std::string_view text) {
  const auto parsed = IpAddress::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(IpAddress{});
}

IpNetwork network(std::string_view text) {
  const auto parsed = IpNetwork::parse(text);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return *parsed;
}

TEST(IpAddress, ReadsLiteralsAndWritesThemInTheShortestForm) {
  const struct {
    std::string_view text, spelling;
  } cases[] = {
      {"127.0.0.1", "127.0.0.1"},
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"2001:DB8:0:0:0:0:0:5", "2001:db8::5"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
      {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
      {"::ffff:10.1.2.3", "10.1.2.3"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
      {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
  };
  for (const auto& [text, spelling] : cases) {
    EXPECT_EQ(address(text).to_string(), spelling) << text;
    EXPECT_EQ(address(spelling), address(text));
  }
}

TEST(IpAddress, RefusesWhatIsNoLiteral) {
  using std::string_view_literals::operator""sv;
  for (const auto text : {""sv,
                          "localhost"sv,
                          "1.2.3"sv,
                          "1.2.3.4.5"sv,
                          "1.2.3.256"sv,
                          "01.2.3.4"sv,
                          "1.2.3.04"sv,
                          "1.2.3."sv,
                          ".1.2.3"sv,
                          "1..2.3"sv,
                          "+1.2.3.4"sv,
                          "1.2.3.4 "sv,
                          " 1.2.3.4"sv,
                          "1.2.3.-4"sv,
                          "0x1.2.3.4"sv,
                          "1.2.3.4/8"sv,
                          "1.2.3.4:80"sv,
                          "127.0.0.1\0"sv,
                          ":"sv,
                          ":::"sv,
                          "::g"sv,
                          "1:2:3:4:5:6:7"sv,
                          "1:2:3:4:5:6:7:8:9"sv,
                          "1::2::3"sv,
                          ":1:2:3:4:5:6:7:8"sv,
                          "1:2:3:4:5:6:7:8:"sv,
                          "1:2:3:4::5:6:7:8"sv,
                          "12345::"sv,
                          "::1%eth0"sv,
                          "[::1]"sv,
                          "1:2:3:4:5:6:7:1.2.3.4"sv,
                          "::1.2.3.4:5"sv,
                          "::1.2.3"sv,
                          "1:"sv,
                          "::-1"sv,
                          "::0x1"sv}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpAddress, AgreesWithTheSystemOnRandomAddresses) {
  Random random(3);
  for (int i = 0; i < 20'000; ++i) {
    IpAddress ours;
    for (auto& byte : ours.bytes) {
      byte = static_cast<std::uint8_t>(random.below(3) == 0 ? random.below(256) : 0);
    }
    // The system writes addresses in ::/96 with dots, which RFC 5952 §5 asks for known ones only.
    ours.bytes[0] |= 0x20;
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(AF_INET6, ours.bytes.data(), text.data(), text.size());
    ASSERT_EQ(ours.to_string(), text.data());
    ASSERT_EQ(IpAddress::parse(text.data()), ours);
  }
}

TEST(IpAddress, AgreesWithTheSystemOnWhatIsAnAddress) {
  Random random(4);
  constexpr std::string_view kAlphabet = "0123456789af:::::....";
  unsigned accepted = 0;
  for (int i = 0; i < 400'000; ++i) {
    std::string text;
    for (std::size_t length = 2 + random.below(9); text.size() < length;) {
      text += kAlphabet[random.below(kAlphabet.size())];
    }
    IpAddress system;
    const bool is_v6 = inet_pton(AF_INET6, text.c_str(), system.bytes.data()) == 1;
    std::array<std::uint8_t, 4> v4{};
    const bool is_v4 = inet_pton(AF_INET, text.c_str(), v4.data()) == 1;
    const auto ours = IpAddress::parse(text);
    ASSERT_EQ(ours.has_value(), is_v6 || is_v4) << text;
    if (is_v6) {
      ASSERT_EQ(*ours, system) << text;
    }
    accepted += ours ? 1 : 0;
  }
  EXPECT_GT(accepted, 1000u) << "the comparison must have something to compare";
}

TEST(IpAddress, LimitsCountIpv4WholeAndIpv6ByItsSlash64) {
  EXPECT_NE(address("10.1.2.3").limiter_key(), address("10.1.2.4").limiter_key());
  EXPECT_EQ(address("10.1.2.3").limiter_key(), address("::ffff:10.1.2.3").limiter_key());
  EXPECT_EQ(address("2001:db8:0:1::5").limiter_key(),
            address("2001:db8:0:1:ffff::9").limiter_key());
  EXPECT_NE(address("2001:db8:0:1::5").limiter_key(), address("2001:db8:0:2::5").limiter_key());
}

TEST(IpNetwork, ContainsWhatSharesItsPrefix) {
  EXPECT_TRUE(network("10.0.0.0/8").contains(address("10.255.1.2")));
  EXPECT_FALSE(network("10.0.0.0/8").contains(address("11.0.0.0")));
  EXPECT_TRUE(network("192.0.2.64/27").contains(address("192.0.2.95")));
  EXPECT_FALSE(network("192.0.2.64/27").contains(address("192.0.2.96")));
  EXPECT_FALSE(network("192.0.2.64/27").contains(address("192.0.2.63")));
  EXPECT_TRUE(network("192.0.2.1").contains(address("192.0.2.1")));
  EXPECT_FALSE(network("192.0.2.1").contains(address("192.0.2.0")));
  EXPECT_TRUE(network("::1").contains(address("::1")));
  EXPECT_FALSE(network("::1").contains(address("::2")));
  EXPECT_TRUE(network("2001:db8::/33").contains(address("2001:db8:7fff::1")));
  EXPECT_FALSE(network("2001:db8::/33").contains(address("2001:db8:8000::1")));
}

TEST(IpNetwork, OfOneFamilyNeverContainsTheOther) {
  EXPECT_FALSE(network("::/0").contains(address("10.0.0.1")));
  EXPECT_TRUE(network("::/0").contains(address("2001:db8::1")));
  EXPECT_TRUE(network("0.0.0.0/0").contains(address("255.0.0.1")));
  EXPECT_FALSE(network("0.0.0.0/0").contains(address("2001:db8::1")));
  EXPECT_TRUE(network("::ffff:10.0.0.0/104").contains(address("10.1.1.1")));
}

TEST(IpNetwork, SaysWhatIsWrong) {
  const auto error = [](std::string_view text) {
    const auto parsed = IpNetwork::parse(text);
    return parsed ? "accepted" : parsed.error().message;
  };
  EXPECT_EQ(error("10.1.2.3/8"),
            "\"10.1.2.3/8\" has bits set behind its prefix; the network is \"10.0.0.0/8\"");
  EXPECT_EQ(error("2001:db8::1/64"),
            "\"2001:db8::1/64\" has bits set behind its prefix; the network is \"2001:db8::/64\"");
  EXPECT_EQ(error("10.0.0.0/33"),
            "expected a prefix length from 0 to 32 behind the slash, got \"10.0.0.0/33\"");
  for (const std::string_view text : {"::/129", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/8/8",
                                      "10.0.0.0/-1", "10.0.0.0/8 ", "10.0.0.0/255.0.0.0"}) {
    EXPECT_NE(error(text).find("prefix length"), std::string::npos) << error(text);
  }
  for (const std::string_view text : {"", "/8", "example.com", "10.0.0/8", "10.*"}) {
    EXPECT_NE(error(text).find("expected an address or a network"), std::string::npos);
  }
}

TEST(IpAddressFuzz, HoldsOnTheCorpusAndItsMutations) {
  const auto fuzz = [](std::string_view input) {
    fuzz_ip_address(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  };
  Random random(5);
  unsigned files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SANJAY_CORPUS_DIR "/ip_address")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string seed(std::istreambuf_iterator<char>(file), {});
    ++files;
    fuzz(seed);
    for (int round = 0; round < 3000; ++round) {
      std::string input = seed;
      const std::size_t at = random.below(input.size());
      switch (random.below(3)) {
        case 0:
          input[at] = "0123456789abcdef:./"[random.below(19)];
          break;
        case 1:
          input.insert(at, 1, input[random.below(input.size())]);
          break;
        default:
          input.erase(at, 1);
      }
      fuzz(input);
    }
  }
  EXPECT_GE(files, 6u);
}

}  // namespace
}  // namespace sanjay::core
