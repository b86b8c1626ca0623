// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/slow_readers.h"

#include <algorithm>

namespace sanjay::bench {

void SlowReaders::Crawler::on_timer(core::Instant) {
  if (Connection* connection = worker.find(index)) connection->resume_reading();
}

void SlowReaders::begin() {
  for (std::uint32_t i = 0; i < count_; ++i) {
    Connection* connection = worker_.find(first_ + i);
    if (connection == nullptr) continue;
    if (i < stalled_) {
      connection->pause_reading();
    } else {
      crawlers_.try_emplace(first_ + i, worker_, first_ + i);
    }
  }
}

void SlowReaders::release() {
  crawlers_.clear();
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (Connection* connection = worker_.find(first_ + i)) connection->resume_reading();
  }
}

void SlowReaders::on_message(Connection& connection, std::size_t bytes) {
  const auto found = crawlers_.find(connection.index());
  if (found == crawlers_.end()) return;
  Crawler& crawler = found->second;
  const core::Duration price = core::Duration(std::chrono::seconds(1)) *
                               static_cast<std::int64_t>(bytes) / kCrawlBytesPerSecond;
  crawler.paid_at = std::max(crawler.paid_at, worker_.precise_now()) + price;
  connection.pause_reading();
  worker_.shard().timers().arm(crawler, crawler.paid_at);
}

std::uint32_t SlowReaders::open() const {
  std::uint32_t open = 0;
  for (std::uint32_t i = 0; i < count_; ++i) open += worker_.find(first_ + i) != nullptr ? 1 : 0;
  return open;
}

}  // namespace sanjay::bench
