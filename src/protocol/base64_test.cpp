// SPDX-License-Identifier: Apache-2.0
#include "protocol/base64.h"

#include "core/random.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sanjay::protocol {
namespace {

std::string encoded(std::string_view bytes) {
  std::string out = "before ";
  append_base64(out, bytes);
  EXPECT_TRUE(out.starts_with("before "));
  return out.substr(7);
}

// RFC 4648 section 10.
constexpr std::pair<std::string_view, std::string_view> kVectors[] = {{"", ""},
                                                                      {"f", "Zg=="},
                                                                      {"fo", "Zm8="},
                                                                      {"foo", "Zm9v"},
                                                                      {"foob", "Zm9vYg=="},
                                                                      {"fooba", "Zm9vYmE="},
                                                                      {"foobar", "Zm9vYmFy"},
                                                                      {"\xFB\xFF\xBF", "+/+/"}};

TEST(Base64, HasTheVectorsOfItsStandard) {
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(encoded(bytes), text);
    EXPECT_EQ(decode_base64(text), std::optional<std::string>(bytes));
  }
}

TEST(Base64, TakesNoOtherTextForTheSameBytes) {
  for (const std::string_view broken : {"Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zm=v",
                                        "Zm9v=", "Zm 9", "-_-_", "Zm9v\n", "=", "Zg==Zg=="}) {
    EXPECT_EQ(decode_base64(broken), std::nullopt) << broken;
  }
}

TEST(Base64, GivesBackWhatItWasGiven) {
  core::Random random(7);
  for (std::size_t size = 0; size < 200; ++size) {
    std::string bytes;
    while (bytes.size() < size) bytes.push_back(static_cast<char>(random.below(256)));
    EXPECT_EQ(decode_base64(encoded(bytes)), std::optional(bytes));
  }
}

}  // namespace
}  // namespace sanjay::protocol
