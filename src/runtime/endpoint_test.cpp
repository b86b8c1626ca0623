// SPDX-License-Identifier: Apache-2.0
#include "runtime/endpoint.h"

#include <gtest/gtest.h>

namespace sanjay::runtime {
namespace {

TEST(Endpoint, ReadsLiteralsAndWritesThemBack) {
  EXPECT_EQ(Endpoint::parse("127.0.0.1", 8000)->to_string(), "127.0.0.1:8000");
  EXPECT_EQ(Endpoint::parse("::1", 80)->to_string(), "[::1]:80");
  EXPECT_EQ(Endpoint::parse("", 1)->to_string(), "[::]:1");
  EXPECT_EQ(Endpoint::parse("2001:DB8::5", 65535)->host(), "2001:db8::5");
  EXPECT_EQ(Endpoint::parse("0.0.0.0", 0)->host(), "0.0.0.0");
}

TEST(Endpoint, AMappedAddressEqualsItsIpv4Form) {
  const auto mapped = Endpoint::parse("::ffff:10.1.2.3", 7);
  const auto plain = Endpoint::parse("10.1.2.3", 7);
  ASSERT_TRUE(mapped && plain);
  EXPECT_EQ(*mapped, *plain);
  EXPECT_TRUE(mapped->is_v4());
  EXPECT_EQ(mapped->to_string(), "10.1.2.3:7");
  EXPECT_NE(*plain, *Endpoint::parse("10.1.2.3", 8));
  EXPECT_FALSE(Endpoint::parse("::1", 7)->is_v4());
}

TEST(Endpoint, RefusesWhatIsNoAddressAndNamesIt) {
  using std::string_view_literals::operator""sv;
  for (const auto text : {"localhost"sv, "1.2.3"sv, "1.2.3.256"sv, "::g"sv, "[::1]"sv, " 1.2.3.4"sv,
                          "127.0.0.1\0x"sv, "127.0.0.1:80"sv}) {
    const auto endpoint = Endpoint::parse(text, 1);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_NE(endpoint.error().message.find(text), std::string::npos);
  }
}

}  // namespace
}  // namespace sanjay::runtime
