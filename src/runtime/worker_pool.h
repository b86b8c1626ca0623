// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sanjay::runtime {

/// Threads for calls that block (SQLite, MongoDB, name resolution), with a bounded queue before
/// them. Results go back to a shard through its foreign mailbox. Any thread may submit.
class WorkerPool {
 public:
  using Job = std::move_only_function<void()>;

  WorkerPool(std::size_t threads, std::size_t jobs_max);
  /// Finishes what is queued, then ends the threads.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// False when jobs_max jobs wait already: the caller refuses its own caller.
  bool submit(Job job);

 private:
  void work();

  const std::size_t jobs_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sanjay::runtime
