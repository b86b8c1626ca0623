// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace sanjay::core {

/// Immutable bytes that several shards may hold: a publication encoded once. The count is atomic,
/// so copies are for the hand-over between shards only; within a shard share a Segment instead.
class SharedBytes {
 public:
  SharedBytes() = default;
  explicit SharedBytes(std::string bytes) : body_(new Body(std::move(bytes))) {}
  SharedBytes(const SharedBytes& other) : body_(other.body_) {
    if (body_ != nullptr) body_->references.fetch_add(1, std::memory_order_relaxed);
  }
  SharedBytes(SharedBytes&& other) noexcept : body_(std::exchange(other.body_, nullptr)) {}
  SharedBytes& operator=(SharedBytes other) noexcept {
    std::swap(body_, other.body_);
    return *this;
  }
  ~SharedBytes() {
    if (body_ != nullptr && body_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete body_;
    }
  }

  explicit operator bool() const { return body_ != nullptr; }
  std::string_view view() const {
    return body_ == nullptr ? std::string_view{} : std::string_view{body_->bytes};
  }
  std::size_t size() const { return view().size(); }

 private:
  struct Body {
    explicit Body(std::string b) : bytes(std::move(b)) {}
    std::atomic<std::uint32_t> references{1};
    const std::string bytes;
  };

  Body* body_ = nullptr;
};

}  // namespace sanjay::core
