// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/payload/stamp.h"
#include "core/time.h"

#include <cstdint>
#include <numeric>

namespace sanjay::bench {

/// Which message of an open-loop run is due when, where and from whom: message k is due k / rate
/// after the start, goes to channel k % channels and is published by publisher k % publishers. So
/// each channel meets its publishers in a fixed turn, and what a subscriber must get follows from
/// how far each publisher has come. Values above 0.
struct MessageSchedule {
  std::uint32_t channels = 1;
  std::uint32_t publishers = 1;
  double rate = 1;  // messages per second

  core::Duration due_after(std::uint64_t message) const {
    return core::Duration(
        static_cast<std::int64_t>(static_cast<double>(message) / rate * 1'000'000'000));
  }
  std::uint32_t channel_of(std::uint64_t message) const {
    return static_cast<std::uint32_t>(message % channels);
  }
  std::uint16_t publisher_of(std::uint64_t message) const {
    return static_cast<std::uint16_t>(message % publishers);
  }

  /// How many publishers each channel has.
  std::uint32_t publishers_per_channel() const {
    return publishers / std::gcd(channels, publishers);
  }
  /// The message among those of its channel: from the channel's manieth publisher, and that one's
  /// manieth message there, both from 0.
  Stamp place_of(std::uint64_t message) const {
    const std::uint64_t turn = message / channels;
    const std::uint32_t turns = publishers_per_channel();
    return {.publisher = static_cast<std::uint16_t>(turn % turns), .sequence = turn / turns};
  }
  /// The channel's manieth publisher, by his number in the run.
  std::uint16_t publisher_in(std::uint32_t channel, std::uint32_t manieth) const {
    return publisher_of(channel + std::uint64_t{channels} * manieth);
  }
  /// How many messages the channel's manieth publisher has sent to it when the next one of his is
  /// `next`.
  std::uint64_t sent_in(std::uint32_t channel, std::uint32_t manieth, std::uint64_t next) const {
    const std::uint64_t first = channel + std::uint64_t{channels} * manieth;
    const std::uint64_t step = std::uint64_t{channels} * publishers_per_channel();
    return next > first ? (next - first - 1) / step + 1 : 0;
  }
};

}  // namespace sanjay::bench
