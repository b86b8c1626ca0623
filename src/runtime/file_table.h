// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <vector>

namespace sanjay::runtime {

/// The descriptor table in which a set of shards opens its sockets. Shared (the process's own), or
/// private: then each shard's thread leaves the shared table in enter(), keeping only what was
/// registered with keep() before any thread began. A private table has the open-file limit for
/// itself and spares the kernel the atomic counting of a shared one. The trap it avoids: a listener
/// opened before the tables part would keep accepting through the other thread's copy.
class FileTable {
 public:
  explicit FileTable(bool private_to_thread) : private_to_thread_(private_to_thread) {}

  /// True: descriptors opened by a shard mean nothing, or something else, on other threads; they
  /// are closed by the end of the shard's thread.
  bool private_to_thread() const { return private_to_thread_; }

  /// Before the threads start: this descriptor stays open in private tables.
  void keep(int descriptor) { kept_.push_back(descriptor); }

  /// On the shard's thread, first of all.
  core::Status enter() const;

 private:
  const bool private_to_thread_;
  std::vector<int> kept_{0, 1, 2};
};

/// Raises the soft limit of open files to the hard one; answers the limit in force.
std::size_t raise_open_file_limit();

}  // namespace sanjay::runtime
