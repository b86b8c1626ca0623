// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/fossil_delta.h"

#include <string>
#include <string_view>

namespace sanjay::protocol {

/// Writes the data of publications for subscribers that negotiated delta: the payload or a patch of
/// the one before it; in JSON either stands in a string, in Protobuf as it is. Keeps its memory
/// from call to call; one thread.
class DeltaData {
 public:
  struct Written {
    std::string_view data;  // valid until the next call, and no longer than `payload`
    bool is_patch = false;
  };
  /// `base` is the payload that the subscriber received last; empty: none. In JSON both are one
  /// JSON value without line breaks, as for every subscriber.
  Written write(bool as_json, std::string_view base, std::string_view payload);

 private:
  FossilDelta delta_;
  std::string patch_;
  std::string text_;
};

}  // namespace sanjay::protocol
