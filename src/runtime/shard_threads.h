// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "runtime/shard.h"

#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sanjay::runtime {

/// One thread per shard. Owned by whoever wires the process; the shards outlive it.
class ShardThreads {
 public:
  /// `cpus` pins shard i to cpus[i % size]; empty pins nobody.
  ShardThreads(std::vector<Shard*> shards, std::vector<int> cpus);
  ~ShardThreads();
  ShardThreads(const ShardThreads&) = delete;
  ShardThreads& operator=(const ShardThreads&) = delete;

  /// Starts every shard on its thread and waits until all have started; the first failure if any
  /// (the others are then stopped).
  core::Status start();
  /// Asks every shard to stop after its present turn.
  void stop();
  void join();

 private:
  void run(std::size_t index);

  std::vector<Shard*> shards_;
  std::vector<int> cpus_;
  std::vector<std::optional<core::Error>> failures_;
  std::latch started_;
  std::latch go_{1};
  bool cancelled_ = false;  // written before go_ opens, read after
  std::vector<std::thread> threads_;
};

/// Number of CPUs this process may run on.
unsigned available_cpus();

}  // namespace sanjay::runtime
