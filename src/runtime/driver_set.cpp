// SPDX-License-Identifier: Apache-2.0
#include "runtime/driver_set.h"

#include "runtime/epoll/epoll_driver.h"
#include "runtime/socket.h"

#include <chrono>
#include <thread>
#include <utility>

namespace sanjay::runtime {
namespace {

using Drivers = std::vector<std::unique_ptr<IoDriver>>;

core::Result<Drivers, UringFailure> make_uring_set(const DriverSetOptions& options,
                                                   const UringOptions& size) {
  auto table = std::make_shared<FileTable>(options.private_file_tables);
  Drivers drivers;
  for (std::size_t i = 0; i < options.shards; ++i) {
    SANJAY_TRY(auto driver, make_uring_driver(size, table));
    drivers.push_back(std::move(driver));
  }
  return drivers;
}

// A kernel worker unlocks the memory of rings that were given up, some milliseconds later: a
// smaller set that follows such rings is tried a few times before it counts as too large.
core::Result<Drivers, UringFailure> make_smaller_uring_set(const DriverSetOptions& options,
                                                           const UringOptions& size) {
  auto drivers = make_uring_set(options, size);
  for (int i = 0; i < 10 && !drivers && drivers.error().out_of_memory; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    drivers = make_uring_set(options, size);
  }
  return drivers;
}

core::Result<Drivers> make_epoll_set(const DriverSetOptions& options) {
  auto table = std::make_shared<FileTable>(options.private_file_tables);
  Drivers drivers;
  for (std::size_t i = 0; i < options.shards; ++i) {
    SANJAY_TRY(auto driver, make_epoll_driver(EpollOptions{}, table));
    drivers.push_back(std::move(driver));
  }
  return drivers;
}

}  // namespace

core::Result<DriverSet> make_drivers(const DriverSetOptions& options) {
  DriverSet set;
  if (options.choice != DriverChoice::Epoll) {
    UringOptions size = options.uring;
    auto drivers = make_uring_set(options, size);
    while (!drivers) {
      set.note = "rings of " + std::to_string(size.submission_entries) + " and " +
                 std::to_string(size.completion_entries) + " entries: " + drivers.error().message;
      const bool floor = size.submission_entries / 2 < UringOptions::kSubmissionFloor;
      if (!drivers.error().out_of_memory || floor) break;
      size.submission_entries /= 2;
      size.completion_entries /= 2;
      size.receive_buffers /= 2;
      drivers = make_smaller_uring_set(options, size);
    }
    if (drivers) {
      set.drivers = *std::move(drivers);
      set.kind = DriverKind::Uring;
      return set;
    }
    set.note +=
        " (a container's seccomp profile or the locked-memory limit, ulimit -l, may forbid "
        "io_uring)";
    if (options.choice == DriverChoice::Uring) {
      return core::failure("io_uring was asked for and is not available: " + set.note);
    }
  }
  SANJAY_TRY(set.drivers, make_epoll_set(options));
  set.kind = DriverKind::Epoll;
  return set;
}

core::Result<Endpoint> claim_address(const Endpoint& endpoint) { return probe_address(endpoint); }

}  // namespace sanjay::runtime
