// SPDX-License-Identifier: Apache-2.0

// Streams that speak TLS, over a driver that moves nothing: what a stream promises is promised with
// TLS too, and handshakes keep their bounds.

#include "runtime/scripted_driver.h"
#include "runtime/stream.h"
#include "runtime/tls/tls_fixture.h"
#include "runtime/tls/tls_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sanjay::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Answer = ScriptedDriver::Answer;

core::SegmentRef segment(std::string_view bytes) { return core::SegmentRef::copy_of(bytes); }
core::Instant at(core::Duration since_start) { return core::Instant(seconds(100) + since_start); }

/// Each look at it takes `step`, so that work takes time.
class SteppingClock final : public Clock {
 public:
  core::Instant now() const override { return now_ += step; }
  core::WallTime wall_now() const override { return {}; }
  core::Duration step{};

 private:
  mutable core::Instant now_{};
};

struct Recorder final : StreamHandler {
  explicit Recorder(Stream& s) : stream(s) {}

  void on_bytes(std::span<char> bytes) override {
    received.append(bytes.data(), bytes.size());
    if (when_bytes) when_bytes();
  }
  void on_peer_finished() override { ++fins; }
  void on_drained() override { ++drained; }
  void on_overflow() override { ++overflows; }
  void on_write_stalled() override { ++stalls; }
  void on_closed(StreamEnd e) override { *end = e; }

  Stream& stream;
  std::string received;
  int fins = 0, drained = 0, overflows = 0, stalls = 0;
  std::function<void()> when_bytes;
  std::shared_ptr<std::optional<StreamEnd>> end = std::make_shared<std::optional<StreamEnd>>();
};

class StreamTlsTest : public testing::Test {
 protected:
  StreamTlsTest() { make_table(limits()); }

  static StreamLimits limits() {
    StreamLimits limits;
    limits.streams_max = 100;
    limits.queue_bytes_max = 100'000;
    limits.tls.handshakes_max = 4;
    limits.tls.waiting_max = 3;
    return limits;
  }
  void make_table(const StreamLimits& limits) { table_.emplace(0, limits, driver_, clock_, log_); }

  Stream& accept(core::Instant now = at({})) {
    Stream& stream = *table_->add_accepted({});
    auto handler = std::make_unique<Recorder>(stream);
    recorder_ = handler.get();
    stream.set_handler(std::move(handler));
    stream.start_tls(context_, now);
    return stream;
  }
  void turn(core::Instant now = at({})) {
    table_->run_handshakes(now, true);
    table_->check_deadlines(now);
    table_->flush(now);
    table_->reap();
  }
  void receive(Stream& stream, std::string bytes) {
    if (!bytes.empty()) table_->on_receive(stream.id().slot, {bytes.data(), bytes.size()});
  }
  std::string take_sent() {
    const std::string all = driver_.all_sent();
    driver_.sends.clear();
    return all;
  }
  /// Only what that stream has sent.
  std::string take_sent(const Stream& stream) {
    std::erase_if(driver_.sends, [&](const auto& send) { return send.slot != stream.id().slot; });
    return take_sent();
  }
  /// Carries bytes between client and stream as long as there are any.
  void carry(Stream& stream, TestTlsClient& client) {
    for (int round = 0; round < 10; ++round) {
      receive(stream, client.take());
      turn();
      client.give(take_sent(stream));
    }
  }
  Stream& establish(TestTlsClient& client) {
    Stream& stream = accept();
    carry(stream, client);
    EXPECT_TRUE(client.established()) << client.error;
    return stream;
  }
  void release_all() {
    for (const SocketSlot slot : std::exchange(driver_.released, {})) table_->on_released(slot);
  }
  const TlsStats& stats() const { return table_->tls_stats(); }

  std::shared_ptr<const TlsContext> context_ = server_context();
  ScriptedDriver driver_;
  SteppingClock clock_;
  telemetry::NullLogger log_;
  std::optional<StreamTable> table_;
  Recorder* recorder_ = nullptr;  // of the last accept()
};

// --- What is sent and received ---

TEST_F(StreamTlsTest, HandlersSeePlaintextAndPeersCiphertext) {
  TestTlsClient client;
  Stream& stream = establish(client);
  client.write("question");
  receive(stream, client.take());
  EXPECT_EQ(recorder_->received, "question");
  stream.send(segment("ans"));
  stream.send(segment("wer"));
  turn();
  ASSERT_EQ(driver_.sends.size(), 1U) << "one record";
  const std::string sent = take_sent();
  EXPECT_EQ(sent.find("answer"), std::string::npos);
  client.give(sent);
  EXPECT_EQ(client.received, "answer");
  EXPECT_EQ(stream.queued_bytes(), 0U);
  EXPECT_EQ(table_->queued_bytes(), 0U);
  EXPECT_FALSE(table_->has_work());
  EXPECT_EQ(stats().done.value(), 1U);
  EXPECT_EQ(stats().handshakes.value(), 0U);
  EXPECT_EQ(stats().connections.value(), 1U);
}

TEST_F(StreamTlsTest, WhatIsSentDuringTheHandshakeFollowsIt) {
  TestTlsClient client;
  Stream& stream = accept();
  stream.send(segment("welcome"));
  turn();
  EXPECT_THAT(driver_.sends, IsEmpty());
  EXPECT_FALSE(table_->has_work()) << "there is nothing to do before the peer speaks";
  carry(stream, client);
  EXPECT_EQ(client.received, "welcome");
}

TEST_F(StreamTlsTest, ManySmallSegmentsFillRecordsAndLargeOnesAreCut) {
  TestTlsClient client;
  Stream& stream = establish(client);
  std::string expected;
  for (int i = 0; i < 500; ++i) {
    const std::string text(static_cast<std::size_t>(i % 100), static_cast<char>('a' + i % 26));
    stream.send(segment(text));
    expected += text;
  }
  const std::string large(50'000, 'L');
  stream.send(segment(large));
  turn();
  EXPECT_EQ(driver_.sends.size(), 5U) << "75 KB in records of 16 KiB";
  for (const auto& send : driver_.sends) {
    EXPECT_EQ(send.pieces.size(), 1U);
    EXPECT_LE(send.bytes().size(), TlsSession::kRecordBytes + TlsSession::kRecordOverhead);
  }
  client.give(take_sent());
  EXPECT_EQ(client.received, expected + large);
}

TEST_F(StreamTlsTest, NoMoreIsEncryptedThanIsBeingSent) {
  TestTlsClient client;
  Stream& stream = establish(client);
  driver_.answers = {Answer::pending()};
  stream.send(segment(std::string(80'000, 'x')));
  turn();
  ASSERT_EQ(driver_.sends.size(), 1U);
  const std::size_t record = driver_.sends[0].bytes().size();
  EXPECT_LE(record, TlsSession::kRecordBytes + TlsSession::kRecordOverhead);
  EXPECT_EQ(stream.queued_bytes(), 80'000 - TlsSession::kRecordBytes + record);
  EXPECT_EQ(table_->queued_bytes(), stream.queued_bytes());
  turn();
  EXPECT_EQ(driver_.sends.size(), 1U) << "one send is in flight at most";
  table_->on_send(stream.id().slot, record);
  turn();
  client.give(take_sent());
  EXPECT_EQ(client.received.size(), 80'000U);
  EXPECT_EQ(table_->queued_bytes(), 0U);
}

TEST_F(StreamTlsTest, ShortSendsGoOnWhereTheyStopped) {
  TestTlsClient client;
  Stream& stream = establish(client);
  std::string wire;
  driver_.answers = {Answer::takes(1), Answer::takes(20), Answer::pending()};
  stream.send(segment(std::string(100, 'a')));
  turn();
  ASSERT_EQ(driver_.sends.size(), 3U);
  wire = driver_.sends[0].bytes().substr(0, 1) + driver_.sends[1].bytes().substr(0, 20);
  const std::string rest = driver_.sends[2].bytes();
  EXPECT_EQ(stream.queued_bytes(), rest.size());
  stream.send(segment("b"));
  table_->on_send(stream.id().slot, 0);  // room again: the same bytes once more
  driver_.sends.clear();
  turn();
  EXPECT_EQ(driver_.sends[0].bytes(), rest);
  wire += take_sent();
  client.give(wire);
  EXPECT_EQ(client.received, std::string(100, 'a') + "b");
}

TEST_F(StreamTlsTest, TheQueuesBoundCountsPlaintextAndCiphertext) {
  TestTlsClient client;
  Stream& stream = establish(client);
  driver_.answers = {Answer::pending()};
  stream.send(segment(std::string(50'000, 'x')));
  turn();
  const std::size_t queued = stream.queued_bytes();
  EXPECT_GT(queued, 50'000U) << "a record is longer than its plaintext";
  stream.send(segment(std::string(100'000 - queued, 'y')));
  turn();
  EXPECT_EQ(recorder_->overflows, 0);
  EXPECT_EQ(stream.queued_bytes(), 100'000U);
  stream.send(segment("z"));
  turn();
  EXPECT_EQ(recorder_->overflows, 1);
}

TEST_F(StreamTlsTest, AnOverflowKeepsWhatTheCipherHasBegun) {
  TestTlsClient client;
  Stream& stream = establish(client);
  driver_.answers = {Answer::pending()};
  stream.send(segment(std::string(20'000, 'x')));  // one record of it is on its way
  stream.send(segment("dropped"));
  turn();
  stream.send(segment(std::string(100'000, 'y')));
  turn();
  EXPECT_EQ(recorder_->overflows, 1);
  stream.send(segment("bye"));
  table_->on_send(stream.id().slot, driver_.sends[0].bytes().size());
  turn();
  client.give(take_sent());
  EXPECT_EQ(client.received, std::string(20'000, 'x') + "bye");
  EXPECT_EQ(client.error, "");
  EXPECT_EQ(table_->queued_bytes(), 0U);
}

TEST_F(StreamTlsTest, DrainedMeansThatTheKernelHasEverything) {
  TestTlsClient client;
  Stream& stream = establish(client);
  driver_.answers = {Answer::pending()};
  stream.send(segment("abc"));
  stream.notify_when_drained();
  turn();
  EXPECT_EQ(recorder_->drained, 0);
  table_->on_send(stream.id().slot, driver_.sends[0].bytes().size());
  EXPECT_EQ(recorder_->drained, 1);
}

TEST_F(StreamTlsTest, ASendThatStallsIsTold) {
  TestTlsClient client;
  Stream& stream = establish(client);
  driver_.answers = {Answer::pending()};
  stream.send(segment("abc"));
  turn(at({}));
  turn(at(seconds(1)));
  EXPECT_EQ(table_->next_deadline(), at(seconds(10)));
  turn(at(seconds(10)));
  EXPECT_EQ(recorder_->stalls, 1);
}

// --- Ends ---

TEST_F(StreamTlsTest, FinishSaysCloseNotifyBehindTheQueueAndBeforeFin) {
  TestTlsClient client;
  Stream& stream = establish(client);
  stream.send(segment("last words"));
  stream.finish();
  turn();
  EXPECT_THAT(driver_.finished, ElementsAre(stream.id().slot));
  client.give(take_sent());
  EXPECT_EQ(client.received, "last words");
  EXPECT_TRUE(client.server_finished);
  const auto end = recorder_->end;
  table_->on_receive_end(stream.id().slot, IoFailure::None);
  turn();
  EXPECT_EQ(*end, StreamEnd::PeerFinished);
  release_all();
  EXPECT_EQ(stats().connections.value(), 0U);
  EXPECT_EQ(table_->queued_bytes(), 0U);
}

TEST_F(StreamTlsTest, APeersCloseNotifyIsTheEndOfItsInputToldOnce) {
  TestTlsClient client;
  Stream& stream = establish(client);
  client.write("question");
  client.finish();
  receive(stream, client.take());
  EXPECT_EQ(recorder_->received, "question");
  EXPECT_EQ(recorder_->fins, 1);
  table_->on_receive_end(stream.id().slot, IoFailure::None);
  EXPECT_EQ(recorder_->fins, 1);
  stream.send(segment("answer"));
  stream.finish();
  turn();
  client.give(take_sent());
  EXPECT_EQ(client.received, "answer");
}

TEST_F(StreamTlsTest, AFinWithoutCloseNotifyIsAnEndToo) {
  TestTlsClient client;
  Stream& stream = establish(client);
  table_->on_receive_end(stream.id().slot, IoFailure::None);
  EXPECT_EQ(recorder_->fins, 1);
}

TEST_F(StreamTlsTest, ABadRecordEndsTheStreamWithAnAlert) {
  TestTlsClient client;
  Stream& stream = establish(client);
  client.write("question");
  std::string record = client.take();
  record[10] = static_cast<char>(record[10] ^ 1);
  receive(stream, record);
  EXPECT_EQ(recorder_->received, "");
  turn();
  client.give(take_sent());
  EXPECT_THAT(client.error, HasSubstr("bad record mac"));
  EXPECT_THAT(driver_.finished, ElementsAre(stream.id().slot));
}

TEST_F(StreamTlsTest, NoBytesAreHandedOverAfterCloseOrToTheOldHandler) {
  TestTlsClient client;
  Stream& stream = establish(client);
  Recorder* old = recorder_;
  client.write("one");
  client.write("two");
  client.write("three");
  auto next = std::make_unique<Recorder>(stream);
  Recorder* now = next.get();
  old->when_bytes = [&] { stream.set_handler(std::move(next)); };
  now->when_bytes = [&] { stream.close(); };
  receive(stream, client.take());
  EXPECT_EQ(old->received, "one");
  EXPECT_EQ(now->received, "two");
}

TEST_F(StreamTlsTest, APlainRequestIsToldWhatThisPortSpeaks) {
  Stream& stream = accept();
  receive(stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  turn();
  const std::string sent = take_sent();
  EXPECT_THAT(sent, testing::StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(sent, testing::EndsWith("\r\n\r\nthis port speaks TLS.\n"));
  EXPECT_THAT(driver_.finished, ElementsAre(stream.id().slot));
  EXPECT_EQ(recorder_->received, "");
  EXPECT_EQ(stats().failed.value(), 1U);
}

TEST_F(StreamTlsTest, APeerThatTakesNothingCannotMakeTheSessionTalkForEver) {
  TestTlsClient client(TestTlsClient::version(TLS1_3_VERSION));
  Stream& stream = establish(client);
  driver_.answers = {Answer::pending()};
  stream.send(segment("abc"));
  turn();
  std::size_t asked = 0;
  while (stream.open() && asked < 100'000) {
    ASSERT_EQ(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    client.write("x");  // which sends the update first
    receive(stream, client.take());
    ++asked;
  }
  EXPECT_FALSE(stream.open());
  EXPECT_GT(asked, 100U);
  EXPECT_LT(stream.queued_bytes(), StreamTable::kTlsOutputMax + 1000);
}

// --- Handshakes ---

TEST_F(StreamTlsTest, AHandshakeHasTenSecondsFromAcceptToEnd) {
  Stream& stream = accept();
  const auto end = recorder_->end;
  TestTlsClient client;
  const std::string hello = client.take();
  for (int i = 0; i < 10; ++i) {  // a byte a second buys no time
    receive(stream, hello.substr(static_cast<std::size_t>(i), 1));
    turn(at(seconds(i)));
  }
  EXPECT_EQ(table_->next_deadline(), at(seconds(10)));
  turn(at(seconds(10) - nanoseconds(1)));
  EXPECT_TRUE(stream.open());
  table_->run_handshakes(at(seconds(10)), false);
  EXPECT_TRUE(stream.open()) << "after a pause of our own he is not judged yet";
  turn(at(seconds(10)));
  EXPECT_EQ(*end, StreamEnd::Closed);
  EXPECT_EQ(stats().timed_out.value(), 1U);
  EXPECT_EQ(stats().failed.value(), 0U);
  EXPECT_EQ(stats().handshakes.value(), 0U);
  EXPECT_EQ(table_->next_deadline(), core::kNever);
}

TEST_F(StreamTlsTest, AnEstablishedStreamHasNoSuchDeadline) {
  TestTlsClient client;
  Stream& stream = establish(client);
  turn(at(seconds(1000)));
  EXPECT_TRUE(stream.open());
}

TEST_F(StreamTlsTest, SoManyHandshakesAtATimeOthersWaitUnreadAndMoreAreClosed) {
  std::deque<TestTlsClient> clients;
  std::vector<Stream*> streams;
  for (std::size_t i = 0; i < 8; ++i) {
    clients.emplace_back();
    streams.push_back(&accept());
  }
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_TRUE(streams[i]->open()) << i;
  }
  EXPECT_FALSE(streams[7]->open());
  ASSERT_EQ(stats().refused.value(), 1U);
  EXPECT_EQ(stats().handshakes.value(), 7U);
  EXPECT_THAT(driver_.receiving, ElementsAre(std::pair(streams[4]->id().slot, false),
                                             std::pair(streams[5]->id().slot, false),
                                             std::pair(streams[6]->id().slot, false)));
  // One that has come too far to be stopped is not begun either.
  receive(*streams[4], clients[4].take());
  turn();
  EXPECT_EQ(take_sent(), "");
  driver_.receiving.clear();
  carry(*streams[0], clients[0]);
  EXPECT_TRUE(clients[0].established());
  EXPECT_THAT(driver_.receiving, ElementsAre(std::pair(streams[4]->id().slot, true)));
  streams[1]->close();
  turn();
  EXPECT_EQ(driver_.receiving.back(), std::pair(streams[5]->id().slot, true));
}

TEST_F(StreamTlsTest, WhoIsSilentGivesHisPlaceAwayAndMayStillGoOn) {
  std::deque<TestTlsClient> clients;
  std::vector<Stream*> streams;
  for (std::size_t i = 0; i < 5; ++i) {
    clients.emplace_back();
    streams.push_back(&accept());
  }
  turn(at(milliseconds(99)));
  EXPECT_EQ(driver_.receiving.size(), 1U);
  EXPECT_EQ(table_->next_deadline(), at(milliseconds(100)));
  turn(at(milliseconds(100)));
  EXPECT_EQ(driver_.receiving.back(), std::pair(streams[4]->id().slot, true));
  for (std::size_t i = 0; i < 5; ++i) {
    carry(*streams[i], clients[i]);
    EXPECT_TRUE(clients[i].established()) << i;
  }
  EXPECT_EQ(stats().done.value(), 5U);
}

TEST_F(StreamTlsTest, ATurnHasTimeForSoManySteps) {
  clock_.step = milliseconds(1);  // the clock is looked at once before the steps, once after each
  std::deque<TestTlsClient> clients;
  std::vector<Stream*> streams;
  for (std::size_t i = 0; i < 4; ++i) {
    clients.emplace_back();
    streams.push_back(&accept());
  }
  for (std::size_t i = 0; i < 4; ++i) receive(*streams[i], clients[i].take());
  turn();
  EXPECT_EQ(driver_.sends.size(), 2U) << "two answered in two milliseconds";
  EXPECT_EQ(driver_.sends[0].slot, streams[0]->id().slot);
  EXPECT_TRUE(table_->has_work());
  turn();
  EXPECT_EQ(driver_.sends.size(), 4U);
  EXPECT_FALSE(table_->has_work());
}

TEST_F(StreamTlsTest, EstablishedStreamsAreServedBeforeAnyStep) {
  TestTlsClient client, newcomer;
  Stream& established = establish(client);
  Recorder* recorder = recorder_;
  Stream& fresh = accept();
  client.write("now");
  receive(fresh, newcomer.take());
  EXPECT_THAT(driver_.sends, IsEmpty()) << "bytes of a handshake wait for the end of the events";
  receive(established, client.take());
  EXPECT_EQ(recorder->received, "now");
}

TEST_F(StreamTlsTest, AnUnreadHandshakeIsBoundedAndGoesOn) {
  clock_.step = seconds(1);  // one step a turn
  TestTlsClient client;
  Stream& other = accept();
  Stream& stream = accept();
  TestTlsClient first;
  receive(other, first.take());
  const std::string hello = client.take();
  receive(stream, hello.substr(0, 50));
  std::string filler(StreamTable::kHandshakeInputMax, '\x16');
  receive(stream, filler);
  EXPECT_THAT(driver_.receiving, ElementsAre(std::pair(stream.id().slot, false)));
  turn();
  turn();
  EXPECT_EQ(stats().failed.value(), 1U) << "it was nonsense";
  EXPECT_EQ(driver_.receiving.back(), std::pair(stream.id().slot, true)) << "to see his FIN";
}

TEST_F(StreamTlsTest, WhoGoesAwayDuringHisHandshakeHasFailed) {
  TestTlsClient client;
  Stream& stream = accept();
  const auto end = recorder_->end;
  receive(stream, client.take());
  turn();
  table_->on_receive_end(stream.id().slot, IoFailure::None);
  turn();
  EXPECT_EQ(*end, StreamEnd::PeerFinished);
  Stream& reset = accept();
  table_->on_receive_end(reset.id().slot, IoFailure::Reset);
  turn();
  EXPECT_EQ(stats().failed.value(), 2U);
  EXPECT_EQ(stats().handshakes.value(), 0U);
}

TEST_F(StreamTlsTest, AFinBehindTheLastFlightAndARequestIsToldInOrder) {
  TestTlsClient client;
  Stream& stream = accept();
  receive(stream, client.take());
  turn();
  client.give(take_sent());
  std::string last = client.take();
  if (client.established()) {
    client.write("question");
    last += client.take();
  }
  receive(stream, last);
  table_->on_receive_end(stream.id().slot, IoFailure::None);
  EXPECT_EQ(recorder_->fins, 0) << "his bytes were not looked at yet";
  turn();
  EXPECT_EQ(recorder_->received, "question");
  EXPECT_EQ(recorder_->fins, 1);
}

TEST_F(StreamTlsTest, FinishDuringTheHandshakeEndsWithoutAWord) {
  Stream& stream = accept();
  stream.send(segment("never said in the clear"));
  stream.finish();
  turn();
  EXPECT_THAT(driver_.sends, IsEmpty());
  EXPECT_THAT(driver_.finished, ElementsAre(stream.id().slot));
  EXPECT_EQ(stats().handshakes.value(), 0U);
  const auto end = recorder_->end;
  table_->on_receive_end(stream.id().slot, IoFailure::None);
  turn();
  EXPECT_EQ(*end, StreamEnd::PeerFinished);
  release_all();
  EXPECT_EQ(table_->queued_bytes(), 0U);
}

TEST_F(StreamTlsTest, BytesReceivedBeforeTlsBeganBelongToIt) {
  TestTlsClient client;
  Stream& stream = *table_->add_accepted({});
  stream.set_handler(std::make_unique<Recorder>(stream));
  stream.start_tls(context_, at({}), client.take());
  carry(stream, client);
  EXPECT_TRUE(client.established());
  EXPECT_EQ(stats().done.value(), 1U);
}

TEST_F(StreamTlsTest, AResumedHandshakeIsCounted) {
  TestTlsClient client;
  establish(client);
  client.begin();
  establish(client);
  EXPECT_TRUE(client.resumed());
  EXPECT_EQ(stats().resumed.value(), 1U);
  EXPECT_EQ(stats().done.value(), 2U);
}

TEST_F(StreamTlsTest, OurOwnEndMayBeTheClients) {
  const auto context =
      TlsContext::client({test_authority().certificate_pem(), "localhost", "", ""});
  ASSERT_TRUE(context);
  auto handler = std::make_unique<Recorder>(*table_->add_accepted({}));
  Recorder* recorder = handler.get();
  Stream& stream = **table_->connect({}, std::nullopt, std::move(handler));
  table_->on_connect(stream.id().slot, IoFailure::None);
  stream.start_tls(*context, at({}));
  stream.send(segment("question"));
  TlsSession server(context_);
  std::string question;
  for (int round = 0; round < 10; ++round) {
    turn();
    const std::string sent = take_sent();
    server.give(sent);
    if (server.handshake() == TlsSession::Handshake::Done && question.empty()) {
      char buffer[100];
      const auto read = server.read(buffer);
      if (read.end == TlsSession::Read::Bytes) {
        question.assign(buffer, read.bytes);
        server.write("answer");
      }
    }
    receive(stream, std::exchange(server.output(), {}));
  }
  EXPECT_EQ(question, "question");
  EXPECT_EQ(recorder->received, "answer");
}

TEST_F(StreamTlsTest, APlainStreamIsNoLargerThanOnePointerMore) { EXPECT_LE(sizeof(Stream), 104U); }

}  // namespace
}  // namespace sanjay::runtime
