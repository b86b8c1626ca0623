// SPDX-License-Identifier: Apache-2.0

// Deadlines of a connection: its first connect, pings and pongs.

#include "session/session_fixture.h"

#include <set>

namespace sanjay::session {
namespace {

class HeartbeatTest : public SessionTest {
 protected:
  Client& open_insecure() {
    options_.insecure = true;
    start();
    Client& client = connect();
    client.take();
    return client;
  }
};
INSTANTIATE_TEST_SUITE_P(Both, HeartbeatTest, both_encodings(), encoding_name);

TEST_P(HeartbeatTest, StaleConnectionIsClosedAtItsDelay) {
  start();
  Client& client = add_client();
  pass(milliseconds(9999));
  EXPECT_FALSE(client.ended);
  pass(milliseconds(1));
  EXPECT_EQ(client.end_code(), 3502);
}

TEST_P(HeartbeatTest, ARefusedConnectionIsStaleWhenItsTimeComes) {
  use_tokens();
  options_.expired_close_delay = seconds(0);
  start();
  // Its credentials expire before it is stale: that is no deadline of one who has not connected.
  Client& client = connect(R"("token":")" +
                           token(R"({"sub":"42","exp":1700000005,"channels":["nope:a"]})") + "\"");
  EXPECT_EQ(client.take(), R"({"id":1,"error":{"code":102,"message":"unknown channel"}})");
  pass(milliseconds(9999));
  EXPECT_FALSE(client.ended);
  pass(milliseconds(1));
  EXPECT_EQ(client.end_code(), 3502);
}

TEST_P(HeartbeatTest, FirstPingIsSpreadOverTheSecondHalfOfTheInterval) {
  std::vector<core::Duration> first;
  for (int i = 0; i < 50; ++i) {
    first.push_back(open_insecure().session->deadline() - now_.instant);
    EXPECT_GE(first.back(), milliseconds(12400));  // a group early
    EXPECT_LE(first.back(), seconds(25));
  }
  std::sort(first.begin(), first.end());
  EXPECT_GT(first.back() - first.front(), seconds(6)) << "all alike";
}

TEST_P(HeartbeatTest, PingsGoOnAtTheIntervalWhilePongsCome) {
  Client& client = open_insecure();
  core::Instant last{};
  for (int i = 0; i < 5; ++i) {
    pass(client.session->deadline() - now_.instant);
    ASSERT_EQ(client.wire, std::vector<std::string>{is_json() ? "{}" : std::string(1, '\0')});
    if (i > 0) {
      EXPECT_EQ(now_.instant - last, seconds(25));
    }
    last = now_.instant;
    client.take();
    pass(seconds(3));
    say(client, "{}");
  }
  EXPECT_FALSE(client.ended);
}

TEST_P(HeartbeatTest, PingsDueAtAboutTheSameTimeLeaveTogether) {
  std::set<core::Instant> moments;
  for (int i = 0; i < 2000; ++i) moments.insert(open_insecure().session->deadline());
  EXPECT_LE(moments.size(), 130U) << "half an interval has 128 groups";
  EXPECT_GT(moments.size(), 100U) << "spread over all of them";
}

TEST_P(HeartbeatTest, MissingPongEndsTheConnectionAtTheTimeout) {
  Client& client = open_insecure();
  pass(client.session->deadline() - now_.instant);
  pass(milliseconds(7999));
  EXPECT_FALSE(client.ended);
  pass(milliseconds(1));
  EXPECT_EQ(client.end_code(), 3012);
}

TEST_P(HeartbeatTest, WithoutAnIntervalThereAreNoPings) {
  options_.ping_interval = seconds(0);
  options_.insecure = true;
  start();
  Client& client = connect();
  EXPECT_EQ(client.take().find("\"ping\""), std::string::npos);
  EXPECT_EQ(client.session->deadline(), core::kNever);
}

TEST_P(HeartbeatTest, PingsMayBeTheTransportsOwn) {
  transport_pings_ = true;
  options_.insecure = true;
  start();
  Client& client = connect();
  const std::string answer = client.take();
  EXPECT_EQ(answer.find("\"ping\""), answer.npos) << answer;
  EXPECT_EQ(answer.find("\"pong\""), answer.npos) << answer;
  client.session->on_transport_pong();  // one that nobody asked for is legal there
  EXPECT_FALSE(client.ended);
  for (int i = 1; i <= 3; ++i) {
    pass(client.session->deadline() - now_.instant);
    EXPECT_EQ(client.pings, i);
    EXPECT_EQ(client.take(), "");
    client.session->on_transport_pong();
  }
  pass(client.session->deadline() - now_.instant);
  pass(seconds(8));
  EXPECT_EQ(client.end_code(), 3012);
  Client& confused = connect();
  pass(confused.session->deadline() - now_.instant);
  say(confused, "{}");
  EXPECT_EQ(confused.end_code(), 3501) << "a pong of the protocol answers nothing";
}

TEST_P(HeartbeatTest, PingAndPongStayAsTheClientWasToldWhateverIsReloaded) {
  Client& client = open_insecure();
  SessionOptions others = options_;  // as after a reload: the context then has other options
  others.pong_timeout = seconds(0);
  others.ping_interval = seconds(0);
  context_->options = &others;
  for (int i = 0; i < 3; ++i) {
    client.take();
    pass(client.session->deadline() - now_.instant);
    ASSERT_EQ(client.take(), "{}");
    const core::Instant pinged = now_.instant;
    say(client, "{}");
    ASSERT_FALSE(client.ended) << "he was told to answer";
    EXPECT_EQ(client.session->deadline(), pinged + seconds(25));
  }
}

TEST_P(HeartbeatTest, AClientThatWasToldToSendNoPongsNeedNotLearnToWhenThatChanges) {
  options_.pong_timeout = seconds(0);
  options_.insecure = true;
  start();
  Client& client = connect();
  EXPECT_EQ(client.take().find("\"pong\""), std::string::npos);
  SessionOptions others = options_;
  others.pong_timeout = seconds(8);
  context_->options = &others;
  pass(client.session->deadline() - now_.instant);
  EXPECT_EQ(client.take(), "{}");
  pass(seconds(25));
  EXPECT_FALSE(client.ended);
}

TEST_P(HeartbeatTest, OurOwnPauseDoesNotKillWhoAnsweredMeanwhile) {
  Client& client = open_insecure();
  pass(client.session->deadline() - now_.instant);
  now_.catching_up = true;  // stopped for so long that the pong's deadline is over
  pass(seconds(9));
  ASSERT_FALSE(client.ended);
  say(client, "{}");  // it was in the socket all the time
  now_.catching_up = false;
  client.take();
  pass(client.session->deadline() - now_.instant);
  EXPECT_FALSE(client.ended);
  EXPECT_EQ(client.take(), "{}");
  pass(seconds(8));
  EXPECT_EQ(client.end_code(), 3012) << "patience has an end";
}

TEST_P(HeartbeatTest, AClientWhoseInputWeHoldBackIsNotKilledForSilence) {
  hub_options_.home.channels.pending_bytes_max = 64;
  Client& client = open_insecure();
  ask(client, R"({"id":2,"subscribe":{"channel":"a"}})");
  while (!client.session->blocked()) {
    say(client, R"({"id":3,"publish":{"channel":"a","data":"0123456789"}})");
  }
  pass(client.session->deadline() - now_.instant);  // the ping
  pass(seconds(8));
  EXPECT_FALSE(client.ended) << "his pong may be among what was not read";
  settle();
  EXPECT_FALSE(client.session->blocked());
  pass(client.session->deadline() - now_.instant);
  EXPECT_EQ(client.end_code(), 3012);
}

}  // namespace
}  // namespace sanjay::session
