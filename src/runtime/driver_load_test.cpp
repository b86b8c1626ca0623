// SPDX-License-Identifier: Apache-2.0

// Real drivers under load, on their own threads, and at their limits.

#include "core/random.h"
#include "runtime/driver_fixture.h"
#include "runtime/file_table.h"
#include "runtime/shard_threads.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <deque>
#include <thread>

namespace sanjay::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class DriverLoadTest : public testing::TestWithParam<Setup> {
 protected:
  /// Shards that listen on one port, each on its own thread.
  void start_threads(std::size_t shards, bool private_file_tables = false) {
    DriverSetOptions driver_options = options_of(GetParam(), shards);
    driver_options.private_file_tables = private_file_tables;
    auto set = make_drivers(driver_options);
    ASSERT_TRUE(set) << set.error().message;
    const auto address = claim_address(loopback());
    ASSERT_TRUE(address) << address.error().message;
    std::vector<Shard*> pointers;
    for (std::size_t i = 0; i < shards; ++i) {
      ShardOptions options;
      options.index = static_cast<core::ShardIndex>(i);
      auto shard = std::make_unique<TestShard>(std::move(set->drivers[i]), options);
      shard->application().listen_on = *address;
      shard->application().make_handler = make_echo();
      pointers.push_back(&shard->shard());
      shards_.push_back(std::move(shard));
    }
    threads_.emplace(pointers, std::vector<int>{});
    const auto started = threads_->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  TestApplication& application(std::size_t shard = 0) { return shards_[shard]->application(); }
  const Endpoint& address() const { return shards_[0]->address(); }

  template <class Condition>
  bool eventually(std::size_t shard, Condition&& condition) {
    SystemClock clock;
    for (const auto end = clock.now() + seconds(20); clock.now() < end;) {
      bool holds = false;
      application(shard).call([&] { holds = condition(*shards_[shard]); });
      if (holds) return true;
      std::this_thread::yield();
    }
    return false;
  }

  /// Single-stepped, on this thread.
  void make_shard(const ShardOptions& options = {}) {
    auto set = make_drivers(options_of(GetParam()));
    ASSERT_TRUE(set) << set.error().message;
    shards_.push_back(std::make_unique<TestShard>(std::move(set->drivers.front()), options));
    application().make_handler = make_echo();
    shards_[0]->start_listening();
  }

  std::vector<std::unique_ptr<TestShard>> shards_;
  std::optional<ShardThreads> threads_;  // stops and joins before the shards go
};

INSTANTIATE_TEST_SUITE_P(Drivers, DriverLoadTest,
                         testing::Values(Setup::Epoll, Setup::Uring, Setup::UringTiny),
                         [](const auto& setup) { return name_of(setup.param); });

void echo_in_random_cuts(const Endpoint& address, std::size_t size, std::uint64_t seed) {
  Client client(address);
  ASSERT_EQ(client.connect_error(), 0);
  const std::string sent = pattern(size, seed);
  std::thread sender([&] {
    core::Random random(seed);
    for (std::size_t at = 0; at < size;) {
      const std::size_t piece = 1 + random.below(random.below(2) == 0 ? 200 : 100'000);
      EXPECT_TRUE(client.send(std::string_view(sent).substr(at, piece)));
      at += std::min(piece, size - at);
    }
    client.finish();
  });
  std::string received;
  core::Random random(seed + 1);
  while (received.size() < size) {
    const std::string some = client.receive(1 + random.below(50'000));
    if (some.empty()) break;
    received += some;
  }
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_EQ(client.end_error(), 0);
  sender.join();
  EXPECT_TRUE(received == sent) << received.size() << " of " << size;
}

TEST_P(DriverLoadTest, EchoesEverySizeUnderRandomCuts) {
  start_threads(1);
  std::uint64_t seed = 1;
  for (const std::size_t size : {1U, 63U, 64U, 65U, 4095U, 4096U, 4097U, 65'536U, 70'000U}) {
    SCOPED_TRACE(size);
    echo_in_random_cuts(address(), size, seed++);
  }
  std::vector<std::thread> clients;
  for (const std::size_t size : {4U << 20, 1U << 20, 300'000U}) {
    clients.emplace_back([this, size] { echo_in_random_cuts(address(), size, size); });
  }
  for (auto& client : clients) client.join();
  EXPECT_TRUE(eventually(0, [](TestShard& shard) { return shard.streams().size() == 0; }));
}

TEST_P(DriverLoadTest, ServesFiveHundredConnectionsAtOnceOnThreeShards) {
  start_threads(3);
  std::vector<Client> clients;
  for (int i = 0; i < 500; ++i) {
    clients.emplace_back(address());
    ASSERT_EQ(clients.back().connect_error(), 0);
  }
  for (int round = 0; round < 3; ++round) {
    const auto text = [&](std::size_t i) {
      return "client " + std::to_string(i) + pattern(300, i) + std::to_string(round);
    };
    for (std::size_t i = 0; i < clients.size(); ++i) ASSERT_TRUE(clients[i].send(text(i)));
    for (std::size_t i = 0; i < clients.size(); ++i) {
      ASSERT_EQ(clients[i].receive(text(i).size()), text(i));
    }
  }
  std::size_t streams = 0;
  std::uint64_t shortages = 0, overflows = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    application(i).call([&] {
      EXPECT_GT(shards_[i]->streams().size(), 0U) << "the kernel spreads over all listeners";
      streams += shards_[i]->streams().size();
      shortages += shards_[i]->driver().stats().buffer_shortages.value();
      overflows += shards_[i]->driver().stats().completion_overflows.value();
    });
  }
  EXPECT_EQ(streams, 500U);
  if (GetParam() == Setup::UringTiny) {
    EXPECT_GT(shortages, 0U) << "this set-up is there to run out of buffers";
    EXPECT_GT(overflows, 0U) << "and of completion entries";
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (i % 2 == 0) clients[i].reset();
  }
  clients.clear();
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(eventually(i, [](TestShard& shard) { return shard.streams().size() == 0; }));
  }
}

TEST_P(DriverLoadTest, TwentyThousandConnectionsLeaveNothingBehind) {
  start_threads(1);
  std::atomic<SocketSlot> highest_slot{0};
  application().call([&] {
    application().make_handler = [&](Stream& stream) {
      highest_slot = std::max(highest_slot.load(), stream.id().slot);
      return std::make_unique<EchoHandler>(stream);
    };
  });
  const auto none_left = [](TestShard& shard) { return shard.streams().size() == 0; };
  {
    Client warm_up(address());
  }
  ASSERT_TRUE(eventually(0, none_left));
  const std::size_t descriptors = open_descriptors();
  core::Random random(1);
  for (int batch = 0; batch < 100; ++batch) {
    std::vector<Client> clients;
    for (int i = 0; i < 200; ++i) {
      clients.emplace_back(address());
      ASSERT_EQ(clients.back().connect_error(), 0) << "batch " << batch;
      if (random.below(3) == 0) clients.back().send("x");
    }
    for (Client& client : clients) {
      // Mostly resets: an orderly end holds its port in TIME_WAIT for a minute.
      if (random.below(20) == 0) {
        client.close();
      } else {
        client.reset();
      }
    }
    // Every tenth batch runs into the next one without a pause.
    if (batch % 10 != 0) {
      ASSERT_TRUE(eventually(0, none_left));
    }
  }
  ASSERT_TRUE(eventually(0, none_left));
  application().call([&] { EXPECT_EQ(shards_[0]->shard().stats().accepted.value(), 20'001U); });
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_LT(highest_slot, 1024U) << "slots are used again";
}

TEST_P(DriverLoadTest, ConnectsToItsOwnListenerFromAChosenAddress) {
  make_shard();
  StreamStory story;
  auto handler = std::make_unique<StoryHandler>(story);
  StoryHandler& teller = *handler;
  const auto from = Endpoint::parse("127.0.0.2", 0);
  Endpoint peer;
  application().make_handler = [&](Stream& stream) {
    peer = stream.peer();
    return std::make_unique<EchoHandler>(stream);
  };
  const auto stream = shards_[0]->streams().connect(address(), *from, std::move(handler));
  ASSERT_TRUE(stream) << stream.error().message;
  teller.stream = *stream;
  const std::string sent = pattern(300'000, 1);
  teller.when_connected = [&](Stream& s) { s.send(core::SegmentRef::copy_of(sent)); };
  ASSERT_TRUE(shards_[0]->turn_until([&] { return story.bytes.size() == sent.size(); }));
  EXPECT_TRUE(story.bytes == sent);
  EXPECT_EQ(peer.host(), "127.0.0.2");
  (*stream)->finish();
  ASSERT_TRUE(shards_[0]->turn_until([&] { return shards_[0]->streams().size() == 0; }));
  EXPECT_EQ(*story.end, StreamEnd::PeerFinished);
}

TEST_P(DriverLoadTest, HandlersMayConnectAndCloseOthersFromInsideTheirCalls) {
  // Each byte that arrives at the server opens two more connections and closes a random one, while
  // the driver walks over its events: its records move, its slots are released and used again.
  make_shard();
  StreamTable& streams = shards_[0]->streams();
  core::Random random(5);
  std::size_t connects = 0, ended = 0;
  std::deque<StreamStory> stories;
  auto connect = [&] {
    if (connects == 1500) return;
    ++connects;
    stories.emplace_back();
    auto handler = std::make_unique<StoryHandler>(stories.back());
    StoryHandler& teller = *handler;
    teller.when_connected = [](Stream& s) { s.send(core::SegmentRef::copy_of("x")); };
    const auto stream = streams.connect(address(), std::nullopt, std::move(handler));
    ASSERT_TRUE(stream) << stream.error().message;
    teller.stream = *stream;
  };
  struct Busy final : StreamHandler {
    explicit Busy(std::function<void()> w, std::size_t& e) : work(std::move(w)), ended_(e) {}
    void on_bytes(std::span<char>) override { work(); }
    void on_peer_finished() override { work(); }
    void on_overflow() override {}
    void on_write_stalled() override {}
    void on_closed(StreamEnd) override {
      ++ended_;
      work();
    }
    std::function<void()> work;
    std::size_t& ended_;
  };
  std::vector<core::ConnectionId> ids;
  application().make_handler = [&](Stream& stream) {
    ids.push_back(stream.id());
    auto work = [&] {
      connect();
      connect();
      if (Stream* victim = streams.find(ids[random.below(ids.size())])) victim->close();
    };
    return std::make_unique<Busy>(work, ended);
  };
  connect();
  ASSERT_TRUE(shards_[0]->turn_until([&] {
    if (connects < 1500) return false;
    streams.for_each([](Stream& stream) { stream.close(); });
    return streams.size() == 0;
  }));
  EXPECT_EQ(ended, ids.size());
  for (const auto& story : stories) EXPECT_TRUE(story.end);
}

TEST_P(DriverLoadTest, ASuspendedAcceptRestsAndGoesOnWhenDescriptorsAreBack) {
  ShardOptions options;
  options.accept_backoff = milliseconds(50);
  make_shard(options);
  Shard& shard = shards_[0]->shard();
  std::vector<Client> clients;
  for (int i = 0; i < 12; ++i) {
    clients.emplace_back(address());
    ASSERT_EQ(clients.back().connect_error(), 0);
  }
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const int lowest_free = dup(0);
  ASSERT_GE(lowest_free, 0);
  close(lowest_free);
  const rlimit low{static_cast<rlim_t>(lowest_free) + 5, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_TRUE(shards_[0]->turn_until([&] { return shard.stats().accepts_suspended.value() == 4; }));
  EXPECT_EQ(shard.stats().accepted.value(), 5U);
  EXPECT_LT(shard.stats().turns.value(), 100U) << "it spins";
  // Those it has are served meanwhile.
  clients[0].send("served");
  EXPECT_TRUE(shards_[0]->turn_until([&] {
    return shards_[0]->driver().stats().sends.value() > 0 &&
           shards_[0]->streams().queued_bytes() == 0;
  }));
  EXPECT_EQ(clients[0].receive(6), "served");
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_TRUE(shards_[0]->turn_until([&] { return shard.stats().accepted.value() == 12; }));
}

TEST_P(DriverLoadTest, BeyondTheStreamMaximumPeersAreClosedAtOnce) {
  ShardOptions options;
  options.streams.streams_max = 3;
  make_shard(options);
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) clients.emplace_back(address());
  shards_[0]->turn_often(10);
  EXPECT_EQ(shards_[0]->streams().size(), 3U);
  for (std::size_t i = 3; i < 5; ++i) EXPECT_EQ(clients[i].receive_all(), "");
  clients[0].close();
  ASSERT_TRUE(shards_[0]->turn_until([&] { return shards_[0]->streams().size() == 2; }));
  Client next(address());
  EXPECT_TRUE(shards_[0]->turn_until([&] { return shards_[0]->streams().size() == 3; }));
}

TEST_P(DriverLoadTest, OtherThreadsWakeASleepingShard) {
  start_threads(2);
  // A lost wake-up would cost up to 250 ms each: thousands of them could not pass unseen.
  SystemClock clock;
  const auto before = clock.now();
  for (int i = 0; i < 2000; ++i) application(static_cast<std::size_t>(i % 2)).call([] {});
  EXPECT_LT(clock.now() - before, seconds(10));
  const auto stopping = clock.now();
  threads_->stop();
  threads_->join();
  EXPECT_LT(clock.now() - stopping, milliseconds(200));
}

TEST_P(DriverLoadTest, ASleepingShardWakesForItsTimersAndHardlyOtherwise) {
  make_shard();
  struct Alarm final : Timer {
    void on_timer(core::Instant now) override { rang = now; }
    std::optional<core::Instant> rang;
  };
  Alarm alarm;
  Shard& shard = shards_[0]->shard();
  shards_[0]->turn_often(2);
  const core::Instant deadline = shard.now() + milliseconds(600);
  shard.timers().arm(alarm, deadline);
  const auto turns_before = shard.stats().turns.value();
  ASSERT_TRUE(shards_[0]->turn_until([&] { return alarm.rang.has_value(); }));
  EXPECT_GE(*alarm.rang, deadline);
  EXPECT_LT(*alarm.rang, deadline + milliseconds(200)) << "allows for a busy machine";
  // Three for the watchdog's sake, one for the alarm, up to three to bring it down the wheel.
  EXPECT_LE(shard.stats().turns.value() - turns_before, 10U);
}

TEST_P(DriverLoadTest, AShardMayGoAwayWithEverythingInFlight) {
  const std::size_t before = open_descriptors();
  {
    make_shard();
    std::vector<Client> clients;
    const auto much = core::SegmentRef::copy_of(pattern(8 << 20, 1));
    application().make_handler = [&](Stream& stream) {
      stream.set_queue_bytes_max(64 << 20);
      stream.send(much);
      return std::make_unique<EchoHandler>(stream);
    };
    for (int i = 0; i < 40; ++i) {
      clients.emplace_back(address());
      clients.back().send("x");
    }
    shards_[0]->turn_often(2);
    StreamTable& streams = shards_[0]->streams();
    ASSERT_GT(streams.size(), 0U);
    EXPECT_GT(streams.queued_bytes(), 0U);
    bool every_second = false;
    streams.for_each([&](Stream& stream) {
      if (every_second = !every_second; every_second) stream.close();
    });
    shards_[0]->turn_often(1);
    for (int i = 0; i < 10; ++i) clients.emplace_back(address());  // nobody takes these
    shards_.clear();
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST_P(DriverLoadTest, NobodyElseMayListenWhereAShardDoes) {
  make_shard();
  const auto second = claim_address(address());
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("Address already in use"), std::string::npos);
  EXPECT_NE(second.error().message.find(address().to_string()), std::string::npos);
  shards_[0]->driver().stop_listening(0);
  shards_[0]->turn_often(2);
  EXPECT_TRUE(claim_address(address()));
}

// --- Shared and private descriptor tables ---

TEST_P(DriverLoadTest, AListenerStoppedByOneShardHangsNoClientOfTheOthers) {
  for (const bool private_tables : {false, true}) {
    if (private_tables && !kPrivateTablesTestable) continue;
    SCOPED_TRACE(private_tables);
    start_threads(3, private_tables);
    for (int stopped = 0; stopped < 3; ++stopped) {
      if (stopped > 0) {
        application(static_cast<std::size_t>(stopped - 1)).call([&] {
          shards_[static_cast<std::size_t>(stopped - 1)]->driver().stop_listening(0);
        });
        // The listener is closed by the end of the turn that follows.
        application(static_cast<std::size_t>(stopped - 1)).call([] {});
        application(static_cast<std::size_t>(stopped - 1)).call([] {});
      }
      for (int i = 0; i < 100; ++i) {
        Client client(address());
        ASSERT_EQ(client.connect_error(), 0);
        ASSERT_TRUE(client.send("anybody?"));
        ASSERT_EQ(client.receive(8), "anybody?") << "client " << i << ", stopped " << stopped;
        client.reset();
      }
    }
    threads_.reset();
    shards_.clear();
  }
}

TEST_P(DriverLoadTest, APrivateTableHoldsOnlyWhatWasKept) {
  if (!kPrivateTablesTestable) GTEST_SKIP() << "ThreadSanitizer takes numbers for descriptors";
  // A number high enough not to be given out again to a socket of the shard.
  const int foreign = fcntl(0, F_DUPFD_CLOEXEC, 700);
  ASSERT_GE(foreign, 0);
  start_threads(2, true);
  const int later = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const std::size_t ours = open_descriptors();
  for (std::size_t i = 0; i < 2; ++i) {
    application(i).call([&] {
      EXPECT_EQ(fcntl(foreign, F_GETFD), -1);
      EXPECT_NE(fcntl(2, F_GETFD), -1);
      // Three standard ones; per shard a wake descriptor and perhaps a ring; a listener and perhaps
      // the epoll descriptor of its own.
      EXPECT_EQ(open_descriptors(), 3U + 2 * (GetParam() == Setup::Epoll ? 1 : 2) +
                                        (GetParam() == Setup::Epoll ? 2 : 1));
    });
  }
  {
    Client client(address());
    client.send("x");
    EXPECT_EQ(client.receive(1), "x");
    EXPECT_EQ(open_descriptors(), ours + 1) << "the accepted socket is not in our table";
    threads_.reset();
    shards_.clear();  // must not close what has the same numbers here
  }
  EXPECT_NE(fcntl(foreign, F_GETFD), -1);
  EXPECT_NE(fcntl(later, F_GETFD), -1);
  close(foreign);
  close(later);
}

}  // namespace
}  // namespace sanjay::runtime
