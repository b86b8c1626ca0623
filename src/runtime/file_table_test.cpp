// SPDX-License-Identifier: Apache-2.0
#include "runtime/file_table.h"

#include "runtime/driver_fixture.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>
#include <vector>

namespace sanjay::runtime {
namespace {

bool is_open(int descriptor) { return fcntl(descriptor, F_GETFD) != -1; }

class FileTableTest : public testing::Test {
 protected:
  FileTableTest() {
    for (int i = 0; i < 6; ++i) opened_.push_back(fcntl(0, F_DUPFD_CLOEXEC, 500 + 2 * i));
  }
  ~FileTableTest() override {
    for (const int descriptor : opened_) close(descriptor);
  }

  std::vector<int> opened_;  // with gaps between them
};

TEST_F(FileTableTest, APrivateTableKeepsWhatWasRegisteredAndNothingElse) {
  if (!kPrivateTablesTestable) GTEST_SKIP() << "ThreadSanitizer takes numbers for descriptors";
  FileTable table(true);
  // In any order, doubled, next to each other and apart.
  for (const std::size_t i : {4U, 1U, 1U, 2U}) table.keep(opened_[i]);
  const std::size_t ours = open_descriptors();
  std::thread([&] {
    ASSERT_TRUE(table.enter());
    for (std::size_t i = 0; i < opened_.size(); ++i) {
      EXPECT_EQ(is_open(opened_[i]), i == 1 || i == 2 || i == 4) << i;
    }
    EXPECT_TRUE(is_open(0) && is_open(1) && is_open(2));
    EXPECT_EQ(open_descriptors(), 6U);
    // What happens here from now on is not seen outside.
    close(opened_[1]);
    EXPECT_GE(dup(0), 0);
  }).join();
  EXPECT_EQ(open_descriptors(), ours);
  for (const int descriptor : opened_) EXPECT_TRUE(is_open(descriptor));
}

TEST_F(FileTableTest, EveryThreadGetsItsOwn) {
  if (!kPrivateTablesTestable) GTEST_SKIP() << "ThreadSanitizer takes numbers for descriptors";
  FileTable table(true);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      ASSERT_TRUE(table.enter());
      // All see the same lowest free number.
      EXPECT_EQ(dup(0), 3);
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_F(FileTableTest, ASharedTableIsLeftAlone) {
  FileTable table(false);
  std::thread([&] {
    ASSERT_TRUE(table.enter());
    for (const int descriptor : opened_) EXPECT_TRUE(is_open(descriptor));
    close(opened_.back());
  }).join();
  EXPECT_FALSE(is_open(opened_.back()));
}

TEST(OpenFileLimit, IsRaisedToTheHardLimit) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit low{64, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &low);
  EXPECT_EQ(raise_open_file_limit(), before.rlim_max);
  rlimit after{};
  getrlimit(RLIMIT_NOFILE, &after);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace sanjay::runtime
