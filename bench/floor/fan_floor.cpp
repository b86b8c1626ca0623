// SPDX-License-Identifier: Apache-2.0
#include "bench/floor/fan_floor.h"

#include "bench/floor/floor_listener.h"
#include "bench/floor/floor_ring.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

namespace sanjay::bench {
namespace {

using Operation = FloorRing::Operation;

class FanFloor {
 public:
  FanFloor(FloorRing& ring, unsigned sends_per_submit)
      : ring_(ring), sends_per_submit_(sends_per_submit), peers_(ring.slots()) {}

  core::Status run() {
    ring_.accept();
    for (;;) {
      begin_batch();
      send_some();
      // Sends still to come: submit these and look what is there, but do not sleep.
      for (const auto& completion : ring_.turn(cursor_ == members_.size())) {
        if (auto handled = handle(completion); !handled) return handled;
      }
    }
  }

 private:
  enum class State : std::uint8_t { Free, Upgrading, Open };
  struct Peer {
    State state = State::Free;
    std::string rest;  // the beginning of a frame that was cut by the receive buffer
  };

  // A batch goes to those who are there when it begins; one at a time keeps each peer's order.
  void begin_batch() {
    if (in_flight_ > 0 || cursor_ < members_.size() || collected_.empty()) return;
    std::erase_if(members_, [&](std::uint32_t slot) { return peers_[slot].state != State::Open; });
    sending_.swap(collected_);
    collected_.clear();
    cursor_ = 0;
  }

  void send_some() {
    for (unsigned sends = 0; sends < sends_per_submit_ && cursor_ < members_.size(); ++sends) {
      const std::uint32_t slot = members_[cursor_++];
      if (peers_[slot].state != State::Open) continue;
      ring_.send(slot, sending_, slot);
      ++in_flight_;
    }
  }

  core::Status handle(const FloorRing::Completion& completion) {
    switch (completion.operation) {
      case Operation::Accept:
        if (completion.result >= 0) {
          const auto slot = static_cast<std::uint32_t>(completion.result);
          peers_[slot] = {.state = State::Upgrading, .rest = {}};
          ring_.receive(slot);
        }
        if (!completion.more()) ring_.accept();
        return {};
      case Operation::Receive:
        return received(completion);
      case Operation::Send:
        --in_flight_;
        if (completion.result >= 0 &&
            static_cast<std::size_t>(completion.result) != sending_.size()) {
          return core::failure("the fan floor's send was cut short");
        }
        return {};
      case Operation::Greet:
      case Operation::Close:
        return {};
    }
    return {};
  }

  core::Status received(const FloorRing::Completion& completion) {
    const std::uint32_t slot = completion.number;
    Peer& peer = peers_[slot];
    if (completion.result <= 0) {
      if (completion.more()) return {};
      if (completion.result == -ENOBUFS) {
        ring_.receive(slot);
      } else {
        peer.state = State::Free;
        ring_.close(slot);
      }
      return {};
    }
    if (!completion.more()) ring_.receive(slot);
    core::Status taken;
    if (peer.state == State::Upgrading) {
      peer.state = State::Open;
      join(slot);
      ring_.greet(slot);
    } else {
      taken = collect(peer, ring_.bytes_of(completion));
    }
    ring_.give_back(completion.buffer());
    return taken;
  }

  // Who joins while a batch is being sent gets it too: the cursor has not come to him yet.
  void join(std::uint32_t slot) {
    const bool batch_running = cursor_ < members_.size();
    if (std::ranges::find(members_, slot) == members_.end()) members_.push_back(slot);
    if (!batch_running) cursor_ = members_.size();
  }

  core::Status collect(Peer& peer, std::span<char> bytes) {
    if (!peer.rest.empty()) {
      peer.rest.append(bytes.data(), bytes.size());
      bytes = peer.rest;
    }
    const auto frames = take_frames(bytes);
    if (!frames) return core::failure("the fan floor got something that is no frame");
    collected_.append(bytes.data(), frames->bytes);
    std::string rest(bytes.begin() + static_cast<std::ptrdiff_t>(frames->consumed), bytes.end());
    peer.rest = std::move(rest);
    return {};
  }

  FloorRing& ring_;
  const unsigned sends_per_submit_;
  std::vector<Peer> peers_;             // by slot
  std::vector<std::uint32_t> members_;  // slots that a batch goes to
  std::string collected_;               // frames of the next batch
  std::string sending_;                 // frames of the batch under way
  std::size_t cursor_ = 0;              // members_ before it have been served
  std::size_t in_flight_ = 0;
};

}  // namespace

core::Status run_fan_floor(int listener, unsigned sends_per_submit) {
  SANJAY_TRY(const auto ring, FloorRing::create(listener));
  return FanFloor(*ring, sends_per_submit).run();
}

}  // namespace sanjay::bench
