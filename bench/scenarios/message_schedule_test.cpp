// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/message_schedule.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace sanjay::bench {
namespace {

TEST(MessageSchedule, IsDueAtTheRate) {
  const MessageSchedule schedule{.channels = 1, .publishers = 1, .rate = 4};
  EXPECT_EQ(schedule.due_after(0), core::Duration(0));
  EXPECT_EQ(schedule.due_after(6), std::chrono::milliseconds(1500));
}

// Every shape against a plain count: each publisher's messages in a channel are numbered without a
// hole, and how many there are is known from how far the publisher has come.
TEST(MessageSchedule, NumbersTheMessagesOfEachChannelAndPublisher) {
  for (std::uint32_t channels = 1; channels <= 7; ++channels) {
    for (std::uint32_t publishers = 1; publishers <= 7; ++publishers) {
      const MessageSchedule schedule{channels, publishers, 1};
      std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> sent;  // channel, manieth
      for (std::uint64_t k = 0; k < 300; ++k) {
        const std::uint32_t channel = schedule.channel_of(k);
        const Stamp place = schedule.place_of(k);
        ASSERT_LT(place.publisher, schedule.publishers_per_channel());
        ASSERT_EQ(schedule.publisher_in(channel, place.publisher), schedule.publisher_of(k));
        ASSERT_EQ(place.sequence, (sent[{channel, place.publisher}]++));
        const std::uint64_t next = k + publishers;
        ASSERT_EQ(schedule.sent_in(channel, place.publisher, next), place.sequence + 1);
        ASSERT_EQ(schedule.sent_in(channel, place.publisher, k), place.sequence);
      }
    }
  }
}

}  // namespace
}  // namespace sanjay::bench
