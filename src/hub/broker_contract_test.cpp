// SPDX-License-Identifier: Apache-2.0
#include "hub/broker_contract_test.h"

#include "hub/memory_broker.h"
#include "hub/test_broker.h"

namespace sanjay::hub {
namespace {

constexpr core::Instant kStart{std::chrono::hours(1)};

template <class SomeBroker>
class InMemory {
 public:
  static constexpr bool kCanPassTime = true;

  InMemory() : broker_({.key = {1, 2}}, 3, now_) {}
  Broker& broker() { return broker_; }
  void turn() { broker_.poll(now_); }
  void pass(core::Duration duration) {
    now_ += duration;
    turn();
  }

 private:
  core::Instant now_ = kStart;
  SomeBroker broker_;
};

using Brokers = testing::Types<InMemory<MemoryBroker>, InMemory<TestBroker>>;
INSTANTIATE_TYPED_TEST_SUITE_P(InMemory, BrokerContract, Brokers);

}  // namespace
}  // namespace sanjay::hub
