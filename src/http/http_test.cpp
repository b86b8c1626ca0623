// SPDX-License-Identifier: Apache-2.0
#include "core/chunking.h"
#include "http/head_buffer.h"
#include "http/headers.h"
#include "http/response.h"
#include "http/target.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sanjay::http {
namespace {

TEST(Headers, FindsNamesWithoutRegardToCase) {
  Headers headers;
  headers.add("Content-Type", "a");
  headers.add("content-type", "b");
  EXPECT_EQ(headers.find("CONTENT-TYPE"), "a");
  EXPECT_EQ(headers.count("Content-Type"), 2u);
  EXPECT_EQ(headers.find("Content"), std::nullopt);
  // '@' and '`' differ by the same bit as letters do.
  EXPECT_FALSE(equals_ignoring_case("@", "`"));
}

TEST(Headers, LooksForTokensInEveryListOfThatName) {
  Headers headers;
  headers.add("Connection", " keep-alive,,\tfoo ");
  headers.add("X", "close");
  headers.add("connection", "UPGRADE");
  EXPECT_TRUE(headers.has_token("Connection", "Keep-Alive"));
  EXPECT_TRUE(headers.has_token("Connection", "foo"));
  EXPECT_TRUE(headers.has_token("Connection", "upgrade"));
  EXPECT_FALSE(headers.has_token("Connection", "close"));
  EXPECT_FALSE(headers.has_token("Connection", "keep"));
  EXPECT_FALSE(headers.has_token("Connection", ""));
}

TEST(Headers, KnowsTokens) {
  EXPECT_TRUE(is_token("centrifuge-json"));
  EXPECT_TRUE(is_token("!#$%&'*+-.^_`|~09azAZ"));
  for (const std::string_view text : {"", "a b", "a,b", "a/b", "\"a\"", "a\r", "\xc3\xa9", "a=b"}) {
    EXPECT_FALSE(is_token(text)) << text;
  }
}

TEST(HeadBuffer, TakesExactlyOneHeadAtEveryChunking) {
  const std::string stream = "\r\nfirst\r\nA: b\r\n\r\nrest";
  core::for_each_split(stream, 20, [&](std::span<const std::string_view> pieces) {
    HeadBuffer buffer(100);
    std::size_t used = 0;
    HeadBuffer::State state = HeadBuffer::State::NeedMore;
    for (const std::string_view piece : pieces) {
      const auto progress = buffer.feed(piece);
      used += progress.consumed;
      state = progress.state;
      if (state != HeadBuffer::State::NeedMore) break;
    }
    ASSERT_EQ(state, HeadBuffer::State::Complete);
    ASSERT_EQ(buffer.text(), "first\r\nA: b\r\n\r\n");
    ASSERT_EQ(used, stream.size() - 4);
  });
}

TEST(HeadBuffer, HoldsItsLimitExactly) {
  const std::string head = "first\r\n\r\n";
  EXPECT_EQ(HeadBuffer(head.size()).feed(head).state, HeadBuffer::State::Complete);
  EXPECT_EQ(HeadBuffer(head.size() - 1).feed(head).state, HeadBuffer::State::TooLarge);
}

TEST(Target, SplitsAtTheFirstQuestionMark) {
  const struct {
    std::string_view target, path, query;
  } cases[] = {
      {"/", "/", ""},           {"/a?", "/a", ""},      {"/a?b?c", "/a", "b?c"},
      {"*", "*", ""},           {"http://h", "/", ""},  {"HTTPS://h:8/p?q", "/p", "q"},
      {"http://h?q", "/", "q"}, {"//h/p", "//h/p", ""},
  };
  for (const auto& [target, path, query] : cases) {
    const auto split = split_target(target);
    ASSERT_TRUE(split) << target;
    EXPECT_EQ(split->path, path);
    EXPECT_EQ(split->query, query);
  }
  for (const std::string_view bad :
       {"", "a", "?q", "http://", "http:///p", "ftp://h/", "/a#b", "**"}) {
    EXPECT_FALSE(split_target(bad)) << bad;
  }
}

TEST(Query, DecodesKeysAndValues) {
  const std::string_view query =
      "cf_protocol=protobuf&empty=&bare&a%62c=%7B%22x%22%3A1%7d+y&dup=1&dup=2&=nameless&e=a=b";
  EXPECT_EQ(query_parameter(query, "cf_protocol"), "protobuf");
  EXPECT_EQ(query_parameter(query, "empty"), "");
  EXPECT_EQ(query_parameter(query, "bare"), "");
  EXPECT_EQ(query_parameter(query, "abc"), "{\"x\":1} y");
  EXPECT_EQ(query_parameter(query, "dup"), "1");
  EXPECT_EQ(query_parameter(query, ""), "nameless");
  EXPECT_EQ(query_parameter(query, "e"), "a=b");
  EXPECT_EQ(query_parameter(query, "cf"), std::nullopt);
  EXPECT_EQ(query_parameter("", "x"), std::nullopt);
}

TEST(Query, TreatsBrokenEscapesAsAbsent) {
  for (const std::string_view query : {"x=%", "x=%4", "x=%4g", "x=%g4", "x=a%%41", "%=1", "x%=1"}) {
    EXPECT_EQ(query_parameter(query, "x"), std::nullopt) << query;
  }
  EXPECT_EQ(query_parameter("x=%zz&x=ok", "x"), "ok");
  EXPECT_EQ(query_parameter("x=%00%0d%0A", "x"), std::string("\0\r\n", 3));
}

TEST(Response, HasLengthAndConnection) {
  EXPECT_EQ(make_response(200, {{"Content-Type", "application/json"}}, "{}", true),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            "Connection: keep-alive\r\n\r\n{}");
  EXPECT_EQ(make_response(503, {}, "", false),
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(make_response(204, {}, "", true),
            "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(make_response(499, {}, "", true),
            "HTTP/1.1 499 \r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
}

TEST(Response, AStreamHasChunksOrEndsWithTheConnection) {
  const Header headers[] = {{"A", "b"}};
  EXPECT_EQ(make_stream_head(headers, true),
            "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n"
            "Connection: close\r\n\r\n");
  EXPECT_EQ(make_stream_head(headers, false),
            "HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\n");
}

TEST(Response, ARefusedMethodIsToldWhichThereAre) {
  EXPECT_NE(make_refusal({405, "no"}).find("\r\nAllow: GET\r\n"), std::string::npos);
  EXPECT_NE(make_refusal({405, "no", 0, "POST, OPTIONS"}).find("\r\nAllow: POST, OPTIONS\r\n"),
            std::string::npos);
}

TEST(Response, ARefusalSaysWhenToTryAgainIfThatIsKnown) {
  EXPECT_EQ(make_refusal({429, "too many", 7}),
            "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Retry-After: 7\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo many\n");
  EXPECT_EQ(make_refusal({429, "too many"}).find("Retry-After"), std::string::npos);
}

TEST(Response, NeverCarriesControlBytesInHeaders) {
  EXPECT_DEATH(make_response(200, {{"X", "a\r\nSet-Cookie: b"}}, "", true), "is_printable");
  EXPECT_DEATH(make_response(200, {{"X", "a\nb"}}, "", true), "is_printable");
  EXPECT_DEATH(make_response(200, {{"X\r\nY", "a"}}, "", true), "is_token");
  EXPECT_DEATH(make_response(204, {}, "body", true), "bodiless");
}

}  // namespace
}  // namespace sanjay::http
