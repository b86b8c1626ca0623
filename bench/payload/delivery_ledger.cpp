// SPDX-License-Identifier: Apache-2.0
#include "bench/payload/delivery_ledger.h"

#include "core/assert.h"

namespace sanjay::bench {

DeliveryLedger::DeliveryLedger(std::size_t receivers, std::size_t publishers)
    : publishers_(publishers), next_(receivers * publishers), order_(receivers) {}

void DeliveryLedger::record(std::size_t receiver, const Stamp& stamp) {
  if (stamp.publisher >= publishers_) {  // somebody else publishes here, or bytes were damaged
    ++duplicate_;
    return;
  }
  // FNV-1a over whole words: receivers agree on it only if they saw the same order.
  constexpr std::uint64_t kPrime = 0x100000001b3;
  std::uint64_t& order = order_[receiver];
  order = (order ^ (std::uint64_t{stamp.publisher} << 48 | stamp.sequence) ^ kPrime) * kPrime;

  std::uint64_t& next = next_[receiver * publishers_ + stamp.publisher];
  if (stamp.sequence == next) {
    ++next;
  } else if (stamp.sequence > next) {
    for (std::uint64_t skipped = next; skipped < stamp.sequence; ++skipped) {
      if (missing_.size() == kMissingMax) {
        missing_uncounted_ += stamp.sequence - skipped;
        break;
      }
      missing_.emplace(receiver, stamp.publisher, skipped);
    }
    next = stamp.sequence + 1;
  } else if (missing_.erase({receiver, stamp.publisher, stamp.sequence}) > 0) {
    ++misordered_;
  } else {
    ++duplicate_;
  }
}

DeliveryFaults DeliveryLedger::faults(const std::vector<std::uint64_t>& sent,
                                      std::uint64_t& order) const {
  ASSERT(sent.size() == publishers_);
  DeliveryFaults faults;
  faults.lost = missing_.size() + missing_uncounted_;
  faults.duplicate = duplicate_;
  faults.misordered = misordered_;
  for (std::size_t receiver = 0; receiver < order_.size(); ++receiver) {
    bool complete = true;
    for (std::size_t publisher = 0; publisher < publishers_; ++publisher) {
      const std::uint64_t next = next_[receiver * publishers_ + publisher];
      if (next < sent[publisher]) faults.lost += sent[publisher] - next;
      complete = complete && next >= sent[publisher];
    }
    if (!complete) continue;
    if (order == 0) order = order_[receiver];
    if (order_[receiver] != order) ++faults.differing_streams;
  }
  return faults;
}

}  // namespace sanjay::bench
