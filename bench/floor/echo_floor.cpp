// SPDX-License-Identifier: Apache-2.0
#include "bench/floor/echo_floor.h"

#include "bench/floor/floor_listener.h"
#include "bench/floor/floor_ring.h"

#include <cerrno>
#include <vector>

namespace sanjay::bench {
namespace {

using Operation = FloorRing::Operation;

class EchoFloor {
 public:
  explicit EchoFloor(FloorRing& ring) : ring_(ring), upgraded_(ring.slots()) {}

  core::Status run() {
    ring_.accept();
    for (;;) {
      for (const auto& completion : ring_.turn(true)) {
        if (auto handled = handle(completion); !handled) return handled;
      }
    }
  }

 private:
  core::Status handle(const FloorRing::Completion& completion) {
    switch (completion.operation) {
      case Operation::Accept:
        if (completion.result >= 0) {
          const auto slot = static_cast<std::uint32_t>(completion.result);
          upgraded_[slot] = false;
          ring_.receive(slot);
        }
        if (!completion.more()) ring_.accept();
        return {};
      case Operation::Receive:
        return received(completion);
      case Operation::Send:  // its number is the buffer it was sent from
        ring_.give_back(static_cast<std::uint16_t>(completion.number));
        return {};
      case Operation::Greet:
      case Operation::Close:
        return {};
    }
    return {};
  }

  core::Status received(const FloorRing::Completion& completion) {
    const std::uint32_t slot = completion.number;
    if (completion.result <= 0) {
      if (completion.more()) return {};
      if (completion.result == -ENOBUFS) {
        ring_.receive(slot);
      } else {
        ring_.close(slot);
      }
      return {};
    }
    if (!completion.more()) ring_.receive(slot);
    if (!upgraded_[slot]) {
      upgraded_[slot] = true;
      ring_.give_back(completion.buffer());
      ring_.greet(slot);
      return {};
    }
    const std::span<char> bytes = ring_.bytes_of(completion);
    const auto frames = take_frames(bytes);
    if (!frames || frames->consumed != bytes.size()) {
      return core::failure("the echo floor takes whole messages only: use shorter ones");
    }
    ring_.send(slot, {bytes.data(), frames->bytes}, completion.buffer());
    return {};
  }

  FloorRing& ring_;
  std::vector<bool> upgraded_;  // by slot
};

}  // namespace

core::Status run_echo_floor(int listener) {
  SANJAY_TRY(const auto ring, FloorRing::create(listener));
  return EchoFloor(*ring).run();
}

}  // namespace sanjay::bench
