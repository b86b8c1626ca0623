// SPDX-License-Identifier: Apache-2.0
#include "http/request_parser.h"

#include "core/chunking.h"
#include "core/random.h"
#include "http/request_samples.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace sanjay::http {

void fuzz_request(const std::uint8_t* data, std::size_t size);

namespace {

using Requests = std::vector<std::string>;
using State = RequestParser::State;
using namespace std::string_literals;

void expect_requests(std::string_view wire, const Requests& expected,
                     const RequestLimits& limits = {}) {
  core::for_each_split(wire, 30, [&](std::span<const std::string_view> pieces) {
    ASSERT_EQ(requests_of(pieces, limits), expected) << pieces.size() << " pieces of " << wire;
  });
}

void expect_status(std::string_view wire, int status, const RequestLimits& limits = {}) {
  expect_requests(wire, {"failed " + std::to_string(status)}, limits);
}

std::string get(std::string_view target, std::string_view headers) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n";
}

std::string post(std::string_view headers, std::string_view body) {
  return "POST /api HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

std::string chunked(std::string_view body) { return post("Transfer-Encoding: chunked\r\n", body); }

TEST(RequestParser, ReadsARequestWithoutBody) {
  expect_requests("GET /a/b?x=1&y=%20 HTTP/1.1\r\nHost: example.com:8000\r\nX-One:  two \t\r\n\r\n",
                  {"GET /a/b?x=1&y=%20 1.1 keep Host=example.com:8000 X-One=two"});
}

TEST(RequestParser, ReadsABodyOfContentLength) {
  expect_requests(post("Content-Length: 5\r\n", "hello"),
                  {"POST /api? 1.1 keep Host=h Content-Length=5 body:hello"});
  expect_requests(post("Content-Length: 0\r\n", ""),
                  {"POST /api? 1.1 keep Host=h Content-Length=0"});
}

TEST(RequestParser, ReadsAChunkedBody) {
  const std::string head = "POST /api? 1.1 keep Host=h Transfer-Encoding=chunked body:";
  expect_requests(chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), {head + "hello world"});
  expect_requests(chunked("0\r\n\r\n"), {head});
  expect_requests(chunked("0000000000000001\r\nx\r\n0\r\n\r\n"), {head + "x"});
  expect_requests(chunked("A;name=\"va\\\"lue\"\r\n0123456789\r\n00\r\n\r\n"),
                  {head + "0123456789"});
}

TEST(RequestParser, IgnoresTrailers) {
  expect_requests(
      chunked("1\r\nx\r\n0\r\nContent-Length: 9\r\nX: y\r\n\r\n") + get("/", ""),
      {"POST /api? 1.1 keep Host=h Transfer-Encoding=chunked body:x", "GET /? 1.1 keep Host=h"});
}

// What one server takes for trailers and another for the next request.
TEST(RequestParser, RefusesMalformedTrailers) {
  for (const std::string_view trailers :
       {"GET / HTTP/1.1\r\nHost: h\r\n", "X\r\n", ": y\r\n", "X : y\r\n", "X: y\r\n folded\r\n",
        " X: y\r\n", "X\r: y\r\n", "X: y\n", "X: \x01\r\n", "\xc3\xb6: y\r\n"}) {
    expect_status(chunked("0\r\n" + std::string(trailers) + "\r\n"), 400);
  }
}

TEST(RequestParser, ReadsPipelinedRequests) {
  expect_requests(
      get("/1", "") + post("Content-Length: 3\r\n", "abc") + chunked("1\r\nz\r\n0\r\n\r\n") +
          get("/4", "Connection: close\r\n"),
      {"GET /1? 1.1 keep Host=h", "POST /api? 1.1 keep Host=h Content-Length=3 body:abc",
       "POST /api? 1.1 keep Host=h Transfer-Encoding=chunked body:z",
       "GET /4? 1.1 close Host=h Connection=close"});
}

TEST(RequestParser, LeavesTheBytesBehindTheHeadAlone) {
  const RequestLimits limits;
  RequestParser parser(limits);
  const std::string head = get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n");
  const auto [state, consumed] = parser.feed(head + "\x81\x80\x00\x00\x00\x00"s);
  EXPECT_EQ(state, State::Complete);
  EXPECT_EQ(consumed, head.size());
}

TEST(RequestParser, TellsTheHeadBeforeTheBody) {
  const RequestLimits limits;
  RequestParser parser(limits);
  const std::string head = post("Content-Length: 4\r\nExpect: 100-Continue\r\n", "");
  const auto first = parser.feed(head + "bo");
  EXPECT_EQ(first.state, State::HeadComplete);
  EXPECT_EQ(first.consumed, head.size());
  EXPECT_EQ(parser.head().path, "/api");
  EXPECT_EQ(parser.head().content_length, 4u);
  EXPECT_TRUE(parser.head().expects_continue);
  EXPECT_EQ(parser.feed("bo").state, State::NeedMore);
  const auto last = parser.feed("dynext");
  EXPECT_EQ(last.state, State::Complete);
  EXPECT_EQ(last.consumed, 2u);
  EXPECT_EQ(parser.body(), "body");
}

TEST(RequestParser, KnowsWhenTheConnectionStays) {
  expect_requests("GET / HTTP/1.0\r\n\r\n", {"GET /? 1.0 close"});
  expect_requests("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
                  {"GET /? 1.0 keep Connection=Keep-Alive"});
  expect_requests(get("/", "Connection: x, Close\r\n"),
                  {"GET /? 1.1 close Host=h Connection=x, Close"});
}

TEST(RequestParser, AcceptsTheAbsoluteFormAndOneEmptyLineBefore) {
  expect_requests("GET http://other/p?q HTTP/1.1\r\nHost: h\r\n\r\n", {"GET /p?q 1.1 keep Host=h"});
  expect_requests("\r\n" + get("/", ""), {"GET /? 1.1 keep Host=h"});
  expect_status("\r\n\r\n" + get("/", ""), 400);
}

TEST(RequestParser, RefusesMalformedRequestLines) {
  for (const std::string_view line : {" / HTTP/1.1",
                                      "GET/ HTTP/1.1",
                                      "GET  / HTTP/1.1",
                                      "GET / HTTP/1.1 ",
                                      "GET /",
                                      "GET / ",
                                      "GET",
                                      "G\x01T / HTTP/1.1",
                                      "G(T / HTTP/1.1",
                                      "GET /a b HTTP/1.1",
                                      "GET /\x7f HTTP/1.1",
                                      "GET /\x01 HTTP/1.1",
                                      "GET nowhere HTTP/1.1",
                                      "GET /#x HTTP/1.1",
                                      "GET / http/1.1",
                                      "GET / HTTP/1",
                                      "GET / HTTP/1.1x",
                                      "GET / HTTP/11",
                                      "GET / HTTP/x.y",
                                      "GET / HTTP-1.1",
                                      "GET http:// HTTP/1.1",
                                      "CONNECT h:443 HTTP/1.1"}) {
    expect_status(std::string(line) + "\r\nHost: h\r\n\r\n", 400);
  }
  expect_status("GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"s, 400);
}

TEST(RequestParser, RefusesOtherVersionsBy505) {
  for (const std::string_view version : {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0"}) {
    expect_status("GET / " + std::string(version) + "\r\nHost: h\r\n\r\n", 505);
  }
}

TEST(RequestParser, RefusesMalformedHeaders) {
  for (const std::string_view header : {"no colon", ": empty name", "Name : v", "Name\t: v",
                                        "Na me: v", "N\x01: v", "N\xc3\xa9: v", "Name: a\rb",
                                        "Name: a\x01"
                                        "b",
                                        "Name: a\x7f", "(x): v"}) {
    expect_status(get("/", std::string(header) + "\r\n"), 400);
  }
  expect_status(get("/", "Name: a\0b\r\n"s), 400);
}

// RFC 9112 §2.2 and §5.2, where other parsers are lenient.
TEST(RequestParser, RefusesBareLineFeedsAndFoldedLines) {
  expect_status("GET / HTTP/1.1\nHost: h\n\n", 400);
  expect_status("GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 400);
  expect_status("GET / HTTP/1.1\r\nHost: h\r\n\n", 400);
  expect_status(get("/", "A: b\r\n c\r\n"), 400);
  expect_status(get("/", "A: b\r\n\tc\r\n"), 400);
  expect_status(get("/", "A: b\r\n \r\n"), 400);
  expect_status("GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400);
}

// RFC 9112 §3.2.
TEST(RequestParser, WantsExactlyOneValidHost) {
  expect_status("GET / HTTP/1.1\r\n\r\n", 400);
  expect_status(get("/", "Host: h\r\n"), 400);
  expect_status(get("/", "host: other\r\n"), 400);
  for (const std::string_view host : {"a b", "a/b", "user@h", "h?x", "h#x", "\xc3\xa9", "h\\"}) {
    expect_status("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n", 400);
  }
  expect_requests("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", {"GET /? 1.1 keep Host=[::1]:80"});
  expect_status("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400);
}

// RFC 9112 §6.3 and §11.2: nothing that two servers could frame differently.
TEST(RequestParser, RefusesAmbiguousBodies) {
  expect_status(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "hello"), 400);
  expect_status(post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "hello"), 400);
  expect_status(post("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n", "hello"), 400);
  expect_status(post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400);
  expect_status(post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400);
  for (const std::string_view length :
       {"5, 5", "5,6", "-1", "+5", "0x5", "5 5", "", "5;", "18446744073709551616", "five"}) {
    expect_status(post("Content-Length: " + std::string(length) + "\r\n", "hello"), 400);
  }
  for (const std::string_view coding :
       {"gzip", "identity", "chunked, gzip", "chunked, chunked", "gzip, chunked, chunked",
        "xchunked", "chunked;q=1", ",chunked", "chunked,", "chunked, gzip, chunked", ""}) {
    expect_status(post("Transfer-Encoding: " + std::string(coding) + "\r\n", "0\r\n\r\n"), 400);
  }
  for (const std::string_view coding : {"gzip, chunked", "gzip,br,\tCHUNKED"}) {
    expect_status(post("Transfer-Encoding: " + std::string(coding) + "\r\n", "0\r\n\r\n"), 501);
  }
  expect_status(post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
                400);
  expect_status(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ""), 400);
  expect_status("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
}

TEST(RequestParser, RefusesMalformedChunks) {
  for (const std::string_view body : {"x\r\n",
                                      "-1\r\n",
                                      "\r\n",
                                      ";x\r\n",
                                      "5\r\nhelloX\r\n",
                                      "1\r\nxx\r\n",
                                      "1\r\nx\rX",
                                      "1 2\r\nx\r\n",
                                      "1 \r\nx\r\n",
                                      "1\nx\r\n",
                                      "1\r\nx\n",
                                      "1\rx",
                                      "1;a\nb\r\n",
                                      "10000000000000000\r\n",
                                      "00000000000000001\r\n",  // 17 digits, one too many
                                      "0\r\n\rX",
                                      "0\r\nA: b\n\r\n",
                                      "0\r\nA: b\rC",
                                      "0\r\nA\x01: b\r\n\r\n",
                                      "0x1\r\nx\r\n"}) {
    expect_status(chunked(body), 400);
  }
}

TEST(RequestParser, RefusesUnknownExpectations) {
  expect_status(post("Expect: miracles\r\nContent-Length: 1\r\n", "x"), 417);
}

// --- Limits: each at N and N+1, and once more with the values that docs/limits.md names ---

/// What comes of one request in one piece: "complete", "body expected", or status and message.
std::string outcome_of(std::string_view wire) {
  RequestParser parser(RequestLimits{});
  switch (parser.feed(wire).state) {
    case State::NeedMore:
      return "more";
    case State::HeadComplete:
      return "body expected";
    case State::Complete:
      return "complete";
    case State::Failed:
      break;
  }
  return std::to_string(parser.error().status) + " " + std::string(parser.error().message);
}

TEST(RequestParser, HasTheLimitsOfTheDocumentation) {
  const auto head_of = [](std::size_t bytes) {
    return get("/", "X: " + std::string(bytes - get("/", "X: \r\n").size(), 'v') + "\r\n");
  };
  ASSERT_EQ(head_of(8192).size(), 8192u);
  EXPECT_EQ(outcome_of(head_of(8192)), "complete");
  EXPECT_EQ(outcome_of(head_of(8193)), "431 head too large");

  EXPECT_EQ(outcome_of(get("/" + std::string(6143, 'a'), "")), "complete");
  EXPECT_EQ(outcome_of(get("/" + std::string(6144, 'a'), "")), "414 URI too long");

  std::string headers;  // Host is one of the 64
  for (int i = 0; i < 63; ++i) headers += "X: v\r\n";
  EXPECT_EQ(outcome_of(get("/", headers)), "complete");
  EXPECT_EQ(outcome_of(get("/", headers + "X: v\r\n")), "431 too many headers");

  EXPECT_EQ(outcome_of(post("Content-Length: 1048576\r\n", "")), "body expected");
  EXPECT_EQ(outcome_of(post("Content-Length: 1048577\r\n", "")), "413 body too large");
}

TEST(RequestParser, BoundsTheHead) {
  const std::string head = get("/", "X: " + std::string(100, 'v') + "\r\n");
  RequestLimits limits{.head_bytes_max = head.size()};
  expect_requests(head, {"GET /? 1.1 keep Host=h X=" + std::string(100, 'v')}, limits);
  limits.head_bytes_max = head.size() - 1;
  expect_status(head, 431, limits);
  expect_status(get("/", "X: " + std::string(9000, 'v') + "\r\n"), 431);
  expect_status(get("/", "X: " + std::string(9000, '\0') + "\r\n"), 431);
}

TEST(RequestParser, BoundsTheTarget) {
  const RequestLimits limits{.target_bytes_max = 10};
  expect_requests(get("/234567890", ""), {"GET /234567890? 1.1 keep Host=h"}, limits);
  expect_status(get("/2345678901", ""), 414, limits);
  expect_status(get("/" + std::string(9000, 'a'), ""), 414);
  expect_status(std::string(9000, 'A'), 414);
}

TEST(RequestParser, BoundsTheHeaders) {
  const RequestLimits limits{.head_bytes_max = 100'000, .headers_max = 3};
  expect_requests(get("/", "A: 1\r\nB: 2\r\n"), {"GET /? 1.1 keep Host=h A=1 B=2"}, limits);
  expect_status(get("/", "A: 1\r\nB: 2\r\nC: 3\r\n"), 431, limits);
  std::string many;
  for (int i = 0; i < 3000; ++i) many += "X-" + std::to_string(i) + ": v\r\n";
  expect_status(get("/", many), 431, limits);
  expect_status(get("/", many), 431);
}

TEST(RequestParser, BoundsTheBody) {
  const RequestLimits limits{.body_bytes_max = 5};
  expect_requests(post("Content-Length: 5\r\n", "hello"),
                  {"POST /api? 1.1 keep Host=h Content-Length=5 body:hello"}, limits);
  expect_status(post("Content-Length: 6\r\n", ""), 413, limits);
  expect_status(post("Content-Length: 18446744073709551615\r\n", ""), 413, limits);
  expect_requests(chunked("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
                  {"POST /api? 1.1 keep Host=h Transfer-Encoding=chunked body:hello"}, limits);
  expect_status(chunked("2\r\nhe\r\n4\r\n"), 413, limits);
  expect_status(chunked("FFFFFFFFFFFFFFFF\r\n"), 413, limits);
}

TEST(RequestParser, TakesLessOfABodyWhereItIsToldTo) {
  const auto state_of = [](const std::string& request, std::size_t bytes_max) {
    RequestParser parser(RequestLimits{.body_bytes_max = 100});
    std::string_view rest = request;
    auto progress = parser.feed(rest);
    EXPECT_EQ(progress.state, State::HeadComplete);
    if (!parser.limit_body(bytes_max)) return 413;
    while (progress.state != State::Complete && progress.state != State::Failed) {
      rest.remove_prefix(progress.consumed);
      progress = parser.feed(rest);
    }
    return progress.state == State::Complete ? 200 : parser.error().status;
  };
  const std::string in_chunks = chunked("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
  EXPECT_EQ(state_of(post("Content-Length: 5\r\n", "hello"), 5), 200);
  EXPECT_EQ(state_of(post("Content-Length: 6\r\n", "hello!"), 5), 413) << "said beforehand";
  EXPECT_EQ(state_of(in_chunks, 5), 200);
  EXPECT_EQ(state_of(in_chunks, 4), 413);
  EXPECT_EQ(state_of(chunked("64\r\n" + std::string(100, 'x') + "\r\n0\r\n\r\n"), 1000), 200);
  EXPECT_EQ(state_of(chunked("65\r\n" + std::string(101, 'x') + "\r\n0\r\n\r\n"), 1000), 413)
      << "never more than of any request";
}

// Many small chunks with long extensions would be the same attack as one long one.
TEST(RequestParser, BoundsTheSumOfExtensionsAndTrailers) {
  const RequestLimits limits{.head_bytes_max = 200};
  const auto ignored = [](std::size_t in_extensions, std::size_t in_trailers) {
    return chunked("1;" + std::string(in_extensions, 'x') + "\r\nz\r\n0\r\n" +
                   std::string(in_trailers - 1, 'y') + ":\r\n\r\n");
  };
  const std::string taken = "POST /api? 1.1 keep Host=h Transfer-Encoding=chunked body:z";
  expect_requests(ignored(100, 101), {taken}, limits);  // the colon is not counted
  expect_status(ignored(100, 102), 400, limits);
  expect_status(ignored(101, 101), 400, limits);
  const std::string extension = "1;x=" + std::string(300, 'y') + "\r\nz\r\n0\r\n\r\n";
  expect_status(chunked(extension), 400, limits);
  expect_status(chunked("0\r\nX: " + std::string(300, 'y') + "\r\n\r\n"), 400, limits);
  expect_status(chunked("0\r\nX: " + std::string(300, 'y')), 400, limits);
  std::string many;
  for (int i = 0; i < 30; ++i) many += "1;12345678\r\nz\r\n";
  expect_status(chunked(many), 400, limits);
}

// No input of 64 KiB may cost more than a pass or two over it; a quadratic parser takes seconds.
TEST(RequestParser, IsLinearInAdversarialHeads) {
  const RequestLimits limits{.head_bytes_max = 100'000, .headers_max = 100'000};
  std::string many;
  while (many.size() < 65536) many += "a:\r\n";
  const std::string inputs[] = {
      get("/", "X: " + std::string(65536, ' ') + "x\r\n"),
      get("/", "X: " + std::string(65536, ',') + "\r\n"),
      get("/", "Connection: a" + std::string(65536, ' ') + ", b\r\n"),
      get("/", "Sec-WebSocket-Extensions: " + std::string(65536, ';') + "\r\n"),
      get("/", "X: " + std::string(65536, '\r') + "\r\n"),
      get("/", many),
      std::string(65536, '\n'),
  };
  for (const std::string& input : inputs) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < input.size(); ++i) bytes.push_back({&input[i], 1});
    EXPECT_EQ(requests_of(bytes, limits).size(), 1u);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(500));
  }
}

// --- Fuzzing as a test ---

void fuzz(std::string_view input) {
  fuzz_request(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

TEST(RequestFuzz, HoldsOnTheCorpusAndItsMutations) {
  constexpr std::string_view kPieces[] = {"\r\n", "\n", ":", " ", "0\r\n\r\n", "5", ";", ",", "\0"};
  core::Random random(3);
  unsigned files = 0;
  const std::filesystem::directory_iterator corpus(SANJAY_CORPUS_DIR "/request_parser");
  for (const auto& entry : corpus) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string seed(std::istreambuf_iterator<char>(file), {});
    ++files;
    fuzz(seed);
    for (int round = 0; round < 1000; ++round) {
      std::string input = seed;
      for (std::uint64_t n = random.below(4); n > 0; --n) {
        const std::size_t at = random.below(input.size());
        const std::uint64_t kind = random.below(3);
        if (kind == 0) input[at] = static_cast<char>(random.below(256));
        if (kind == 1) input.insert(at, kPieces[random.below(std::size(kPieces))]);
        if (kind == 2 && input.size() > 2) input.erase(at, 1 + random.below(3));
      }
      if (!input.empty()) fuzz(input);
    }
  }
  EXPECT_GE(files, 8u);
}

}  // namespace
}  // namespace sanjay::http
