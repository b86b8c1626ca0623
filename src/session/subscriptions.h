// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/time.h"
#include "hub/mail.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sanjay::session {

/// One client's part in one channel. Eight bytes, because there is one for each connection and
/// channel; what few have stands in SubscriptionExtras.
struct Subscription {
  enum Flag : std::uint8_t {
    kPending = 1,     // the hub has not answered yet
    kServerSide = 2,  // the server made it
    kPositioned = 4,
    kPresence = 8,
    kAnnounced = 16,  // its join has been, and its leave will be published
    kExtras = 32,
    kRevoked = 64,  // pending, and the server has ended it already
  };

  hub::SubscriptionNumber number = 0;
  std::uint8_t flags = 0;

  bool is(Flag flag) const { return (flags & flag) != 0; }
};

/// What a token or the server API said of a subscription.
struct SubscriptionExtras {
  hub::SubscriptionNumber number = 0;
  core::Instant expires = core::kNever;
  std::string chan_info{};
};

/// All subscriptions of one client: few, so that looking through them is cheap.
class Subscriptions {
 public:
  std::size_t size() const { return list_.size(); }
  bool empty() const { return list_.empty(); }
  auto begin() { return list_.begin(); }
  auto end() { return list_.end(); }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }

  void add(const Subscription& subscription) { list_.push_back(subscription); }
  Subscription* find(hub::SubscriptionNumber number) {
    for (Subscription& subscription : list_) {
      if (subscription.number == number) return &subscription;
    }
    return nullptr;
  }
  void remove(hub::SubscriptionNumber number) {
    Subscription* found = find(number);
    if (found == nullptr) return;
    if (found->is(Subscription::kExtras)) {
      std::erase_if(*extras_, [&](const SubscriptionExtras& e) { return e.number == number; });
    }
    *found = list_.back();
    list_.pop_back();
  }

  void set_extras(hub::SubscriptionNumber number, core::Instant expires, std::string chan_info) {
    Subscription* found = find(number);
    if (SubscriptionExtras* extras = extras_of(*found)) {
      extras->expires = expires;
      extras->chan_info = std::move(chan_info);
    } else if (expires != core::kNever || !chan_info.empty()) {
      if (!extras_) extras_ = std::make_unique<std::vector<SubscriptionExtras>>();
      extras_->push_back({number, expires, std::move(chan_info)});
      found->flags |= Subscription::kExtras;
    }
  }
  /// Null: there are none.
  SubscriptionExtras* extras_of(const Subscription& subscription) const {
    if (!subscription.is(Subscription::kExtras)) return nullptr;
    for (SubscriptionExtras& extras : *extras_) {
      if (extras.number == subscription.number) return &extras;
    }
    return nullptr;
  }
  /// When the first of them expires.
  core::Instant first_expiry() const {
    core::Instant first = core::kNever;
    if (!extras_) return first;
    for (const SubscriptionExtras& extras : *extras_) first = std::min(first, extras.expires);
    return first;
  }

  void clear() {
    list_.clear();
    extras_.reset();
  }

 private:
  std::vector<Subscription> list_;
  std::unique_ptr<std::vector<SubscriptionExtras>> extras_;
};

}  // namespace sanjay::session
