// SPDX-License-Identifier: Apache-2.0

// The contract of IoDriver as seen through a shard, on real loopback sockets, stepped turn by turn
// on the test's own thread: one suite for every driver.

#include "core/random.h"
#include "runtime/driver_fixture.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>

namespace sanjay::runtime {
namespace {

using std::chrono::milliseconds;

class DriverTest : public testing::TestWithParam<Setup> {
 protected:
  std::unique_ptr<IoDriver> make_driver() {
    auto set = make_drivers(options_of(GetParam()));
    EXPECT_TRUE(set) << (set ? "" : set.error().message);
    return std::move(set->drivers.front());
  }

  void make_shard(const ShardOptions& options = {}) {
    test_.emplace(make_driver(), options);
    test_->application().make_handler = [this](Stream& stream) { return tell_story(stream); };
    test_->start_listening();
  }

  std::unique_ptr<StoryHandler> tell_story(Stream& stream) {
    stories_.emplace_back();
    streams_.push_back(&stream);
    auto handler = std::make_unique<StoryHandler>(stories_.back(), &stream);
    handler->when_bytes = when_bytes_;
    handler->when_peer_finished = when_peer_finished_;
    return handler;
  }

  /// A client whose connection the shard has accepted.
  Client connect() {
    const std::size_t before = stories_.size();
    Client client(test_->address());
    EXPECT_EQ(client.connect_error(), 0);
    EXPECT_TRUE(test_->turn_until([&] { return stories_.size() == before + 1; }));
    return client;
  }

  bool turn_until_ended(std::size_t story) {
    return test_->turn_until([&] { return stories_[story].end.has_value(); });
  }

  std::deque<StreamStory> stories_;  // in the order of acceptance
  std::vector<Stream*> streams_;
  std::function<void(Stream&)> when_bytes_, when_peer_finished_;
  std::optional<TestShard> test_;
};

INSTANTIATE_TEST_SUITE_P(Drivers, DriverTest,
                         testing::Values(Setup::Epoll, Setup::Uring, Setup::UringTiny),
                         [](const auto& setup) { return name_of(setup.param); });

// --- The end of input ---

TEST_P(DriverTest, BytesThenFinAreToldInThatOrder) {
  make_shard();
  when_peer_finished_ = [](Stream& stream) {
    stream.send(core::SegmentRef::copy_of("bye"));
    stream.finish();
  };
  Client client = connect();
  client.send("hello");
  client.finish();
  ASSERT_TRUE(test_->turn_until([&] { return stories_[0].peer_finished == 1; }));
  EXPECT_EQ(stories_[0].bytes, "hello");
  ASSERT_TRUE(turn_until_ended(0));
  EXPECT_EQ(client.receive_all(), "bye");
  EXPECT_EQ(client.end_error(), 0);
  EXPECT_EQ(*stories_[0].end, StreamEnd::PeerFinished);
}

TEST_P(DriverTest, AFinThatArrivedTogetherWithTheBytesIsSeen) {
  // All is in the kernel before the shard looks: there is one announcement for both.
  make_shard();
  Client early(test_->address());
  early.send("hello");
  early.finish();
  ASSERT_TRUE(test_->turn_until([&] { return !stories_.empty() && stories_[0].end.has_value(); }));
  EXPECT_EQ(stories_[0].bytes, "hello");
  EXPECT_EQ(stories_[0].peer_finished, 1);

  Client later = connect();
  later.send("once more");
  later.finish();
  ASSERT_TRUE(turn_until_ended(1));
  EXPECT_EQ(stories_[1].bytes, "once more");
}

TEST_P(DriverTest, AResetIsToldAlone) {
  make_shard();
  Client client = connect();
  client.reset();
  ASSERT_TRUE(turn_until_ended(0));
  EXPECT_EQ(*stories_[0].end, StreamEnd::PeerReset);
  EXPECT_EQ(stories_[0].peer_finished, 0);
}

TEST_P(DriverTest, AResetThatArrivedTogetherWithBytesIsSeen) {
  make_shard();
  Client client = connect();
  client.send("hello");
  client.reset();
  ASSERT_TRUE(turn_until_ended(0));
  EXPECT_EQ(*stories_[0].end, StreamEnd::PeerReset);
}

TEST_P(DriverTest, AResetIsSeenWhileReadingIsPaused) {
  make_shard();
  Client client = connect();
  streams_[0]->pause_reading();
  client.send("never read");
  test_->turn_often(5);
  client.reset();
  ASSERT_TRUE(turn_until_ended(0));
  EXPECT_EQ(*stories_[0].end, StreamEnd::PeerReset);
  EXPECT_EQ(stories_[0].bytes, "");
}

TEST_P(DriverTest, AFinishedStreamStillWaitsForThePeer) {
  make_shard();
  Client client = connect();
  streams_[0]->send(core::SegmentRef::copy_of("last words"));
  streams_[0]->finish();
  ASSERT_TRUE(test_->turn_until([&] { return streams_[0]->queued_bytes() == 0; }));
  test_->turn_often(3);
  EXPECT_EQ(client.receive_all(), "last words");
  EXPECT_EQ(client.end_error(), 0);
  EXPECT_TRUE(client.send("too late, but no error"));
  test_->turn_often(3);
  EXPECT_FALSE(stories_[0].end);
  client.close();
  ASSERT_TRUE(turn_until_ended(0));
  EXPECT_EQ(*stories_[0].end, StreamEnd::PeerFinished);
  EXPECT_EQ(stories_[0].bytes, "");
}

TEST_P(DriverTest, CloseEndsTheConnectionAndGivesTheSlotBack) {
  make_shard();
  Client client = connect();
  streams_[0]->close();
  ASSERT_TRUE(test_->turn_until([&] { return test_->streams().size() == 0; }));
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_EQ(client.end_error(), 0);
  EXPECT_EQ(*stories_[0].end, StreamEnd::Closed);
}

// --- Pausing ---

TEST_P(DriverTest, PausingStopsTheBytesAndResumingLosesNone) {
  make_shard();
  Client client = connect();
  const std::string sent = pattern(32 << 20, 1);
  when_bytes_ = {};
  std::size_t progress = client.send_some(std::string_view(sent).substr(0, 1000));
  ASSERT_TRUE(test_->turn_until([&] { return stories_[0].bytes.size() == 1000; }));

  core::Random random(2);
  while (progress < (4U << 20)) {
    streams_[0]->pause_reading();
    test_->turn_often(2);  // what was on its way when we paused
    const std::size_t at_pause = stories_[0].bytes.size();
    progress += client.send_some(std::string_view(sent).substr(progress));
    test_->turn_often(10);
    ASSERT_EQ(stories_[0].bytes.size(), at_pause) << "bytes while paused";
    streams_[0]->resume_reading();
    if (random.below(2) == 0) {
      // Another pause before everything is read.
      test_->turn_often(static_cast<int>(random.below(20)));
    } else {
      ASSERT_TRUE(test_->turn_until([&] { return stories_[0].bytes.size() == progress; }));
    }
  }
  streams_[0]->resume_reading();
  ASSERT_TRUE(test_->turn_until([&] { return stories_[0].bytes.size() == progress; }));
  EXPECT_TRUE(stories_[0].bytes == sent.substr(0, progress));
}

TEST_P(DriverTest, PausingFromInsideOnBytesBoundsWhatStillComes) {
  make_shard();
  when_bytes_ = [](Stream& stream) { stream.pause_reading(); };
  Client client = connect();
  const std::string sent = pattern(1 << 20, 3);
  const std::size_t kernel_holds = client.send_some(sent);
  ASSERT_GT(kernel_holds, 128U * 1024);
  ASSERT_TRUE(test_->turn_until([&] { return !stories_[0].bytes.empty(); }));
  test_->turn_often(20);
  EXPECT_LE(stories_[0].bytes.size(), 64U * 1024) << "one buffer";
  EXPECT_EQ(stories_[0].bytes, sent.substr(0, stories_[0].bytes.size()));
  // Resumed once per turn and paused by each call: piece by piece, everything arrives.
  ASSERT_TRUE(test_->turn_until([&] {
    streams_[0]->resume_reading();
    return stories_[0].bytes.size() == kernel_holds;
  }));
  EXPECT_TRUE(stories_[0].bytes == sent.substr(0, kernel_holds));
}

TEST_P(DriverTest, AStreamPausedWhileBeingAcceptedReadsNothingUntilResumed) {
  make_shard();
  test_->application().make_handler = [&](Stream& stream) {
    stream.pause_reading();
    return tell_story(stream);
  };
  Client client(test_->address());
  client.send("patience");
  client.finish();
  ASSERT_TRUE(test_->turn_until([&] { return stories_.size() == 1; }));
  test_->turn_often(10);
  EXPECT_EQ(stories_[0].bytes, "");
  EXPECT_EQ(stories_[0].peer_finished, 0);
  streams_[0]->resume_reading();
  ASSERT_TRUE(turn_until_ended(0));
  EXPECT_EQ(stories_[0].bytes, "patience");
  EXPECT_EQ(stories_[0].peer_finished, 1);
}

TEST_P(DriverTest, AStreamClosedWhileBeingAcceptedIsGone) {
  make_shard();
  test_->application().make_handler = [](Stream&) { return nullptr; };
  Client client(test_->address());
  ASSERT_TRUE(test_->turn_until([&] { return test_->shard().stats().accepted.value() == 1; }));
  ASSERT_TRUE(test_->turn_until([&] { return test_->streams().size() == 0; }));
  EXPECT_EQ(client.receive_all(), "");
}

// --- Slow readers ---

TEST_P(DriverTest, APeerThatDoesNotReadOverflowsTheBoundedQueue) {
  make_shard();
  Client client = connect();
  std::string sent;
  for (int i = 0; !stories_[0].end && i < 10'000; ++i) {
    const std::string message = pattern(10'000, static_cast<std::uint64_t>(i));
    sent += message;
    streams_[0]->send(core::SegmentRef::copy_of(message));
    ASSERT_LE(streams_[0]->queued_bytes(), StreamLimits().queue_bytes_max);
    test_->turn_often(1);
  }
  EXPECT_EQ(stories_[0].overflows, 1);
  ASSERT_TRUE(test_->turn_until([&] { return test_->streams().size() == 0; }));
  const std::string received = client.receive_all();
  EXPECT_GT(received.size(), 100'000U);
  EXPECT_TRUE(sent.starts_with(received));
}

TEST_P(DriverTest, ASendThatDoesNotMoveIsToldAsAStall) {
  ShardOptions options;
  options.streams.write_stall_max = milliseconds(60);
  options.streams.queue_bytes_max = 64 << 20;
  make_shard(options);
  Client client = connect();
  streams_[0]->send(core::SegmentRef::copy_of(pattern(32 << 20, 1)));
  SystemClock clock;
  const core::Instant before = clock.now();
  ASSERT_TRUE(turn_until_ended(0));
  EXPECT_GE(clock.now() - before, milliseconds(60));
  EXPECT_EQ(stories_[0].stalls, 1);
  ASSERT_TRUE(test_->turn_until([&] { return test_->streams().size() == 0; }));
}

TEST_P(DriverTest, AReaderThatCatchesUpGetsEverythingAndTheQueueDrains) {
  ShardOptions options;
  options.streams.queue_bytes_max = 64 << 20;
  make_shard(options);
  Client client = connect();
  std::string sent;
  core::Random random(4);
  while (sent.size() < (16U << 20)) {
    const std::string message = pattern(1 + random.below(40'000), sent.size());
    sent += message;
    streams_[0]->send(core::SegmentRef::copy_of(message));
    if (random.below(50) == 0) test_->turn_often(1);
  }
  streams_[0]->notify_when_drained();
  test_->turn_often(5);
  ASSERT_GT(streams_[0]->queued_bytes(), 0U);
  auto received = std::async(std::launch::async, [&] { return client.receive(sent.size()); });
  ASSERT_TRUE(test_->turn_until([&] { return stories_[0].drained == 1; }));
  EXPECT_TRUE(received.get() == sent);
  EXPECT_EQ(test_->streams().queued_bytes(), 0U);
}

TEST_P(DriverTest, ManySmallSegmentsLeaveInFewSends) {
  make_shard();
  Client client = connect();
  const std::uint64_t before = test_->driver().stats().sends.value();
  std::string sent;
  for (int i = 0; i < 160; ++i) {
    const std::string message = std::to_string(i) + ",";
    sent += message;
    streams_[0]->send(core::SegmentRef::copy_of(message));
  }
  ASSERT_TRUE(test_->turn_until([&] { return streams_[0]->queued_bytes() == 0; }));
  EXPECT_EQ(test_->driver().stats().sends.value() - before, 10U);
  EXPECT_EQ(client.receive(sent.size()), sent);
}

TEST_P(DriverTest, ASendToAPeerThatIsGoneEndsTheStream) {
  make_shard();
  when_peer_finished_ = [](Stream&) {};  // stays half open
  Client client = connect();
  client.send("x");
  client.close();
  ASSERT_TRUE(test_->turn_until([&] { return stories_[0].peer_finished == 1; }));
  ASSERT_TRUE(test_->turn_until([&] {
    streams_[0]->send(core::SegmentRef::copy_of("anybody there?"));
    return stories_[0].end.has_value();
  }));
  EXPECT_EQ(*stories_[0].end, StreamEnd::SendFailed);
}

// --- Listening and connecting ---

TEST_P(DriverTest, StopListeningTakesWhoWaitsAndRefusesWhoComesLater) {
  make_shard();
  std::vector<Client> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.emplace_back(test_->address());
    ASSERT_EQ(waiting.back().connect_error(), 0);
  }
  test_->driver().stop_listening(0);
  ASSERT_TRUE(test_->turn_until([&] { return stories_.size() == 20; }));
  test_->turn_often(2);
  EXPECT_EQ(Client(test_->address()).connect_error(), ECONNREFUSED);
  // Those taken are served as ever, and stopping twice does nothing.
  test_->driver().stop_listening(0);
  for (std::size_t i = 0; i < waiting.size(); ++i) waiting[i].send("served");
  ASSERT_TRUE(test_->turn_until([&] {
    return std::ranges::all_of(stories_, [](const auto& story) { return story.bytes == "served"; });
  }));
}

TEST_P(DriverTest, OneListenerMayBeStoppedWhileAnotherGoesOn) {
  make_shard();
  const auto other = test_->driver().listen(*claim_address(loopback()), {.backlog = 16});
  ASSERT_TRUE(other) << other.error().message;
  test_->driver().stop_listening(0);
  test_->turn_often(3);
  StreamStory refused;
  ASSERT_TRUE(test_->streams().connect(test_->address(), std::nullopt,
                                       std::make_unique<StoryHandler>(refused)));
  ASSERT_TRUE(test_->turn_until([&] { return refused.end.has_value(); }));
  EXPECT_EQ(*refused.end, StreamEnd::ConnectFailed);
  StreamStory taken;
  ASSERT_TRUE(
      test_->streams().connect(*other, std::nullopt, std::make_unique<StoryHandler>(taken)));
  EXPECT_TRUE(test_->turn_until([&] { return taken.connected; }));
}

TEST_P(DriverTest, AListenerMayBeOpenedAgainAfterItWasStopped) {
  make_shard();
  test_->driver().stop_listening(0);
  test_->turn_often(3);
  const auto again = test_->driver().listen(test_->address(), {.backlog = 16});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, test_->address());
  Client client = connect();
  client.send("x");
  EXPECT_TRUE(test_->turn_until([&] { return stories_[0].bytes == "x"; }));
}

TEST_P(DriverTest, ConnectingToAClosedPortFails) {
  make_shard();
  const auto closed = claim_address(loopback());
  ASSERT_TRUE(closed);
  StreamStory story;
  ASSERT_TRUE(
      test_->streams().connect(*closed, std::nullopt, std::make_unique<StoryHandler>(story)));
  ASSERT_TRUE(test_->turn_until([&] { return story.end.has_value(); }));
  EXPECT_EQ(*story.end, StreamEnd::ConnectFailed);
  EXPECT_FALSE(story.connected);
  ASSERT_TRUE(test_->turn_until([&] { return test_->streams().size() == 0; }));
}

}  // namespace
}  // namespace sanjay::runtime
