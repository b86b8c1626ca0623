// SPDX-License-Identifier: Apache-2.0
#include "protocol/json_scanner.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sanjay::protocol {
namespace {

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string object_with_keys(int keys) {
  std::string json = "{";
  for (int i = 0; i < keys; ++i) json += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":0";
  return json + "}";
}

/// The reason for refusing `json`; "" when it is accepted.
std::string refusal(std::string_view json, const JsonOptions& options = {}) {
  std::string scratch;
  const auto result = compact_json(json, scratch, options);
  return result ? "" : result.error().message;
}

TEST(CompactJson, AcceptsEveryKindOfValue) {
  for (const std::string_view json :
       {R"({})", R"([])", R"("")", R"(0)", R"(-0)", R"(true)", R"(false)", R"(null)", R"(1.5e-3)",
        R"(1E+2)", R"([1,"a",null,{"b":[{}]}])", R"({"":0})", R"({"a":1,"a":2})",
        R"("\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00")", "\"\xC3\xA9\xF0\x9F\x98\x80\x7F\"",
        R"("\u0000")"}) {
    std::string scratch;
    const auto result = compact_json(json, scratch);
    ASSERT_TRUE(result) << json << ": " << result.error().message;
    EXPECT_EQ(*result, json);
    EXPECT_EQ(result->data(), json.data()) << "no copy is needed";
  }
}

constexpr std::string_view kNotJson[] = {"",
                                         " ",
                                         "nul",
                                         "nulll",
                                         "tru",
                                         "fals",
                                         "True",
                                         "NaN",
                                         "Infinity",
                                         "-",
                                         "-a",
                                         "+1",
                                         "01",
                                         "-01",
                                         "1.",
                                         ".5",
                                         "1.e1",
                                         "1e",
                                         "1e+",
                                         "0x1",
                                         "1 2",
                                         "{",
                                         "}",
                                         "[",
                                         "]",
                                         "[1",
                                         "[1,",
                                         "[1,]",
                                         "[,1]",
                                         "[1 2]",
                                         "[1,,2]",
                                         "[1}",
                                         "{]",
                                         "{\"a\"}",
                                         "{\"a\":}",
                                         "{\"a\" 1}",
                                         "{\"a\":1,}",
                                         "{,\"a\":1}",
                                         "{\"a\":1 \"b\":2}",
                                         "{a:1}",
                                         "{1:1}",
                                         "{'a':1}",
                                         "'a'",
                                         "\"",
                                         "\"a",
                                         "\"\\\"",
                                         "\"\\x\"",
                                         "\"\\u12\"",
                                         "\"\\u12g4\"",
                                         "\"\\u 123\"",
                                         "\"\\",
                                         "\"\\u",
                                         "\"a\"b",
                                         "[1]]",
                                         "{}{}",
                                         "/**/1",
                                         "1//",
                                         "\xEF\xBB\xBF{}",
                                         "[nul]",
                                         "[tru]",
                                         "{\"a\":nul}",
                                         "\"tab\there\"",
                                         "\"line\nbreak\"",
                                         "\"cr\rhere\"",
                                         "\"eight by\x01tes\"",
                                         "[1]\v",
                                         "\f1"};

TEST(CompactJson, RefusesWhatIsNotJson) {
  for (const std::string_view json : kNotJson) {
    EXPECT_NE(refusal(json), "") << json;
  }
  EXPECT_NE(refusal(std::string_view("\"\0\"", 3)), "");
  EXPECT_NE(refusal(std::string_view("1\0", 2)), "");
}

TEST(CompactJson, RefusesInvalidUtf8EverywhereEvenInKeysAndSkippedText) {
  for (const std::string_view json :
       {"\"\xFF\"", "\"\xC0\xAF\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"", "\"\xE2\x82\"",
        "{\"\x80\":1}", "[1]\xC3"}) {
    EXPECT_EQ(refusal(json), "not UTF-8");
  }
}

TEST(CompactJson, KeepsNumbersThatNoMachineTypeHolds) {
  const std::string huge =
      "[123456789012345678901234567890,1e999,-0.1e-999," + std::string(5000, '9') + "]";
  EXPECT_EQ(refusal(huge), "");
}

TEST(CompactJson, KeepsLoneSurrogatesBecauseJavaScriptWritesThem) {
  EXPECT_EQ(refusal(R"({"cut":"\ud83d","tail":"\ude00\ud83d"})"), "");
}

TEST(CompactJson, RemovesLineBreaksOutsideStringsOnly) {
  std::string scratch;
  const auto result =
      compact_json("\r\n {\n \"a\\n\" :\r\n [ 1 ,\n2 ] ,\t\"b\":\"\\r\" }\n \n", scratch);
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, "{ \"a\\n\" : [ 1 ,2 ] ,\t\"b\":\"\\r\" }");
}

TEST(CompactJson, TrimsSurroundingWhitespaceWithoutCopying) {
  const std::string_view json = " \n\t[1]\r\n ";
  std::string scratch;
  const auto result = compact_json(json, scratch);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->data(), json.data() + 3);
  EXPECT_EQ(*result, "[1]");
}

TEST(CompactJson, LimitsDepth) {
  EXPECT_EQ(refusal(nested(32)), "");
  EXPECT_EQ(refusal(nested(33)), "nested too deep");
  EXPECT_EQ(refusal(nested(10000)), "nested too deep");
  EXPECT_EQ(refusal(std::string(100'000, '[')), "nested too deep");
  EXPECT_EQ(refusal(nested(512), {.depth_max = 512}), "");
  // Depth is what is open at once, not what was ever opened.
  std::string flat = "[[]";
  for (int i = 0; i < 100; ++i) flat += ",[{}]";
  EXPECT_EQ(refusal(flat + "]"), "");
}

TEST(CompactJson, LimitsKeysOfEachObject) {
  EXPECT_EQ(refusal(object_with_keys(256)), "");
  EXPECT_EQ(refusal(object_with_keys(257)), "too many keys in one object");
  EXPECT_EQ(refusal("[" + object_with_keys(256) + "," + object_with_keys(256) + "]"), "");
  EXPECT_EQ(refusal("[[" + object_with_keys(257) + "]]"), "too many keys in one object");
}

TEST(CompactJson, FindsTheEndOfStringsAtEveryAlignment) {
  for (std::size_t length = 0; length < 40; ++length) {
    for (const std::string_view special : {"\\\"", "\\\\", "\\u0041", "\xC3\xA9"}) {
      const std::string text = std::string(length, 'x') + std::string(special) + "yz";
      EXPECT_EQ(refusal("[\"" + text + "\",1]"), "") << text;
      EXPECT_NE(refusal("[\"" + text + ",1]"), "") << text;
    }
    EXPECT_EQ(refusal("\"" + std::string(length, 'x') + "\x1F" + "xxxxxxxx\""),
              "control character in string");
  }
}

std::string read_string(std::string_view json) {
  std::string scratch;
  JsonScanner in(json, {}, scratch);
  const std::string text(in.read_string());
  in.expect_end();
  return in.failed() ? "error: " + std::string(in.error()) : text;
}

TEST(JsonScanner, UnescapesStrings) {
  EXPECT_EQ(read_string(R"("plain")"), "plain");
  EXPECT_EQ(read_string(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(read_string(R"("a\u0041\u00e9\u20AC\ud83d\ude00z")"),
            "aA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z");
  EXPECT_EQ(read_string(R"("\udbff\udfff")"), "\xF4\x8F\xBF\xBF");
  EXPECT_EQ(read_string(R"("\u0000")"), std::string(1, '\0'));
}

TEST(JsonScanner, RefusesLoneSurrogatesInStringsThatAreRead) {
  for (const std::string_view json :
       {R"("\ud83d")", R"("\ude00")", R"("\ud83dx")", R"("\ud83d\n")", R"("\ud83d\u0041")",
        R"("\ude00\ud83d")", R"("\ud83d\ud83d\ude00")"}) {
    EXPECT_EQ(read_string(json), "error: lone surrogate in string") << json;
  }
}

TEST(JsonScanner, KeepsEarlierViewsWhileItUnescapesMore) {
  std::string json = "[";
  for (int i = 0; i < 200; ++i) json += R"("\u0061\n)" + std::to_string(i) + "\",";
  json += "0]";
  std::string scratch;
  JsonScanner in(json, {}, scratch);
  std::vector<std::string_view> views;
  auto array = in.enter_array();
  for (int i = 0; i < 200 && in.next_element(array); ++i) views.push_back(in.read_string());
  ASSERT_EQ(views.size(), 200u);
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(views[static_cast<std::size_t>(i)], "a\n" + std::to_string(i));
  }
}

template <class Integer>
std::string read_integer(std::string_view json) {
  std::string scratch;
  JsonScanner in(json, {}, scratch);
  const Integer value = in.read_integer<Integer>();
  in.expect_end();
  return in.failed() ? "error" : std::to_string(value);
}

TEST(JsonScanner, ChecksTheRangeOfIntegers) {
  EXPECT_EQ(read_integer<std::uint32_t>("4294967295"), "4294967295");
  EXPECT_EQ(read_integer<std::uint32_t>("4294967296"), "error");
  EXPECT_EQ(read_integer<std::uint32_t>("-1"), "error");
  EXPECT_EQ(read_integer<std::uint64_t>("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(read_integer<std::uint64_t>("18446744073709551616"), "error");
  EXPECT_EQ(read_integer<std::int32_t>("-2147483648"), "-2147483648");
  EXPECT_EQ(read_integer<std::int32_t>("2147483648"), "error");
  EXPECT_EQ(read_integer<std::int64_t>("-0"), "0");
  for (const std::string_view json : {"1.0", "1e2", "\"1\"", "true", "[1]", "01", "", "1e999"}) {
    EXPECT_EQ(read_integer<std::uint64_t>(json), "error") << json;
  }
}

TEST(JsonScanner, TreatsNullMembersAsAbsent) {
  std::string scratch;
  JsonScanner in(R"({"a":null,"b":1,"c":null})", {}, scratch);
  auto object = in.enter_object();
  ASSERT_TRUE(in.next_member(object));
  EXPECT_EQ(object.key, "b");
  EXPECT_EQ(in.read_integer<std::uint32_t>(), 1u);
  EXPECT_FALSE(in.next_member(object));
  in.expect_end();
  EXPECT_FALSE(in.failed());
}

TEST(JsonScanner, KeepsTheFirstErrorAndReadsNothingAfterIt) {
  std::string scratch;
  JsonScanner in(R"({"a":tru,"b":1})", {}, scratch);
  auto object = in.enter_object();
  ASSERT_TRUE(in.next_member(object));
  EXPECT_FALSE(in.read_bool());
  EXPECT_EQ(in.error(), "boolean expected");
  EXPECT_FALSE(in.next_member(object));
  EXPECT_EQ(in.read_string(), "");
  EXPECT_EQ(in.read_value(), "");
  in.expect_end();
  EXPECT_EQ(in.error(), "boolean expected");
}

}  // namespace
}  // namespace sanjay::protocol
