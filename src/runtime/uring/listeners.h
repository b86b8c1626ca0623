// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "runtime/io_driver.h"
#include "runtime/uring/ring.h"

#include <functional>
#include <vector>

namespace sanjay::runtime {

/// The listeners of one io_uring driver, each with a multishot accept. Owned by the driver, on its
/// shard's thread.
class UringListeners {
 public:
  /// Takes over an accepted descriptor under the slot it was given.
  using Adopt = std::function<void(SocketSlot slot, int descriptor)>;

  /// `ring` outlives the listeners.
  UringListeners(Ring& ring, Adopt adopt) : ring_(ring), adopt_(std::move(adopt)) {}

  core::Result<Endpoint> open(const Endpoint& endpoint, const ListenOptions& options);
  void resume_accepting();
  /// An accept has completed, for one peer or for good.
  void on_accepted(const io_uring_cqe& cqe, IoEvents& events);
  /// Asks for one to be drained.
  void stop(ListenerIndex listener) { listeners_[listener].draining = draining_ = true; }
  bool draining() const { return draining_; }
  /// Takes what waits in the accept queues of those that were stopped, then closes them.
  void drain(IoEvents& events);
  void close_all();

 private:
  struct Listener {
    int descriptor;  // negative once closed: its number is not used again
    int backlog;
    bool accepting = false;
    bool draining = false;
  };

  void arm(std::size_t index);
  void drain(std::size_t index, IoEvents& events);
  static void close_one(Listener& listener);
  void take(int descriptor, std::size_t index, IoEvents& events);

  Ring& ring_;
  Adopt adopt_;
  std::vector<Listener> listeners_;
  bool draining_ = false;
};

}  // namespace sanjay::runtime
