// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/payload/stamp.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <tuple>
#include <vector>

namespace sanjay::bench {

/// What the ledger found wrong; all zero means: each message exactly once and in order.
struct DeliveryFaults {
  std::uint64_t lost = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t misordered = 0;         // came, but after a later one of the same publisher
  std::uint64_t differing_streams = 0;  // complete receivers that saw publishers interleaved
                                        // in another order than the first complete one

  bool none() const { return lost + duplicate + misordered + differing_streams == 0; }
};

/// Keeps book of which receiver got which message: 8 bytes per receiver and publisher plus 8 per
/// receiver, and memory for the faults. Receivers and publishers are numbered from 0. One thread;
/// several shards keep one each and compare order_of() of complete receivers at the end.
class DeliveryLedger {
 public:
  DeliveryLedger(std::size_t receivers, std::size_t publishers);

  void record(std::size_t receiver, const Stamp& stamp);
  /// It turns out that the server has refused this message, so nobody was to get it. False: the
  /// receiver has not come that far, and the message is not to be counted as sent to him.
  bool forgive(std::size_t receiver, const Stamp& stamp);

  /// Faults given that each publisher has sent `sent[publisher]` messages. Interleavings are
  /// compared with `order`, which the first complete receiver sets when it is 0.
  DeliveryFaults faults(const std::vector<std::uint64_t>& sent, std::uint64_t& order) const;

  // The parts of it, where receivers differ in what they should have got.
  /// Faults among what has come: what was passed over and did not come later is lost.
  DeliveryFaults faults_so_far() const;
  /// How many messages behind the last ones that came the receiver lacks.
  std::uint64_t missing_end(std::size_t receiver, std::span<const std::uint64_t> sent) const;
  /// How many messages the receiver has got, each counted once.
  std::uint64_t received(std::size_t receiver) const;
  /// A hash of the order in which they came.
  std::uint64_t order_of(std::size_t receiver) const { return order_[receiver]; }

 private:
  // What came of a gap: kept only where something was passed over, up to kMissingMax entries;
  // beyond, lateness can no longer be told from repetition and counts as loss.
  using Missing = std::tuple<std::size_t, std::uint16_t, std::uint64_t>;
  static constexpr std::size_t kMissingMax = 1'000'000;

  const std::size_t publishers_;
  std::vector<std::uint64_t> next_;   // [receiver * publishers_ + publisher]
  std::vector<std::uint64_t> order_;  // [receiver]: hash of all stamps in order of arrival
  std::set<Missing> missing_;
  std::uint64_t missing_uncounted_ = 0;
  std::uint64_t duplicate_ = 0;
  std::uint64_t misordered_ = 0;
};

}  // namespace sanjay::bench
