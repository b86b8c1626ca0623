// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/ticket_keys.h"

#include "runtime/entropy.h"

#include <openssl/crypto.h>

#include <algorithm>

namespace sanjay::runtime {

TicketKeys::TicketKeys() {
  for (std::size_t i = 0; i < kKeys; ++i) add_key();
}

TicketKeys::~TicketKeys() { OPENSSL_cleanse(keys_.data(), sizeof(keys_)); }

void TicketKeys::add_key() {
  std::ranges::rotate(keys_, keys_.end() - 1);
  fill_random(std::as_writable_bytes(std::span(&keys_.front(), 1)));
}

void TicketKeys::rotate(core::Instant now) {
  const core::Instant::rep time = now.time_since_epoch().count();
  if (time < rotate_at_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  const core::Instant::rep due = rotate_at_.load(std::memory_order_relaxed);
  if (time < due) return;  // somebody else was quicker
  if (due != 0) add_key();
  rotate_at_.store((now + kRotateEvery).time_since_epoch().count(), std::memory_order_relaxed);
}

TicketKeys::Key TicketKeys::newest() const {
  const std::lock_guard lock(mutex_);
  return keys_.front();
}

std::optional<std::pair<TicketKeys::Key, bool>> TicketKeys::find(
    std::span<const unsigned char, 16> name) const {
  const std::lock_guard lock(mutex_);
  for (const Key& key : keys_) {
    if (std::ranges::equal(key.name, name)) return std::pair(key, &key == keys_.data());
  }
  return std::nullopt;
}

}  // namespace sanjay::runtime
