// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/client/worker.h"
#include "bench/payload/delivery_ledger.h"
#include "bench/payload/stamp.h"
#include "bench/scenarios/fanout.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace sanjay::bench {

/// What the shards of a fan-out tell each other about one publisher.
struct alignas(64) PublisherProgress {
  std::atomic<std::uint64_t> published{0};
  std::atomic<std::uint64_t> delivered{0};
  std::atomic<bool> active{false};  // has more to publish
};

struct FanoutShared {
  explicit FanoutShared(const FanoutOptions& options, std::uint32_t receiver_count)
      : receivers(receiver_count),
        publishers(std::make_unique<PublisherProgress[]>(options.publishers)),
        owners(options.publishers) {}

  const std::uint32_t receivers;
  std::unique_ptr<PublisherProgress[]> publishers;
  std::vector<Worker*> owners;  // of each publisher; written before the shards start
};

/// One shard's receivers and publishers of a fan-out. Publisher p is the connection number
/// subscribers + p.
class FanoutLoad final : public Load {
 public:
  FanoutLoad(const FanoutOptions& options, FanoutShared& shared, Worker& worker);

  void on_begin(std::uint64_t rounds) override;
  void on_drain() override;
  void on_message(Connection& connection, std::string_view message) override;
  bool on_turn(core::Instant now) override;
  bool has_mail() const override;

  // After the shard has stopped.
  const DeliveryLedger& ledger() const { return ledger_; }
  const std::string& delivered_message() const { return delivered_message_; }

 private:
  struct Publisher {
    std::uint16_t number;
    std::uint64_t published = 0;
    std::uint64_t goal = 0;
    bool busy = false;  // between on_begin() and having published it all
  };

  bool may_publish(const Publisher& publisher) const;
  void publish(Publisher& publisher);
  void report_deliveries();

  const FanoutOptions& options_;
  FanoutShared& shared_;
  Worker& worker_;
  DeliveryLedger ledger_;
  StampedMessage message_;
  std::string command_;
  std::vector<Publisher> publishers_;     // this shard's
  std::vector<std::uint32_t> delivered_;  // in this turn, by publisher
  std::string delivered_message_;
};

}  // namespace sanjay::bench
