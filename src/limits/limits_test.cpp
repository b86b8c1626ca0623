// SPDX-License-Identifier: Apache-2.0
#include "core/random.h"
#include "limits/connection_admission.h"
#include "limits/token_bucket.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace sanjay::limits {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr core::Instant kStart{seconds(1000)};

core::IpAddress v4(std::uint32_t number) {
  core::IpAddress address;
  address.bytes[10] = address.bytes[11] = 0xff;
  for (std::size_t i = 0; i < 4; ++i) {
    address.bytes[12 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  }
  return address;
}

TEST(TokenBucket, GivesItsCapacityAtOnceAndNotOneMore) {
  const TokenRate rate{10, 5};
  TokenBucket bucket(rate, kStart);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(bucket.take(rate, 1, kStart)) << i;
  const auto refused = bucket.take(rate, 1, kStart);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), milliseconds(100));
}

TEST(TokenBucket, IsRightAboutWhenToAskAgainToTheNanosecond) {
  for (const std::uint32_t per_second : {1U, 3U, 7U, 1000U, 262'144U, 1'000'000'007U}) {
    const TokenRate rate{per_second, 1000};
    TokenBucket bucket(rate, kStart);
    ASSERT_TRUE(bucket.take(rate, 997, kStart));
    for (const std::uint32_t n : {4U, 1U, 100U, 1000U}) {
      TokenBucket tried = bucket;
      const auto refused = tried.take(rate, n, kStart);
      if (n < 4) {
        EXPECT_TRUE(refused);
        continue;
      }
      ASSERT_FALSE(refused);
      EXPECT_FALSE(TokenBucket(bucket).take(rate, n, kStart + refused.error() - nanoseconds(1)));
      EXPECT_TRUE(TokenBucket(bucket).take(rate, n, kStart + refused.error()));
    }
  }
}

TEST(TokenBucket, OverALongTimeGivesExactlyItsRate) {
  const TokenRate rate{3, 6};
  TokenBucket bucket(rate, kStart);
  core::Random random(1);
  core::Instant now = kStart;
  std::uint64_t taken = 0;
  while (now < kStart + hours(1)) {
    if (bucket.take(rate, 1, now)) {
      ++taken;
    } else {
      now += nanoseconds(1 + random.below(400'000'000));
    }
  }
  // What it held at first and one hour's worth, but for what is in it now or was never asked for.
  EXPECT_LE(taken, 6u + 3 * 3600 + 3);
  EXPECT_GE(taken, 3 * 3600 - 6u);
}

TEST(TokenBucket, RefusesForEverWhatItCannotHold) {
  const TokenRate rate{1'000'000, 10};
  TokenBucket bucket(rate, kStart);
  EXPECT_EQ(bucket.take(rate, 11, kStart + hours(1000)).error(), kRetryNever);
  EXPECT_TRUE(bucket.take(rate, 10, kStart)) << "a refusal takes nothing";
  EXPECT_TRUE(bucket.take(rate, 0, kStart));
}

TEST(TokenBucket, StandsTimeThatRunsBackwardsAndLongPauses) {
  const TokenRate rate{1, 2};
  TokenBucket bucket(rate, kStart);
  ASSERT_TRUE(bucket.take(rate, 2, kStart));
  EXPECT_EQ(bucket.take(rate, 1, kStart - seconds(100)).error(), seconds(1));
  EXPECT_EQ(bucket.take(rate, 1, core::Instant::min()).error(), seconds(1));
  EXPECT_FALSE(bucket.take(rate, 1, kStart)) << "going back and forth refills nothing";
  EXPECT_TRUE(bucket.take(rate, 1, kStart + seconds(1)));

  const TokenRate largest{UINT32_MAX, UINT32_MAX};
  TokenBucket big(largest, kStart);
  ASSERT_TRUE(big.take(largest, UINT32_MAX, kStart));
  EXPECT_EQ(big.take(largest, UINT32_MAX, kStart).error(), seconds(1));
  EXPECT_TRUE(big.take(largest, UINT32_MAX, core::kNever));
  EXPECT_FALSE(big.take(largest, 1, core::kNever)) << "never more than the capacity";
}

TEST(AdmissionPerAddress, TakesNAndRefusesTheNextUntilOneLeaves) {
  ConnectionAdmission admission({.per_address_max = 3, .key = {1, 2}});
  std::vector<Ticket> tickets;
  for (int i = 0; i < 3; ++i) {
    auto ticket = admission.enter(v4(1));
    ASSERT_TRUE(ticket && *ticket) << i;
    tickets.push_back(*std::move(ticket));
  }
  EXPECT_FALSE(admission.enter(v4(1)));
  EXPECT_FALSE(admission.enter(v4(1))) << "a refusal changes nothing";
  EXPECT_TRUE(admission.enter(v4(2))) << "others are not concerned";
  tickets.pop_back();
  auto again = admission.enter(v4(1));
  EXPECT_TRUE(again);
  EXPECT_FALSE(admission.enter(v4(1)));
  tickets.clear();
  again.reset();
  EXPECT_EQ(admission.addresses(), 0u);
}

TEST(AdmissionPerAddress, CountsAnIpv6NetworkOf64BitsAsOne) {
  ConnectionAdmission admission({.per_address_max = 1, .key = {1, 2}});
  const auto first = admission.enter(*core::IpAddress::parse("2001:db8:0:1::1"));
  EXPECT_TRUE(first);
  EXPECT_FALSE(admission.enter(*core::IpAddress::parse("2001:db8:0:1:ffff:ffff:ffff:ffff")));
  EXPECT_TRUE(admission.enter(*core::IpAddress::parse("2001:db8:0:2::1")));
}

TEST(AdmissionPerAddress, WithoutALimitCountsNothing) {
  ConnectionAdmission admission({.key = {1, 2}});
  const auto ticket = admission.enter(v4(1));
  ASSERT_TRUE(ticket);
  EXPECT_FALSE(*ticket);
  EXPECT_EQ(admission.addresses(), 0u);
}

TEST(AdmissionPerAddress, ATicketIsOnePlaceHoweverItIsMoved) {
  static_assert(!std::is_copy_constructible_v<Ticket> && !std::is_copy_assignable_v<Ticket>);
  ConnectionAdmission admission({.per_address_max = 2, .key = {1, 2}});
  Ticket a = *admission.enter(v4(1));
  Ticket b = std::move(a);
  EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move): empty is what is promised
  Ticket& same = b;
  b = std::move(same);
  EXPECT_TRUE(b);
  a = *admission.enter(v4(1));
  EXPECT_FALSE(admission.enter(v4(1)));
  a = std::move(b);  // gives back the place it held
  auto free = admission.enter(v4(1));
  EXPECT_TRUE(free);
  EXPECT_FALSE(admission.enter(v4(1)));
  a = {};
  free.reset();
  EXPECT_EQ(admission.addresses(), 0u);
}

TEST(AdmissionPerAddress, AMillionAddressesLeaveNothingBehind) {
  ConnectionAdmission admission({.per_address_max = 5, .key = {1, 2}});
  const std::size_t slots_before = admission.table_slots();
  {
    std::vector<Ticket> tickets;
    tickets.reserve(1'000'000);
    for (std::uint32_t i = 0; i < 1'000'000; ++i) tickets.push_back(*admission.enter(v4(i)));
    EXPECT_EQ(admission.addresses(), 1'000'000u);
    EXPECT_GE(admission.table_slots(), 1'000'000u);
  }
  EXPECT_EQ(admission.addresses(), 0u);
  EXPECT_LE(admission.table_slots(), slots_before + 64 * 64);
}

TEST(AdmissionRate, TakesOneSecondsWorthAndThenTheRate) {
  ConnectionAdmission admission({.rate_max = 4, .key = {1, 2}});
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(admission.admit(kStart)) << i;
  const auto refused = admission.admit(kStart);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), milliseconds(250));
  EXPECT_FALSE(admission.admit(kStart + milliseconds(249)));
  EXPECT_TRUE(admission.admit(kStart + milliseconds(250)));
  EXPECT_FALSE(admission.admit(kStart + milliseconds(250)));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(admission.admit(kStart + seconds(60))) << i;
  EXPECT_FALSE(admission.admit(kStart + seconds(60))) << "a pause saves up one second's worth";
}

TEST(AdmissionRate, WithoutALimitAdmitsAlways) {
  ConnectionAdmission admission({.key = {1, 2}});
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(admission.admit(kStart));
}

// For ThreadSanitizer, and for counts that would show a lost update.
TEST(AdmissionThreads, NeverHaveMoreThanTheLimitInAndLeaveNothing) {
  constexpr std::uint32_t kMax = 3;
  constexpr std::uint32_t kAddresses = 8;
  ConnectionAdmission admission({.per_address_max = kMax, .rate_max = 1000, .key = {1, 2}});
  std::array<std::atomic<std::uint32_t>, kAddresses> inside{};
  std::atomic<std::uint32_t> entered{0};
  std::atomic<std::uint32_t> admitted{0};
  std::atomic<bool> exceeded{false};
  const auto work = [&](std::uint64_t seed) {
    core::Random random(seed);
    struct Place {
      std::uint32_t address;
      Ticket ticket;
    };
    std::vector<Place> places;
    const auto leave = [&](std::size_t i) {
      inside[places[i].address].fetch_sub(1);
      places.erase(places.begin() + static_cast<std::ptrdiff_t>(i));
    };
    for (int i = 0; i < 20'000; ++i) {
      if (admission.admit(kStart)) admitted.fetch_add(1);
      if (!places.empty() && random.below(2) == 0) {
        leave(random.below(places.size()));
        continue;
      }
      const auto address = static_cast<std::uint32_t>(random.below(kAddresses));
      auto ticket = admission.enter(v4(address));
      if (!ticket) continue;
      entered.fetch_add(1);
      if (inside[address].fetch_add(1) >= kMax) exceeded = true;
      places.push_back({address, *std::move(ticket)});
    }
    while (!places.empty()) leave(0);
  };
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) threads.emplace_back(work, seed);
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(exceeded);
  EXPECT_GT(entered, 1000u);
  EXPECT_EQ(admitted, 1000u);
  EXPECT_EQ(admission.addresses(), 0u);
}

}  // namespace
}  // namespace sanjay::limits
