// SPDX-License-Identifier: Apache-2.0
#include "auth/key_cache.h"

#include "auth/signing_test.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace sanjay::auth {
namespace {

using namespace std::chrono_literals;
using State = KeyLookup::State;

constexpr core::Instant kStart{1000h};

std::shared_ptr<const KeySet> keys_named(std::initializer_list<const char*> kids) {
  static const std::string pem = TestKey::named("ED25519").public_pem();
  auto set = std::make_shared<KeySet>();
  for (const char* kid : kids) {
    set->keys.push_back({kid, {}, PublicKey::read_pem(KeyType::Ed25519, pem).value().at(0)});
  }
  return set;
}

/// A cache and the time, with the fetches an owner would make.
struct Rig {
  explicit Rig(const KeyCacheOptions& options = {}, std::uint64_t seed = 1)
      : cache(options, seed) {}

  State ask(std::string_view kid) { return cache.look_up(kid, now).state; }
  bool begin() { return cache.begin_fetch(now); }
  void fetch(std::shared_ptr<const KeySet> keys) {
    ASSERT(begin());
    cache.on_fetched(std::move(keys), now);
  }
  void fail() {
    ASSERT(begin());
    cache.on_failed(now);
  }

  KeyCache cache;
  core::Instant now = kStart;
};

TEST(KeyCache, FetchesAtOnceAndServesWhatItGot) {
  Rig rig;
  EXPECT_LE(rig.cache.next_fetch_at(), rig.now);
  EXPECT_EQ(rig.ask("a"), State::Pending) << "before the first fetch";
  EXPECT_TRUE(rig.begin());
  EXPECT_EQ(rig.ask("a"), State::Pending) << "during it";
  const auto keys = keys_named({"a", "b"});
  rig.cache.on_fetched(keys, rig.now);
  const auto found = rig.cache.look_up("a", rig.now);
  EXPECT_EQ(found.state, State::Known);
  EXPECT_EQ(found.keys, keys) << "shared, not copied";
  EXPECT_EQ(rig.ask("b"), State::Known);
  EXPECT_EQ(rig.ask(""), State::Known) << "all keys";
  EXPECT_EQ(rig.ask("c"), State::Unknown) << "fetched this moment";
}

TEST(KeyCache, FetchesAreSingle) {
  Rig rig;
  EXPECT_TRUE(rig.begin());
  for (int i = 0; i < 1000; ++i) {
    rig.now += 1s;
    EXPECT_EQ(rig.ask("k" + std::to_string(i)), State::Pending);
    EXPECT_FALSE(rig.begin());
  }
  EXPECT_EQ(rig.cache.next_fetch_at(), core::kNever);
  EXPECT_EQ(rig.cache.status().fetches, 1U);
}

TEST(KeyCache, RenewsKeysWithinTheIntervalAskedForOrNot) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Rig rig({.refresh_interval = 1h}, seed);
    rig.fetch(keys_named({"a"}));
    const core::Instant next = rig.cache.next_fetch_at();
    EXPECT_GE(next, kStart + 54min);
    EXPECT_LE(next, kStart + 60min);
    rig.now = next - 1ns;
    EXPECT_FALSE(rig.begin());
    EXPECT_EQ(rig.ask("a"), State::Known);
    rig.now = next;
    EXPECT_TRUE(rig.begin());
    EXPECT_EQ(rig.ask("a"), State::Known) << "served while the new ones come";
    rig.cache.on_fetched(keys_named({"b"}), rig.now);
    EXPECT_EQ(rig.ask("b"), State::Known);
    EXPECT_EQ(rig.ask("a"), State::Unknown) << "what the issuer took away is gone";
  }
}

TEST(KeyCache, ServersDoNotRenewInStep) {
  Rig first({}, 1);
  Rig second({}, 2);
  first.fetch(keys_named({"a"}));
  second.fetch(keys_named({"a"}));
  EXPECT_NE(first.cache.next_fetch_at(), second.cache.next_fetch_at());
}

TEST(KeyCache, AnUnknownKidBringsARotatedKey) {
  Rig rig;
  rig.fetch(keys_named({"a"}));
  rig.now += 30s;
  const auto found = rig.cache.look_up("b", rig.now);
  EXPECT_EQ(found.state, State::Pending);
  EXPECT_EQ(found.retry_at, rig.now + 5s);
  EXPECT_EQ(rig.cache.next_fetch_at(), kStart + 30s) << "at once";
  rig.fetch(keys_named({"a", "b"}));
  EXPECT_EQ(rig.ask("b"), State::Known);
}

TEST(KeyCache, AFloodOfUnknownKidsCostsOneFetchInThirtySeconds) {
  Rig rig;
  rig.fetch(keys_named({"a"}));
  core::Instant last_fetch = rig.now;
  std::uint64_t fetches = 0;
  // 10,000 names within 100 s, and whatever fetch they bring is done 50 ms later.
  for (int i = 0; i < 10'000; ++i) {
    rig.now += 10ms;
    const State state = rig.ask("made-up-" + std::to_string(i));
    EXPECT_EQ(state == State::Unknown, rig.now < last_fetch + 30s) << i;
    if (rig.cache.next_fetch_at() > rig.now) continue;
    EXPECT_TRUE(rig.begin());
    EXPECT_GE(rig.now - last_fetch, 30s);
    last_fetch = rig.now;
    ++fetches;
    rig.now += 50ms;
    EXPECT_EQ(rig.ask("during"), State::Pending);
    rig.cache.on_fetched(keys_named({"a"}), rig.now);
    EXPECT_EQ(rig.ask("a"), State::Known);
  }
  EXPECT_EQ(fetches, 3U);
}

TEST(KeyCache, AFloodDoesNotHurryAnIssuerThatIsDown) {
  Rig rig;
  rig.fetch(keys_named({"a"}));
  std::uint64_t attempts = 0;
  core::Instant last = rig.now;
  for (int i = 0; i < 10'000; ++i) {
    rig.now += 10ms;
    EXPECT_NE(rig.ask("made-up-" + std::to_string(i)), State::Known);
    if (rig.cache.next_fetch_at() > rig.now) continue;
    EXPECT_GE(rig.now - last, 30s);
    last = rig.now;
    rig.fail();
    ++attempts;
    EXPECT_EQ(rig.ask("b"), State::Unavailable) << "not Unknown: nobody can tell";
    EXPECT_EQ(rig.cache.look_up("b", rig.now).retry_at, rig.now + 30s);
    EXPECT_EQ(rig.ask("a"), State::Known);
  }
  EXPECT_EQ(attempts, 3U);
}

TEST(KeyCache, WithoutAnyKeyItIsUnavailableBetweenAttempts) {
  Rig rig;
  rig.fail();
  const auto found = rig.cache.look_up("a", rig.now);
  EXPECT_EQ(found.state, State::Unavailable);
  EXPECT_EQ(found.retry_at, rig.cache.next_fetch_at());
  EXPECT_EQ(rig.ask(""), State::Unavailable);
  rig.now = found.retry_at;
  EXPECT_EQ(rig.ask("a"), State::Pending);
  rig.fetch(keys_named({"a"}));
  EXPECT_EQ(rig.ask("a"), State::Known);
  EXPECT_EQ(rig.cache.status().failures_in_a_row, 0U);
  EXPECT_EQ(rig.cache.status().failures, 1U);
}

TEST(KeyCache, BacksOffFromOneSecondToThirtyAndNotInStep) {
  bool differ = false;
  core::Duration before{};
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Rig rig({}, seed);
    core::Duration longest = 1s;
    for (int i = 0; i < 12; ++i) {
      rig.fail();
      const core::Duration wait = rig.cache.next_fetch_at() - rig.now;
      EXPECT_GE(wait, std::max<core::Duration>(1s, longest / 2)) << i;
      EXPECT_LE(wait, longest) << i;
      rig.now = rig.cache.next_fetch_at() - 1ns;
      EXPECT_FALSE(rig.begin());
      rig.now += 1ns;
      longest = std::min<core::Duration>(2 * longest, 30s);
      if (i == 11) differ = differ || (seed > 0 && wait != before);
      before = wait;
    }
  }
  EXPECT_TRUE(differ);
}

TEST(KeyCache, LastGoodKeysOutliveAnyOutage) {
  Rig rig;
  rig.fetch(keys_named({"a"}));
  for (int i = 0; i < 10'000; ++i) {
    rig.now = std::max(rig.now, rig.cache.next_fetch_at());
    EXPECT_EQ(rig.ask("a"), State::Known);
    rig.fail();
    EXPECT_EQ(rig.ask("a"), State::Known);
  }
  EXPECT_GT(rig.now - kStart, 24h);
  const auto status = rig.cache.status();
  EXPECT_EQ(status.keys, 1U);
  EXPECT_EQ(status.keys_since, kStart);
  EXPECT_EQ(status.failures_in_a_row, 10'000U);
  rig.now = std::max(rig.now, rig.cache.next_fetch_at());
  rig.fetch(keys_named({"b"}));
  EXPECT_EQ(rig.ask("b"), State::Known);
  EXPECT_GE(rig.cache.next_fetch_at(), rig.now + 54min) << "and the schedule is as before";
}

TEST(KeyCache, AFailureOfARenewalIsTriedAgainSoonerThanAnHour) {
  Rig rig;
  rig.fetch(keys_named({"a"}));
  rig.now = rig.cache.next_fetch_at();
  rig.fail();
  EXPECT_LE(rig.cache.next_fetch_at(), rig.now + 1s);
  EXPECT_GE(rig.cache.next_fetch_at(), rig.now + 1s);
}

TEST(KeyCache, AnotherIntervalCountsFromWhenTheKeysWereFetched) {
  Rig rig;
  rig.fetch(keys_named({"a"}));
  rig.now += 10min;
  rig.cache.set_refresh_interval(2h);
  EXPECT_GE(rig.cache.next_fetch_at(), kStart + 108min);
  EXPECT_LE(rig.cache.next_fetch_at(), kStart + 120min);
  rig.cache.set_refresh_interval(5min);
  EXPECT_LE(rig.cache.next_fetch_at(), rig.now) << "overdue";
  EXPECT_EQ(rig.ask("a"), State::Known);
  rig.fail();
  const core::Instant next = rig.cache.next_fetch_at();
  rig.cache.set_refresh_interval(1min);
  EXPECT_EQ(rig.cache.next_fetch_at(), next) << "an outage keeps its pace";
}

// GHSA-g6vg-wj8f-48cj: a cache by kid alone let a key of one issuer verify tokens of another.
TEST(Advisory, GhsaG6vgEachEndpointHasItsOwnKeys) {
  Rig first;
  Rig second;
  first.fetch(keys_named({"shared", "first"}));
  second.fetch(keys_named({"shared"}));
  EXPECT_NE(first.cache.look_up("shared", kStart).keys,
            second.cache.look_up("shared", kStart).keys);
  EXPECT_EQ(first.ask("first"), State::Known);
  EXPECT_EQ(second.ask("first"), State::Unknown);
}

}  // namespace
}  // namespace sanjay::auth
