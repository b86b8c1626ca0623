// SPDX-License-Identifier: Apache-2.0
#include "runtime/driver_set.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <functional>

namespace sanjay::runtime {
namespace {

// From now on the calling process's io_uring_setup answers with that error, as it does under a
// container's seccomp profile.
bool refuse_io_uring(int error_number) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error_number)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// Runs the check in a child, where filters and limits can be tightened for good.
void check_in_child(const std::function<void()>& check) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    check();
    std::fflush(nullptr);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "see the child's output above";
}

DriverSetOptions options_for(DriverChoice choice, std::size_t shards) {
  DriverSetOptions options;
  options.choice = choice;
  options.shards = shards;
  return options;
}

bool mentions(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

TEST(DriverSet, GivesEveryShardADriverOfTheKindAskedFor) {
  for (const auto& [choice, kind] : {std::pair(DriverChoice::Auto, DriverKind::Uring),
                                     std::pair(DriverChoice::Uring, DriverKind::Uring),
                                     std::pair(DriverChoice::Epoll, DriverKind::Epoll)}) {
    const auto set = make_drivers(options_for(choice, 3));
    ASSERT_TRUE(set) << set.error().message;
    EXPECT_EQ(set->kind, kind);
    ASSERT_EQ(set->drivers.size(), 3U);
    for (const auto& driver : set->drivers) EXPECT_EQ(driver->kind(), kind);
    EXPECT_EQ(set->note, "");
  }
}

TEST(DriverSet, FallsBackToEpollAndSaysWhyWhenIoUringIsForbidden) {
  check_in_child([] {
    ASSERT_TRUE(refuse_io_uring(EPERM));
    const auto set = make_drivers(options_for(DriverChoice::Auto, 2));
    ASSERT_TRUE(set) << set.error().message;
    EXPECT_EQ(set->kind, DriverKind::Epoll);
    EXPECT_EQ(set->drivers.size(), 2U);
    EXPECT_TRUE(mentions(set->note, "io_uring_setup: Operation not permitted")) << set->note;
    EXPECT_TRUE(mentions(set->note, "seccomp")) << set->note;
    EXPECT_TRUE(mentions(set->note, "1024 and 8192")) << "no use trying smaller: " << set->note;
  });
}

TEST(DriverSet, FailsWithTheReasonWhenIoUringWasAskedForAndIsForbidden) {
  check_in_child([] {
    ASSERT_TRUE(refuse_io_uring(EPERM));
    const auto set = make_drivers(options_for(DriverChoice::Uring, 1));
    ASSERT_FALSE(set);
    EXPECT_TRUE(mentions(set.error().message, "io_uring was asked for")) << set.error().message;
    EXPECT_TRUE(mentions(set.error().message, "not permitted")) << set.error().message;
  });
}

TEST(DriverSet, HalvesTheRingsDownToTheFloorBeforeItGivesUp) {
  check_in_child([] {
    ASSERT_TRUE(refuse_io_uring(ENOMEM));
    const auto set = make_drivers(options_for(DriverChoice::Auto, 1));
    ASSERT_TRUE(set) << set.error().message;
    EXPECT_EQ(set->kind, DriverKind::Epoll);
    EXPECT_TRUE(mentions(set->note, "128 and 1024 entries")) << set->note;
    EXPECT_TRUE(mentions(set->note, "ulimit -l")) << set->note;
  });
}

TEST(DriverSet, TakesSmallerRingsWhenLockedMemoryIsShort) {
  if (geteuid() != 0) GTEST_SKIP() << "must become a user whose locked memory is limited";
  check_in_child([] {
    const rlimit limit{700 * 1024, 700 * 1024};
    ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    ASSERT_EQ(setresuid(64'321, 64'321, 64'321), 0);
    const auto set = make_drivers(options_for(DriverChoice::Uring, 4));
    ASSERT_TRUE(set) << set.error().message;
    EXPECT_EQ(set->drivers.size(), 4U);
    EXPECT_TRUE(mentions(set->note, "Cannot allocate memory")) << set->note;
  });
}

TEST(DriverSet, ClaimsAFreePortOnceAndNamesATakenAddress) {
  const auto claimed = claim_address(*Endpoint::parse("127.0.0.1", 0));
  ASSERT_TRUE(claimed) << claimed.error().message;
  EXPECT_NE(claimed->port, 0);
  EXPECT_EQ(claimed->host(), "127.0.0.1");
  EXPECT_EQ(*claim_address(*claimed), *claimed) << "the probe itself has let go of it";
  const auto foreign = claim_address(*Endpoint::parse("203.0.113.9", 1));
  ASSERT_FALSE(foreign);
  EXPECT_TRUE(mentions(foreign.error().message, "203.0.113.9:1")) << foreign.error().message;
}

}  // namespace
}  // namespace sanjay::runtime
