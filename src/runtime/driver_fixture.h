// SPDX-License-Identifier: Apache-2.0
#pragma once

// For tests of real drivers: a shard with a small application, blocking client sockets, and
// handlers that write down what happens.

#include "runtime/clock.h"
#include "runtime/driver_set.h"
#include "runtime/mailbox.h"
#include "runtime/shard.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sanjay::runtime {

/// The three ways to run: epoll, io_uring, and an io_uring so small that its submission queue is
/// always full, its completion queue overflows and receives find no buffer.
enum class Setup : std::uint8_t { Epoll, Uring, UringTiny };

inline std::string name_of(Setup setup) {
  return setup == Setup::Epoll ? "Epoll" : setup == Setup::Uring ? "Uring" : "UringTiny";
}

inline DriverSetOptions options_of(Setup setup, std::size_t shards = 1) {
  DriverSetOptions options;
  options.choice = setup == Setup::Epoll ? DriverChoice::Epoll : DriverChoice::Uring;
  options.shards = shards;
  options.uring = {.submission_entries = 256, .completion_entries = 1024, .receive_buffers = 128};
  if (setup == Setup::UringTiny) {
    options.uring = {.submission_entries = 8,
                     .completion_entries = 16,
                     .receive_buffers = 4,
                     .receive_buffer_bytes = 64};
  }
  return options;
}

/// ThreadSanitizer keeps one record per descriptor number for the whole process. Two threads that
/// rightly use the same number in tables of their own look like a race to it, so that tests of
/// private tables are left out there; the same drivers run with the shared table.
#ifdef __SANITIZE_THREAD__
inline constexpr bool kPrivateTablesTestable = false;
#else
inline constexpr bool kPrivateTablesTestable = true;
#endif

inline Endpoint loopback(std::uint16_t port = 0) { return *Endpoint::parse("127.0.0.1", port); }

/// The application of a shard under test: listens if asked to, gives every accepted stream a
/// handler, and runs what other threads hand it.
class TestApplication final : public ShardApplication {
 public:
  using MakeHandler = std::function<std::unique_ptr<StreamHandler>(Stream&)>;

  explicit TestApplication(Shard& shard) : shard_(shard) { shard.set_application(*this); }

  std::optional<Endpoint> listen_on;
  int backlog = 1024;
  MakeHandler make_handler;  // answering nothing closes the stream
  Endpoint address;          // the one bound, once started

  /// Runs `work` on the shard's thread and waits until it is done. From any other thread.
  void call(std::function<void()> work) {
    std::promise<void> done;
    ASSERT_TRUE(mail_.push([&] {
      work();
      done.set_value();
    }));
    shard_.notify();
    ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  }

  core::Status on_start() override {
    if (!listen_on) return {};
    SANJAY_TRY(address, shard_.driver().listen(*listen_on, {.backlog = backlog}));
    return {};
  }
  void on_accept(Stream& stream, ListenerIndex) override {
    if (auto handler = make_handler(stream)) {
      stream.set_handler(std::move(handler));
    } else {
      stream.close();
    }
  }
  bool on_turn(core::Instant) override {
    for (auto& work : mail_.take_all()) work();
    return false;
  }
  bool has_mail() const override { return mail_.has_mail(); }

 private:
  Shard& shard_;
  ForeignMailbox<std::function<void()>> mail_{1024};
};

/// A driver, its shard and the application, destroyed in the right order.
class TestShard {
 public:
  TestShard(std::unique_ptr<IoDriver> driver, const ShardOptions& options = {})
      : driver_(std::move(driver)), shard_(options, *driver_, clock_, log_), application_(shard_) {}

  /// For single-stepped tests, on this thread.
  void start_listening() {
    application_.listen_on = loopback();
    const auto started = shard_.start();
    ASSERT_TRUE(started) << started.error().message;
  }
  /// Turns until the condition holds; false when it does not within the bound.
  template <class Condition>
  bool turn_until(Condition&& condition) {
    const auto give_up = clock_.now() + std::chrono::seconds(20);
    while (!condition()) {
      if (clock_.now() > give_up) return false;
      shard_.turn();
    }
    return true;
  }
  /// Turns without sleeping.
  void turn_often(int times) {
    for (int i = 0; i < times; ++i) {
      driver_->wake();
      shard_.turn();
    }
  }

  Shard& shard() { return shard_; }
  TestApplication& application() { return application_; }
  IoDriver& driver() { return *driver_; }
  StreamTable& streams() { return shard_.streams(); }
  const Endpoint& address() const { return application_.address; }

 private:
  SystemClock clock_;
  telemetry::NullLogger log_;
  std::unique_ptr<IoDriver> driver_;
  Shard shard_;
  TestApplication application_;
};

/// A blocking TCP client of the test's own; calls give up after 20 s, so that no test hangs.
class Client {
 public:
  explicit Client(const Endpoint& to);
  ~Client();
  Client(Client&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Client& operator=(Client&&) = delete;

  /// 0, or the error number of connect().
  int connect_error() const { return connect_error_; }
  bool send(std::string_view bytes);
  /// Sends without waiting, until the kernel takes no more; answers how many bytes of `bytes`.
  std::size_t send_some(std::string_view bytes);
  /// Up to `bytes_max` bytes; fewer only at the end of the stream.
  std::string receive(std::size_t bytes_max);
  std::string receive_all() { return receive(~std::size_t{0}); }
  /// 0 after an orderly end; else the error number of the failed receive.
  int end_error() const { return end_error_; }
  void finish();
  void reset();
  void close();
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
  int connect_error_ = 0;
  int end_error_ = 0;
};

/// What happened to one stream, kept after its handler is gone.
struct StreamStory {
  std::string bytes;
  int peer_finished = 0;
  int overflows = 0;
  int stalls = 0;
  int drained = 0;
  bool connected = false;
  std::optional<StreamEnd> end;
};

/// Writes the story; `when_...` add what a test wants to do.
struct StoryHandler : StreamHandler {
  /// The stream of a connect() is known only afterwards: the test sets it then.
  explicit StoryHandler(StreamStory& t, Stream* s = nullptr) : story(t), stream(s) {}

  void on_connected() override {
    story.connected = true;
    if (when_connected) when_connected(*stream);
  }
  void on_bytes(std::span<char> bytes) override {
    story.bytes.append(bytes.data(), bytes.size());
    if (when_bytes) when_bytes(*stream);
  }
  void on_peer_finished() override {
    ++story.peer_finished;
    if (when_peer_finished) {
      when_peer_finished(*stream);
    } else {
      stream->close(StreamEnd::PeerFinished);
    }
  }
  void on_drained() override { ++story.drained; }
  void on_overflow() override {
    ++story.overflows;
    stream->close(StreamEnd::SendFailed);
  }
  void on_write_stalled() override {
    ++story.stalls;
    stream->close(StreamEnd::SendFailed);
  }
  void on_closed(StreamEnd end) override {
    EXPECT_FALSE(story.end) << "told twice";
    story.end = end;
  }

  StreamStory& story;
  Stream* stream;
  std::function<void(Stream&)> when_connected, when_bytes, when_peer_finished;
};

/// Sends back what comes; stops reading while the peer does not.
struct EchoHandler final : StreamHandler {
  explicit EchoHandler(Stream& s) : stream(s) {}

  void on_bytes(std::span<char> bytes) override {
    stream.send(core::SegmentRef::copy_of({bytes.data(), bytes.size()}));
    if (stream.queued_bytes() < kQueuedMax) return;
    stream.pause_reading();
    stream.notify_when_drained();
  }
  void on_drained() override { stream.resume_reading(); }
  void on_peer_finished() override { stream.finish(); }
  void on_overflow() override { ADD_FAILURE() << "overflow in spite of pausing"; }
  void on_write_stalled() override { stream.close(StreamEnd::SendFailed); }
  void on_closed(StreamEnd) override {}

  static constexpr std::size_t kQueuedMax = 128 * 1024;
  Stream& stream;
};

inline TestApplication::MakeHandler make_echo() {
  return [](Stream& stream) { return std::make_unique<EchoHandler>(stream); };
}

/// Descriptors open in the calling thread's table.
std::size_t open_descriptors();

/// `size` bytes that tell their place, so that anything lost, doubled or moved is seen.
std::string pattern(std::size_t size, std::uint64_t seed);

}  // namespace sanjay::runtime
