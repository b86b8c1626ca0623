// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/clock.h"
#include "runtime/io_driver.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::runtime {

/// A driver without a kernel: peers are strings in memory, moved by the test that owns them. Runs a
/// whole shard in one thread, step by step, and shows that nothing above the driver needs more than
/// its contract. The seed of the simulator's network.
class MemoryDriver final : public IoDriver {
 public:
  /// The far end of one connection.
  struct Peer {
    std::string to_shard;          // written by the test, delivered by turn()
    std::string from_shard;        // what the shard has sent
    std::size_t room = SIZE_MAX;   // bytes the peer still takes; then sends stay pending
    std::size_t piece = SIZE_MAX;  // bytes of to_shard handed over at a time, at most
    bool finished = false;         // set by the test: FIN behind to_shard
    bool reset = false;            // set by the test: RST, whatever is under way
    bool shard_finished = false;   // the shard sent FIN
    bool released = false;         // the shard has closed

   private:
    friend class MemoryDriver;
    Endpoint address;
    SocketSlot slot = 0;
    bool accepted = false;
    bool receiving = true;
    bool end_reported = false;
    bool send_pending = false;
  };

  /// Bytes handed to the shard in one on_receive().
  std::size_t receive_bytes_max = 4096;

  /// A new peer at that IP address, accepted in the next turn. Lives as long as the driver.
  Peer& add_peer(std::string_view address = "192.0.2.1");
  bool listening() const { return listening_; }

  DriverKind kind() const override { return DriverKind::Simulated; }
  const DriverStats& stats() const override { return stats_; }
  core::Status start() override { return {}; }
  core::Result<Endpoint> listen(const Endpoint& endpoint, const ListenOptions&) override {
    listening_ = true;
    return endpoint;
  }
  void resume_accepting() override {}
  void stop_listening(ListenerIndex) override { listening_ = false; }
  core::Status connect(SocketSlot, const Endpoint&, const std::optional<Endpoint>&) override {
    return core::failure("the memory driver only accepts");
  }
  void set_receiving(SocketSlot slot, bool on) override { peer_at(slot).receiving = on; }
  std::optional<std::size_t> send(SocketSlot slot,
                                  std::span<const std::string_view> pieces) override;
  void finish_sending(SocketSlot slot) override { peer_at(slot).shard_finished = true; }
  void release(SocketSlot slot) override;
  bool turn(core::Duration wait_max, IoEvents& events) override;
  void wake() override {}

 private:
  Peer& peer_at(SocketSlot slot);
  void deliver(Peer& peer, IoEvents& events);
  void deliver_reset(Peer& peer, IoEvents& events);

  std::deque<Peer> peers_;
  std::vector<SocketSlot> released_;
  bool listening_ = false;
  DriverStats stats_;
};

/// A clock that moves when told to.
class ManualClock final : public Clock {
 public:
  core::Instant now() const override { return now_; }
  core::WallTime wall_now() const override { return wall_; }
  void advance(core::Duration time) {
    now_ += time;
    wall_ += time;
  }

 private:
  core::Instant now_{std::chrono::seconds(1000)};
  core::WallTime wall_{std::chrono::seconds(1'700'000'000)};
};

}  // namespace sanjay::runtime
