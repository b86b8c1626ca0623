// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/worker.h"
#include "runtime/timer_wheel.h"

#include <cstddef>
#include <cstdint>
#include <map>

namespace sanjay::bench {

/// One shard's share of a run's connections that do not keep up: `stalled` read nothing at all and
/// `crawling` about kCrawlBytesPerSecond. Their numbers begin at `first`. What they receive counts
/// for nothing, and the server may end them without failing the run. The shard's thread.
class SlowReaders {
 public:
  static constexpr std::size_t kCrawlBytesPerSecond = 1024;

  SlowReaders(Worker& worker, std::uint32_t first, std::uint32_t stalled, std::uint32_t crawling)
      : worker_(worker), first_(first), stalled_(stalled), count_(stalled + crawling) {}

  /// All connections are ready: these stop reading.
  void begin();
  /// Reads on, so that each sees whether the server has ended it.
  void release();

  bool contains(const Connection& connection) const {
    return connection.index() >= first_ && connection.index() - first_ < count_;
  }
  /// One of them has received a message.
  void on_message(Connection& connection, std::size_t bytes);
  /// How many of this shard's have not been ended.
  std::uint32_t open() const;

 private:
  /// A connection that pays for what it has read with a pause.
  struct Crawler final : runtime::Timer {
    Crawler(Worker& w, std::uint32_t i) : worker(w), index(i) {}
    void on_timer(core::Instant) override;

    Worker& worker;
    std::uint32_t index;
    core::Instant paid_at{};
  };

  Worker& worker_;
  std::uint32_t first_;
  std::uint32_t stalled_;
  std::uint32_t count_;
  std::map<std::uint32_t, Crawler> crawlers_;
};

}  // namespace sanjay::bench
