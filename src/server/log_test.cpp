// SPDX-License-Identifier: Apache-2.0
#include "server/log.h"

#include "core/random.h"
#include "server/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <condition_variable>
#include <limits>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sanjay::server {
namespace {

using telemetry::Level;
using testing::HasSubstr;
using testing::MatchesRegex;

/// Everything `use` logged, one string a line. The logger's end has written all of it.
template <class Use>
std::vector<std::string> lines_of(AsyncLogger::Options options, Use use) {
  std::vector<std::string> lines;
  options.write = [&lines](std::string_view line) { lines.emplace_back(line); };
  {
    AsyncLogger logger(std::move(options));
    use(logger);
  }
  return lines;
}

/// The line without its time.
std::string after_time(const std::string& line) { return line.substr(line.find(",\"level\"")); }

TEST(Log, WritesOneJsonObjectALine) {
  const auto lines = lines_of({}, [](AsyncLogger& logger) {
    logger.log(Level::Info, "listening",
               {{"address", std::string_view("::1")},
                {"port", std::uint64_t{8000}},
                {"delta", std::int64_t{-5}},
                {"load", 0.25},
                {"tls", false}});
    logger.log(Level::Error, "no fields", {});
  });
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0],
              MatchesRegex("\\{\"time\":\"20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:"
                           "[0-6][0-9]\\.[0-9][0-9][0-9]Z\",.*\\}\n"));
  EXPECT_EQ(after_time(lines[0]),
            ",\"level\":\"info\",\"message\":\"listening\",\"address\":\"::1\",\"port\":8000,"
            "\"delta\":-5,\"load\":0.25,\"tls\":false}\n");
  EXPECT_EQ(after_time(lines[1]), ",\"level\":\"error\",\"message\":\"no fields\"}\n");
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  const auto lines = lines_of({.level = Level::Warn}, [](AsyncLogger& logger) {
    EXPECT_FALSE(logger.enabled(Level::Info));
    EXPECT_TRUE(logger.enabled(Level::Warn));
    for (const Level level : {Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error}) {
      logger.log(level, "x", {});
    }
  });
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(after_time(lines[0]), ",\"level\":\"warn\",\"message\":\"x\"}\n");
  EXPECT_EQ(after_time(lines[1]), ",\"level\":\"error\",\"message\":\"x\"}\n");
}

TEST(Log, NoTextCanForgeALineOrBreakTheJson) {
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes += static_cast<char>(byte);
  const auto lines = lines_of({}, [&](AsyncLogger& logger) {
    logger.log(Level::Info, all_bytes,
               {{"a\"b\n", std::string_view("x\n{\"level\":\"error\"}")},
                {"{}%v{0}", std::string_view("{}%v{0}")}});
  });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(std::ranges::count(lines[0], '\n'), 1);
  simdjson::dom::parser parser;
  simdjson::dom::element record;
  ASSERT_EQ(parser.parse(lines[0]).get(record), simdjson::SUCCESS);
  std::string_view text;
  ASSERT_EQ(record.at_key("a\"b\n").get(text), simdjson::SUCCESS);
  EXPECT_EQ(text, "x\n{\"level\":\"error\"}");
  ASSERT_EQ(record.at_key("{}%v{0}").get(text), simdjson::SUCCESS);
  EXPECT_EQ(text, "{}%v{0}");
  ASSERT_EQ(record["message"].get(text), simdjson::SUCCESS);
  EXPECT_EQ(text.substr(0, 128), all_bytes.substr(0, 128));
}

TEST(Log, NumbersThatJsonLacksAreNull) {
  const auto lines = lines_of({}, [](AsyncLogger& logger) {
    logger.log(Level::Info, "x",
               {{"nan", std::numeric_limits<double>::quiet_NaN()},
                {"inf", std::numeric_limits<double>::infinity()}});
  });
  EXPECT_EQ(after_time(lines[0]),
            ",\"level\":\"info\",\"message\":\"x\",\"nan\":null,\"inf\":null}\n");
}

TEST(Log, CutsLongStringsBetweenCharacters) {
  const auto lines = lines_of({.string_bytes_max = 4}, [](AsyncLogger& logger) {
    logger.log(Level::Info, "abcd", {{"f", std::string_view("abcde")}});
    logger.log(Level::Info, "abc\xc3\xa9", {});
  });
  EXPECT_EQ(AsyncLogger::Options().string_bytes_max, 2048U);
  EXPECT_EQ(after_time(lines[0]), ",\"level\":\"info\",\"message\":\"abcd\",\"f\":\"abcd…\"}\n");
  EXPECT_EQ(after_time(lines[1]), ",\"level\":\"info\",\"message\":\"abc…\"}\n");
}

TEST(Log, DropsTheOldestWhenFullAndSaysHowMany) {
  std::vector<std::string> lines;
  std::mutex mutex;
  std::condition_variable changed;
  bool is_writing = false;
  bool may_write = false;
  std::uint64_t dropped = 0;
  {
    AsyncLogger logger({.queue_records_max = 4, .write = [&](std::string_view line) {
                          std::unique_lock lock(mutex);
                          is_writing = true;
                          changed.notify_all();
                          changed.wait(lock, [&] { return may_write; });
                          lines.emplace_back(line);
                        }});
    logger.log(Level::Info, "0", {});
    {
      // From here the log thread is stuck in the first line, and the queue is empty.
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return is_writing; });
    }
    for (int i = 1; i <= 10; ++i) logger.log(Level::Info, std::to_string(i), {});
    dropped = logger.dropped_records();
    const std::unique_lock lock(mutex);
    may_write = true;
    changed.notify_all();
  }
  EXPECT_EQ(dropped, 6U);
  std::vector<std::string> texts;
  for (const std::string& line : lines) texts.push_back(after_time(line));
  EXPECT_THAT(
      texts,
      testing::ElementsAre(
          ",\"level\":\"info\",\"message\":\"0\"}\n",
          ",\"level\":\"warn\",\"message\":\"log records were dropped\",\"count\":6}\n",
          ",\"level\":\"info\",\"message\":\"7\"}\n", ",\"level\":\"info\",\"message\":\"8\"}\n",
          ",\"level\":\"info\",\"message\":\"9\"}\n", ",\"level\":\"info\",\"message\":\"10\"}\n"));
}

TEST(Log, TakesRecordsFromSeveralThreads) {
  const auto lines = lines_of({}, [](AsyncLogger& logger) {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&logger, t] {
        for (int i = 0; i < 500; ++i) logger.log(Level::Info, "x", {{"thread", t}});
      });
    }
  });
  EXPECT_EQ(lines.size(), 2000U);
}

TEST(JsonText, EscapesWhatMustBeAndReplacesInvalidUtf8) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", R"("")"},
      {"a/b 'c'", R"("a/b 'c'")"},
      {"\"\\\b\f\n\r\t\x7f", R"("\"\\\u0008\u000c\n\r\t\u007f")"},
      {{"\0\x1f", 2}, R"("\u0000\u001f")"},
      {"é€😀", "\"é€😀\""},
      {"\x80", "\"\xef\xbf\xbd\""},                                  // a continuation alone
      {"\xc3", "\"\xef\xbf\xbd\""},                                  // cut
      {"\xe2\x82x", "\"\xef\xbf\xbd\xef\xbf\xbdx\""},                // cut
      {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                  // overlong
      {"\xe0\x9f\xbf", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},  // overlong
      {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},  // surrogate
      {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
  };
  for (const auto& [text, json] : cases) EXPECT_EQ(json_string(text), json);
}

TEST(JsonText, IsAlwaysValidJson) {
  core::Random random(3);
  simdjson::dom::parser parser;
  for (int i = 0; i < 5000; ++i) {
    std::string text(static_cast<std::size_t>(random.below(12)), '\0');
    for (char& byte : text) byte = static_cast<char>(random.below(256));
    EXPECT_EQ(parser.parse(json_string(text)).error(), simdjson::SUCCESS);
  }
}

}  // namespace
}  // namespace sanjay::server
