// SPDX-License-Identifier: Apache-2.0

// Commands that come by requests of their own, and what web pages of other origins may ask for.

#include "transport/stream_fixture.h"

#include <array>
#include <charconv>

namespace sanjay::transport {
namespace {

constexpr std::string_view kStream = "/connection/http_stream";

TEST_F(StreamTest, CommandsComeByEmulationAndRepliesDownTheStream) {
  start();
  Client client = open_stream_client();
  EXPECT_EQ(emulate(client.session, R"({"id":2,"subscribe":{"channel":"chat"}})"), "204");
  EXPECT_EQ(hear(client.peer), "{\"id\":2,\"subscribe\":{}}\n");
  Peer& caller = driver_.add_peer();
  const std::string commands = R"({"id":3,"publish":{"channel":"chat","data":{"a":"\n"}}})"
                               "\n"
                               R"({"id":4,"unsubscribe":{"channel":"chat"}})";
  const std::string answer = say(caller, post("/emulation", emulation(client.session, commands)));
  EXPECT_EQ(answer,
            "HTTP/1.1 204 No Content\r\nCache-Control: no-store\r\nVary: Origin\r\n"
            "Connection: keep-alive\r\n\r\n");
  const std::string heard = hear(client.peer);
  EXPECT_TRUE(heard.starts_with("{\"id\":3,\"publish\":{}}\n{\"id\":4,\"unsubscribe\":{}}\n"))
      << heard;
  EXPECT_EQ(status_of(say(caller, post("/emulation", emulation(client.session, "nonsense")))),
            "204")
      << "over the same connection";
  EXPECT_EQ(hear(client.peer),
            "{\"push\":{\"disconnect\":{\"code\":3501,\"reason\":\"bad request\"}}}\n+end");
  EXPECT_EQ(services_->stats.emulations.value(), 3u);
}

TEST_F(StreamTest, AProtobufClientsCommandsAreBytes) {
  start();
  Peer& peer = driver_.add_peer();
  const std::string type = "Content-Type: application/octet-stream\r\n";
  const std::string body = open(peer, post(kStream, std::string("\x04\x08\x01\x22\x00", 5), type));
  const std::size_t at = body.find("\x4a\x38");  // field 9, 56 bytes
  ASSERT_NE(at, body.npos);
  std::string request = "\x0a\x06node-1\x12\x38" + body.substr(at + 2, 56) + "\x1a\x08";
  request +=
      "\x07\x08\x02\x2a\x03\x0a\x01"
      "a";
  EXPECT_EQ(status_of(say(driver_.add_peer(), post("/emulation", request, type))), "204");
  EXPECT_EQ(hear(peer), std::string("\x04\x08\x02\x32\x00", 5));
}

TEST_F(StreamTest, EmulationAnswersWithTheStatusOfItsFault) {
  start();
  Client client = open_stream_client();
  const auto status = [&](const std::string& request) {
    return status_of(say(driver_.add_peer(), request));
  };
  const std::string good = emulation(client.session, "{\"id\":2}");
  for (const std::string& body :
       {std::string("{"), std::string("[]"), std::string(""), std::string("null"),
        std::string(R"({"session":1,"node":"node-1","data":"{}"})"),
        std::string(R"({"session":"a","node":"node-1","data":{}})"), emulation(client.session, ""),
        good + "}"}) {
    EXPECT_EQ(status(post("/emulation", body)), "400") << body;
  }
  EXPECT_EQ(status(post("/emulation", good, "Content-Type: application/octet-stream\r\n")), "400")
      << "JSON is no Protobuf";
  EXPECT_EQ(status(post("/emulation", emulation(client.session, "{}", "node-2"))), "404");
  EXPECT_EQ(status(post("/emulation", emulation(client.session, "{}", ""))), "404");
  for (const std::string_view method : {"GET", "PUT", "DELETE", "HEAD", "PATCH"}) {
    const std::string answer =
        say(driver_.add_peer(), std::string(method) + " /emulation HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(status_of(answer), "405") << method;
    EXPECT_NE(answer.find("\r\nAllow: POST, OPTIONS\r\n"), answer.npos);
  }
  carrier_full_ = true;
  const std::string busy = say(driver_.add_peer(), post("/emulation", good));
  EXPECT_EQ(status_of(busy), "503");
  EXPECT_GE(retry_after(busy), 1);
  EXPECT_EQ(services_->stats.emulations_refused.value(), 1u);
  EXPECT_EQ(hear(client.peer), "") << "none of it came to the client";
  EXPECT_FALSE(client.peer.shard_finished);
}

TEST_F(StreamTest, NobodySpeaksForASessionWhoseNameHeDoesNotKnow) {
  start();
  Client client = open_stream_client();
  const std::string command = R"({"id":2,"subscribe":{"channel":"chat"}})";
  for (std::size_t i = 0; i < client.session.size(); ++i) {
    std::string guess = client.session;
    guess[i] = guess[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(emulate(guess, command), "204") << "nothing is said about it";
  }
  const session::SessionIds other = session::SessionIds::create(std::string(32, 'o')).value();
  EXPECT_EQ(emulate(other.name_of({0, 1, 0}), command), "204");
  for (const std::string& guess : {std::string(), client.session.substr(1), client.session + "A",
                                   client.session.substr(0, 14), std::string(60'000, 'A')}) {
    EXPECT_EQ(emulate(guess, command), "204");
  }
  EXPECT_EQ(hear(client.peer), "");
  EXPECT_EQ(hub_->subscription_count(), 0u);
  // Who has gone is nobody, also for him who has his place now.
  client.peer.finished = true;
  turns();
  Client next = open_stream_client();
  EXPECT_EQ(emulate(client.session, command), "204");
  EXPECT_EQ(hear(next.peer), "");
  EXPECT_EQ(services_->stats.emulations.value(), 0u);
}

TEST_F(StreamTest, WhoIsNoStreamTakesNoCommandsByEmulation) {
  start();
  open_client();  // a WebSocket, in slot 0
  const std::string name = session_->session_ids->name_of({0, 1, 0});
  EXPECT_EQ(emulate(name, "nonsense"), "204");
  turns();
  EXPECT_EQ(services_->stats.of(TransportKind::WebSocket).clients.value(), 1u);
}

TEST_F(StreamTest, CommandsWaitWhileTheSessionMust) {
  options_.emulation.body_bytes_max = 100'000;  // two of them are more than may wait
  start(2);
  int channels = 0;
  const auto subscribe = [&] {  // to a channel of the other shard that nobody has had yet
    std::string name;
    do name = "c" + std::to_string(channels++);
    while (hub_->home_of(name) != 1);
    return R"({"id":2,"subscribe":{"channel":")" + name + R"("}})";
  };
  const auto go = [&] {
    const auto interest = std::get<hub::Interest>(mails_.back());
    hub_->on_mail(1, hub::InterestConfirmed{interest.local_channel, 1, interest.forms});
    turns();
  };
  Client client = open_stream_client();
  emulate(client.session, subscribe());
  emulate(client.session, R"({"id":3,"unsubscribe":{"channel":"y"}})");
  emulate(client.session, R"({"id":4,"unsubscribe":{"channel":"z"}})");
  EXPECT_EQ(hear(client.peer), "");
  go();
  EXPECT_EQ(hear(client.peer),
            "{\"id\":2,\"subscribe\":{}}\n{\"id\":3,\"unsubscribe\":{}}\n"
            "{\"id\":4,\"unsubscribe\":{}}\n");
  client.peer.finished = true;
  turns();

  // As many as may wait, and one byte more.
  const std::string head = R"({"id":3,"unsubscribe":{"channel":"y"}})";
  constexpr std::size_t kMax = ResponseConnection::kWaitingBytesMax;
  const std::string half(kMax / 2 - ResponseConnection::kCommandBytes - head.size(), ' ');
  for (const std::size_t beyond : {0u, 1u}) {
    Client waiting = open_stream_client();
    mails_.clear();
    emulate(waiting.session, subscribe());
    emulate(waiting.session, head + half);
    emulate(waiting.session, head + half + std::string(beyond, ' '));
    if (beyond == 0) {
      EXPECT_EQ(hear(waiting.peer), "");
      go();
      EXPECT_EQ(hear(waiting.peer),
                "{\"id\":2,\"subscribe\":{}}\n{\"id\":3,\"unsubscribe\":{}}\n"
                "{\"id\":3,\"unsubscribe\":{}}\n");
    } else {
      EXPECT_EQ(hear(waiting.peer),
                "{\"push\":{\"disconnect\":{\"code\":3008,\"reason\":\"slow\"}}}\n+end");
    }
    waiting.peer.finished = true;
    turns();
  }
}

TEST_F(StreamTest, BodiesAreTakenUpToTheirBound) {
  options_.emulation.body_bytes_max = options_.http_stream.body_bytes_max =
      options_.sse.body_bytes_max = options_.uni_sse.body_bytes_max =
          options_.uni_http_stream.body_bytes_max = 100;
  start();
  const auto chunked = [](std::string_view path, std::size_t bytes) {
    std::string out = "POST " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n";
    out += "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n";
    std::array<char, 16> size{};
    std::to_chars(size.data(), size.data() + size.size(), bytes - 2, 16);
    out.append(size.data()).append("\r\n").append(bytes - 2, ' ');
    return out.append("\r\n0\r\n\r\n");
  };
  for (const std::string_view path : {"/emulation", "/connection/http_stream", "/connection/sse",
                                      "/connection/uni_http_stream", "/connection/uni_sse"}) {
    const std::string at_limit = "{}" + std::string(98, ' ');
    const std::string wanted = path == "/emulation" ? "400" : "200";
    EXPECT_EQ(status_of(say(driver_.add_peer(), post(path, at_limit))), wanted) << path;
    EXPECT_EQ(status_of(say(driver_.add_peer(), chunked(path, 100))), wanted) << path;
    Peer& beyond = driver_.add_peer();
    const std::string announced = say(beyond, post(path, at_limit + " ").substr(0, 80));
    EXPECT_EQ(status_of(announced), "413") << path << ": said at once, " << announced;
    EXPECT_TRUE(beyond.shard_finished);
    EXPECT_EQ(status_of(say(driver_.add_peer(), chunked(path, 101))), "413") << path;
  }
  EXPECT_TRUE(say(driver_.add_peer(), post("/x", std::string(1000, 'x'))).starts_with("[/x:"))
      << "others have their own";
}

TEST_F(StreamTest, ABodyThatTakesForEverIsRefusedInTime) {
  start();
  Peer& peer = driver_.add_peer();
  say(peer, post(kStream, std::string(60'000, 'x')).substr(0, 90));
  for (int i = 0; i < 9; ++i) {
    pass(seconds(1));
    EXPECT_EQ(say(peer, "x"), "");
  }
  pass(seconds(1));
  EXPECT_EQ(status_of(peer.from_shard), "408");
}

TEST_F(StreamTest, AForeignOriginIsRefusedByEveryEndpoint) {
  const std::vector<std::string> allowed{"https://good.example", "https://*.good.example"};
  options_.origins = http::OriginPolicy::parse(allowed).value();
  start();
  const std::string json = "Content-Type: application/json\r\n";
  for (const std::string_view path :
       {"/connection/http_stream", "/connection/sse", "/connection/uni_http_stream",
        "/connection/uni_sse", "/emulation"}) {
    for (const std::string_view evil :
         {"https://evil.example", "null", "https://good.example.evil.example", "",
          "https://good.example:444", "http://good.example"}) {
      const std::string header = "Origin: " + std::string(evil) + "\r\n";
      const std::string answer = say(driver_.add_peer(), post(path, kConnect, header + json));
      EXPECT_EQ(status_of(answer), "403") << path << " " << evil;
      EXPECT_EQ(answer.find("Access-Control"), answer.npos);
      EXPECT_EQ(
          status_of(say(driver_.add_peer(), "OPTIONS " + std::string(path) +
                                                " HTTP/1.1\r\nHost: x\r\n" + header + "\r\n")),
          "403");
    }
    const std::string answer = say(
        driver_.add_peer(), post(path, kConnect, "Origin: https://www.good.example\r\n" + json));
    EXPECT_NE(status_of(answer), "403");
    EXPECT_NE(answer.find("\r\nVary: Origin\r\n"
                          "Access-Control-Allow-Origin: https://www.good.example\r\n"
                          "Access-Control-Allow-Credentials: true\r\n"),
              answer.npos)
        << answer;
  }
  for (const std::string_view path : {"/connection/init", "/connection/uni_websocket"}) {
    EXPECT_EQ(status_of(say(driver_.add_peer(), get(path, "Origin: https://evil.example\r\n"))),
              "403");
  }
}

TEST_F(StreamTest, APreflightIsAnsweredAndRepeatsNothingThatIsNoHeader) {
  const std::vector<std::string> any{"*"};
  options_.origins = http::OriginPolicy::parse(any).value();
  start();
  const auto preflight = [&](std::string_view path, std::string_view headers) {
    return say(driver_.add_peer(), "OPTIONS " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" +
                                       std::string(headers) + "\r\n");
  };
  EXPECT_EQ(preflight("/emulation",
                      "Origin: https://good.example\r\n"
                      "Access-Control-Request-Method: POST\r\n"
                      "Access-Control-Request-Headers: content-type, x-a\r\n"),
            "HTTP/1.1 204 No Content\r\nVary: Origin\r\n"
            "Access-Control-Allow-Origin: https://good.example\r\n"
            "Access-Control-Allow-Credentials: true\r\nAccess-Control-Max-Age: 300\r\n"
            "Access-Control-Allow-Methods: POST, OPTIONS\r\n"
            "Access-Control-Allow-Headers: content-type, x-a\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(preflight("/connection/sse", "").find("Methods: GET, POST, OPTIONS\r\n"),
            std::string::npos);
  for (const std::string_view hostile : {"a\tb", "a b", "\x80\xff", "\"<>", "", ",", "a;b"}) {
    const std::string line(hostile);
    const std::string asked = "Access-Control-Request-Headers: " + line + "\r\n";
    const std::string answer = preflight("/emulation", "Origin: x" + line + "y \r\n" + asked);
    EXPECT_EQ(status_of(answer), "204") << answer;
    EXPECT_EQ(answer.find("Allow-Headers: " + line + "\r\n") != answer.npos, line == ",") << answer;
  }
  EXPECT_EQ(preflight("/emulation", "Origin: a\tb\r\n").find("Allow-Origin"), std::string::npos);
}

}  // namespace
}  // namespace sanjay::transport
