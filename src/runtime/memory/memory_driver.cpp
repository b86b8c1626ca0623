// SPDX-License-Identifier: Apache-2.0
#include "runtime/memory/memory_driver.h"

#include "core/assert.h"

#include <algorithm>

namespace sanjay::runtime {

MemoryDriver::Peer& MemoryDriver::add_peer(std::string_view address) {
  Peer& peer = peers_.emplace_back();
  const auto endpoint = Endpoint::parse(address, 1);
  ASSERT(endpoint);
  peer.address = *endpoint;
  return peer;
}

MemoryDriver::Peer& MemoryDriver::peer_at(SocketSlot slot) {
  const auto found = std::find_if(peers_.begin(), peers_.end(), [slot](const Peer& peer) {
    return peer.accepted && !peer.released && peer.slot == slot;
  });
  ASSERT(found != peers_.end());
  return *found;
}

std::optional<std::size_t> MemoryDriver::send(SocketSlot slot,
                                              std::span<const std::string_view> pieces) {
  Peer& peer = peer_at(slot);
  ASSERT(!peer.send_pending);
  stats_.sends.add();
  std::size_t taken = 0;
  for (const std::string_view piece : pieces) {
    const std::size_t count = peer.reset ? 0 : std::min(piece.size(), peer.room);
    peer.from_shard.append(piece.substr(0, count));
    peer.room -= count;
    taken += count;
  }
  if (taken > 0) return taken;
  peer.send_pending = true;
  return std::nullopt;
}

void MemoryDriver::release(SocketSlot slot) {
  peer_at(slot).released = true;
  released_.push_back(slot);
}

// As with a kernel, who neither reads nor sends does not hear of it.
void MemoryDriver::deliver_reset(Peer& peer, IoEvents& events) {
  if (peer.send_pending) {
    peer.send_pending = false;
    events.on_send_failure(peer.slot, IoFailure::Reset);
  }
  if (!peer.receiving || peer.end_reported) return;
  peer.end_reported = true;
  events.on_receive_end(peer.slot, IoFailure::Reset);
}

void MemoryDriver::deliver(Peer& peer, IoEvents& events) {
  if (peer.reset) return deliver_reset(peer, events);
  if (peer.send_pending && peer.room > 0) {
    peer.send_pending = false;
    events.on_send(peer.slot, 0);
  }
  if (!peer.receiving || peer.end_reported) return;
  if (!peer.to_shard.empty()) {
    std::string bytes = peer.to_shard.substr(0, std::min(peer.piece, receive_bytes_max));
    peer.to_shard.erase(0, bytes.size());
    events.on_receive(peer.slot, bytes);
  } else if (peer.finished) {
    peer.end_reported = true;
    events.on_receive_end(peer.slot, IoFailure::None);
  }
}

bool MemoryDriver::turn(core::Duration, IoEvents& events) {
  stats_.turns.add();
  events.on_wake();
  std::vector<SocketSlot> released;
  released.swap(released_);
  for (const SocketSlot slot : released) events.on_released(slot);
  for (Peer& peer : peers_) {
    if (peer.released) continue;
    if (!peer.accepted) {
      const auto slot = events.on_accept(peer.address, 0);
      peer.accepted = true;
      if (!slot) {
        peer.released = true;
        continue;
      }
      peer.slot = *slot;
    }
    deliver(peer, events);
  }
  return true;
}

}  // namespace sanjay::runtime
