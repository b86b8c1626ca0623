// SPDX-License-Identifier: Apache-2.0
#include "runtime/mailbox.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <thread>
#include <vector>

namespace sanjay::runtime {
namespace {

TEST(SpscRing, TakesExactlyItsCapacity) {
  SpscRing<int> ring(4);
  EXPECT_EQ(ring.free_slots(), 4U);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(int{i}));
  EXPECT_EQ(ring.free_slots(), 0U);
  EXPECT_FALSE(ring.push(9));
  ring.publish();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(ring.pop(), i);
  EXPECT_EQ(ring.pop(), std::nullopt);
  EXPECT_TRUE(ring.push(9));
}

TEST(SpscRing, ShowsNothingBeforePublish) {
  SpscRing<int> ring(4);
  EXPECT_FALSE(ring.publish());
  ring.push(1);
  EXPECT_FALSE(ring.has_mail());
  EXPECT_EQ(ring.pop(), std::nullopt);
  EXPECT_TRUE(ring.publish());
  EXPECT_FALSE(ring.publish());
  EXPECT_TRUE(ring.has_mail());
  EXPECT_EQ(ring.pop(), 1);
  EXPECT_FALSE(ring.has_mail());
}

TEST(SpscRing, FreeSlotsRiseWhenTheReceiverTakesThoughTheRingWasNeverFull) {
  // A sender that needs two slots and once saw one must not see one for ever.
  SpscRing<int> ring(4);
  for (int i = 0; i < 3; ++i) ring.push(int{i});
  ring.publish();
  EXPECT_EQ(ring.free_slots(), 1U);
  ring.pop();
  ring.pop();
  EXPECT_EQ(ring.free_slots(), 3U);
}

TEST(SpscRing, LeavesARefusedItemUntouchedAndLetsGoOfATakenOne) {
  SpscRing<std::shared_ptr<int>> ring(2);
  const auto item = std::make_shared<int>(1);
  ring.push(std::shared_ptr<int>(item));
  ring.push(std::shared_ptr<int>(item));
  auto refused = item;
  EXPECT_FALSE(ring.push(std::move(refused)));
  EXPECT_NE(refused, nullptr);
  refused.reset();
  ring.publish();
  ring.pop();
  ring.pop();
  EXPECT_EQ(item.use_count(), 1);
}

TEST(SpscRing, KeepsOrderBetweenTwoThreads) {
  constexpr std::uint64_t kItems = 200'000;
  SpscRing<std::uint64_t> ring(64);
  std::thread sender([&] {
    for (std::uint64_t i = 0; i < kItems;) {
      if (ring.push(std::uint64_t{i})) ++i;
      if (i % 7 == 0 || ring.free_slots() == 0) ring.publish();
      if (ring.free_slots() == 0) std::this_thread::yield();
    }
    ring.publish();
  });
  for (std::uint64_t expected = 0; expected < kItems;) {
    if (const auto item = ring.pop()) {
      ASSERT_EQ(*item, expected);
      ++expected;
    } else {
      std::this_thread::yield();
    }
  }
  sender.join();
  EXPECT_FALSE(ring.has_mail());
}

/// A thread that sleeps on an eventfd exactly as a shard does.
struct Sleeper {
  Sleeper() : descriptor(eventfd(0, EFD_NONBLOCK)) {}
  ~Sleeper() { close(descriptor); }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  void wake_if_asleep() {
    if (!flag.must_wake()) return;
    const std::uint64_t one = 1;
    EXPECT_EQ(write(descriptor, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }
  /// False when nobody woke it within the bound: a lost wake-up, or nothing to wait for.
  template <class HasMail>
  bool sleep_unless(HasMail&& has_mail) {
    flag.fall_asleep();
    bool woken = true;
    if (!has_mail()) {
      pollfd waiting{descriptor, POLLIN, 0};
      woken = poll(&waiting, 1, 20'000) > 0;
      std::uint64_t count = 0;
      if (woken) {
        EXPECT_EQ(read(descriptor, &count, sizeof count), static_cast<ssize_t>(sizeof count));
      }
    }
    flag.awake();
    return woken;
  }

  const int descriptor;
  SleepFlag flag;
};

TEST(SleepFlag, TellsOneSenderOnly) {
  SleepFlag flag;
  EXPECT_FALSE(flag.must_wake());
  flag.fall_asleep();
  EXPECT_TRUE(flag.must_wake());
  EXPECT_FALSE(flag.must_wake());
  flag.fall_asleep();
  flag.awake();
  EXPECT_FALSE(flag.must_wake());
}

TEST(SleepFlag, EitherTheSleeperSeesTheMailOrTheSenderSeesTheSleeper) {
  // The two fences are all that forbids both from looking too early; both threads are let go at the
  // same moment, round after round, so that a missing fence shows.
  constexpr std::uint64_t kRounds = 300'000;
  SpscRing<int> ring(2);
  SleepFlag flag;
  std::atomic<std::uint64_t> sleeper_at{0}, sender_at{0};
  const auto meet = [](std::atomic<std::uint64_t>& mine, const std::atomic<std::uint64_t>& other,
                       std::uint64_t step) {
    mine.store(step, std::memory_order_release);
    for (int spins = 0; other.load(std::memory_order_acquire) < step; ++spins) {
      if (spins > 2000) std::this_thread::yield();  // the other one has no CPU
    }
  };
  // Every offset between the two is tried: one is always a little ahead after a meeting.
  const auto delay = [&](std::uint64_t steps) {
    for (std::uint64_t i = 0; i < steps; ++i) sender_at.load(std::memory_order_relaxed);
  };
  bool told = false;  // handed over by the second meeting
  std::thread sender([&] {
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      ring.push(1);
      flag.must_wake();  // a copy of the flag in this CPU's cache makes its look fast, and early
      meet(sender_at, sleeper_at, 3 * round + 1);
      delay(round % 64);
      ring.publish();
      told = flag.must_wake();
      meet(sender_at, sleeper_at, 3 * round + 2);
      meet(sender_at, sleeper_at, 3 * round + 3);
    }
  });
  std::uint64_t lost = 0;
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    EXPECT_FALSE(ring.has_mail());  // likewise
    meet(sleeper_at, sender_at, 3 * round + 1);
    delay(round / 64 % 64);
    flag.fall_asleep();
    const bool seen = ring.has_mail();
    meet(sleeper_at, sender_at, 3 * round + 2);
    if (!seen && !told) ++lost;
    flag.awake();
    ring.pop();
    meet(sleeper_at, sender_at, 3 * round + 3);
  }
  sender.join();
  EXPECT_EQ(lost, 0U);
}

struct Letter {
  std::uint64_t number = 0;
};

/// Three shards, each sending to every shard (itself too) and sleeping whenever it has nothing to
/// do. Each must get all letters of each other, in order, and no wake-up may be lost.
class MailroomOfThree {
 public:
  static constexpr core::ShardIndex kShards = 3;
  static constexpr std::uint64_t kLetters = 30'000;

  void run() {
    std::vector<std::thread> threads;
    for (core::ShardIndex self = 0; self < kShards; ++self) {
      threads.emplace_back([this, self] { shard(self); });
    }
    for (auto& thread : threads) thread.join();
  }

 private:
  struct Progress {
    std::array<std::uint64_t, kShards> sent{};
    std::array<std::uint64_t, kShards> taken{};
    bool sent_all() const {
      return std::ranges::all_of(sent, [](auto n) { return n == kLetters; });
    }
    bool taken_all() const {
      return std::ranges::all_of(taken, [](auto n) { return n == kLetters; });
    }
  };

  void send(core::ShardIndex self, Progress& progress) {
    for (core::ShardIndex to = 0; to < kShards; ++to) {
      for (int burst = 0; burst < 5 && progress.sent[to] < kLetters; ++burst) {
        if (!room_.push(self, to, Letter{progress.sent[to]})) break;
        ++progress.sent[to];
      }
    }
    room_.publish(self, [this](core::ShardIndex to) { sleepers_[to].wake_if_asleep(); });
  }

  void shard(core::ShardIndex self) {
    Progress progress;
    while (!progress.sent_all() || !progress.taken_all()) {
      send(self, progress);
      std::uint64_t taken = 0;
      const bool left = room_.receive(self, 16, [&](core::ShardIndex from, Letter letter) {
        ++taken;
        EXPECT_EQ(letter.number, progress.taken[from]++);
      });
      // Only who has nothing to send may sleep: room in a ring wakes nobody.
      if (left || taken > 0 || !progress.sent_all() || progress.taken_all()) {
        if (taken == 0) std::this_thread::yield();
        continue;
      }
      if (!sleepers_[self].sleep_unless([&] { return room_.has_mail(self); })) {
        ADD_FAILURE() << "lost wake-up of shard " << self;
        return;
      }
    }
  }

  Mailroom<Letter> room_{kShards, 16};
  std::array<Sleeper, kShards> sleepers_;
};

TEST(Mailroom, DeliversEverythingInOrderAndLosesNoWakeUp) { MailroomOfThree().run(); }

TEST(Mailroom, LosesNoWakeUpWhenLettersComeOneByOne) {
  // Ping-pong: each side sleeps for every single letter, the tightest race between publishing and
  // falling asleep.
  constexpr std::uint64_t kRounds = 20'000;
  Mailroom<Letter> room(2, 4);
  std::array<Sleeper, 2> sleepers;
  auto play = [&](core::ShardIndex self) {
    const core::ShardIndex other = self == 0 ? 1 : 0;
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      auto serve = [&] {
        ASSERT_TRUE(room.push(self, other, Letter{round}));
        room.publish(self, [&](core::ShardIndex to) { sleepers[to].wake_if_asleep(); });
      };
      if (self == 0) serve();
      std::uint64_t taken = 0;
      while (taken == 0) {
        room.receive(self, 1, [&](core::ShardIndex from, Letter letter) {
          EXPECT_EQ(from, other);
          EXPECT_EQ(letter.number, round);
          ++taken;
        });
        if (taken == 0) {
          ASSERT_TRUE(sleepers[self].sleep_unless([&] { return room.has_mail(self); }));
        }
      }
      if (self == 1) serve();
    }
  };
  std::thread other([&] { play(1); });
  play(0);
  other.join();
}

TEST(Mailroom, BoundsEachPairOnItsOwn) {
  Mailroom<int> room(3, 2);
  EXPECT_EQ(room.free_slots(0, 1), 2U);
  EXPECT_TRUE(room.push(0, 1, 1));
  EXPECT_TRUE(room.push(0, 1, 2));
  EXPECT_FALSE(room.push(0, 1, 3));
  EXPECT_TRUE(room.push(2, 1, 4));
  EXPECT_FALSE(room.has_mail(1));
  std::vector<core::ShardIndex> woken;
  room.publish(0, [&](core::ShardIndex to) { woken.push_back(to); });
  EXPECT_EQ(woken, std::vector<core::ShardIndex>{1});
  EXPECT_TRUE(room.has_mail(1));
  EXPECT_FALSE(room.has_mail(0));
}

TEST(Mailroom, ReceivesABoundedShareOfEachSenderAndSaysWhenSomeIsLeft) {
  Mailroom<int> room(2, 8);
  for (int i = 0; i < 5; ++i) room.push(0, 1, int{i});
  room.publish(0, [](core::ShardIndex) {});
  std::vector<int> taken;
  auto take = [&](core::ShardIndex, int item) { taken.push_back(item); };
  EXPECT_TRUE(room.receive(1, 3, take));
  EXPECT_EQ(taken, (std::vector<int>{0, 1, 2}));
  EXPECT_FALSE(room.receive(1, 3, take));
  EXPECT_EQ(taken.size(), 5U);
}

TEST(ForeignMailbox, RefusesBeyondItsBoundUntilTaken) {
  ForeignMailbox<int> box(2);
  EXPECT_FALSE(box.has_mail());
  EXPECT_TRUE(box.take_all().empty());
  EXPECT_TRUE(box.push(1));
  EXPECT_TRUE(box.push(2));
  EXPECT_FALSE(box.push(3));
  EXPECT_TRUE(box.has_mail());
  EXPECT_EQ(box.take_all(), (std::vector<int>{1, 2}));
  EXPECT_FALSE(box.has_mail());
  EXPECT_TRUE(box.push(3));
}

TEST(ForeignMailbox, DeliversFromManyThreadsInEachSendersOrder) {
  constexpr int kSenders = 4, kItems = 5000;
  struct Item {
    int sender = 0, number = 0;
  };
  ForeignMailbox<Item> box(64);
  Sleeper sleeper;
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&, sender] {
      for (int number = 0; number < kItems;) {
        if (box.push({sender, number})) {
          ++number;
          sleeper.wake_if_asleep();
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  std::array<int, kSenders> next{};
  int taken = 0;
  while (taken < kSenders * kItems) {
    const auto items = box.take_all();
    EXPECT_LE(items.size(), 64U);
    for (const Item& item : items) {
      EXPECT_EQ(item.number, next[static_cast<std::size_t>(item.sender)]++);
      ++taken;
    }
    if (!items.empty()) continue;
    ASSERT_TRUE(sleeper.sleep_unless([&] { return box.has_mail(); })) << "lost wake-up";
  }
  for (auto& thread : senders) thread.join();
}

}  // namespace
}  // namespace sanjay::runtime
