// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/handshake_queue.h"

#include "core/failpoint.h"

#include <algorithm>

namespace sanjay::runtime {

PendingHandshake::PendingHandshake(HandshakeQueue& queue, core::ConnectionId stream,
                                   core::Instant now)
    : queue_(queue), stream_(stream), since_(now), heard_(now) {}

PendingHandshake::~PendingHandshake() {
  queue_.leave_place(*this);
  --queue_.size_;
}

bool HandshakeQueue::has_place() const {
  return holding_count_ < limits_.handshakes_max || FAILPOINT("tls.handshakes_max");
}

std::unique_ptr<PendingHandshake> HandshakeQueue::begin(core::ConnectionId stream,
                                                        core::Instant now) {
  const bool begins = waiting_count_ == 0 && has_place();
  if (!begins && waiting_count_ >= limits_.waiting_max && !FAILPOINT("tls.waiting_max")) {
    return nullptr;
  }
  std::unique_ptr<PendingHandshake> handshake(new PendingHandshake(*this, stream, now));
  ++size_;
  by_age_.push_back(handshake->by_age_);
  if (begins) {
    hold_place(*handshake, now);
  } else {
    ++waiting_count_;
    waiting_.push_back(handshake->in_place_);
  }
  return handshake;
}

void HandshakeQueue::make_ready(PendingHandshake& handshake) {
  if (!handshake.ready_.linked()) ready_.push_back(handshake.ready_);
}

void HandshakeQueue::hold_place(PendingHandshake& handshake, core::Instant now) {
  handshake.place_ = PendingHandshake::Place::Held;
  handshake.heard_ = now;
  ++holding_count_;
  holding_.push_back(handshake.in_place_);
}

void HandshakeQueue::leave_place(PendingHandshake& handshake) {
  if (handshake.place_ == PendingHandshake::Place::Waiting) --waiting_count_;
  if (handshake.place_ == PendingHandshake::Place::Held) --holding_count_;
  handshake.place_ = PendingHandshake::Place::Given;
  handshake.in_place_.unlink();
}

PendingHandshake* HandshakeQueue::take_ready(core::Instant now) {
  if (ready_.empty()) return nullptr;
  PendingHandshake& handshake = ready_.pop_front().owner;
  handshake.heard_ = now;
  if (handshake.place_ == PendingHandshake::Place::Held) {
    handshake.in_place_.unlink();
    holding_.push_back(handshake.in_place_);
  }
  return &handshake;
}

PendingHandshake* HandshakeQueue::take_waiting(core::Instant now) {
  if (waiting_.empty()) return nullptr;
  if (!has_place()) {
    PendingHandshake& silent = holding_.front().owner;
    // One that has a step to do is not silent: we are.
    if (silent.ready_.linked() || now - silent.heard_ < limits_.silence_max) return nullptr;
    leave_place(silent);
  }
  PendingHandshake& next = waiting_.front().owner;
  leave_place(next);
  hold_place(next, now);
  return &next;
}

PendingHandshake* HandshakeQueue::overdue(core::Instant now) {
  if (by_age_.empty() || FAILPOINT("tls.handshake_time")) return nullptr;
  PendingHandshake& oldest = by_age_.front().owner;
  return now - oldest.since_ >= limits_.handshake_time_max ? &oldest : nullptr;
}

core::Instant HandshakeQueue::next_deadline() {
  if (by_age_.empty()) return core::kNever;
  core::Instant next = by_age_.front().owner.since_ + limits_.handshake_time_max;
  if (!waiting_.empty() && !holding_.empty()) {
    next = std::min(next, holding_.front().owner.heard_ + limits_.silence_max);
  }
  return next;
}

}  // namespace sanjay::runtime
