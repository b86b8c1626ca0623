// SPDX-License-Identifier: Apache-2.0
#include "runtime/shard_threads.h"

#include <pthread.h>
#include <sched.h>

#include <system_error>
#include <utility>

namespace sanjay::runtime {

ShardThreads::ShardThreads(std::vector<Shard*> shards, std::vector<int> cpus)
    : shards_(std::move(shards)),
      cpus_(std::move(cpus)),
      failures_(shards_.size()),
      started_(static_cast<std::ptrdiff_t>(shards_.size())) {}

ShardThreads::~ShardThreads() {
  stop();
  join();
}

core::Status ShardThreads::start() {
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    try {
      threads_.emplace_back([this, i] { run(i); });
    } catch (const std::system_error& error) {
      failures_[i] = core::Error{std::string("cannot start a shard's thread: ") + error.what()};
      started_.count_down(static_cast<std::ptrdiff_t>(shards_.size() - i));
      break;
    }
  }
  started_.wait();
  core::Status outcome;
  for (auto& failure : failures_) {
    if (failure && outcome) outcome = std::unexpected(*failure);
  }
  cancelled_ = !outcome;
  go_.count_down();
  return outcome;
}

void ShardThreads::run(std::size_t index) {
  Shard& shard = *shards_[index];
  pthread_setname_np(pthread_self(), ("shard-" + std::to_string(shard.index())).c_str());
  if (!cpus_.empty()) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(cpus_[index % cpus_.size()]), &set);
    if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0) {
      failures_[index] = core::Error{"cannot pin shard " + std::to_string(index) + " to CPU " +
                                     std::to_string(cpus_[index % cpus_.size()])};
    }
  }
  if (!failures_[index]) {
    if (auto started = shard.start(); !started) failures_[index] = started.error();
  }
  started_.count_down();
  go_.wait();
  if (!cancelled_) shard.run();
}

void ShardThreads::stop() {
  for (Shard* shard : shards_) shard->stop();
}

void ShardThreads::join() {
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

unsigned available_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<unsigned>(CPU_COUNT(&set));
}

}  // namespace sanjay::runtime
