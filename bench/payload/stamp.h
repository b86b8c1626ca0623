// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sanjay::bench {

/// What a published message says about itself, so that every receiver can tell lost, repeated and
/// misplaced messages, and how long it was under way. On the wire: the JSON member
///   "stamp":"PPPP-SSSSSSSSSSSS-TTTTTTTTTTTTTTTT"   (hexadecimal, fixed width)
struct Stamp {
  std::uint16_t publisher = 0;
  std::uint64_t sequence = 0;  // below 2^48, counts from 0 for each publisher
  std::int64_t sent_ns = 0;    // when it was due, on the generator's monotonic clock
};

/// The first stamp within a message, whatever surrounds it; nothing when there is none.
std::optional<Stamp> find_stamp(std::string_view message);

/// A message of fixed length with a stamp in it, rewritten in place for every send.
class StampedMessage {
 public:
  /// The shortest message that of_size() can make.
  static constexpr std::size_t kBytesMin = 56;

  /// A JSON object of exactly `bytes` bytes, at least kBytesMin.
  static StampedMessage of_size(std::size_t bytes);
  /// Any text that holds a stamp already, for instance a captured push; nothing if it does not.
  static std::optional<StampedMessage> from_captured(std::string text);

  std::string_view with(const Stamp& stamp);

 private:
  StampedMessage(std::string text, std::size_t digits_at)
      : text_(std::move(text)), digits_at_(digits_at) {}

  std::string text_;
  std::size_t digits_at_;
};

}  // namespace sanjay::bench
