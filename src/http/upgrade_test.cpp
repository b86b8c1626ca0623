// SPDX-License-Identifier: Apache-2.0
#include "http/upgrade.h"

#include "core/chunking.h"
#include "core/random.h"
#include "http/response.h"
#include "http/upgrade_client.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace sanjay::http {

void fuzz_upgrade(const std::uint8_t* data, std::size_t size);

namespace {

using namespace std::string_literals;

constexpr std::string_view kOurs[] = {"centrifuge-json", "centrifuge-protobuf"};

// The client's handshake of RFC 6455 §1.2, with our host and one sub-protocol.
constexpr std::string_view kGood =
    "GET /connection/websocket?cf_protocol=json HTTP/1.1\r\n"
    "Host: example.com\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Origin: https://example.com\r\n"
    "Sec-WebSocket-Protocol: centrifuge-json\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "\r\n";

/// The good handshake with one part of it replaced.
std::string changed(std::string_view from, std::string_view to) {
  std::string out(kGood);
  const std::size_t at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return out.replace(at, from.size(), to);
}

std::string with(std::string_view more_headers) {
  return changed("\r\n\r\n", "\r\n" + std::string(more_headers) + "\r\n\r\n");
}

std::string without(std::string_view header) {
  std::string out(kGood);
  const std::size_t at = out.find(header);
  return out.erase(at, out.find("\r\n", at) + 2 - at);
}

/// Status of the answer, 101 when accepted; what a listener does with a connection's first bytes.
int status_of(std::span<const std::string_view> pieces, std::string* response = nullptr) {
  const RequestLimits limits;
  RequestParser parser(limits);
  for (const std::string_view piece : pieces) {
    const auto [state, consumed] = parser.feed(piece);
    if (state == RequestParser::State::NeedMore) continue;
    if (state == RequestParser::State::Failed) return parser.error().status;
    const auto accepted = accept_upgrade(parser.head(), kOurs);
    if (!accepted) return accepted.error().status;
    if (response != nullptr) *response = accepted->response;
    return 101;
  }
  return 0;
}

int status_of(std::string_view request) {
  const std::string_view whole[] = {request};
  return status_of(whole);
}

struct Case {
  std::string_view name;
  std::string request;
  int status;
};

std::vector<Case> malformed_request_lines() {
  const auto line = [](std::string_view text) {
    return changed("GET /connection/websocket?cf_protocol=json HTTP/1.1", text);
  };
  return {
      {"POST", line("POST / HTTP/1.1"), 405},
      {"HEAD", line("HEAD / HTTP/1.1"), 405},
      {"OPTIONS", line("OPTIONS * HTTP/1.1"), 405},
      {"method in lower case", line("get / HTTP/1.1"), 405},
      {"CONNECT", line("CONNECT example.com:80 HTTP/1.1"), 400},
      {"no method", line(" / HTTP/1.1"), 400},
      {"control byte in the method", line("G\x01T / HTTP/1.1"), 400},
      {"HTTP/1.0", line("GET / HTTP/1.0"), 400},
      {"HTTP/0.9", line("GET / HTTP/0.9"), 505},
      {"HTTP/1.2", line("GET / HTTP/1.2"), 505},
      {"HTTP/2.0", line("GET / HTTP/2.0"), 505},
      {"version in lower case", line("GET / http/1.1"), 400},
      {"no version", line("GET /"), 400},
      {"space behind the version", line("GET / HTTP/1.1 "), 400},
      {"two spaces", line("GET  / HTTP/1.1"), 400},
      {"space in the target", line("GET /a b HTTP/1.1"), 400},
      {"relative target", line("GET connection/websocket HTTP/1.1"), 400},
      {"fragment in the target", line("GET /#top HTTP/1.1"), 400},
      {"control byte in the target", line("GET /\x02 HTTP/1.1"), 400},
      {"NUL in the target", line("GET /\0 HTTP/1.1"s), 400},
      {"CR in the target", line("GET /\rX: HTTP/1.1"), 400},
      {"long target", line("GET /" + std::string(7000, 'a') + " HTTP/1.1"), 414},
      {"endless target", std::string("GET /") + std::string(9000, 'a'), 414},
      {"TLS record", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s + "\r\n\r\n", 400},
  };
}

std::vector<Case> malformed_heads() {
  std::string many;
  for (int i = 0; i < 3000; ++i) many += "X-" + std::to_string(i) + ": v\r\n";
  std::string sixty_five;
  for (int i = 0; i < 58; ++i) sixty_five += "\r\nX: v";
  return {
      {"no Host", without("Host"), 400},
      {"two Hosts", with("Host: example.com"), 400},
      {"Host with a space", changed("Host: example.com", "Host: exam ple.com"), 400},
      {"Host with a path", changed("Host: example.com", "Host: example.com/x"), 400},
      {"Host with a user", changed("Host: example.com", "Host: me@example.com"), 400},
      {"header without colon", with("no colon here"), 400},
      {"header without name", with(": value"), 400},
      {"space before the colon", changed("Upgrade:", "Upgrade :"), 400},
      {"tab before the colon", changed("Upgrade:", "Upgrade\t:"), 400},
      {"NUL in a value", with("X: a\0b"s), 400},
      {"control byte in a value", with("X: a\x1f"), 400},
      {"control byte in a name", with("X\x01: a"), 400},
      {"octet above ASCII in a name", with("X\xff: a"), 400},
      {"bare LF", changed("Upgrade: websocket\r\n", "Upgrade: websocket\n"), 400},
      {"bare CR", with("X: a\rY: b"), 400},
      {"folded header", changed("Upgrade: websocket", "Upgrade:\r\n websocket"), 400},
      {"folded first header", changed("Host:", " Host:"), 400},
      {"65 headers", with(sixty_five.substr(2)), 431},
      {"3000 headers", with(many + "X: v"), 431},
      {"9 KiB header", with("X: " + std::string(9000, 'v')), 431},
      {"body by Content-Length", with("Content-Length: 5"), 400},
      {"body by chunks", with("Transfer-Encoding: chunked"), 400},
      {"both", with("Content-Length: 5\r\nTransfer-Encoding: chunked"), 400},
      {"two Content-Lengths", with("Content-Length: 0\r\nContent-Length: 0"), 400},
      {"list of Content-Lengths", with("Content-Length: 0, 0"), 400},
      {"negative Content-Length", with("Content-Length: -1"), 400},
      {"Content-Length beyond 64 bits", with("Content-Length: 99999999999999999999"), 400},
      {"body above the limit", with("Content-Length: 9999999"), 413},
      {"unknown coding", with("Transfer-Encoding: gzip, chunked"), 501},
      {"body without an end", with("Transfer-Encoding: gzip"), 400},
      {"unknown expectation", with("Expect: more"), 417},
  };
}

std::vector<Case> malformed_upgrades() {
  const auto upgrade = [](std::string_view value) {
    return changed("Upgrade: websocket", "Upgrade: " + std::string(value));
  };
  const auto connection = [](std::string_view value) {
    return changed("Connection: Upgrade", "Connection: " + std::string(value));
  };
  const auto version = [](std::string_view value) {
    return changed("Version: 13", "Version: " + std::string(value));
  };
  const auto key = [](std::string_view value) {
    return changed("dGhlIHNhbXBsZSBub25jZQ==", value);
  };
  const auto subprotocol = [](std::string_view value) {
    return changed("Protocol: centrifuge-json", "Protocol: " + std::string(value));
  };
  return {
      {"no Upgrade", without("Upgrade"), 400},
      {"empty Upgrade", upgrade(""), 400},
      {"Upgrade to h2c", upgrade("h2c"), 400},
      {"Upgrade that only begins right", upgrade("websockets"), 400},
      {"Upgrade in two words", upgrade("web socket"), 400},
      {"no Connection", without("Connection: Upgrade"), 400},
      {"Connection: keep-alive", connection("keep-alive"), 400},
      {"Connection: close", connection("close"), 400},
      {"Connection that only begins right", connection("Upgrades"), 400},
      {"malformed Connection", connection("Upgrade;;"), 400},
      {"no version", without("Sec-WebSocket-Version"), 400},
      {"two versions", with("Sec-WebSocket-Version: 13"), 400},
      {"version 8", version("8"), 426},
      {"version 14", version("14"), 426},
      {"version 013", version("013"), 426},
      {"list of versions", version("13, 8"), 426},
      {"empty version", version(""), 426},
      {"version in words", version("thirteen"), 426},
      {"no key", without("Sec-WebSocket-Key"), 400},
      {"two keys", with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400},
      {"empty key", key(""), 400},
      {"key of 15 bytes", key("dGhlIHNhbXBsZSBub25j"), 400},
      {"key of 17 bytes", key("dGhlIHNhbXBsZSBub25jZWE="), 400},
      {"key of 18 bytes", key("dGhlIHNhbXBsZSBub25jZWFh"), 400},
      {"key of 19 bytes", key("dGhlIHNhbXBsZSBub25jZWFhYQ=="), 400},
      {"key not base64", key("dGhlIHNhbXBsZSBub25j!Q=="), 400},
      {"key in base64url", key("dGhlIHNhbXBsZSBub25j-_=="), 400},
      {"key padded within", key("dGhlIHNhbXBsZSBub25=ZQ=="), 400},
      {"key without padding", key("dGhlIHNhbXBsZSBub25jZQ"), 400},
      {"key with more padding", key("dGhlIHNhbXBsZSBub25jZ==="), 400},
      {"key and more", key("dGhlIHNhbXBsZSBub25jZQ== x"), 400},
      {"empty sub-protocol", subprotocol(""), 400},
      {"sub-protocol in quotes", subprotocol("\"centrifuge-json\""), 400},
      {"sub-protocol with a space", subprotocol("centrifuge json"), 400},
      {"second sub-protocol malformed", subprotocol("centrifuge-json, a/b"), 400},
      {"two Origins", with("Origin: https://evil.example"), 400},
  };
}

std::vector<Case> malformed_handshakes() {
  std::vector<Case> all = malformed_request_lines();
  for (auto& more : {malformed_heads(), malformed_upgrades()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

TEST(Upgrade, RefusesEachMalformedHandshakeByItsStatusAtEveryChunking) {
  const std::vector<Case> cases = malformed_handshakes();
  EXPECT_GE(cases.size(), 60u);
  for (const Case& c : cases) {
    core::for_each_split(c.request, 5, [&](std::span<const std::string_view> pieces) {
      ASSERT_EQ(status_of(pieces), c.status) << c.name;
    });
  }
}

TEST(Upgrade, AnswersEachRefusalByOneWellFormedHead) {
  for (const Case& c : malformed_handshakes()) {
    const std::string refusal = make_refusal({c.status, "reason"});
    EXPECT_TRUE(refusal.starts_with("HTTP/1.1 " + std::to_string(c.status) + " ")) << refusal;
    EXPECT_EQ(refusal.find("\r\n\r\n") + 4 + 7, refusal.size());
    EXPECT_EQ(refusal.contains("\r\nSec-WebSocket-Version: 13\r\n"), c.status == 426);
    EXPECT_EQ(refusal.contains("\r\nAllow: GET\r\n"), c.status == 405);
    EXPECT_TRUE(refusal.contains("\r\nConnection: close\r\n"));
  }
}

TEST(Upgrade, AnswersTheExampleOfRfc6455Section1_3) {
  EXPECT_EQ(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  core::for_each_split(kGood, 20, [](std::span<const std::string_view> pieces) {
    std::string response;
    ASSERT_EQ(status_of(pieces, &response), 101);
    ASSERT_EQ(response,
              "HTTP/1.1 101 Switching Protocols\r\n"
              "Upgrade: websocket\r\n"
              "Connection: Upgrade\r\n"
              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
              "Sec-WebSocket-Protocol: centrifuge-json\r\n\r\n");
  });
}

TEST(Upgrade, AcceptsWhatTheRfcLeavesOpen) {
  for (const std::string& request : {
           changed("Upgrade: websocket", "uPGRADE: WebSocket"),
           changed("Upgrade: websocket", "Upgrade: h2c, websocket"),
           changed("Upgrade: websocket", "Upgrade: h2c\r\nUpgrade: websocket"),
           changed("Connection: Upgrade", "Connection: keep-alive, upgrade"),
           changed("Connection: Upgrade", "Connection: keep-alive\r\nConnection: Upgrade"),
           changed("Connection: Upgrade", "Connection:Upgrade \t"),
           changed("GET /", "GET http://example.com/"),
           without("Origin"),
           without("Sec-WebSocket-Protocol"),
           with("Content-Length: 0"),
           with("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, ;;\"x"),
           with("Cookie: a=b; c=d"),
           "\r\n" + std::string(kGood),
       }) {
    EXPECT_EQ(status_of(request), 101) << request;
  }
}

std::optional<std::size_t> agreed_on(std::string_view header_lines) {
  const std::string request = changed("Sec-WebSocket-Protocol: centrifuge-json", header_lines);
  const RequestLimits limits;
  RequestParser parser(limits);
  EXPECT_EQ(parser.feed(request).state, RequestParser::State::Complete);
  const auto accepted = accept_upgrade(parser.head(), kOurs);
  EXPECT_TRUE(accepted);
  EXPECT_EQ(accepted->response.contains("Sec-WebSocket-Protocol"),
            accepted->subprotocol.has_value());
  return accepted->subprotocol;
}

TEST(Upgrade, TakesTheClientsFirstSubprotocolThatIsOurs) {
  EXPECT_EQ(agreed_on("Sec-WebSocket-Protocol: centrifuge-protobuf"), 1u);
  EXPECT_EQ(agreed_on("Sec-WebSocket-Protocol: x, centrifuge-protobuf, centrifuge-json"), 1u);
  EXPECT_EQ(agreed_on("Sec-WebSocket-Protocol: x\r\nSec-WebSocket-Protocol: centrifuge-json"), 0u);
  EXPECT_EQ(agreed_on("Sec-WebSocket-Protocol: ,, centrifuge-json ,"), 0u);
  EXPECT_EQ(agreed_on("Sec-WebSocket-Protocol: Centrifuge-JSON"), std::nullopt);
  EXPECT_EQ(agreed_on("Sec-WebSocket-Protocol: graphql-ws, x"), std::nullopt);
  EXPECT_EQ(agreed_on("X: y"), std::nullopt);
}

TEST(Upgrade, NamesTheExtensionThatWasAgreedOnAndNoOther) {
  const RequestLimits limits;
  RequestParser parser(limits);
  const std::string request = with("Sec-WebSocket-Extensions: permessage-deflate, x");
  ASSERT_EQ(parser.feed(request).state, RequestParser::State::Complete);
  const auto with_it = accept_upgrade(parser.head(), kOurs, "permessage-deflate; a=1");
  ASSERT_TRUE(with_it);
  EXPECT_TRUE(
      with_it->response.ends_with("\r\nSec-WebSocket-Extensions: permessage-deflate; a=1\r\n\r\n"));
  const auto without_it = accept_upgrade(parser.head(), kOurs);
  ASSERT_TRUE(without_it);
  EXPECT_FALSE(without_it->response.contains("Extensions"));
}

// Under a sanitizer this also shows that a refusal frees everything, once.
TEST(Upgrade, RefusesTenThousandTimes) {
  const std::vector<Case> cases = malformed_handshakes();
  for (int round = 0; round < 10'000; ++round) {
    const Case& c = cases[static_cast<std::size_t>(round) % cases.size()];
    ASSERT_EQ(status_of(c.request), c.status);
  }
}

// --- Our own client ---

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kAnswer =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "Sec-WebSocket-Protocol: centrifuge-json\r\n\r\n";

TEST(UpgradeClient, AsksAsOurServerWants) {
  const unsigned char nonce[16] = {1, 2, 3};
  const std::string key = make_key(nonce);
  EXPECT_EQ(key, "AQIDAAAAAAAAAAAAAAAAAA==");
  EXPECT_EQ(status_of(make_upgrade_request("localhost:8000", "/ws?a=b", key, "")), 101);
  EXPECT_EQ(status_of(make_upgrade_request("[::1]:8000", "/ws", key, "centrifuge-protobuf")), 101);
}

TEST(UpgradeClient, AcceptsTheAnswerAndLeavesTheFirstFrameAtEveryChunking) {
  const std::string stream = std::string(kAnswer) + "\x81\x02hi";
  core::for_each_split(stream, 20, [&](std::span<const std::string_view> pieces) {
    UpgradeResponseReader reader(kKey, "centrifuge-json");
    std::size_t used = 0;
    for (const std::string_view piece : pieces) {
      const auto [state, consumed] = reader.feed(piece);
      used += consumed;
      ASSERT_NE(state, UpgradeResponseReader::State::Failed) << reader.reason();
      if (state == UpgradeResponseReader::State::Done) break;
    }
    ASSERT_EQ(used, kAnswer.size());
    ASSERT_EQ(reader.status(), 101);
  });
}

TEST(UpgradeClient, RefusesWrongAnswers) {
  const auto fault = [](std::string_view from, std::string_view to) {
    std::string answer(kAnswer);
    answer.replace(answer.find(from), from.size(), to);
    UpgradeResponseReader reader(kKey, "centrifuge-json");
    EXPECT_EQ(reader.feed(answer).state, UpgradeResponseReader::State::Failed);
    return std::string(reader.reason());
  };
  EXPECT_EQ(fault("101 Switching Protocols", "503 Service Unavailable"), "status is not 101");
  EXPECT_EQ(fault("HTTP/1.1", "HTTP/1.0"), "status is not 101");
  EXPECT_EQ(fault("101 S", "1x1 S"), "status is not 101");
  EXPECT_EQ(fault("Upgrade: websocket", "Upgrade: h2c"), "Upgrade does not name websocket");
  EXPECT_EQ(fault("Connection: Upgrade", "Connection: close"), "Connection does not name upgrade");
  EXPECT_EQ(fault("s3pP", "S3pP"), "wrong Sec-WebSocket-Accept");
  EXPECT_EQ(fault("Sec-WebSocket-Accept", "X"), "wrong Sec-WebSocket-Accept");
  EXPECT_EQ(fault("centrifuge-json", "other"), "another sub-protocol than the one asked for");
  EXPECT_EQ(fault("Sec-WebSocket-Protocol", "X"), "another sub-protocol than the one asked for");
  EXPECT_EQ(fault("\r\n\r\n", "\r\nSec-WebSocket-Extensions: x\r\n\r\n"),
            "extension that was not asked for");
  EXPECT_EQ(fault("Connection: Upgrade", "Connection"), "header without colon");
  EXPECT_EQ(fault("Upgrade: websocket\r\n", "Upgrade: websocket\n"), "malformed or too large head");
  EXPECT_EQ(fault("Upgrade", std::string(9000, 'x')), "malformed or too large head");
}

TEST(UpgradeClient, TellsTheStatusOfARefusal) {
  UpgradeResponseReader reader(kKey, "");
  EXPECT_EQ(reader.feed(make_response(503, {}, "busy", false)).state,
            UpgradeResponseReader::State::Failed);
  EXPECT_EQ(reader.status(), 503);
}

// --- Fuzzing as a test ---

TEST(UpgradeFuzz, HoldsOnTheCorpusAndItsMutations) {
  const auto fuzz = [](std::string_view input) {
    fuzz_upgrade(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  };
  core::Random random(4);
  unsigned files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SANJAY_CORPUS_DIR "/upgrade")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string seed(std::istreambuf_iterator<char>(file), {});
    ++files;
    fuzz(seed);
    for (int round = 0; round < 1000; ++round) {
      std::string input = seed;
      for (std::uint64_t n = 1 + random.below(2); n > 0; --n) {
        const std::size_t at = random.below(input.size());
        if (random.below(2) == 0) {
          input[at] = static_cast<char>(random.below(256));
        } else {
          input.insert(at, input.substr(random.below(input.size()), 1 + random.below(20)));
        }
      }
      fuzz(input);
    }
  }
  EXPECT_GE(files, 5u);
}

}  // namespace
}  // namespace sanjay::http
