// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "protocol/messages.h"

#include <optional>
#include <string_view>

namespace sanjay::protocol {

/// Turns messages of clients into commands; one implementation for each encoding. What a message
/// must look like, and how long a command's views live: see there.
class CommandDecoder {
 public:
  virtual ~CommandDecoder() = default;
  virtual void begin(std::string_view message) = 0;
  /// The next command; nothing when the message is used up. After an error the rest is dropped.
  virtual std::optional<core::Result<Command, DecodeError>> next() = 0;
  /// The bytes next() has not looked at. To go on later, keep a copy and begin() with it; when it
  /// is empty the message is used up and there is nothing to keep.
  virtual std::string_view rest() const = 0;
};

}  // namespace sanjay::protocol
