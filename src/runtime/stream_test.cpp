// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream.h"

#include "runtime/scripted_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sanjay::runtime {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Answer = ScriptedDriver::Answer;

core::SegmentRef segment(std::string_view bytes) { return core::SegmentRef::copy_of(bytes); }

core::Instant at(core::Duration since_start) { return core::Instant(seconds(100) + since_start); }

/// Writes down every call; `on` holds what a test wants to happen inside one.
struct Recorder : StreamHandler {
  explicit Recorder(std::vector<std::string>& log_, std::string name_ = "")
      : log(log_), name(std::move(name_)) {}
  ~Recorder() override { note("destroyed"); }

  void note(const std::string& what) { log.push_back(name + what); }
  void call(const std::string& what) {
    note(what);
    if (const auto found = on.find(what); found != on.end()) found->second();
  }

  void on_connected() override { call("connected"); }
  void on_bytes(std::span<char> bytes) override {
    call("bytes:" + std::string(bytes.data(), bytes.size()));
  }
  void on_peer_finished() override { call("fin"); }
  void on_drained() override { call("drained"); }
  void on_overflow() override { call("overflow"); }
  void on_write_stalled() override { call("stalled"); }
  void on_closed(StreamEnd end) override {
    call("closed:" + std::to_string(static_cast<int>(end)));
  }

  std::vector<std::string>& log;
  std::string name;
  std::map<std::string, std::function<void()>> on;
};

std::string closed(StreamEnd end) { return "closed:" + std::to_string(static_cast<int>(end)); }

class StreamTest : public testing::Test {
 protected:
  StreamTest() : table_(3, limits(), driver_, clock_, no_log_) {}

  static StreamLimits limits() {
    StreamLimits limits;
    limits.streams_max = 300;
    limits.queue_bytes_max = 100;
    limits.write_stall_max = seconds(10);
    limits.linger_max = seconds(5);
    return limits;
  }

  Stream& accept(std::string name = "") {
    Stream* stream = table_.add_accepted(*Endpoint::parse("127.0.0.1", 5));
    EXPECT_NE(stream, nullptr);
    auto handler = std::make_unique<Recorder>(log_, std::move(name));
    recorder_ = handler.get();
    stream->set_handler(std::move(handler));
    return *stream;
  }

  void turn(core::Duration since_start = {}) {
    table_.check_deadlines(at(since_start));
    table_.flush(at(since_start));
    table_.reap();
  }

  void receive(Stream& stream, std::string bytes) {
    table_.on_receive(stream.id().slot, {bytes.data(), bytes.size()});
  }

  void release_all() {
    for (const SocketSlot slot : std::exchange(driver_.released, {})) table_.on_released(slot);
  }

  std::vector<std::string> log_;  // outlives the table and its handlers
  ScriptedDriver driver_;
  SystemClock clock_;
  telemetry::NullLogger no_log_;
  StreamTable table_;
  Recorder* recorder_ = nullptr;  // of the last accept()
};

// --- Sending ---

TEST_F(StreamTest, ManySendsOfATurnLeaveInOneCallOfAtMostSixteenPieces) {
  Stream& stream = accept();
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    const std::string text(1, static_cast<char>('a' + i));
    stream.send(segment(text));
    expected += text;
  }
  EXPECT_THAT(driver_.sends, IsEmpty());
  table_.flush(at({}));
  ASSERT_EQ(driver_.sends.size(), 2U);
  EXPECT_EQ(driver_.sends[0].pieces.size(), 16U);
  EXPECT_EQ(driver_.sends[1].pieces.size(), 4U);
  EXPECT_EQ(driver_.all_sent(), expected);
  EXPECT_FALSE(table_.has_work());
  EXPECT_EQ(table_.queued_bytes(), 0U);
}

TEST_F(StreamTest, AFlushServesABoundedNumberOfStreamsAndTheOthersNext) {
  constexpr std::size_t kStreams = StreamTable::kSendsPerFlush + 10;
  for (std::size_t i = 0; i < kStreams; ++i) accept().send(segment("x"));
  table_.flush(at({}));
  EXPECT_EQ(driver_.sends.size(), StreamTable::kSendsPerFlush);
  EXPECT_EQ(table_.flush_backlog(), 10U);
  EXPECT_TRUE(table_.has_work());
  table_.flush(at({}));
  EXPECT_EQ(driver_.sends.size(), kStreams);
  EXPECT_FALSE(table_.has_work());
}

TEST_F(StreamTest, WhatIsSmallPassesBulkAndStarvesItNot) {
  constexpr std::size_t kBulk = StreamTable::kSendsPerFlush + 40;
  for (std::size_t i = 0; i < kBulk; ++i) accept().send(segment("bulk"), Urgency::Bulk);
  Stream& both = accept();
  both.send(segment("b"), Urgency::Bulk);
  both.send(segment("s"));
  accept().send(segment("soon"));
  table_.flush(at({}));
  ASSERT_EQ(driver_.sends.size(), StreamTable::kSendsPerFlush);
  EXPECT_EQ(driver_.sends[0].bytes(), "bs") << "its own order is kept";
  EXPECT_EQ(driver_.sends[1].bytes(), "soon");
  EXPECT_EQ(driver_.sends[2].bytes(), "bulk");
  for (int i = 0; i < 110; ++i) accept().send(segment("soon"));
  driver_.sends.clear();
  table_.flush(at({}));
  const auto bulk = std::count_if(driver_.sends.begin(), driver_.sends.end(),
                                  [](const auto& send) { return send.bytes() == "bulk"; });
  EXPECT_EQ(bulk, std::ptrdiff_t{StreamTable::kBulkSendsMin});
  while (table_.has_work()) table_.flush(at({}));
  EXPECT_EQ(table_.queued_bytes(), 0U);
}

TEST_F(StreamTest, AShortSendGoesOnWhereItStopped) {
  Stream& stream = accept();
  driver_.answers = {Answer::takes(3), Answer::takes(1), Answer::takes(2)};
  for (const char* text : {"ab", "cd", "ef"}) stream.send(segment(text));
  table_.flush(at({}));
  ASSERT_EQ(driver_.sends.size(), 3U);
  EXPECT_EQ(driver_.sends[0].bytes(), "abcdef");
  EXPECT_THAT(driver_.sends[1].pieces, ElementsAre("d", "ef"));
  EXPECT_THAT(driver_.sends[2].pieces, ElementsAre("ef"));
  EXPECT_EQ(stream.queued_bytes(), 0U);
}

TEST_F(StreamTest, OneSendIsInFlightAtMostAndItsBytesStay) {
  Stream& stream = accept();
  driver_.answers = {Answer::pending()};
  stream.send(segment("abc"));
  turn();
  stream.send(segment("def"));
  turn();
  ASSERT_EQ(driver_.sends.size(), 1U);
  EXPECT_EQ(stream.queued_bytes(), 6U);
  table_.on_send(stream.id().slot, 2);  // a short one
  turn();
  ASSERT_EQ(driver_.sends.size(), 2U);
  EXPECT_THAT(driver_.sends[1].pieces, ElementsAre("c", "def"));
  EXPECT_EQ(table_.queued_bytes(), 0U);
}

TEST_F(StreamTest, RoomAgainWithoutBytesSendsTheSameOnceMore) {
  Stream& stream = accept();
  driver_.answers = {Answer::pending(), Answer::takes(3)};
  stream.send(segment("abc"));
  turn();
  table_.on_send(stream.id().slot, 0);
  EXPECT_TRUE(table_.has_work());
  turn();
  EXPECT_EQ(driver_.all_sent(), "abcabc");
  EXPECT_TRUE(stream.open());
}

TEST_F(StreamTest, WhateverTheNthSendAnswersEveryByteLeavesOnceInOrder) {
  // The Nth send fails in the given way, for every N until none is reached any more.
  for (std::size_t n = 0;; ++n) {
    SCOPED_TRACE(n);
    ScriptedDriver driver;
    StreamTable table(0, limits(), driver, clock_, no_log_);
    Stream& stream = *table.add_accepted({});
    stream.set_handler(std::make_unique<Recorder>(log_));
    for (std::size_t i = 0; i < n; ++i) driver.answers.push_back(Answer::takes(7));
    driver.answers.push_back(Answer::pending());
    std::string expected, sent;
    for (int i = 0; i < 9; ++i) {
      const std::string text(static_cast<std::size_t>(i + 1), static_cast<char>('a' + i));
      stream.send(segment(text));
      expected += text;
    }
    table.flush(at({}));
    const bool reached = driver.sends.size() == n + 1 && stream.queued_bytes() > 0;
    for (std::size_t i = 0; i < n && i < driver.sends.size(); ++i) {
      sent += driver.sends[i].bytes().substr(0, 7);
    }
    if (!reached) {
      EXPECT_EQ(sent, expected);
      EXPECT_GT(n, 5U);
      break;
    }
    sent += driver.sends.back().bytes().substr(0, 1);
    table.on_send(stream.id().slot, 1);
    table.flush(at({}));
    for (std::size_t i = n + 1; i < driver.sends.size(); ++i) sent += driver.sends[i].bytes();
    EXPECT_EQ(sent, expected);
    EXPECT_EQ(stream.queued_bytes(), 0U);
    table.on_send_failure(stream.id().slot);
    EXPECT_EQ(stream.state(), Stream::State::Closing);
  }
}

TEST_F(StreamTest, AFailedSendEndsTheStreamOnce) {
  Stream& stream = accept();
  driver_.answers = {Answer::pending()};
  stream.send(segment("abc"));
  turn();
  table_.on_send_failure(stream.id().slot);
  stream.send(segment("ignored"));
  turn();
  turn();
  EXPECT_THAT(log_, ElementsAre(closed(StreamEnd::SendFailed), "destroyed"));
  EXPECT_THAT(driver_.released, ElementsAre(stream.id().slot));
  release_all();
  EXPECT_EQ(table_.queued_bytes(), 0U);
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(StreamTest, DrainedIsToldOnceWhenTheQueueIsEmpty) {
  Stream& stream = accept();
  driver_.answers = {Answer::pending()};
  stream.send(segment("abc"));
  stream.notify_when_drained();
  turn();
  EXPECT_THAT(log_, IsEmpty());
  table_.on_send(stream.id().slot, 3);
  EXPECT_THAT(log_, ElementsAre("drained"));
  stream.send(segment("abc"));
  turn();
  EXPECT_THAT(log_, ElementsAre("drained"));
}

TEST_F(StreamTest, DrainedIsToldEvenIfTheQueueWasEmptyOrOverflowed) {
  Stream& stream = accept();
  stream.notify_when_drained();
  EXPECT_THAT(log_, IsEmpty()) << "not from inside the call";
  turn();
  EXPECT_THAT(log_, ElementsAre("drained"));
  stream.notify_when_drained();
  stream.send(segment(std::string(99, 'x')));
  stream.send(segment("yyy"));
  turn();
  EXPECT_THAT(log_, ElementsAre("drained", "overflow", "drained"));
}

TEST_F(StreamTest, AHandlerThatSendsWhenDrainedKeepsTheTurnBounded) {
  Stream& stream = accept();
  recorder_->on["drained"] = [&] {
    stream.send(segment("x"));
    stream.notify_when_drained();
  };
  stream.send(segment("x"));
  stream.notify_when_drained();
  table_.flush(at({}));
  EXPECT_EQ(driver_.sends.size(), StreamTable::kSendsPerFlush);
  EXPECT_TRUE(table_.has_work());
}

// --- Overflow and stall ---

TEST_F(StreamTest, OverflowIsToldOnceAtTheEndOfTheTurnAndDropsWhatIsNotInFlight) {
  Stream& stream = accept();
  driver_.answers = {Answer::pending()};
  stream.send(segment("in "));
  stream.send(segment("flight"));
  turn();
  stream.send(segment(std::string(90, 'x')));
  for (int i = 0; i < 5; ++i) stream.send(segment("yy"));
  EXPECT_THAT(log_, IsEmpty());
  turn();
  EXPECT_THAT(log_, ElementsAre("overflow"));
  EXPECT_EQ(stream.queued_bytes(), 9U);
  EXPECT_EQ(table_.queued_bytes(), 9U);
  stream.send(segment("bye"));
  table_.on_send(stream.id().slot, 9);
  turn();
  EXPECT_EQ(driver_.all_sent(), "in flightbye");
  // Another overflow is told again.
  stream.send(segment(std::string(101, 'x')));
  turn();
  EXPECT_THAT(log_, ElementsAre("overflow", "overflow"));
}

TEST_F(StreamTest, AQueueHoldsItsBoundAndNotAByteMore) {
  Stream& stream = accept();
  driver_.answers = {Answer::pending()};
  stream.send(segment(std::string(60, 'x')));
  turn();
  stream.send(segment(std::string(40, 'y')));
  turn();
  EXPECT_EQ(stream.queued_bytes(), 100U);
  EXPECT_THAT(log_, IsEmpty());
  stream.send(segment("z"));
  turn();
  EXPECT_THAT(log_, ElementsAre("overflow"));
}

TEST_F(StreamTest, OverflowKeepsTheRestOfAHalfSentSegment) {
  Stream& stream = accept();
  driver_.answers = {Answer::takes(2), Answer::pending()};
  stream.send(segment("frame"));
  turn();
  table_.on_send(stream.id().slot, 0);  // nothing in flight now, but the peer has "fr"
  stream.send(segment(std::string(99, 'x')));
  turn();
  EXPECT_THAT(log_, ElementsAre("overflow"));
  EXPECT_EQ(driver_.sends.back().bytes(), "ame");
}

TEST_F(StreamTest, AnAnswerToAnOverflowThatOverflowsAgainWaitsForTheNextTurn) {
  Stream& stream = accept();
  driver_.answers = {Answer::pending()};
  stream.send(segment(std::string(99, 'x')));
  turn();
  recorder_->on["overflow"] = [&] { stream.send(segment("goodbye")); };
  stream.send(segment("yyy"));
  turn();
  EXPECT_THAT(log_, ElementsAre("overflow"));
  EXPECT_TRUE(table_.has_work());
  turn();
  EXPECT_THAT(log_, ElementsAre("overflow", "overflow"));
}

TEST_F(StreamTest, AStreamClosedAfterItsOverflowIsNotToldOfIt) {
  Stream& stream = accept();
  stream.send(segment(std::string(101, 'x')));
  stream.close();
  turn();
  EXPECT_THAT(log_, ElementsAre(closed(StreamEnd::Closed), "destroyed"));
}

TEST_F(StreamTest, ASendPendingPastTheBoundIsToldOnce) {
  Stream& stream = accept();
  driver_.answers = {Answer::pending()};
  stream.send(segment("abc"));
  turn(seconds(0));
  turn(seconds(1));  // has outlived a turn: watched from now on
  EXPECT_EQ(table_.next_deadline(), at(seconds(10)));
  turn(seconds(10) - std::chrono::nanoseconds(1));
  EXPECT_THAT(log_, IsEmpty());
  turn(seconds(10));
  EXPECT_THAT(log_, ElementsAre("stalled"));
  turn(seconds(30));
  EXPECT_THAT(log_, ElementsAre("stalled"));
  EXPECT_EQ(table_.next_deadline(), core::kNever);
}

TEST_F(StreamTest, ASendThatMovesIsNoStallHoweverSlowAndHoweverOften) {
  // Another stream that never moves stands in front of the watch list all the time; this one has
  // 256 more sends behind it when the first one's time is up, so a short counter would have come
  // round.
  Stream& stuck = accept("stuck-");
  driver_.answers = {Answer::pending()};
  stuck.send(segment("abc"));
  turn();
  Stream& moving = accept("moving-");
  driver_.answers.clear();
  for (int i = 0; i < 257; ++i) {
    driver_.answers.push_back(Answer::pending());
    if (i > 0) table_.on_send(moving.id().slot, 1);
    moving.send(segment("x"));
    turn(std::chrono::milliseconds(10 * (i + 1)));
    turn(std::chrono::milliseconds(10 * (i + 1) + 5));
  }
  turn(seconds(11));
  EXPECT_THAT(log_, ElementsAre("stuck-stalled"));
}

// --- Closing ---

TEST_F(StreamTest, CloseIsIdempotentAndToldOnceAtTheEndOfTheTurn) {
  Stream& stream = accept();
  const auto id = stream.id();
  stream.send(segment("never sent"));
  stream.close(StreamEnd::PeerReset);
  stream.close(StreamEnd::Closed);
  table_.on_receive_end(id.slot, IoFailure::Reset);
  EXPECT_THAT(log_, IsEmpty());
  EXPECT_TRUE(table_.has_work());
  turn();
  turn();
  EXPECT_THAT(log_, ElementsAre(closed(StreamEnd::PeerReset), "destroyed"));
  EXPECT_THAT(driver_.sends, IsEmpty());
  EXPECT_THAT(driver_.released, ElementsAre(id.slot));
  EXPECT_EQ(table_.find(id), &stream) << "the slot stays taken until the driver has let go";
  EXPECT_EQ(table_.size(), 1U);
  release_all();
  EXPECT_EQ(table_.find(id), nullptr);
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_EQ(table_.queued_bytes(), 0U);
}

TEST_F(StreamTest, AReusedSlotIsAnotherStream) {
  const auto first = accept().id();
  table_.find(first)->send(segment("old"));
  table_.find(first)->close();
  table_.reap();  // before any flush: the slot still stands in the list of streams to flush
  release_all();
  Stream& second = accept();
  ASSERT_EQ(second.id().slot, first.slot);
  EXPECT_EQ(table_.find(first), nullptr);
  EXPECT_EQ(table_.find(second.id()), &second);
  core::ConnectionId elsewhere = second.id();
  elsewhere.shard = 4;
  EXPECT_EQ(table_.find(elsewhere), nullptr);
  EXPECT_EQ(table_.find({}), nullptr);
  second.send(segment("new"));
  turn();
  EXPECT_EQ(driver_.all_sent(), "new");
}

TEST_F(StreamTest, AReleaseThatArrivesLateBringsNoEventToTheHandler) {
  Stream& stream = accept();
  driver_.answers = {Answer::pending()};
  stream.send(segment("abc"));
  turn();
  stream.close();
  turn();
  log_.clear();
  for (int i = 0; i < 5; ++i) turn(seconds(20 * i));
  EXPECT_THAT(log_, IsEmpty());
  EXPECT_EQ(stream.queued_bytes(), 3U) << "the kernel may still read the bytes";
  release_all();
  EXPECT_EQ(table_.queued_bytes(), 0U);
}

TEST_F(StreamTest, ClosingOthersFromInsideACallbackEndsThemInTheSameSweep) {
  Stream& first = accept("1-");
  Recorder* first_recorder = recorder_;
  Stream& second = accept("2-");
  Stream& third = accept("3-");
  first_recorder->on[closed(StreamEnd::Closed)] = [&] {
    second.close();
    first.close();
    third.send(segment("he has left"));
  };
  first_recorder->on["bytes:x"] = [&] { first.close(); };
  receive(first, "x");
  turn();
  EXPECT_THAT(log_, ElementsAre("1-bytes:x", "1-" + closed(StreamEnd::Closed),
                                "2-" + closed(StreamEnd::Closed), "1-destroyed", "2-destroyed"));
  EXPECT_TRUE(table_.has_work()) << "what was sent while reaping must not wait for another event";
  turn();
  EXPECT_EQ(driver_.all_sent(), "he has left");
}

TEST_F(StreamTest, NoBytesAreHandedOverAfterClose) {
  Stream& stream = accept();
  stream.close();
  receive(stream, "late");
  turn();
  EXPECT_THAT(log_, ElementsAre(closed(StreamEnd::Closed), "destroyed"));
}

// --- Finishing ---

TEST_F(StreamTest, FinishSendsTheQueueThenFinThenWaitsForThePeersFin) {
  Stream& stream = accept();
  driver_.answers = {Answer::pending(), Answer::takes(3)};
  stream.send(segment("abcdef"));
  stream.finish();
  stream.send(segment("ignored"));
  turn();
  EXPECT_THAT(driver_.finished, IsEmpty());
  table_.on_send(stream.id().slot, 3);
  turn();
  EXPECT_EQ(driver_.sends.back().bytes(), "def");
  EXPECT_THAT(driver_.finished, ElementsAre(stream.id().slot));
  receive(stream, "ignored too");
  stream.finish();
  turn();
  EXPECT_EQ(driver_.finished.size(), 1U);
  EXPECT_THAT(log_, IsEmpty());
  table_.on_receive_end(stream.id().slot, IoFailure::None);
  turn();
  EXPECT_THAT(log_, ElementsAre(closed(StreamEnd::PeerFinished), "destroyed"));
}

TEST_F(StreamTest, FinishAfterThePeersFinEndsAtOnce) {
  Stream& stream = accept();
  recorder_->on["fin"] = [&] {
    stream.send(segment("last words"));
    stream.finish();
  };
  table_.on_receive_end(stream.id().slot, IoFailure::None);
  turn();
  EXPECT_EQ(driver_.all_sent(), "last words");
  EXPECT_THAT(driver_.finished, ElementsAre(stream.id().slot));
  EXPECT_THAT(log_, ElementsAre("fin", closed(StreamEnd::PeerFinished), "destroyed"));
}

TEST_F(StreamTest, APeerThatNeverEndsIsClosedWhenTheLingerTimeIsUp) {
  Stream& stream = accept();
  stream.finish();
  turn();
  EXPECT_EQ(table_.next_deadline(), at(seconds(5)));
  turn(seconds(5) - std::chrono::nanoseconds(1));
  EXPECT_EQ(stream.state(), Stream::State::Finishing);
  turn(seconds(5));
  EXPECT_THAT(log_, ElementsAre(closed(StreamEnd::Closed), "destroyed"));
}

TEST_F(StreamTest, AFinishingStreamThatStallsIsClosed) {
  StreamLimits patient = limits();
  patient.linger_max = seconds(60);
  StreamTable table(0, patient, driver_, clock_, no_log_);
  Stream& stream = *table.add_accepted({});
  stream.set_handler(std::make_unique<Recorder>(log_));
  driver_.answers = {Answer::pending()};
  stream.send(segment("abc"));
  stream.finish();
  table.flush(at({}));
  table.flush(at(seconds(1)));
  table.check_deadlines(at(seconds(10)));
  table.reap();
  EXPECT_THAT(log_, ElementsAre(closed(StreamEnd::SendFailed), "destroyed"));
}

TEST_F(StreamTest, FinishTurnsAPausedInputOnSoThatTheFinIsSeen) {
  Stream& stream = accept();
  stream.pause_reading();
  stream.finish();
  const auto slot = stream.id().slot;
  EXPECT_THAT(driver_.receiving, ElementsAre(std::pair(slot, false), std::pair(slot, true)));
  stream.pause_reading();
  EXPECT_EQ(driver_.receiving.size(), 2U);
}

// --- Reading, handlers, connecting ---

TEST_F(StreamTest, PauseAndResumeReachTheDriverOnce) {
  Stream& stream = accept();
  const auto slot = stream.id().slot;
  stream.resume_reading();
  stream.pause_reading();
  stream.pause_reading();
  EXPECT_TRUE(stream.reading_paused());
  stream.resume_reading();
  stream.resume_reading();
  EXPECT_THAT(driver_.receiving, ElementsAre(std::pair(slot, false), std::pair(slot, true)));
  stream.pause_reading();
  stream.close();
  stream.resume_reading();
  turn();
  EXPECT_EQ(driver_.receiving.size(), 3U) << "a closing stream asks for no input";
}

TEST_F(StreamTest, AHandlerReplacedFromInsideItsOwnCallLivesUntilTheEndOfTheTurn) {
  Stream& stream = accept("http-");
  recorder_->on["bytes:upgrade"] = [&, old = recorder_] {
    stream.set_handler(std::make_unique<Recorder>(log_, "websocket-"));
    old->note("still here");
  };
  receive(stream, "upgrade");
  receive(stream, "frame");
  turn();
  EXPECT_THAT(log_, ElementsAre("http-bytes:upgrade", "http-still here", "websocket-bytes:frame",
                                "http-destroyed"));
}

TEST_F(StreamTest, AConnectIsToldItsOutcome) {
  auto connect = [&](std::string name) {
    return table_.connect({}, std::nullopt, std::make_unique<Recorder>(log_, std::move(name)));
  };
  Stream& good = **connect("good-");
  Stream& bad = **connect("bad-");
  Stream& given_up = **connect("given-up-");
  good.send(segment("too early"));
  given_up.finish();
  table_.on_connect(good.id().slot, IoFailure::None);
  table_.on_connect(bad.id().slot, IoFailure::Refused);
  table_.on_connect(given_up.id().slot, IoFailure::None);
  EXPECT_TRUE(good.open());
  turn();
  EXPECT_THAT(log_, ElementsAre("good-connected", "given-up-" + closed(StreamEnd::Closed),
                                "bad-" + closed(StreamEnd::ConnectFailed), "given-up-destroyed",
                                "bad-destroyed"));
  EXPECT_THAT(driver_.sends, IsEmpty());
}

TEST_F(StreamTest, TheNthConnectFailingCostsNoSlot) {
  for (std::size_t n = 0; n < 3; ++n) {
    driver_.connects_left = n;
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_TRUE(table_.connect({}, std::nullopt, std::make_unique<Recorder>(log_)));
    }
    const auto used = table_.size();
    log_.clear();
    const auto failed = table_.connect({}, std::nullopt, std::make_unique<Recorder>(log_));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().message, "scripted failure");
    EXPECT_EQ(table_.size(), used);
    EXPECT_THAT(log_, ElementsAre("destroyed")) << "no callback of a connect that never began";
  }
}

TEST_F(StreamTest, BeyondItsMaximumTheTableTakesNobody) {
  for (std::uint32_t i = 0; i < limits().streams_max; ++i) accept();
  EXPECT_EQ(table_.add_accepted({}), nullptr);
  EXPECT_FALSE(table_.connect({}, std::nullopt, std::make_unique<Recorder>(log_)));
  std::size_t visited = 0;
  table_.for_each([&](Stream& stream) {
    ++visited;
    if (visited == 1) stream.close();
  });
  EXPECT_EQ(visited, limits().streams_max);
  turn();
  EXPECT_EQ(table_.add_accepted({}), nullptr) << "not before the driver has let go";
  release_all();
  EXPECT_NE(table_.add_accepted({}), nullptr);
}

TEST_F(StreamTest, AResetEndsTheStream) {
  Stream& stream = accept();
  table_.on_receive_end(stream.id().slot, IoFailure::Reset);
  turn();
  EXPECT_THAT(log_, ElementsAre(closed(StreamEnd::PeerReset), "destroyed"));
}

}  // namespace
}  // namespace sanjay::runtime
