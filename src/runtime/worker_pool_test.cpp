// SPDX-License-Identifier: Apache-2.0
#include "runtime/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <set>

namespace sanjay::runtime {
namespace {

TEST(WorkerPool, RunsJobsOnItsOwnThreads) {
  std::latch done(1);
  std::thread::id worker;
  WorkerPool pool(1, 4);
  ASSERT_TRUE(pool.submit([&] {
    worker = std::this_thread::get_id();
    done.count_down();
  }));
  done.wait();
  EXPECT_NE(worker, std::this_thread::get_id());
}

TEST(WorkerPool, RunsAsManyAtOnceAsItHasThreads) {
  // Each job waits for the other two: with fewer threads than three this would never end.
  std::latch together(3);
  WorkerPool pool(3, 8);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(pool.submit([&] { together.arrive_and_wait(); }));
  }
  together.wait();
}

TEST(WorkerPool, OneThreadKeepsTheOrder) {
  std::vector<int> order;
  {
    WorkerPool pool(1, 100);
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(pool.submit([&order, i] { order.push_back(i); }));
    }
  }
  ASSERT_EQ(order.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(WorkerPool, RefusesWhenTheQueueIsFullAndFinishesWhatItTook) {
  std::latch entered(1), release(1);
  std::atomic<int> ran{0};
  {
    WorkerPool pool(1, 2);
    ASSERT_TRUE(pool.submit([&] {
      entered.count_down();
      release.wait();
      ++ran;
    }));
    entered.wait();
    EXPECT_TRUE(pool.submit([&] { ++ran; }));
    EXPECT_TRUE(pool.submit([&, owned = std::make_unique<int>(1)] { ran += *owned; }));
    EXPECT_FALSE(pool.submit([&] { ran += 100; }));
    release.count_down();
  }
  EXPECT_EQ(ran, 3);
}

TEST(WorkerPool, TakesJobsFromManyThreads) {
  std::atomic<int> ran{0};
  {
    WorkerPool pool(2, 10'000);
    std::vector<std::thread> senders;
    for (int i = 0; i < 4; ++i) {
      senders.emplace_back([&] {
        for (int j = 0; j < 1000; ++j) EXPECT_TRUE(pool.submit([&] { ++ran; }));
      });
    }
    for (auto& sender : senders) sender.join();
  }
  EXPECT_EQ(ran, 4000);
}

}  // namespace
}  // namespace sanjay::runtime
