// SPDX-License-Identifier: Apache-2.0
#include "bench/payload/delivery_ledger.h"

#include "core/assert.h"

#include <iterator>

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

bool DeliveryLedger::forgive(std::size_t receiver, const Stamp& stamp) {
  if (stamp.sequence >= next_[receiver * publishers_ + stamp.publisher]) return false;
  missing_.erase({receiver, stamp.publisher, stamp.sequence});
  return true;
}

DeliveryFaults DeliveryLedger::faults_so_far() const {
  DeliveryFaults faults;
  faults.lost = missing_.size() + missing_uncounted_;
  faults.duplicate = duplicate_;
  faults.misordered = misordered_;
  return faults;
}

std::uint64_t DeliveryLedger::missing_end(std::size_t receiver,
                                          std::span<const std::uint64_t> sent) const {
  ASSERT(sent.size() == publishers_);
  std::uint64_t missing = 0;
  for (std::size_t publisher = 0; publisher < publishers_; ++publisher) {
    const std::uint64_t next = next_[receiver * publishers_ + publisher];
    if (next < sent[publisher]) missing += sent[publisher] - next;
  }
  return missing;
}

std::uint64_t DeliveryLedger::received(std::size_t receiver) const {
  std::uint64_t count = 0;
  for (std::size_t publisher = 0; publisher < publishers_; ++publisher) {
    count += next_[receiver * publishers_ + publisher];
  }
  const auto first = missing_.lower_bound({receiver, 0, 0});
  const auto end = missing_.lower_bound({receiver + 1, 0, 0});
  return count - static_cast<std::uint64_t>(std::distance(first, end));
}

DeliveryFaults DeliveryLedger::faults(const std::vector<std::uint64_t>& sent,
                                      std::uint64_t& order) const {
  DeliveryFaults faults = faults_so_far();
  for (std::size_t receiver = 0; receiver < order_.size(); ++receiver) {
    const std::uint64_t missing = missing_end(receiver, sent);
    faults.lost += missing;
    if (missing > 0) continue;
    if (order == 0) order = order_[receiver];
    if (order_[receiver] != order) ++faults.differing_streams;
  }
  return faults;
}

}  // namespace sanjay::bench
