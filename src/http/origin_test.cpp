// SPDX-License-Identifier: Apache-2.0
#include "http/origin.h"

#include "core/random.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace sanjay::http {

void fuzz_origin(const std::uint8_t* data, std::size_t size);

namespace {

OriginPolicy policy(const std::vector<std::string>& patterns) {
  auto parsed = OriginPolicy::parse(patterns);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return *std::move(parsed);
}

TEST(OriginPolicy, LetsRequestsWithoutOriginPass) {
  EXPECT_TRUE(policy({}).allows(std::nullopt));
  EXPECT_TRUE(policy({"https://example.com"}).allows(std::nullopt));
}

TEST(OriginPolicy, RefusesEveryPresentOriginWhenEmpty) {
  for (const std::string_view origin : {"https://example.com", "null", ""}) {
    EXPECT_FALSE(policy({}).allows(origin)) << origin;
  }
}

TEST(OriginPolicy, AllowsAnythingByAStar) {
  for (const std::string_view origin : {"https://example.com", "null", "", "nonsense"}) {
    EXPECT_TRUE(policy({"https://a.example", "*"}).allows(origin)) << origin;
  }
}

TEST(OriginPolicy, ComparesSchemeHostAndPort) {
  const OriginPolicy one = policy({"https://Example.com"});
  for (const std::string_view origin :
       {"https://example.com", "HTTPS://EXAMPLE.COM", "https://example.com:443"}) {
    EXPECT_TRUE(one.allows(origin)) << origin;
  }
  for (const std::string_view origin : {"http://example.com",
                                        "https://example.com:8443",
                                        "https://evil.com",
                                        "https://example.com.evil.com",
                                        "https://evilexample.com",
                                        "https://a.example.com",
                                        "https://example.com/",
                                        "https://example.com/path",
                                        "https://example.com?x",
                                        "https://user@example.com",
                                        "https://evil.com@example.com",
                                        "https://example.com#x",
                                        "https://example.com ",
                                        " https://example.com",
                                        "https://example.com:",
                                        "https://example.com:0",
                                        "https://example.com:443x",
                                        "https://example.com:65979",
                                        "https://example.com:+443",
                                        "https://example.com:443:443",
                                        "https://example.com.",
                                        "https://example.co",
                                        "https:example.com",
                                        "https:/example.com",
                                        "//example.com",
                                        "example.com",
                                        "https://",
                                        "null",
                                        "NULL",
                                        "",
                                        "*",
                                        "https://*",
                                        "https://example.com, https://example.com",
                                        "https://example.com\t",
                                        "https://EXAMPLE.COM.evil.com",
                                        "https://example.com:443.evil.com",
                                        "https://example.com\\.evil.com",
                                        "https://example.com%2eevil.com",
                                        "https://example.com%00.evil.com",
                                        "https://example.com&.evil.com",
                                        "https://example.com:443@evil.com",
                                        "https://:443",
                                        "https://example.com:0443",
                                        "https://example.com..",
                                        "https://.example.com",
                                        "https://[example.com]",
                                        "https://xn--exmple-cua.com",
                                        "wss://example.com",
                                        "file://example.com",
                                        "https://https://example.com",
                                        "https ://example.com",
                                        "https://exam\xc3\xa9ple.com"}) {
    EXPECT_FALSE(one.allows(origin)) << origin;
  }
  EXPECT_FALSE(one.allows(std::string_view("https://example.com\0", 20)));
}

TEST(OriginPolicy, KnowsThePortsOfItsSchemes) {
  EXPECT_TRUE(policy({"http://a.example:80"}).allows("http://a.example"));
  EXPECT_TRUE(policy({"http://a.example"}).allows("http://a.example:80"));
  EXPECT_FALSE(policy({"http://a.example:443"}).allows("http://a.example"));
  const OriginPolicy local = policy({"http://localhost:3000"});
  EXPECT_TRUE(local.allows("http://localhost:3000"));
  EXPECT_FALSE(local.allows("http://localhost"));
  EXPECT_FALSE(local.allows("http://localhost:3001"));
}

TEST(OriginPolicy, MatchesSubdomainsBelowAHostOnly) {
  const OriginPolicy below = policy({"https://*.example.com", "https://*.b.example:8443"});
  for (const std::string_view origin : {"https://a.example.com", "https://a.b.example.com:443",
                                        "https://A.Example.COM", "https://x.b.example:8443"}) {
    EXPECT_TRUE(below.allows(origin)) << origin;
  }
  for (const std::string_view origin :
       {"https://example.com", "https://.example.com", "https://evilexample.com",
        "http://a.example.com", "https://a.example.com:8443", "https://a.example.com.evil.com",
        "https://evil.com/.example.com", "https://evil.com#.example.com", "https://a..example.com",
        "https://x@a.example.com", "https://x.b.example"}) {
    EXPECT_FALSE(below.allows(origin)) << origin;
  }
}

TEST(OriginPolicy, KnowsIpv6AddressesAndOtherSchemes) {
  const OriginPolicy other = policy({"http://[::1]:8000", "capacitor://localhost"});
  EXPECT_TRUE(other.allows("http://[::1]:8000"));
  EXPECT_FALSE(other.allows("http://[::1]"));
  EXPECT_FALSE(other.allows("http://[::2]:8000"));
  EXPECT_TRUE(policy({"https://[2001:DB8::5]"}).allows("https://[2001:db8::5]:443"));
  for (const std::string_view hostile :
       {"http://[::1].evil.com:8000", "http://[::1]evil.com:8000", "http://[::1]@evil.com:8000",
        "http://evil.com@[::1]:8000", "http://[::1%25lo]:8000", "http://::1:8000",
        "http://[::1:8000", "http://[]:8000", "http://[::1]:8000:8000", "http://[::1]:8000/",
        "http://[[::1]]:8000", "http://[::ffff:127.0.0.1]:8000", "http://127.0.0.1:8000",
        "http://localhost:8000"}) {
    EXPECT_FALSE(other.allows(hostile)) << hostile;
  }
  EXPECT_TRUE(other.allows("capacitor://localhost"));
  EXPECT_FALSE(other.allows("capacitor://localhost:80"));
}

TEST(OriginPolicy, NamesTheBadPattern) {
  for (const std::string bad :
       {"", "example.com", "https://", "https://*", "https://*.", "https://*example.com",
        "https://a.*.com", "*://example.com", "*.example.com", "https://example.com/", "null",
        "https://example.com:port", "https://example.com:0", "https://exa mple.com", "https://a..b",
        "https://[nonsense]", "9http://a", "**", "https://*.*.example.com"}) {
    const std::vector<std::string> patterns{"https://good.example", bad};
    const auto parsed = OriginPolicy::parse(patterns);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().message, "not an origin pattern: \"" + bad + "\"");
  }
}

TEST(OriginFuzz, HoldsOnTheCorpusAndItsMutations) {
  const auto fuzz = [](std::string_view input) {
    fuzz_origin(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  };
  core::Random random(5);
  unsigned files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SANJAY_CORPUS_DIR "/origin")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string seed(std::istreambuf_iterator<char>(file), {});
    ++files;
    fuzz(seed);
    for (int round = 0; round < 2000; ++round) {
      std::string input = seed;
      const std::size_t at = random.below(input.size());
      if (random.below(2) == 0) {
        input[at] = input[random.below(input.size())];
      } else {
        input.insert(at, 1, static_cast<char>(random.below(256)));
      }
      fuzz(input);
    }
  }
  EXPECT_GE(files, 4u);
}

}  // namespace
}  // namespace sanjay::http
