// SPDX-License-Identifier: Apache-2.0
#include "auth/base64url.h"

#include "core/random.h"

#include <gtest/gtest.h>

namespace sanjay::auth {
namespace {

TEST(Base64url, MatchesTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"},
  };
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64url_encode(bytes), text);
    EXPECT_EQ(base64url_decode(text), bytes);
  }
}

TEST(Base64url, RefusesEverythingButTheOneEncoding) {
  for (const char* text : {"Zg==", "Zg=", "Z", "Zm9vY", "Zm 8", "Zm8\n", "+/8", "Zm8.", "Zh", "Zm9",
                           "\xc3\xa4\xc3\xa4"}) {
    EXPECT_FALSE(base64url_decode(text)) << text;
  }
  EXPECT_FALSE(base64url_decode(std::string_view("Zm\0v", 4)));
}

TEST(Base64, MatchesTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {"\xfb\xff", "+/8="},
  };
  for (const auto& [bytes, text] : vectors) EXPECT_EQ(base64_decode(text), bytes) << text;
  for (const char* text : {"Zg", "Zg=", "Zg===", "====", "=Zg=", "Z===", "Zh==", "-_8=", "Zm 8",
                           "Zm9v\n", "Zg==Zg=="}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
}

TEST(Base64url, GivesBackWhatItWasGiven) {
  core::Random random(7);
  for (std::size_t size = 0; size < 200; ++size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.below(256));
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
  }
}

}  // namespace
}  // namespace sanjay::auth
