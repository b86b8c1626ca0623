// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/handshake_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace sanjay::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

core::Instant at(core::Duration time) { return core::Instant(seconds(100) + time); }
core::ConnectionId id(std::uint32_t slot) { return {slot, 1, 0}; }

TlsLimits limits() {
  TlsLimits limits;
  limits.handshakes_max = 2;
  limits.waiting_max = 3;
  limits.handshake_time_max = seconds(10);
  limits.silence_max = milliseconds(100);
  return limits;
}

TEST(HandshakeQueue, ManyAtATimeAndSomeWaitAndNoMore) {
  HandshakeQueue queue(limits());
  std::vector<std::unique_ptr<PendingHandshake>> all;
  for (std::uint32_t i = 0; i < 5; ++i) {
    all.push_back(queue.begin(id(i), at({})));
    ASSERT_NE(all.back(), nullptr);
    EXPECT_EQ(all.back()->waits(), i >= 2) << i;
  }
  EXPECT_EQ(queue.begin(id(5), at({})), nullptr);
  EXPECT_EQ(queue.size(), 5U);
  EXPECT_EQ(queue.waiting(), 3U);
  EXPECT_EQ(queue.take_waiting(at({})), nullptr) << "no place is free";

  all[1].reset();
  PendingHandshake* next = queue.take_waiting(at({}));
  ASSERT_EQ(next, all[2].get()) << "first come, first served";
  EXPECT_FALSE(next->waits());
  EXPECT_EQ(queue.take_waiting(at({})), nullptr);
  all[3].reset();  // while it waits
  all[0].reset();
  EXPECT_EQ(queue.take_waiting(at({})), all[4].get());
  EXPECT_EQ(queue.waiting(), 0U);
  all.clear();
  EXPECT_TRUE(queue.empty());
}

TEST(HandshakeQueue, NobodyPassesThoseWhoWait) {
  HandshakeQueue queue(limits());
  auto first = queue.begin(id(0), at({}));
  auto second = queue.begin(id(1), at({}));
  auto third = queue.begin(id(2), at({}));
  first.reset();
  const auto fourth = queue.begin(id(3), at({}));
  EXPECT_TRUE(fourth->waits()) << "the free place is the third's";
  EXPECT_EQ(queue.take_waiting(at({})), third.get());
}

TEST(HandshakeQueue, StepsAreTakenInTheOrderOfTheirCauses) {
  HandshakeQueue queue(limits());
  const auto first = queue.begin(id(0), at({}));
  auto second = queue.begin(id(1), at({}));
  EXPECT_EQ(queue.take_ready(at({})), nullptr);
  queue.make_ready(*second);
  queue.make_ready(*first);
  queue.make_ready(*second);
  EXPECT_TRUE(queue.has_ready());
  EXPECT_EQ(queue.take_ready(at({})), second.get());
  EXPECT_EQ(queue.take_ready(at({})), first.get());
  EXPECT_EQ(queue.take_ready(at({})), nullptr);
  queue.make_ready(*second);
  second.reset();
  EXPECT_FALSE(queue.has_ready());
}

TEST(HandshakeQueue, ASilentPeerKeepsNobodyWaiting) {
  HandshakeQueue queue(limits());
  const auto silent = queue.begin(id(0), at({}));
  const auto busy = queue.begin(id(1), at({}));
  const auto waiting = queue.begin(id(2), at({}));
  const auto last = queue.begin(id(3), at({}));
  queue.make_ready(*busy);
  ASSERT_EQ(queue.take_ready(at(milliseconds(50))), busy.get());
  EXPECT_EQ(queue.next_deadline(), at(milliseconds(100)));
  EXPECT_EQ(queue.take_waiting(at(milliseconds(100) - nanoseconds(1))), nullptr);
  EXPECT_EQ(queue.take_waiting(at(milliseconds(100))), waiting.get());
  EXPECT_EQ(queue.take_waiting(at(milliseconds(100))), nullptr) << "the busy one is not silent yet";
  EXPECT_FALSE(silent->waits()) << "it goes on when it speaks";
  queue.make_ready(*silent);
  EXPECT_EQ(queue.take_ready(at(milliseconds(120))), silent.get());
  EXPECT_EQ(queue.take_waiting(at(milliseconds(150))), last.get());
}

TEST(HandshakeQueue, OneThatWaitsForUsIsNotSilent) {
  TlsLimits one = limits();
  one.handshakes_max = 1;
  HandshakeQueue queue(one);
  const auto first = queue.begin(id(0), at({}));
  const auto second = queue.begin(id(1), at({}));
  queue.make_ready(*first);
  EXPECT_EQ(queue.take_waiting(at(seconds(5))), nullptr);
  EXPECT_EQ(queue.take_ready(at(seconds(5))), first.get());
  EXPECT_EQ(queue.take_waiting(at(seconds(5) + milliseconds(100))), second.get());
}

TEST(HandshakeQueue, EachHasItsTimeWaitingIncluded) {
  HandshakeQueue queue(limits());
  EXPECT_EQ(queue.next_deadline(), core::kNever);
  auto first = queue.begin(id(0), at({}));
  auto second = queue.begin(id(1), at(seconds(1)));
  auto third = queue.begin(id(2), at(seconds(1)));
  EXPECT_TRUE(third->waits());
  queue.make_ready(*first);
  queue.take_ready(at(seconds(9)));  // it speaks now and then, which buys no time
  EXPECT_EQ(queue.overdue(at(seconds(10) - nanoseconds(1))), nullptr);
  EXPECT_EQ(queue.overdue(at(seconds(10))), first.get());
  first.reset();
  EXPECT_EQ(queue.overdue(at(seconds(10))), nullptr);
  EXPECT_EQ(queue.overdue(at(seconds(11))), second.get());
  second.reset();
  EXPECT_EQ(queue.overdue(at(seconds(11))), third.get());
  third.reset();
  EXPECT_EQ(queue.next_deadline(), core::kNever);
}

}  // namespace
}  // namespace sanjay::runtime
