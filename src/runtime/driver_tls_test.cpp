// SPDX-License-Identifier: Apache-2.0

// TLS on real loopback sockets, stepped turn by turn on the test's own thread: one suite for every
// driver.

#include "core/random.h"
#include "runtime/driver_fixture.h"
#include "runtime/tls/tls_fixture.h"

#include <sys/socket.h>

#include <deque>
#include <map>
#include <string>

namespace sanjay::runtime {
namespace {

using std::chrono::milliseconds;

class DriverTlsTest : public testing::TestWithParam<Setup> {
 protected:
  /// A client of OpenSSL's over a socket of the test's.
  struct TlsClient {
    explicit TlsClient(const Endpoint& to) : socket(to) {}

    /// What the kernel has for it and takes from it now.
    void move_bytes() {
      to_send += tls.take();
      to_send.erase(0, socket.send_some(to_send));
      char bytes[16'384];
      const auto size = recv(socket.descriptor(), bytes, sizeof(bytes), MSG_DONTWAIT);
      if (size == 0) ended = true;
      if (size > 0) tls.give({bytes, static_cast<std::size_t>(size)});
    }

    Client socket;
    TestTlsClient tls;
    std::string to_send;
    bool ended = false;
  };

  void make_shard(const ShardOptions& options, TestApplication::MakeHandler make_handler) {
    auto set = make_drivers(options_of(GetParam()));
    ASSERT_TRUE(set) << set.error().message;
    test_.emplace(std::move(set->drivers.front()), options);
    test_->application().make_handler = [this, make_handler](Stream& stream) {
      auto handler = make_handler(stream);
      stream.start_tls(context_, test_->shard().now());
      return handler;
    };
    test_->start_listening();
  }
  template <class Condition>
  bool move_until(std::deque<TlsClient>& clients, Condition&& condition) {
    return test_->turn_until([&] {
      for (TlsClient& client : clients) client.move_bytes();
      test_->driver().wake();  // the test is not to wait for the kernel
      return condition();
    });
  }

  std::shared_ptr<const TlsContext> context_ = server_context();
  std::optional<TestShard> test_;
};

INSTANTIATE_TEST_SUITE_P(Drivers, DriverTlsTest,
                         testing::Values(Setup::Epoll, Setup::Uring, Setup::UringTiny),
                         [](const auto& setup) { return name_of(setup.param); });

TEST_P(DriverTlsTest, ManyClientsEchoMuchWithTheirBytesInOrder) {
  ShardOptions options;
  options.streams.tls.handshakes_max = 3;  // most of them wait
  make_shard(options, make_echo());
  std::deque<TlsClient> clients;
  std::deque<std::string> sent;
  for (std::uint64_t i = 0; i < 12; ++i) {
    clients.emplace_back(test_->address());
    sent.push_back(pattern(50'000 + 10'000 * i, i));
  }
  const auto all = [&](auto&& holds) {
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (!holds(i)) return false;
    }
    return true;
  };
  ASSERT_TRUE(move_until(
      clients, [&] { return all([&](std::size_t i) { return clients[i].tls.established(); }); }));
  // In pieces, of which many are under way at once.
  core::Random random(5);
  std::map<std::size_t, std::size_t> written;
  ASSERT_TRUE(move_until(clients, [&] {
    for (std::size_t i = 0; i < clients.size(); ++i) {
      const std::size_t piece = std::min(sent[i].size() - written[i], random.below(20'000));
      if (piece > 0) clients[i].tls.write(std::string_view(sent[i]).substr(written[i], piece));
      written[i] += piece;
    }
    return all([&](std::size_t i) { return clients[i].tls.received.size() >= sent[i].size(); });
  }));
  for (std::size_t i = 0; i < clients.size(); ++i) EXPECT_EQ(clients[i].tls.received, sent[i]);
  for (TlsClient& client : clients) client.tls.finish();
  ASSERT_TRUE(
      move_until(clients, [&] { return all([&](std::size_t i) { return clients[i].ended; }); }));
  EXPECT_TRUE(all([&](std::size_t i) { return clients[i].tls.server_finished; }));
  clients.clear();
  EXPECT_TRUE(test_->turn_until([&] { return test_->streams().size() == 0; }));
  EXPECT_EQ(test_->streams().queued_bytes(), 0U);
  EXPECT_EQ(test_->streams().tls_stats().done.value(), 12U);
  EXPECT_EQ(test_->streams().tls_stats().connections.value(), 0U);
}

TEST_P(DriverTlsTest, APeerThatDoesNotReadFillsTheQueueToItsBound) {
  ShardOptions options;
  options.streams.queue_bytes_max = 8 << 20;
  StreamStory story;
  Stream* stream = nullptr;
  make_shard(options, [&](Stream& s) {
    stream = &s;
    return std::make_unique<StoryHandler>(story, &s);
  });
  std::deque<TlsClient> clients;
  clients.emplace_back(test_->address());
  ASSERT_TRUE(move_until(clients, [&] { return clients[0].tls.established(); }));
  const std::string text = pattern(32 << 20, 9);
  for (std::size_t at = 0; at < text.size() && story.overflows == 0; at += 64 * 1024) {
    if (stream->open()) {
      stream->send(core::SegmentRef::copy_of(std::string_view(text).substr(at, 64 * 1024)));
    }
    EXPECT_LE(stream->queued_bytes(), (8U << 20) + 100);
    test_->turn_often(1);
  }
  EXPECT_EQ(story.overflows, 1);
  ASSERT_TRUE(move_until(clients, [&] { return story.end && clients[0].ended; }));
  EXPECT_TRUE(text.starts_with(clients[0].tls.received)) << "what came is what was sent";
}

TEST_P(DriverTlsTest, ASlowHandshakeEndsAtItsDeadlineAndOthersGoOn) {
  ShardOptions options;
  options.streams.tls.handshake_time_max = milliseconds(50);
  std::deque<StreamStory> stories;
  make_shard(options, [&](Stream& stream) {
    stories.emplace_back();
    return std::make_unique<StoryHandler>(stories.back(), &stream);
  });
  Client silent(test_->address());
  Client slow(test_->address());
  slow.send("\x16\x03\x01");
  ASSERT_TRUE(
      test_->turn_until([&] { return stories.size() == 2 && stories[0].end && stories[1].end; }));
  EXPECT_EQ(test_->streams().tls_stats().timed_out.value(), 2U);
}

TEST_P(DriverTlsTest, OthersGetTheirTurnWhenThoseBeforeThemSayNothing) {
  ShardOptions options;
  options.streams.tls.handshakes_max = 2;
  options.streams.tls.silence_max = milliseconds(5);
  make_shard(options, make_echo());
  const Client first(test_->address());
  const Client second(test_->address());
  std::deque<TlsClient> clients;
  clients.emplace_back(test_->address());
  EXPECT_TRUE(move_until(clients, [&] { return clients[0].tls.established(); }));
}

}  // namespace
}  // namespace sanjay::runtime
